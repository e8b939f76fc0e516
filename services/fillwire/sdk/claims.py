"""One process runs a bot at a time: two would share its events, so that each missed half of them.

A claim is a token that a process writes into the metadata of the bot's durable. Whoever wrote last runs the bot. A
newcomer first waits for a living reader to leave. A process that was cut off for so long that another took its bot over
finds the other's token when it is back, and lets go.

While the bot has a seat at a shared reading (`intake`) its own durable rests where it was, and the metadata name the durable
of the reading: everything that one has acknowledged, the bot has handled.
"""

import uuid
from typing import TYPE_CHECKING, Any, Final

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.durables import acknowledged_sequence, create_consumer, reset_consumer
from fillwire.bus.errors import ApiRefused
from fillwire.domain.identifiers import escape_token
from fillwire.sdk.takeovers import Holder, RunsElsewhere, Seen, Takeover

if TYPE_CHECKING:
    from fillwire.sdk.worker import Acknowledger

# A durable that nobody reads is deleted after so long; the stream keeps events as long, so there is nothing to resume then.
FORGOTTEN_AFTER_S: Final = 30 * 86_400

_KEY = "fillwire-claim"
_READING = "fillwire-reading"
_READING_MARK = (
    "===reading-"  # in no name of a bot's durable: after an equals sign an escaped token has two digits
)
_NS = 1_000_000_000
_LOOKS_BACK: Final = 4


class Claim:
    """This process's claim on one bot's durable.

    Args:
        bus: the connection.
        stream: name of the stream.
        durable: name of the bot's durable consumer, which must exist.

    Attributes:
        waiting_count: events that the bot had not handled when the broker was asked last, None if it never was.
        is_lost: whether another process was found to have claimed the durable since.
        left_reading: durable of a reading that told for the bot, and whose process ended without a word; set by `take`.
        is_movable: whether the durable can be brought to another place of the stream; set by `take`.
        mark: see `places.PlaceClaim`.
        handled_sequence: everything for the bot up to this sequence was handled when it was claimed; set by `take`.
    """

    def __init__(self, bus: Bus, stream: str, durable: str) -> None:
        self.is_lost = False
        self.is_movable = False
        self.mark: Acknowledger | None = None  # the durable itself is told of each event
        self.handled_sequence = 0
        self.left_reading: str | None = None
        self._bus = bus
        self._stream = stream
        self._durable = durable
        self._token = uuid.uuid4().hex
        self.waiting_count: int | None = None
        self._reading: str | None = None  # durable of the reading at which the bot sits

    async def info(self) -> dict[str, Any]:
        """Return what the broker says of the durable, in its own JSON.

        Raises:
            BrokerError: no answer, or no such consumer.
        """
        info = await api.call(self._bus, f"CONSUMER.INFO.{self._stream}.{self._durable}")
        is_resting = self._reading is not None  # then what is pending there was handled
        self.waiting_count = 0 if is_resting else info["num_pending"] + info["num_ack_pending"]
        return info

    async def count_waiting(self) -> int:
        """Return how many events the durable has not been told are handled.

        Raises:
            BrokerError: no answer, or no such consumer.
        """
        info = await self.info()
        return int(info["num_pending"]) + int(info["num_ack_pending"])

    async def has_done(self, sequence: int) -> bool:
        """Return whether everything up to this sequence of the stream was acknowledged.

        Raises:
            BrokerError: no answer, or no such consumer.
        """
        return acknowledged_sequence(await self.info()) >= sequence

    async def take(self, takeover: Takeover) -> int:
        """Wait until nobody else reads for the bot, bring the durable to where the bot is, and claim it.

        Return the sequence up to which the bot has handled everything.

        Raises:
            RunsElsewhere: somebody else still reads it.
            BrokerError: no answer.
        """
        info: dict[str, Any] = {}
        reading: dict[str, Any] | None = None

        async def look() -> Seen:
            nonlocal info, reading
            info = await self.info()
            reading = await self._reading_info(info)
            claim = _metadata(info).get(_KEY)
            if info["num_waiting"] or (reading or {}).get("num_waiting"):  # open pulls
                return Seen(Holder.READS, claim)
            return Seen(Holder.NOBODY if claim is None else Holder.SILENT, claim)

        await takeover.wait(look, durable=self._durable)
        position = acknowledged_sequence(info)
        if reading is not None:  # its process ended without a word
            self.left_reading = reading["name"]
            if (told := acknowledged_sequence(reading)) > position:
                position = told
                await reset_consumer(self._bus, self._stream, self._durable, position + 1)
        self.handled_sequence = position
        self.is_movable = info["config"]["deliver_policy"] != "new"
        await self._write(info["config"])
        # Nobody else reads by now, unless it was sure of its claim before this one was written: who begins to read looks
        # at the claim once more, and lets go if it has lost it.
        for _ in range(_LOOKS_BACK):
            if not (await self.info())["num_waiting"]:
                return position
            await takeover.pause()
        await create_consumer(self._bus, self._stream, self._durable, info["config"])
        raise RunsElsewhere

    async def _reading_info(self, info: dict[str, Any]) -> dict[str, Any] | None:
        """Return what the broker says of the durable of the reading at which the bot sat last, if it still does."""
        name = reading_of(info)
        if name is None:
            return None
        try:
            return await api.call(self._bus, f"CONSUMER.INFO.{self._stream}.{name}")
        except ApiRefused as error:
            if error.error_code == api.CONSUMER_NOT_FOUND:
                return None
            raise

    async def renew(self) -> None:
        """Write the claim anew, because the durable was made again; not over that of another process.

        Raises:
            BrokerError: no answer.
        """
        info = await self.info()
        if self._is_ours(info):
            await self._write(info["config"])

    async def sit(self, reading: str) -> None:
        """Note at the durable that the bot has handled whatever the durable of this reading has acknowledged.

        Nothing is noted if another process has claimed the durable meanwhile.

        Raises:
            BrokerError: no answer.
        """
        self._reading = reading
        await self.renew()

    async def stand(self, position: int) -> bool:
        """Bring the durable to where the bot is, and note that no reading tells that any more.

        Return False, and leave all as it is, if another process has claimed the durable meanwhile.

        Raises:
            BrokerError: no answer, or no such consumer.
        """
        info = await self.info()
        if not self._is_ours(info):
            return False
        await reset_consumer(self._bus, self._stream, self._durable, position + 1)
        self._reading = None
        await self._write(info["config"])
        return True

    async def is_ours(self) -> bool:
        """Return whether nobody has claimed the durable since.

        Raises:
            BrokerError: no answer.
        """
        info = await self.info()
        if self._is_ours(info) and self._reading is not None and info["config"].get("inactive_threshold"):
            # A newcomer, who was then turned away, has made it expire again.
            await self._write(info["config"])
        return not self.is_lost

    def forget_reading(self) -> None:
        """Have the next writing of the claim name no reading."""
        self._reading = None

    def _is_ours(self, info: dict[str, Any]) -> bool:
        token = _metadata(info).get(_KEY)
        self.is_lost = token is not None and token != self._token
        return not self.is_lost

    async def _write(self, config: dict[str, Any]) -> None:
        metadata = {**config.get("metadata", {}), _KEY: self._token}
        if self._reading is None:
            metadata.pop(_READING, None)
        else:
            metadata[_READING] = self._reading
        # Nobody reads a durable that rests, and still the bot begins there after a crash.
        threshold_ns = FORGOTTEN_AFTER_S * _NS if self._reading is None else 0
        await create_consumer(
            self._bus,
            self._stream,
            self._durable,
            config | {"metadata": metadata, "inactive_threshold": threshold_ns},
        )


def new_reading(user: str) -> str:
    """Return a name for the durable of a reading for bots of a user."""
    return f"{escape_token(user)}{_READING_MARK}{uuid.uuid4().hex[:12]}"


def user_of_reading(name: str) -> str:
    """Return the user, as a token, of a name that `new_reading` made."""
    return name.partition(_READING_MARK)[0]


def reading_of(info: dict[str, Any]) -> str | None:
    """Return the durable of the reading that tells where the bot of a durable is, from what the broker says of this one."""
    return _metadata(info).get(_READING)


def _metadata(info: dict[str, Any]) -> dict[str, str]:
    metadata: dict[str, str] = info["config"].get("metadata") or {}
    return metadata
