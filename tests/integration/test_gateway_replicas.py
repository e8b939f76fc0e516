"""Several gateways of one exchange, each a process: killed, paused, joining and leaving, while fills come."""

import asyncio
import signal
import time
from pathlib import Path

import pytest

from fillwire.domain.errors import BrokerError
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import Outcome
from fillwire.domain.rendezvous import ranked
from fillwire.wire.subjects import account_tokens
from support.eventually import eventually
from support.replicas import Replicas, replicas, say

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

LEASE = {"leaseMs": 15_000}


async def _owner(it: Replicas) -> str:
    """Return who owns the only account, or owned it last."""
    return next(iter((await it.owners()).values()))


def _shares(it: Replicas, *names: str) -> dict[str, str]:
    """Return who is to own each user's account."""
    return {each.user: ranked(account_tokens(each), names)[0] for each in it.accounts}


async def _shared_as_planned(it: Replicas, *names: str) -> None:
    """Wait until each account is owned by who is to own it, and nobody else is connected to it."""

    async def is_so() -> bool:
        return {each.user: owner for each, owner in (await it.owners()).items()} == _shares(it, *names)

    await eventually(is_so, 60.0, f"accounts shared among {names}")
    await it.receiving()


async def _accepted(it: Replicas, account: Account, client_order_id: str) -> None:
    """Place an order, again and again until the owner has caught up and sends it; one id places one order."""

    async def is_accepted() -> bool:
        try:
            return (await it.place(account, client_order_id)).outcome is Outcome.ACCEPTED
        except BrokerError:
            return False

    await eventually(is_accepted, 30.0, f"order {client_order_id} accepted")


async def test_after_the_owner_was_killed_events_flow_again(tmp_path: Path) -> None:
    """The next in order reads on doubt, long before the lease expires; nothing is lost, doubled or out of order."""
    async with replicas(tmp_path) as it:
        names = ("gateway-1", "gateway-2", "gateway-3")
        for name in names:
            await it.start(name)
        await _shared_as_planned(it, *names)
        owner = await _owner(it)
        jobs = await it.emit(rate=100, count=1500)
        await eventually(lambda: len(it.arrivals) > 200, 30.0, "events")
        it.connections.clear()  # who comes first may not have been who started first
        killed_s = time.monotonic()
        await it.gateways[owner].end(signal.SIGKILL)
        await it.flowing(time.monotonic())
        after_s = time.monotonic() - killed_s
        say(f"events flow again {after_s:.2f} s after kill -9")
        assert after_s < 10.0
        assert await _owner(it) == owner  # the lease of the one that is gone
        await it.emitted(jobs)
        result = await it.settled()
        assert result.emitted == 1500
        assert result.is_clean, result
        told = [event for event in it.connections if event.gateway != owner]
        assert told[0].is_connected
        assert told[0].reason == f"stands in for {owner}, which is silent"
        assert it.disconnections() == []


async def test_a_paused_owner_sends_nothing_more_and_steps_back(tmp_path: Path) -> None:
    """While it stands still another takes its place; when it wakes, what was asked of it before is not sent."""
    async with replicas(tmp_path, FILLWIRE_GATEWAY=LEASE) as it:
        for name in ("gateway-1", "gateway-2"):
            await it.start(name)
        await _shared_as_planned(it, "gateway-1", "gateway-2")
        paused = await _owner(it)
        (other,) = {"gateway-1", "gateway-2"} - {paused}
        (account,) = it.accounts
        await _accepted(it, account, "before")
        jobs = await it.emit(rate=50, count=2000)
        await eventually(lambda: len(it.arrivals) > 100, 30.0, "events")
        orders = await it.orders(account)

        it.gateways[paused].send(signal.SIGSTOP)
        paused_s = time.monotonic()
        with pytest.raises(BrokerError):  # who owns the account stands still, and nobody else may answer
            await it.place(account, "meanwhile", timeout_s=0.5)
        say(f"events flow again {await it.flowing(paused_s + 1.0) + 1.0:.2f} s after the owner was stopped")
        await it.owned_by(other)
        say(f"the lease has changed hands after {time.monotonic() - paused_s:.2f} s")

        await _accepted(it, account, "after")
        assert await it.orders(account) == orders + 1

        it.gateways[paused].send(signal.SIGCONT)
        await it.emitted(jobs)
        await it.receiving(1)
        result = await it.settled()
        assert result.is_clean, result
        assert await it.orders(account) == orders + 1
        await it.owned_by(paused)  # it comes first, and got the account back by a hand-over
        assert any(f"takes the account over from {other}" in line for line in it.gateways[paused].errors)
        assert it.disconnections() == []


async def test_a_short_pause_changes_nothing_in_the_end(tmp_path: Path) -> None:
    """An owner that is silent for a moment is stood in for; when it is back, the other steps back, and it still owns."""
    async with replicas(tmp_path, FILLWIRE_GATEWAY=LEASE) as it:
        for name in ("gateway-1", "gateway-2"):
            await it.start(name)
        await _shared_as_planned(it, "gateway-1", "gateway-2")
        paused = await _owner(it)
        jobs = await it.emit(rate=50, count=600)
        await eventually(lambda: len(it.arrivals) > 100, 30.0, "events")
        it.gateways[paused].send(signal.SIGSTOP)
        await it.receiving(2)
        it.gateways[paused].send(signal.SIGCONT)
        await it.receiving(1)
        await it.emitted(jobs)
        result = await it.settled()
        assert result.is_clean, result
        assert await _owner(it) == paused
        await _accepted(it, it.accounts[0], "after")
        assert it.disconnections() == []


async def test_accounts_move_to_who_joins_and_back_from_who_leaves(tmp_path: Path) -> None:
    """Each is handed over while fills come, without a gap and without a word of a lost connection."""
    async with replicas(tmp_path, count=6) as it:
        await it.start("gateway-1")
        await it.owned_by("gateway-1")
        await it.receiving()
        jobs = await it.emit(rate=20, count=500)
        await eventually(lambda: len(it.arrivals) > 100, 30.0, "events")
        began_s = time.monotonic()
        await it.start("gateway-2")
        joining_s = time.monotonic()
        await _shared_as_planned(it, "gateway-1", "gateway-2")
        say(f"shared after {time.monotonic() - joining_s:.2f} s: {dict(await it.spread())}")
        moved_s = time.monotonic()
        say(f"longest silence of an account while they moved: {it.gap_s(began_s, moved_s):.2f} s")
        assert it.gap_s(began_s, moved_s) < 3.0

        assert await it.gateways["gateway-2"].end(signal.SIGTERM) == 0
        say(f"gateway-2 stopped after {time.monotonic() - moved_s:.2f} s")
        await _shared_as_planned(it, "gateway-1")
        say(f"longest silence of an account while one left: {it.gap_s(moved_s, time.monotonic()):.2f} s")
        assert it.gap_s(moved_s, time.monotonic()) < 3.0
        await it.emitted(jobs)
        result = await it.settled()
        assert result.emitted == 6 * 500
        assert result.is_clean, result
        assert it.disconnections() == []


async def test_two_that_start_together_share_at_once(tmp_path: Path) -> None:
    """Whoever comes first takes what is free; a moment later each has its share, and orders are sent for all."""
    async with replicas(tmp_path, count=4) as it:
        await asyncio.gather(it.start("gateway-1"), it.start("gateway-2"))
        await _shared_as_planned(it, "gateway-1", "gateway-2")
        for each in it.accounts:
            await _accepted(it, each, "one")
