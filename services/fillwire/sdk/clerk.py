"""What a running bot may ask of its host beside orders: its own part of the log, a checkpoint, and to be woken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fillwire.domain.events import OrderEvent


@dataclass(frozen=True, slots=True)
class OwnLog:
    """What the log holds of a bot's own orders.

    Attributes:
        events: in the log's order, each once.
        sequence: of the log, up to which it was read: everything later is told by the callbacks.
    """

    events: Sequence[OrderEvent]
    sequence: int


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a bot has made of its own part of the log, so that it need not read all of it again.

    Attributes:
        sequence: of the log, up to which `state` stands for it.
        state: the bot's own bytes.
    """

    sequence: int
    state: bytes


class Clerk(Protocol):
    """The host, or what a test puts in its place."""

    @property
    def has_run(self) -> bool:
        """Whether the bot ever ran before, as far as the broker remembers: 30 days."""

    async def own_log(self, pairs: Sequence[str], after: int) -> OwnLog:
        """Return the events of the bot's own orders, of these pairs, that the log holds after a sequence."""

    async def log_end(self) -> int:
        """Return the log's last sequence of now."""

    async def load_checkpoint(self) -> Checkpoint | None:
        """Return the bot's checkpoint, None if there is none."""

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint instead of the one before."""

    def wake_after(self, delay_s: float) -> None:
        """Have the bot's `on_wake` called after so long; of several times the earliest counts."""

    def now_ns(self) -> int:
        """Return nanoseconds since the epoch."""
