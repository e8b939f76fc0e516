"""What happens to single frames on a healthy socket: dropped, doubled, reordered, delayed, corrupted.

A corrupted frame is one that its receiver can tell: cut short, no JSON, a field missing, doubled, of the wrong type, or
a quantity that cannot be. A valid frame with another valid number in it is beyond what anybody could tell on arrival;
against that TLS and TCP stand, and the comparison with the venue's records.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, Self

from fillwire.cli.chaos.fault import Fault, seconds
from fillwire.cli.chaos.stage import Stage

_EXECUTIONS = "execution"
_STRUCK = (5, 40)  # frames in an episode, about


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFault(Fault):
    """Strikes each frame that reports an execution with a probability, by the simulated venue's own seeded randomness."""

    kind: ClassVar[str]

    probability: float

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:
        """Return a fault that strikes some frames, however many there are."""
        probability = min(0.5, random.randint(*_STRUCK) / max(1, executions))
        return cls(
            hold_s=seconds(random, 0.8, 1.8), probability=round(probability, 5), **cls._draw_more(random)
        )

    @classmethod
    def _draw_more(cls, _random: Random) -> dict[str, Any]:
        """Return what else is drawn, by attribute."""
        return {}

    @property
    def options(self) -> Mapping[str, object]:
        """What else the rule says."""
        return {}

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Strike while the block runs."""
        async with stage.rule(
            self.kind, target=_EXECUTIONS, user="all", probability=self.probability, **self.options
        ):
            yield


class FramesDropped(FrameFault):
    """Frames that never come."""

    __slots__ = ()
    name: ClassVar[str] = "frames_dropped"
    kind: ClassVar[str] = "drop"


class FramesDoubled(FrameFault):
    """Frames that come twice."""

    __slots__ = ()
    name: ClassVar[str] = "frames_doubled"
    kind: ClassVar[str] = "duplicate"


class FramesReordered(FrameFault):
    """Frames that change places with the next."""

    __slots__ = ()
    name: ClassVar[str] = "frames_reordered"
    kind: ClassVar[str] = "reorder"


@dataclass(frozen=True, slots=True, kw_only=True)
class FramesDelayed(FrameFault):
    """Frames that come late, and all behind them.

    Attributes:
        delay_s: how late, in seconds.
    """

    name: ClassVar[str] = "frames_delayed"
    kind: ClassVar[str] = "delay"

    delay_s: float

    @classmethod
    def _draw_more(cls, random: Random) -> dict[str, Any]:
        return {"delay_s": seconds(random, 0.02, 0.5)}

    @property
    def options(self) -> Mapping[str, object]:
        """How late."""
        return {"seconds": self.delay_s}


class FramesCorrupted(FrameFault):
    """Frames that cannot be what the venue meant."""

    __slots__ = ()
    name: ClassVar[str] = "frames_corrupted"
    kind: ClassVar[str] = "corrupt"
