"""What happens to the venue's records just when they are needed, right after a connection was lost: late, failing, throttled."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Self

from fillwire.cli.chaos.fault import Fault, seconds
from fillwire.cli.chaos.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class RestLag(Fault):
    """Orders and trades are shown as they were some time ago, and nothing says so.

    Attributes:
        lag_s: how old the answers are, in seconds.
    """

    name: ClassVar[str] = "rest_lag"

    lag_s: float

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return a lag of some seconds."""
        return cls(hold_s=seconds(random, 1.0, 2.0), lag_s=seconds(random, 0.5, 3.0))

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Lag, and cut the connection so that the records are asked."""
        await stage.venue.control("POST", "faults", {"kind": "query_lag", "seconds": self.lag_s})
        try:
            await stage.cut()
            yield
        finally:
            await stage.venue.control("POST", "faults", {"kind": "query_lag", "seconds": 0})


@dataclass(frozen=True, slots=True, kw_only=True)
class RestError(Fault):
    """Questions fail, some of them or all.

    Attributes:
        status: HTTP status of the answer.
        probability: share of questions that fail.
    """

    name: ClassVar[str] = "rest_error"

    status: int
    probability: float

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return failures of a kind that venues know."""
        return cls(
            hold_s=seconds(random, 0.5, 2.0),
            status=random.choice((500, 502, 503, 504)),
            probability=random.choice((0.3, 0.7, 1.0)),
        )

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Fail, and cut the connection so that the records are asked."""
        async with stage.rule("request_error", api="rest", status=self.status, probability=self.probability):
            await stage.cut()
            yield


@dataclass(frozen=True, slots=True, kw_only=True)
class RestThrottled(Fault):
    """Questions are answered with 429 and a time to wait.

    Attributes:
        retry_after_s: the time to wait, in seconds.
        count: answers of this kind.
    """

    name: ClassVar[str] = "rest_throttled"

    retry_after_s: int
    count: int

    @classmethod
    def draw(cls, random: Random, executions: int) -> Self:  # noqa: ARG003 - the same for any number
        """Return some such answers."""
        return cls(
            hold_s=seconds(random, 0.5, 1.5), retry_after_s=random.randint(1, 2), count=random.randint(1, 3)
        )

    @asynccontextmanager
    async def strike(self, stage: Stage) -> AsyncIterator[None]:
        """Throttle, and cut the connection so that the records are asked."""
        async with stage.rule(
            "request_error", api="rest", status=429, retry_after_s=self.retry_after_s, next=self.count
        ):
            await stage.cut()
            yield
