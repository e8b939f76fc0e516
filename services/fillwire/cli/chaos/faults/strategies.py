"""What happens to strategies: their process dies, or one of them takes its time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Self

from fillwire.cli.chaos.fault import Fault, Part, seconds
from fillwire.cli.chaos.stage import Stage

_CALLBACK_MS, _BRAKED_S = 20, 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyCrash(Fault):
    """The process that runs the bots is killed with SIGKILL and started again a moment later."""

    name: ClassVar[str] = "strategy_crash"
    part: ClassVar[Part] = Part.HOST

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return a death of less than a second."""
        return cls(hold_s=seconds(random, 0.05, 1.0))

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Kill it while a bot is in the middle of a callback, and start it again at the end."""
        with stage.brake(_CALLBACK_MS):
            await stage.sleep(_BRAKED_S)
            await stage.host.kill()
        async with stage.killed(stage.host):
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowStrategy(Fault):
    """One of the bots takes its time with each fill; the others must not notice.

    Attributes:
        brake_ms: how long it takes, in milliseconds.
    """

    name: ClassVar[str] = "slow_strategy"

    brake_ms: int

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return a bot that falls behind."""
        return cls(hold_s=seconds(random, 1.0, 2.0), brake_ms=random.randint(5, 50))

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Brake it, and let it go at the end."""
        with stage.brake(self.brake_ms):
            yield
