"""The gate to a venue: who passes it while the venue fails, and who passes after somebody was cancelled."""

import asyncio
from random import Random

import pytest

from fillwire.domain.enums import BreakerState
from fillwire.domain.errors import AuthRejected, ConnectionLost, Throttled
from fillwire.domain.identifiers import Account
from fillwire.gateway.admission import ACCOUNTS_DOWN, Admission
from fillwire.gateway.ban import Ban
from fillwire.gateway.budget import ConnectBudget
from fillwire.runtime.backoff import Backoff
from support.eventually import eventually

ACCOUNTS = [Account(f"user-{number}", "binance", "live") for number in range(6)]
LOST = ConnectionLost("binance", "no connection within 10 s")


def _admission(ban: Ban | None = None) -> Admission:
    backoff = Backoff(
        initial_delay_s=0.02, max_delay_s=0.05, multiplier=2, max_retries=None, random=Random(1)
    )
    return Admission("binance/live", ban or Ban("binance"), ConnectBudget(60_000), backoff)


def _state(admission: Admission) -> BreakerState:
    return admission.state


def _nobody(_reason: str) -> None:
    """Be told nothing."""


async def _fail(admission: Admission, account: Account, error: Exception = LOST) -> None:
    with pytest.raises(type(error)):
        async with admission.attempt(account, _nobody):
            raise error


async def _open(admission: Admission) -> None:
    for account in ACCOUNTS[:ACCOUNTS_DOWN]:
        await _fail(admission, account)
    assert _state(admission) is not BreakerState.CLOSED


async def test_it_takes_several_accounts_to_open_it() -> None:
    """One account's failures count once, however many they are; a third account's open it."""
    admission = _admission()
    for _ in range(10):
        await _fail(admission, ACCOUNTS[0])
        await _fail(admission, ACCOUNTS[1])
    assert _state(admission) is BreakerState.CLOSED
    await _fail(admission, ACCOUNTS[2])
    assert _state(admission) is BreakerState.OPEN


async def test_a_refused_key_shows_that_the_venue_is_there() -> None:
    """Any number of accounts with bad keys leave it closed, and such an answer closes it."""
    admission = _admission()
    for account in ACCOUNTS:
        await _fail(admission, account, AuthRejected("binance", "Invalid API-key"))
    assert _state(admission) is BreakerState.CLOSED
    await _open(admission)
    await _fail(admission, ACCOUNTS[5], AuthRejected("binance", "Invalid API-key"))
    assert _state(admission) is BreakerState.CLOSED


async def test_a_venue_that_asks_to_wait_is_not_away() -> None:
    """The wait is noted for everybody, and no failure counted."""
    ban = Ban("binance")
    admission = _admission(ban)
    await _fail(admission, ACCOUNTS[0], Throttled("binance", "Too much", 30.0))
    assert _state(admission) is BreakerState.CLOSED
    assert ban.connects_in_s > 29


async def test_one_dials_while_it_is_half_open_and_lets_the_others_in() -> None:
    """While the first is dialling nobody else is; when it has succeeded all are, in the order in which they came."""
    admission = _admission()
    await _open(admission)
    inside: list[Account] = []
    may_end = asyncio.Event()

    async def dial(account: Account) -> None:
        async with admission.attempt(account, _nobody):
            inside.append(account)
            await may_end.wait()

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        tasks = [group.create_task(dial(account)) for account in ACCOUNTS]
        await eventually(lambda: inside, what="the probe")
        await asyncio.sleep(0)  # the others have had their chance
        assert inside == ACCOUNTS[:1]
        assert _state(admission) is BreakerState.HALF_OPEN
        tasks[0].cancel()  # who gives up leaves the place to the next
        await eventually(lambda: len(inside) == 2, what="the next probe")
        may_end.set()
    assert inside == ACCOUNTS
    assert _state(admission) is BreakerState.CLOSED


async def test_who_is_cancelled_while_waiting_blocks_nobody() -> None:
    """The first in the queue leaves it; the second passes when the time has come."""
    admission = _admission()
    await _open(admission)
    first = asyncio.create_task(_pass(admission, ACCOUNTS[0]))
    second = asyncio.create_task(_pass(admission, ACCOUNTS[1]))
    await asyncio.sleep(0)
    first.cancel()
    async with asyncio.timeout(10):
        await second
    assert first.cancelled()


async def _pass(admission: Admission, account: Account) -> None:
    async with admission.attempt(account, _nobody):
        pass
