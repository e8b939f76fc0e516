"""What happens to the broker: restarted in order or killed, and in a cluster the loss of a stream's leader."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Self

from fillwire.cli.chaos.fault import Fault, Ground, Part, duplicate_window_s, seconds
from fillwire.cli.chaos.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerRestart(Fault):
    """The only broker goes away and comes back with what it had stored.

    Attributes:
        is_killed: whether it dies by SIGKILL instead of stopping in order.
    """

    name: ClassVar[str] = "broker_restart"
    part: ClassVar[Part] = Part.BROKER

    is_killed: bool

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:
        """Return an absence that in one case of four outlasts the broker's memory of message ids."""
        window_s = duplicate_window_s(executions)
        least_s, most_s = random.choice(
            ((0.1, 2.0), (0.1, 2.0), (0.1, 2.0), (window_s + 0.5, window_s + 1.5))
        )
        return cls(hold_s=seconds(random, least_s, most_s), is_killed=random.random() < 0.5)  # noqa: PLR2004 - a coin

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Take it away, and bring it back at the end."""
        broker = stage.brokers[0]
        await (broker.kill() if self.is_killed else broker.stop())
        try:
            yield
        finally:
            await broker.start(deadline_s=60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderKill(Fault):
    """The broker that leads the stream of order events is killed with SIGKILL; two others go on."""

    name: ClassVar[str] = "leader_kill"
    part: ClassVar[Part] = Part.BROKER
    ground: ClassVar[Ground] = Ground.CLUSTER

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return a death of some seconds."""
        return cls(hold_s=seconds(random, 0.5, 4.0))

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Kill the leader, and start it again at the end."""
        leader = await stage.leader()
        await leader.kill()
        try:
            yield
        finally:
            await leader.start(deadline_s=60.0)
