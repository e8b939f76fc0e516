"""What happens to the venue's socket: cut, silent, ended by age, announced to end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Self

from fillwire.cli.chaos.fault import Fault, seconds
from fillwire.cli.chaos.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketCut(Fault):
    """The connection ends in the middle of a frame, or between two, without a word.

    Attributes:
        how: `mid_frame` or `abort`.
    """

    name: ClassVar[str] = "socket_cut"
    strokes: ClassVar[int] = 2

    how: str

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return a cut, in the middle of a frame two times out of three."""
        return cls(hold_s=seconds(random, 0.1, 0.5), how=random.choice(("mid_frame", "mid_frame", "abort")))

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Cut it."""
        await stage.cut(self.how)
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentStall(Fault):
    """The connection stays open and says nothing, not even pings; what is not said is lost."""

    name: ClassVar[str] = "silent_stall"

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return a stall, longer than the gateway's heartbeat here or shorter."""
        return cls(hold_s=seconds(random, 0.3, 4.0))

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Let it fall silent; connections that are made meanwhile speak."""
        body = {"user": "all", "seconds": self.hold_s, "what": "all", "retain": False, "pings": False}
        await stage.venue.control("POST", "stall", body)
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation(Fault):
    """The venue closes the connection with a close frame, as it does after 24 hours."""

    name: ClassVar[str] = "rotation"
    strokes: ClassVar[int] = 2

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return a rotation."""
        return cls(hold_s=seconds(random, 0.1, 0.5))

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Close it."""
        await stage.cut("close")
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutdownNotice(Fault):
    """The venue announces that it shuts down, and closes the connections of that moment a while later."""

    name: ClassVar[str] = "shutdown_notice"

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return a notice that leaves time for a successor, or too little."""
        return cls(hold_s=seconds(random, 0.1, 1.5))

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Announce it."""
        await stage.venue.control("POST", "shutdown_notice", {"seconds": self.hold_s})
        yield


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTerminated(Fault):
    """The venue ends the subscription with `eventStreamTerminated`; the connection stays open."""

    name: ClassVar[str] = "stream_terminated"

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return a termination."""
        return cls(hold_s=seconds(random, 0.1, 0.5))

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """End it."""
        await stage.venue.control("POST", "terminate", {"user": "all"})
        yield
