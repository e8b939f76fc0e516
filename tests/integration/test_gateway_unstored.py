"""An execution that the broker does not store while newer ones pass it is not lost with the gateway that holds it."""

import time
from functools import partial
from pathlib import Path

import pytest

from fillwire.bus import api
from fillwire.gateway import service, unstored
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.gateway.reporting import Reporter
from support.eventually import eventually
from support.gateway_rig import Rig, rig
from support.trader import Trader

OVERLAP_S = 2.0
# Nothing is found but by the comparison at a connection.
PATIENT = ReconcilePolicy(
    overlap_s=OVERLAP_S, audit_interval_s=3600.0, sweep_interval_s=3600.0, follow_up_s=(3600.0,)
)


@pytest.fixture(autouse=True)
def _times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is late, and told, sixty times as soon."""
    monkeypatch.setattr(unstored, "LATE_NS", int(OVERLAP_S / 2 * 1e9))
    monkeypatch.setattr(unstored, "PATIENCE_NS", 100_000_000)
    monkeypatch.setattr(service, "Reporter", partial(Reporter, refresh_s=0.1))
    monkeypatch.setattr(service, "PUBLISH_DEADLINE_S", 0.1)


async def _take_only(it: Rig, *subjects: str) -> None:
    config = (await api.call(it.bus, "STREAM.INFO.ORDERS"))["config"]
    await api.call(it.bus, "STREAM.UPDATE.ORDERS", config | {"subjects": list(subjects)})


async def _stored(it: Rig) -> list[str]:
    return [event.event_id for event in await it.logged() if event.last_fill is not None]


async def test_an_execution_that_newer_ones_passed_is_fetched_by_the_next_gateway(tmp_path: Path) -> None:
    """The stream takes nothing of one pair; the gateway tells since when, and ends with it; the next begins there."""
    async with rig(tmp_path, reconciling=PATIENT) as it:
        await it.wish("BTC-USDT", "ETH-USDT")
        await it.receiving()
        whole = (await api.call(it.bus, "STREAM.INFO.ORDERS"))["config"]["subjects"]
        trader = Trader(it.simulator)
        await _take_only(it, "orders.*.*.*.ETH-USDT.*")
        began_ns = time.time_ns()
        trader.fill(trader.place("0.2", "BTCUSDT"), "0.1")
        await eventually(lambda: it.connections[-1].missing_since_ns is not None, what="told what is missing")
        missing_ns = it.connections[-1].missing_since_ns or 0
        assert abs(missing_ns - began_ns) < 0.5e9
        assert it.connections[-1].is_connected

        async def newest_s() -> float:
            """By how much the newest stored execution is younger than the one that is missing."""
            log = await it.logged()
            return (log[-1].received_time_ns - missing_ns) / 1e9 if log else 0.0

        while await newest_s() < 1.5 * OVERLAP_S:
            count = len(await _stored(it))
            trader.fill(trader.place("1", "ETHUSDT"))

            async def is_stored(count: int = count) -> bool:
                return len(await _stored(it)) > count

            await eventually(is_stored, what="an execution of the other pair")
        told = len(it.connections)
        await it.stop()
        assert all(event.missing_since_ns for event in it.connections[told:])
        emitted = await it.executions()
        assert set(emitted) - set(await _stored(it)) == {emitted[0]}
        await _take_only(it, *whole)
        await it.start()
        await eventually(lambda: it.connections[-1].is_reconciled, what="the next gateway in step")
        assert sorted(await _stored(it)) == sorted(emitted)


async def test_it_is_told_when_nothing_waits_any_more(tmp_path: Path) -> None:
    """The stream takes the pair again: nothing is missing, and the account was receiving all the time."""
    async with rig(tmp_path, reconciling=PATIENT) as it:
        await it.wish("BTC-USDT", "ETH-USDT")
        await it.receiving()
        whole = (await api.call(it.bus, "STREAM.INFO.ORDERS"))["config"]["subjects"]
        trader = Trader(it.simulator)
        await _take_only(it, "orders.*.*.*.ETH-USDT.*")
        trader.fill(trader.place("0.2"), "0.1")
        await eventually(lambda: it.connections[-1].missing_since_ns is not None, what="told what is missing")
        told = len(it.connections)
        await _take_only(it, *whole)
        await eventually(lambda: it.connections[-1].is_reconciled, what="told that nothing is missing")
        assert await _stored(it) == await it.executions()
        assert len(it.connections) == told + 1
        assert all(event.is_connected for event in it.connections[told - 1 :])
