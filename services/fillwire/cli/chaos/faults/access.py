"""What keeps a gateway from being let in: a refused key, a clock that disagrees."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Self

from fillwire.cli.chaos.fault import Fault, Part, seconds
from fillwire.cli.chaos.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRefused(Fault):
    """The venue refuses the key at the next login; a person who sees that puts another into the configuration.

    Without a login meanwhile nobody sees anything. A key replaced then would not be read, for the one in use works; and
    whoever replaced it once more, when that is refused, would put back the refused one.
    """

    name: ClassVar[str] = "login_refused"
    part: ClassVar[Part] = Part.GATEWAY

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return a refusal that a person sees to within some seconds."""
        return cls(hold_s=seconds(random, 0.5, 2.0))

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Refuse logins, and cut the connection so that there is one."""
        async with stage.rule("login_refused", user="all", probability=1.0) as rule:
            await stage.cut()
            yield
        if rule.hits:
            stage.replace_key()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockJump(Fault):
    """The venue's clock and the gateway's disagree from one moment to the next, by more than the venue accepts.

    It is the venue's clock that jumps, for nobody can set the machine's without disturbing everything else on it.

    Attributes:
        jump_ms: venue clock minus machine clock while it lasts, in milliseconds.
    """

    name: ClassVar[str] = "clock_jump"
    bends_time: ClassVar[bool] = True

    jump_ms: int

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return a jump in either direction."""
        jump_ms = random.randint(2_000, 15_000)
        return cls(hold_s=seconds(random, 0.5, 2.0), jump_ms=random.choice((jump_ms, -jump_ms)))

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Jump, and cut the connection so that something must be signed; at the end jump back."""
        await stage.venue.control("POST", "faults", {"kind": "clock_skew", "milliseconds": self.jump_ms})
        try:
            await stage.cut()
            yield
        finally:
            await stage.venue.control("POST", "faults", {"kind": "clock_skew", "milliseconds": 0})
