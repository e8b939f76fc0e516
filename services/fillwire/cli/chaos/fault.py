"""What a fault is: something drawn from a seed, that happens to a part of the running system and passes."""

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, dataclass
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Any, ClassVar, Self

if TYPE_CHECKING:
    from fillwire.cli.chaos.stage import Stage


class Ground(StrEnum):
    """What a fault needs of the broker."""

    SINGLE = "one broker"
    CLUSTER = "three brokers"


class Part(StrEnum):
    """What a fault happens to. Two faults that stop the same process never overlap; the venue may do many things at once."""

    VENUE = "venue"
    GATEWAY = "gateway"
    BROKER = "broker"
    HOST = "host"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault(ABC):
    """One fault with everything that was drawn for it.

    Attributes:
        name: its class in the ledger.
        part: what it happens to.
        ground: what it needs of the broker.
        strokes: how often it strikes in an episode of its own.
        bends_time: whether it moves the venue's clock, so that the venue's times say nothing meanwhile.
        hold_s: how long it lasts, in seconds; of one that is over at once, how long after it executions count as struck.
    """

    name: ClassVar[str]
    part: ClassVar[Part] = Part.VENUE
    ground: ClassVar[Ground] = Ground.SINGLE
    strokes: ClassVar[int] = 1
    bends_time: ClassVar[bool] = False

    hold_s: float

    @classmethod
    @abstractmethod
    def draw(cls, random: Random, executions: int) -> Self:
        """Return a fault of this class; `executions` are emitted in its episode."""

    @abstractmethod
    def strike(self, stage: "Stage") -> AbstractAsyncContextManager[None]:
        """Return a block inside which the fault is on."""

    def prepare(self, stage: "Stage") -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - most need nothing
        """Return a block around the whole episode, for what must stand before the first execution."""
        return nullcontext()

    def to_dict(self) -> dict[str, Any]:
        """Return name and what was drawn, as the report shows it."""
        return {"fault": self.name, **asdict(self)}


def duplicate_window_s(executions: int) -> float:
    """Return for how long the broker is to remember message ids, in seconds, where an episode has so many executions.

    Short, so that it can be outlasted; but longer than it takes to read in the log whether an event is there.
    """
    return float(min(30, max(3, executions // 1_500)))


def seconds(random: Random, least: float, most: float) -> float:
    """Return a duration between both, in whole milliseconds so that it reads well."""
    return round(random.uniform(least, most), 3)
