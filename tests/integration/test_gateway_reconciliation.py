"""What the stream did not bring is found in the venue's records: after cuts, downtime and lost frames, once and in order."""

import asyncio
import time
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fillwire.bus import api
from fillwire.domain.enums import Kind, Source
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from support.eventually import eventually
from support.gateway_rig import ACCOUNT, Rig, rig
from support.trader import Trader
from support.venue_record import answered

if TYPE_CHECKING:
    from fillwire.domain.events import OrderEvent
    from fillwire.simulator.exchange.orders import Order

QUICK = ReconcilePolicy(
    overlap_s=20.0, deadline_s=3.0, audit_interval_s=0.5, sweep_interval_s=1.0, follow_up_s=(0.3, 1.0)
)
# Nothing is found but by the repair of a gap, or by the comparison at a connection.
PATIENT = ReconcilePolicy(audit_interval_s=3600.0, sweep_interval_s=3600.0, follow_up_s=(3600.0,))


async def complete(it: Rig, deadline_s: float = 20.0) -> "list[OrderEvent]":
    """Wait until the log has every execution of the venue; return it, checked: each once, in order, sums that add up."""
    emitted = await it.executions()
    await eventually(
        lambda: len(it.fills) >= len(emitted), deadline_s, f"{len(emitted)} executions published"
    )
    log = await it.logged()
    assert await it.executions() == emitted
    for told in (it.fills, [event.event_id for event in log if event.last_fill is not None]):
        assert [event_id for event_id, count in Counter(told).items() if count > 1] == []
        assert set(told) == set(emitted)
        for scope in {event_id.rpartition(":")[0] for event_id in emitted}:
            assert _of(scope, told) == _of(scope, emitted)
    sums: Counter[tuple[str, str]] = Counter()
    for event in log:
        if event.last_fill is not None:
            sums[event.symbol, event.order_id] += event.last_fill.quantity  # type: ignore[assignment] # adds Decimals
            assert event.cumulative_quantity == sums[event.symbol, event.order_id], event
    return log


def _of(scope: str, event_ids: list[str]) -> list[str]:
    return [event_id for event_id in event_ids if event_id.startswith(f"{scope}:")]


def _life(events: "list[OrderEvent]", order: "Order") -> list[tuple[Kind, Source, str | None]]:
    """Return what the log tells of an order: kind, source and client order id of each event."""
    return [
        (event.kind, event.source, event.client_order_id)
        for event in events
        if event.order_id == str(order.order_id)
    ]


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
        for count in (100, 200, 300):

            async def are_executed(count: int = count) -> bool:
                return len(await it.executions()) >= count

            await eventually(are_executed, what=f"{count} executions")
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


async def test_a_restart_after_hours_finds_what_happened_meanwhile(tmp_path: Path) -> None:
    """Cancelled, filled, placed, and placed and ended while no gateway ran: each is in the log, as the venue did it."""
    async with rig(tmp_path, reconciling=QUICK) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        trader = Trader(it.simulator)
        filled = trader.place("0.5", client_order_id="mine-filled")
        cancelled = trader.place("0.5", client_order_id="mine-cancelled")
        trader.fill(filled, "0.1", "0.1")
        trader.fill(cancelled, "0.2")
        await eventually(lambda: len(it.fills) == 3)
        await it.stop()
        trader.fill(filled, "0.1", "0.2")
        trader.fill(cancelled, "0.1")
        trader.cancel(cancelled)
        open_one = trader.place("0.3", client_order_id="mine-open")
        trader.fill(open_one, "0.1")
        ended = trader.place("0.2", client_order_id="mine-ended")
        trader.fill(ended)
        await it.start()
        await it.receiving()
        assert it.connections[-1].is_reconciled
        log = await complete(it)
        stream, rest = Source.STREAM, Source.REST
        part, full = Kind.PARTIALLY_FILLED, Kind.FILLED
        assert _life(log, filled) == [
            (Kind.NEW, stream, "mine-filled"),
            (part, stream, "mine-filled"),
            (part, stream, "mine-filled"),
            (part, rest, "mine-filled"),
            (full, rest, "mine-filled"),
        ]
        assert _life(log, cancelled) == [
            (Kind.NEW, stream, "mine-cancelled"),
            (part, stream, "mine-cancelled"),
            (part, rest, "mine-cancelled"),
            (Kind.CANCELLED, rest, "mine-cancelled"),
        ]
        assert _life(log, open_one) == [(Kind.NEW, rest, "mine-open"), (part, rest, "mine-open")]
        assert _life(log, ended) == [(Kind.NEW, rest, "mine-ended"), (full, rest, "mine-ended")]
        trader.fill(open_one)
        await complete(it)
        assert _life(await it.logged(), open_one)[-1] == (full, stream, "mine-open")


async def test_nothing_is_doubled_after_a_downtime_longer_than_the_duplicate_window(tmp_path: Path) -> None:
    """The broker has forgotten the ids of what was published; the gateway reads them in the log."""
    policy = replace(QUICK, overlap_s=60.0, audit_interval_s=3600.0)  # the sweeps ask, and nobody else
    async with rig(tmp_path, reconciling=policy) as it:
        await it.wish("BTC-USDT", "ETH-USDT")
        await it.receiving()
        config = (await api.call(it.bus, "STREAM.INFO.ORDERS"))["config"]
        await api.call(it.bus, "STREAM.UPDATE.ORDERS", config | {"duplicate_window": 200_000_000})
        await it.emit(200, symbols=["BTCUSDT", "ETHUSDT"], orders=10)
        await eventually(lambda: len(it.fills) == 200)
        await it.stop()
        await it.emit(100, symbols=["BTCUSDT", "ETHUSDT"], orders=5)
        first = it.messages[0]

        async def is_forgotten() -> bool:
            """Whether the broker would store the first event again, asked on a subject of nobody's account."""
            headers = {"Nats-Msg-Id": first.headers["Nats-Msg-Id"]}
            answer = await it.bus.request("orders.nobody.x.x.X-X.new", b"{}", 2.0, headers)
            return b'"duplicate":true' not in answer.replace(b" ", b"")

        await eventually(is_forgotten, what="the broker forgot an id")
        it.messages.pop()  # the probe
        it.messages[:] = [message for message in it.messages if message.data != b"{}"]
        await it.start()
        await it.receiving()
        emitted = await it.executions()
        await eventually(lambda: len(it.fills) >= len(emitted), 20.0)
        asked = await answered(it, "rest 200")

        async def have_swept() -> bool:
            """Whether three comparisons more were made, each of three questions: they must find nothing."""
            return await answered(it, "rest 200") >= asked + 9

        await eventually(have_swept, 20.0, "the follow-ups and a sweep")
        assert Counter(it.fills) == Counter(emitted)


async def test_more_missed_executions_than_fit_one_page(tmp_path: Path) -> None:
    """2,500 executions of three orders while the gateway was away: three pages, none lost or doubled at their ends."""
    async with rig(tmp_path, reconciling=replace(QUICK, deadline_s=15.0)) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.emit(10)
        await eventually(lambda: len(it.fills) == 10)
        await it.stop()
        await it.emit(2500, orders=3)
        await it.start()
        await complete(it, 40.0)


async def test_what_was_executed_before_the_first_contact_is_not_told(tmp_path: Path) -> None:
    """An order that was filled in part before anybody listened goes on from there; its past is not played back."""
    async with rig(tmp_path, reconciling=QUICK) as it:
        trader = Trader(it.simulator)
        order = trader.place("0.5")
        trader.fill(order, "0.1", "0.1")
        await it.wish("BTC-USDT")
        await it.receiving()
        trader.fill(order, "0.1")
        await eventually(lambda: len(it.fills) == 1)
        trader.fill(order)
        await eventually(lambda: len(it.fills) == 2)
        cumulative = [event.cumulative_quantity for event in it.orders if event.last_fill is not None]
        assert cumulative == [Decimal("0.3"), Decimal("0.5")]
        assert {event.source for event in it.orders} == {Source.STREAM}


async def test_records_that_lag_are_asked_again(tmp_path: Path) -> None:
    """Fills right before the reconnect, which queries show a second later: all are in the log, none twice."""
    async with rig(tmp_path, reconciling=QUICK) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        trader = Trader(it.simulator)
        known = trader.place("0.5")
        trader.fill(known, "0.1")
        await eventually(lambda: len(it.fills) == 1)
        await it.control("faults", {"kind": "query_lag", "seconds": 1.2})
        await it.control("cut", {"user": "demo"})
        trader.fill(known, "0.1", "0.3")
        unknown = trader.place("0.2")
        trader.fill(unknown)
        await complete(it)


async def test_records_that_fail_are_asked_until_a_person_is_told_and_beyond(tmp_path: Path) -> None:
    """With REST down the account goes live at the deadline and says what may be missing; later it is found and said."""
    async with rig(tmp_path, reconciling=replace(QUICK, deadline_s=0.6, retry_max_s=0.3)) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.emit(5, orders=1)
        await eventually(lambda: len(it.fills) == 5)
        await it.stop()
        await it.emit(5, orders=1)
        for method in ("openOrders.status", "allOrders", "myTrades"):
            fault = {
                "kind": "request_error",
                "method": method,
                "api": "rest",
                "status": 503,
                "probability": 1.0,
            }
            await it.control("faults", fault)
        await it.start()
        await it.receiving()
        assert it.connections[-1].missing_since_ns is not None
        assert not it.connections[-1].is_reconciled

        async def is_alerted() -> bool:
            return [alert.alert for alert in await it.alerts()] == ["executions_missing"]

        await eventually(is_alerted, what="an alert")
        await it.emit(3, orders=1)
        await eventually(lambda: len(it.fills) >= 8, what="live fills come all the same")
        await it.control("faults", method="DELETE")
        await complete(it)
        await eventually(lambda: it.connections[-1].is_reconciled, what="reconciled in the end")
        assert len(await it.alerts()) == 1


async def test_a_gap_on_a_healthy_stream_is_repaired_within_a_second(tmp_path: Path) -> None:
    """One frame lost in the middle of an order: the later one waits, and both are published in order, in a second."""
    async with rig(tmp_path, reconciling=PATIENT) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        trader = Trader(it.simulator)
        order = trader.place("0.5")
        trader.fill(order, "0.1")
        await eventually(lambda: len(it.fills) == 1)
        await it.control("faults", {"kind": "drop", "target": "execution", "user": "demo"})
        trader.fill(order, "0.1")
        trader.fill(order, "0.1")
        began_s = time.monotonic()
        await eventually(lambda: len(it.fills) == 3, 5.0)
        assert time.monotonic() - began_s < 1.0
        log = await complete(it)
        assert [source for _, source, _ in _life(log, order)][-3:] == [
            Source.STREAM,
            Source.REST,
            Source.STREAM,
        ]


@pytest.mark.parametrize("is_known", [True, False], ids=["last fill", "whole order"])
async def test_the_audit_finds_what_no_later_frame_reveals(tmp_path: Path, *, is_known: bool) -> None:
    """The frame of an order's last fill, or all frames of an order, are lost: the next comparisons find them."""
    policy = replace(PATIENT, audit_interval_s=0.5, sweep_interval_s=0.5 if not is_known else 3600.0)
    async with rig(tmp_path, reconciling=policy if is_known else replace(policy, follow_up_s=(0.5,))) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        trader = Trader(it.simulator)
        lost = {"kind": "drop", "target": "executionReport", "user": "demo"}
        if is_known:
            order = trader.place("0.2")
            trader.fill(order, "0.1")
            await eventually(lambda: len(it.fills) == 1)
            await it.control("faults", {**lost, "next": 1})
        else:
            await it.control("faults", {**lost, "next": 2})
            order = trader.place("0.2")
        trader.fill(order)
        log = await complete(it, 5.0)
        assert [kind for kind, _, _ in _life(log, order)][-1] is Kind.FILLED


async def test_both_sides_of_a_self_trade_are_told(tmp_path: Path) -> None:
    """Two executions share a trade id, one for each order: neither is taken for the other, by stream or by REST."""
    async with rig(tmp_path, reconciling=QUICK) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        trader = Trader(it.simulator)
        await it.stop()
        maker, taker = trader.trade_with_self("0.2")
        await it.start()
        log = await complete(it)
        for order in (maker, taker):
            assert _life(log, order)[-1][:2] == (Kind.FILLED, Source.REST)
        trades = {event.last_fill.trade_id for event in log if event.last_fill is not None}
        assert len(trades) == 1
        trader.trade_with_self("0.3")
        await complete(it)


async def test_a_successor_takes_over_under_load_without_loss_or_double(tmp_path: Path) -> None:
    """Both connections bring the same executions for a while: each is published once, and nothing waits for REST."""
    async with rig(tmp_path, reconciling=QUICK) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        emission = asyncio.create_task(it.emit(400, orders=8, rate=400))
        await it.control("shutdown_notice", {"seconds": 0.7})
        await emission
        await complete(it)
        assert {event.source for event in it.orders} == {Source.STREAM}
        assert it.connections[-1].account == ACCOUNT


async def test_a_clock_that_jumps_does_not_keep_questions_from_being_answered(tmp_path: Path) -> None:
    """The venue refuses our time while the stream is healthy: the clock is measured anew, and the gap closed at once."""
    async with rig(tmp_path, reconciling=PATIENT) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        trader = Trader(it.simulator)
        order = trader.place("0.5")
        await it.control("faults", {"kind": "clock_skew", "milliseconds": 20_000})
        await it.control("faults", {"kind": "drop", "target": "execution", "user": "demo"})
        trader.fill(order, "0.1", "0.1")
        await complete(it, 10.0)
