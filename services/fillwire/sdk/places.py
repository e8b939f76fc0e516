"""A bot's place in the log: where it stands, kept at the broker, and the loop that brings it what comes after."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from fillwire.bus.consumer import Handle, PullLoop
from fillwire.bus.durables import Deliver, StartAtTime
from fillwire.bus.messages import Message
from fillwire.domain.errors import ConfigError
from fillwire.sdk.bot import Bot
from fillwire.sdk.starting import StartFrom
from fillwire.sdk.takeovers import Takeover
from fillwire.sdk.worker import Acknowledger
from fillwire.wire.subjects import order_filter

# A bot handles its events one after another: one acknowledgement stands for all before it.
ACK_POLICY: Final = "all"
ACK_WAIT_S: Final = 30.0
SENT_AHEAD: Final = 256  # events that may be on the way to a bot or wait for it


LastHandled: TypeAlias = Callable[[], Message | None]
"""Returns the last message that the bot has handled in this run, None before the first."""


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a bot goes on.

    Attributes:
        was_created: whether it never ran before.
        after_sequence: of the stream.
        waiting_count: events that wait for it; None if the broker was not asked.
    """

    was_created: bool
    after_sequence: int
    waiting_count: int | None


class PlaceClaim(Protocol):
    """This process's claim on a bot's place, and what is asked of that place while the bot runs.

    Attributes:
        is_lost: whether another process was found to have claimed it since.
        is_movable: whether it can be brought to another place of the stream.
        waiting_count: events that the bot had not handled when the broker was asked last, None if it never was.
        left_reading: durable of a reading that told for the bot, and whose process ended without a word.
        handled_sequence: everything for the bot up to this sequence was handled when the place was claimed, or later.
    """

    is_lost: bool
    is_movable: bool
    waiting_count: int | None
    left_reading: str | None
    handled_sequence: int

    @property
    def mark(self) -> Acknowledger | None:
        """What acknowledges the events of the bot's own consumer; None for the events themselves."""

    async def has_done(self, sequence: int) -> bool:
        """Return whether the bot has handled everything that is for it up to this sequence of the stream."""

    async def count_waiting(self) -> int:
        """Return how many events the bot has not handled, as its own consumer says."""

    async def sit(self, reading: str) -> None:
        """Note that the bot has handled whatever this reading says."""

    async def stand(self, position: int) -> bool:
        """Note where the bot is, and that no reading tells it any more; return False if another has claimed it."""

    async def is_ours(self) -> bool:
        """Return whether nobody has claimed the place since."""

    def forget_reading(self) -> None:
        """Have the next note name no reading."""


class Place(Protocol):
    """A bot's place. Whatever asks the broker raises `BrokerError` where that does not answer."""

    @property
    def claim(self) -> PlaceClaim:
        """This process's claim on the place."""

    async def prepare(self, takeover: Takeover, after: int | None) -> Beginning:
        """Find or make the place and claim it, so that from now on no event passes the bot by.

        Args:
            takeover: waits for another process that runs the bot.
            after: where a bot begins that never ran and is to hear of what happens from now on; None for the log's end.

        Raises:
            ConfigError: another process runs the bot, or it cannot be made.
        """

    def make_pull(self, handle: Handle) -> PullLoop:
        """Return a loop, not started yet, that brings what comes after the place."""

    async def make_anew(self, position: int) -> None:
        """Make the bot's own consumer again after this sequence: it was deleted, or cannot be moved there."""

    async def close(self) -> None:
        """Leave the place to whoever runs the bot next; its loop must have ended. Idempotent."""

    async def forget(self) -> None:
        """Delete the place, so that the bot begins anew when it runs again."""


def filters_of(bot: Bot) -> tuple[str, ...]:
    """Return the subjects that a bot listens to; bots with equal ones can share a reading."""
    if not bot.pairs:
        return (order_filter(bot.account),)
    return tuple(order_filter(bot.account, pair) for pair in bot.pairs)


def deliver_from(start_from: StartFrom, now_ns: int) -> Deliver:
    """Return where the consumer of a bot that begins there begins.

    Raises:
        ConfigError: at a time that is still to come.
    """
    match start_from:
        case "now":
            return "new"
        case "beginning":
            return "all"
        case datetime():
            time_ns = round(start_from.timestamp() * 1e6) * 1000
            if time_ns > now_ns:
                raise ConfigError(
                    f"start_from is {start_from.isoformat()}, which is still to come: expected a time that has passed"
                )
            return StartAtTime(time_ns)
