"""How an account is left when a step of its tenancy fails by a mistake of ours."""

import asyncio
import dataclasses
from typing import TYPE_CHECKING, cast

import pytest

from fillwire.domain.identifiers import Account
from fillwire.gateway.roles import Role
from fillwire.gateway.tenancy import Tenancy
from fillwire.gateway.voice import Tone

if TYPE_CHECKING:
    from fillwire.bus.claim import Claim
    from fillwire.bus.connection import Bus
    from fillwire.gateway.commands import Commands
    from fillwire.gateway.session import Session
    from fillwire.gateway.voice import Voice

ACCOUNT = Account("alice", "binance", "live")


@dataclasses.dataclass
class Part:
    """Stands for each part of a tenancy: notes what it is told to do, and fails where that is wanted."""

    name: str
    done: list[str]
    failing: frozenset[str]
    account: Account = ACCOUNT
    is_held: bool = False
    is_unanswered: bool = False

    def _do(self, what: str) -> None:
        self.done.append(f"{self.name} {what}")
        if self.done[-1] in self.failing:
            raise RuntimeError(what)

    def use(self, tone: Tone, _reason: str | None = None) -> None:
        """See `Voice`."""
        self._do(tone)

    async def stop(self, _how: object = None) -> None:
        """See `Session`, `Claim` and `Commands`."""
        self._do("stop")


class Acting(Part):
    """A connection or a claim, which begins at once."""

    def start(self) -> None:
        """See `Session` and `Claim`."""
        self._do("start")


class Listening(Part):
    """Commands, which begin when the broker has heard of it."""

    async def start(self, _bus: object) -> None:
        """See `Commands`."""
        self._do("start")


async def _left(*failing: str) -> list[str]:
    """Hold an account of which these steps fail, until it is left; return what was done."""
    done: list[str] = []
    where = frozenset(failing)
    tenancy = Tenancy(
        cast("Bus", None),
        cast("Session", Acting("session", done, where)),
        cast("Voice", Part("voice", done, where)),
        cast("Claim", Acting("claim", done, where, is_held=True)),
        cast("Commands", Listening("commands", done, where)),
    )
    ended = asyncio.Event()
    tenancy.start(Role.OWN, None, ended.set)
    async with asyncio.timeout(10.0):
        await tenancy.ended()
        await ended.wait()
    assert tenancy.role is Role.AWAY
    return done


async def test_a_step_that_fails_unexpectedly_leaves_the_account_in_order() -> None:
    """Commands, connection, voice and lease are given up, the lease last, so that a fresh tenancy can begin."""
    assert await _left("commands start") == [
        "claim start",
        "voice loud",
        "session start",
        "commands start",
        "commands stop",
        "voice silent",
        "session stop",
        "voice silent",
        "claim stop",
    ]


@pytest.mark.parametrize("failing", ["commands stop", "session stop", "voice silent", "claim stop"])
async def test_leaving_goes_on_when_a_part_of_it_fails(failing: str) -> None:
    """Neither a connection nor a lease outlives the tenancy, whatever else cannot be stopped."""
    done = await _left("commands start", failing)
    assert [what for what in done if what.endswith("stop")] == ["commands stop", "session stop", "claim stop"]
