"""When the venue fails: how often it is tried, by how many, what is told meanwhile, and what ends it."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from fillwire.domain.enums import BreakerState, ConnectionState
from fillwire.domain.events import ConnectionEvent
from fillwire.domain.identifiers import Account
from fillwire.venues.binance.venue import BinanceSpot
from support.eventually import eventually
from support.gateway_rig import Rig, rig
from support.venue_record import crowd, follow_all, handshakes, keys_of

S = ConnectionState
REFUSED = {"kind": "connection_refused", "probability": 1.0}
# A machine under load is late, never early: waits are checked from below, and from above with this much to spare.
LATE_S = 2.0


def _websocket(**reconnect: object) -> dict[str, object]:
    return {"connectionTimeout": 5000, "reconnect": reconnect}


async def _attempts(it: Rig, count: int) -> list[float]:
    async def are_made() -> bool:
        return len(await handshakes(it, 503)) >= count

    await eventually(are_made, 20.0, f"{count} refused attempts")
    return await handshakes(it, 503)


async def test_attempts_are_as_many_and_as_far_apart_as_configured(tmp_path: Path) -> None:
    """Four retries with growing waits, then given up and told; from then on one attempt each longest wait."""
    websocket = _websocket(maxRetries=4, initialDelayMs=100, maxDelayMs=400, backoffMultiplier=2)
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=websocket) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", REFUSED)
        await it.control("cut", {})
        lost = await it.passed(S.RECONNECTING)
        given_up = await it.passed(S.DISCONNECTED)
        assert given_up.reason is not None
        assert given_up.reason.startswith("gave up after 4 attempts: ")
        assert given_up.breaker is BreakerState.OPEN
        between = it.connections[it.connections.index(lost) : it.connections.index(given_up)]
        assert [event.state for event in between].count(S.CONNECTING) == 4
        assert {event.breaker for event in between[:-1]} == {BreakerState.CLOSED}
        attempts = await _attempts(it, 6)
        waits = [attempts[0] - lost.time_ns / 1e9, *(after - before for before, after in pairwise(attempts))]
        # Half of each ceiling is certain, the rest is chance; after giving up the wait is the longest, without chance.
        for wait_s, (least_s, most_s) in zip(
            waits, [(0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.2, 0.4), (0.4, 0.4), (0.4, 0.4)], strict=False
        ):
            assert least_s - 0.005 <= wait_s <= most_s + LATE_S, waits
        assert [alert.alert for alert in await it.alerts()] == ["detection_lost"]
        await it.control("faults", method="DELETE")
        back = await it.passed(S.RECEIVING)
        assert back.breaker is BreakerState.HALF_OPEN  # until the connection has proven itself
        assert len(await handshakes(it, 503)) >= 6


async def test_without_retries_the_first_failure_is_the_last_of_its_series(tmp_path: Path) -> None:
    """With maxRetries 0: lost and given up at once, told, and tried again after the longest wait."""
    websocket = _websocket(maxRetries=0, initialDelayMs=1, maxDelayMs=300, backoffMultiplier=1.5)
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=websocket) as it:
        await it.control("faults", REFUSED | {"next": 1, "probability": 0})
        await it.wish("BTC-USDT")
        await it.receiving()
        assert it.states[:3] == [S.CONNECTING, S.RECONNECTING, S.DISCONNECTED]
        refused, made = await handshakes(it)
        assert 0.295 <= made - refused <= 0.3 + LATE_S


async def test_a_venue_that_is_away_is_tried_by_one_account_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve accounts lose their connections: once some have failed, one dials at the configured pace, and the others wait.

    When the venue is back, the one that finds it out lets all others in.
    """
    monkeypatch.setattr(BinanceSpot, "connects_per_minute", 60_000)  # the budget has a test of its own
    accounts = crowd(12)
    websocket = _websocket(maxRetries=None, initialDelayMs=200, maxDelayMs=400, backoffMultiplier=2)
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=websocket, FILLWIRE_ACCOUNTS=keys_of(accounts)) as it:
        told = await follow_all(it, accounts)
        for account in accounts:
            await it.wish("BTC-USDT", account=account)
        await eventually(lambda: _all_receive(told), 20.0, "all receive")
        await it.control("faults", REFUSED)
        await it.control("cut", {})
        attempts = await _attempts(it, 20)
        # What was under way when the breaker opened ends as it ends; from then on it is one at a time.
        paced = attempts[len(accounts) :]
        assert all(after - before >= 0.095 for before, after in pairwise(paced)), attempts
        assert any(after - before >= 0.195 for before, after in pairwise(paced)), attempts
        await eventually(
            lambda: _has_told(told, "the circuit breaker of binance/simulated is "), 20.0, "the reason"
        )
        assert (await it.status()).breaker is not BreakerState.CLOSED
        await it.control("faults", method="DELETE")
        await eventually(lambda: _all_receive(told), 20.0, "all receive again")


def _all_receive(told: dict[Account, list[ConnectionEvent]]) -> bool:
    return all(events and events[-1].state is S.RECEIVING for events in told.values())


def _has_told(told: dict[Account, list[ConnectionEvent]], reason: str) -> bool:
    return any((event.reason or "").startswith(reason) for events in told.values() for event in events)


async def test_one_account_in_trouble_holds_nobody_back(tmp_path: Path) -> None:
    """An account that fails again and again by itself does not open the venue's breaker: another connects meanwhile."""
    accounts = crowd(2)
    websocket = _websocket(maxRetries=None, initialDelayMs=10, maxDelayMs=20, backoffMultiplier=1.5)
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=websocket, FILLWIRE_ACCOUNTS=keys_of(accounts)) as it:
        told = await follow_all(it, accounts)
        await it.control("faults", REFUSED | {"next": 6, "probability": 0})
        await it.wish("BTC-USDT")
        await it.receiving()
        assert len(await handshakes(it, 503)) == 6
        assert {event.breaker for event in it.connections} == {BreakerState.CLOSED}
        await it.wish("BTC-USDT", account=accounts[1])
        await eventually(lambda: told[accounts[1]] and told[accounts[1]][-1].state is S.RECEIVING)


async def test_detection_counts_as_lost_when_it_takes_too_long(tmp_path: Path) -> None:
    """Retries without limit give up never; a person is told all the same, once, and when it is back nothing more."""
    websocket = _websocket(maxRetries=None, initialDelayMs=20, maxDelayMs=50, backoffMultiplier=1.5) | {
        "lostAfterMs": 300
    }
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=websocket) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", REFUSED)
        await it.control("cut", {})

        async def is_alerted() -> bool:
            return bool(await it.alerts())

        await eventually(is_alerted, what="an alert")
        (alert,) = await it.alerts()
        assert alert.reason.startswith("not receiving for 0.3 s: ")
        assert alert.reason.endswith("(code -1001)")  # what the venue said last
        assert S.DISCONNECTED not in it.states
        await it.control("faults", method="DELETE")
        await it.receiving()
        assert len(await it.alerts()) == 1


async def test_a_quiet_account_is_left_as_it_is(tmp_path: Path) -> None:
    """Probed again and again and silent otherwise: the same socket all the time, and nothing told."""
    websocket = {"heartbeatIntervalMs": 60}
    async with rig(tmp_path, FILLWIRE_WEBSOCKET=websocket) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        before = await it.sockets()

        async def is_probed() -> bool:
            answers = (await it.control("stats", method="GET"))["answered"]
            return int(answers["websocket 200"]) >= 25

        await eventually(is_probed, 20.0, "probes")
        assert await it.sockets() == before
        assert it.states == [S.CONNECTING, S.CONNECTED, S.AUTHENTICATED, S.RECEIVING]


async def test_a_connection_is_replaced_before_the_venue_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice in a row the next connection receives before the old one closes: nothing told, no fill lost or doubled."""
    monkeypatch.setattr(BinanceSpot, "lifetime_s", 2.0)
    async with rig(tmp_path) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        emitting = asyncio.create_task(it.emit(1000, rate=200))

        async def is_replaced_twice() -> bool:
            return len(await handshakes(it, 101)) >= 3 and len(await it.sockets()) == 1

        await eventually(is_replaced_twice, 20.0, "two successors")
        await emitting
        await eventually(lambda: len(it.fills) >= 1000, what="all fills")
        assert it.fills == sorted(set(it.fills), key=it.fills.index)
        assert sorted(it.fills) == sorted(await it.executions())
        assert it.states == [S.CONNECTING, S.CONNECTED, S.AUTHENTICATED, S.RECEIVING]
