"""What the stream did not bring is found in the venue's records: after cuts, downtime and lost frames, once and in order."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from fillwire.domain.enums import Source
from fillwire.gateway.reconcile import ReconcilePolicy
from support.eventually import eventually
from support.gateway_rig import Rig, rig

QUICK = ReconcilePolicy(
    overlap_s=20.0, deadline_s=3.0, audit_interval_s=0.5, sweep_interval_s=1.0, follow_up_s=(0.3, 1.0)
)


async def complete(it: Rig, deadline_s: float = 20.0) -> None:
    """Wait until the log has every execution of the venue, and check that it has each once and in its order."""
    emitted = await it.executions()
    await eventually(
        lambda: len(it.fills) >= len(emitted), deadline_s, f"{len(emitted)} executions; {len(it.fills)} came"
    )
    assert await it.executions() == emitted
    told = it.fills
    assert [event_id for event_id, count in Counter(told).items() if count > 1] == []
    assert sorted(told) == sorted(emitted)
    for scope in {event_id.rpartition(":")[0] for event_id in emitted}:
        assert [e for e in told if e.startswith(f"{scope}:")] == [
            e for e in emitted if e.startswith(f"{scope}:")
        ]
    for event in it.orders:
        if event.last_fill is not None:
            assert event.last_fill.quantity <= event.cumulative_quantity <= event.quantity
    _sums_add_up(it)


def _sums_add_up(it: Rig) -> None:
    """Check that each execution's cumulative values are the sums of those up to it."""
    sums: dict[tuple[str, str], object] = {}
    for event in it.orders:
        if event.last_fill is None:
            continue
        key = event.symbol, event.order_id
        total = sums.get(key, 0) + event.last_fill.quantity  # type: ignore[operator] # a Decimal or 0
        assert total == event.cumulative_quantity, event
        sums[key] = total


async def test_fills_during_a_cut_are_published_before_the_account_counts_as_receiving(
    tmp_path: Path,
) -> None:
    """Executions while the socket is down are in the log when the connection says it is reconciled."""
    async with rig(tmp_path, reconciling=QUICK) as it:
        await it.wish("BTC-USDT", "ETH-USDT")
        await it.receiving()
        await it.emit(20, symbols=["BTCUSDT", "ETHUSDT"], orders=4)
        await it.control("faults", {"kind": "connection_refused", "next": 3})
        await it.control("cut", {"user": "demo"})
        await it.emit(60, symbols=["BTCUSDT", "ETHUSDT"], orders=6)
        await it.receiving()
        await complete(it)
        assert it.connections[-1].is_reconciled
        recovered = [event for event in it.orders if event.source is Source.REST]
        assert recovered
        assert all(event.exchange_time_ns is None for event in recovered)


@pytest.mark.parametrize("how", ["abort", "mid_frame", "close"])
async def test_cuts_in_the_middle_of_a_burst_lose_nothing(tmp_path: Path, how: str) -> None:
    """Three cuts while 600 executions go over 12 orders: each is in the log once, per order in the venue's order."""
    async with rig(tmp_path, reconciling=QUICK) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        emission = asyncio.create_task(it.emit(600, orders=12, rate=400))
        for _ in range(3):
            await asyncio.sleep(0.25)
            await it.control("cut", {"user": "demo", "how": how})
        await emission
        await complete(it)


@pytest.mark.parametrize("kind", ["drop", "duplicate", "reorder"])
async def test_frames_lost_doubled_or_out_of_order_on_a_healthy_stream(tmp_path: Path, kind: str) -> None:
    """A tenth of the executions' frames is struck: the log has each once, in order, and the socket never went."""
    async with rig(tmp_path, reconciling=QUICK) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", {"kind": kind, "probability": 0.1, "target": "execution", "user": "demo"})
        await it.emit(300, orders=6, rate=600)
        await it.control("faults", method="DELETE")
        await complete(it)
        assert {event.attempt for event in it.connections if event.is_connected} == {0}
        assert sum(event.state != event.previous_state for event in it.connections) == 4
