"""What happens to gateways: killed, away for long, killed beside another, two owners at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Self

from fillwire.cli.chaos.fault import Fault, Part, duplicate_window_s, seconds
from fillwire.cli.chaos.stage import FIRST, Stage

# After so long a silence another gateway stands in, and after so long the lease of the silent one has expired.
_STANDS_IN_S, _LEASE_S = 2.0, 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayKill(Fault):
    """The gateway is killed with SIGKILL and started again a moment later."""

    name: ClassVar[str] = "gateway_kill"
    part: ClassVar[Part] = Part.GATEWAY

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return a death of less than a second."""
        return cls(hold_s=seconds(random, 0.05, 1.0))

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Kill it, and start it again at the end."""
        async with stage.killed(stage.gateways[FIRST]):
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class LongDowntime(Fault):
    """The gateway is away for longer than the broker remembers what was published."""

    name: ClassVar[str] = "long_downtime"
    part: ClassVar[Part] = Part.GATEWAY

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:
        """Return a downtime a little longer than the duplicate window."""
        window_s = duplicate_window_s(executions)
        return cls(hold_s=seconds(random, window_s + 0.5, window_s + 2.0))

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Kill it, and start it again at the end."""
        async with stage.killed(stage.gateways[FIRST]):
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerKill(Fault):
    """Of two gateways the one that has the account is killed with SIGKILL; the other takes over."""

    name: ClassVar[str] = "owner_kill"
    part: ClassVar[Part] = Part.GATEWAY

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return a death that lasts until after the other has taken over, or not quite."""
        return cls(hold_s=seconds(random, 1.0, 4.0))

    @asynccontextmanager
    async def prepare(self, stage: Stage) -> AsyncIterator[None]:
        """Have a second gateway."""
        async with stage.second_gateway():
            yield

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Kill the owner, and start it again at the end."""
        async with stage.killed(await stage.owner()):
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoOwners(Fault):
    """Of two gateways the one that has the account stands still until the other stands in, and goes on as if nothing were.

    Attributes:
        together_s: how long both act before anything else may happen to one, in seconds.
    """

    name: ClassVar[str] = "two_owners"
    part: ClassVar[Part] = Part.GATEWAY

    together_s: float

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:
        """Return a standstill that nobody notices, one that outlasts the broker's memory, or one that outlasts the lease."""
        forgotten_s = _STANDS_IN_S + duplicate_window_s(executions)
        least_s, most_s = random.choice(
            ((1.5, 5.0), (1.5, 5.0), (forgotten_s + 1.0, forgotten_s + 3.0), (_LEASE_S + 2.0, _LEASE_S + 5.0))
        )
        return cls(hold_s=seconds(random, least_s, most_s), together_s=seconds(random, 0.5, 1.5))

    @asynccontextmanager
    async def prepare(self, stage: Stage) -> AsyncIterator[None]:
        """Have a second gateway."""
        async with stage.second_gateway():
            yield

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Stop the owner with SIGSTOP, and let it go on beside the other at the end."""
        with stage.standing_still(await stage.owner()):
            yield
        await stage.sleep(self.together_s)
