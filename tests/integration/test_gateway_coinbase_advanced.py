"""Coinbase Advanced end to end: the stream has totals, the records have executions, and both may be late or lost."""

from decimal import Decimal
from pathlib import Path

import pytest

from fillwire.domain.enums import ConnectionState, Kind, OrderType, Side, Source
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.venues import registry
from fillwire.venues.coinbase_advanced.venue import CoinbaseAdvanced
from support.eventually import eventually
from support.gateway_rig import Rig, rig

EXCHANGE = "coinbase-advanced"
DEADLINE_S = 10.0
# Nothing is found by asking now and then: only what a frame, or a missing one, has caused to be asked.
PROMPTED = ReconcilePolicy(follow_up_s=(600.0,), audit_interval_s=600.0, sweep_interval_s=600.0)


async def lag(it: Rig, seconds: float) -> None:
    """Have REST show each execution after a time of its own, up to so many seconds."""
    await it.control("faults", {"kind": "fill_lag", "seconds": seconds})


async def all_published(it: Rig) -> list[str]:
    """Wait until what the venue executed is published, once each and per order in its order; return the event ids."""
    executed = await it.executions()
    await eventually(lambda: len(it.fills) >= len(executed), DEADLINE_S, "all executions published")
    assert sorted(it.fills) == sorted(executed)
    for scope in {event_id.rpartition(":")[0] for event_id in executed}:
        assert _of(scope, it.fills) == _of(scope, executed)
    for event in it.orders:
        assert event.kind.is_terminal or event.last_fill is not None or event.kind is Kind.NEW
    return executed


def _of(scope: str, event_ids: list[str]) -> list[str]:
    return [event_id for event_id in event_ids if event_id.startswith(f"{scope}:")]


@pytest.mark.parametrize("lag_s", [0.0, 0.5])
async def test_every_execution_is_published_once_and_in_order(tmp_path: Path, lag_s: float) -> None:
    """From the records, with their fee and liquidity; the frame that showed a total has asked for them."""
    async with rig(tmp_path, exchange=EXCHANGE, reconciling=PROMPTED) as it:
        await lag(it, lag_s)
        await it.wish("BTC-USD", "SOL-USD")
        await it.receiving()
        await it.emit(40, symbols=["BTC-USD", "SOL-USD"], orders=8)
        assert len(await all_published(it)) == 40
        fills = [event for event in it.orders if event.last_fill is not None]
    assert {event.source for event in fills} == {Source.REST}
    for event in fills:
        assert event.last_fill is not None
        assert (event.last_fill.fee_currency, event.last_fill.liquidity is None) == ("USD", False)
    assert all(event.kind is not Kind.FILLED or event.last_fill for event in it.orders)


async def test_what_happened_while_the_connection_was_down_is_found(tmp_path: Path) -> None:
    """Orders that were filled meanwhile appear in no snapshot; the records have them."""
    async with rig(tmp_path, exchange=EXCHANGE, reconciling=PROMPTED) as it:
        await lag(it, 0.2)
        await it.wish("BTC-USD")
        await it.receiving()
        await it.emit(5, symbols=["BTC-USD"], orders=2)
        await all_published(it)
        await it.control("faults", {"kind": "connection_refused", "next": 3})
        await it.control("cut", {"how": "abort"})
        await it.passed(ConnectionState.RECONNECTING)
        await it.emit(10, symbols=["BTC-USD"], orders=3)
        await it.receiving()
        assert len(await all_published(it)) == 15


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop", "target": "execution"},
        {"kind": "drop", "target": "update"},
        {"kind": "corrupt", "target": "execution", "how": "truncated"},
        {"kind": "corrupt", "target": "execution", "how": "missing_field"},
        {"kind": "unknown_value", "target": "execution"},
        {"kind": "reorder", "target": "update"},
        {"kind": "duplicate", "target": "execution"},
    ],
)
async def test_what_a_frame_would_have_told_is_found(tmp_path: Path, fault: dict[str, object]) -> None:
    """The numbers of the frames show that one is missing, within a second: everything is compared."""
    async with rig(tmp_path, exchange=EXCHANGE, reconciling=PROMPTED) as it:
        await lag(it, 0.1)
        await it.wish("BTC-USD")
        await it.receiving()
        await it.control("faults", fault | {"next": 1})
        await it.emit(6, symbols=["BTC-USD"], orders=2)
        await all_published(it)
        assert it.connections[-1].is_connected
        assert it.connections[-1].attempt == 0


async def test_records_that_are_seconds_behind_lose_nothing(tmp_path: Path) -> None:
    """They agree with themselves all the time, and show neither the orders nor their executions yet."""
    async with rig(tmp_path, exchange=EXCHANGE, reconciling=PROMPTED) as it:
        await it.control("faults", {"kind": "query_lag", "seconds": 1.5})
        await lag(it, 1.0)
        await it.wish("BTC-USD")
        await it.receiving()
        await it.emit(8, symbols=["BTC-USD"], orders=3)
        await all_published(it)
        await eventually(lambda: it.connections[-1].is_reconciled, DEADLINE_S, "in step")


async def test_a_clock_that_jumps_forbids_nothing_for_long(tmp_path: Path) -> None:
    """A token is refused without saying that it was its time, by socket and by REST; the clock is measured anew."""
    async with rig(tmp_path, exchange=EXCHANGE, reconciling=PROMPTED) as it:
        await lag(it, 0.1)
        await it.wish("BTC-USD")
        await it.receiving()
        await it.control("faults", {"kind": "clock_skew", "milliseconds": 200_000})
        await it.emit(3, symbols=["BTC-USD"], orders=1)
        await all_published(it)
        await it.control("cut", {"how": "abort"})
        await it.passed(ConnectionState.RECONNECTING)
        await it.receiving()
        await it.emit(3, symbols=["BTC-USD"], orders=1)
        assert len(await all_published(it)) == 6


async def test_bots_place_and_cancel(tmp_path: Path) -> None:
    """By REST; the stream tells what became of it, and a repeated request places nothing."""
    async with rig(tmp_path, exchange=EXCHANGE, reconciling=PROMPTED) as it:
        await lag(it, 0.1)
        await it.wish("BTC-USD")
        await it.receiving()
        resting = OrderRequest(
            client_order_id="mine-1",
            pair="BTC-USD",
            side=Side.BUY,
            type=OrderType.LIMIT,
            quantity=Decimal("0.01"),
            price=Decimal(1000),
        )
        placed = await it.place(resting)
        assert placed.outcome is Outcome.ACCEPTED
        assert (await it.place(resting)).order_id == placed.order_id
        await eventually(lambda: [event.kind for event in it.orders] == [Kind.NEW], DEADLINE_S, "accepted")
        (accepted,) = it.orders
        assert (accepted.order_id, accepted.client_order_id) == (placed.order_id, "mine-1")
        assert (accepted.quantity, accepted.price, accepted.source) == (
            Decimal("0.01"),
            Decimal(1000),
            Source.STREAM,
        )
        cancelled = await it.cancel(CancelRequest(pair="BTC-USD", client_order_id="mine-1"))
        assert (cancelled.outcome, cancelled.order_id) == (Outcome.ACCEPTED, placed.order_id)
        await eventually(lambda: it.orders[-1].kind is Kind.CANCELLED, DEADLINE_S, "cancelled")
        again = await it.cancel(CancelRequest(pair="BTC-USD", order_id=placed.order_id))
        assert again.outcome is Outcome.ACCEPTED
        taken = OrderRequest(
            client_order_id="mine-2",
            pair="BTC-USD",
            side=Side.SELL,
            type=OrderType.MARKET,
            quantity=Decimal("0.01"),
        )
        assert (await it.place(taken)).outcome is Outcome.ACCEPTED
        await eventually(lambda: it.orders[-1].kind is Kind.FILLED, DEADLINE_S, "filled")
        await all_published(it)
        other = OrderRequest(
            client_order_id="mine-2",
            pair="BTC-USD",
            side=Side.SELL,
            type=OrderType.MARKET,
            quantity=Decimal("0.02"),
        )
        found = await it.place(other)
        assert found.outcome is Outcome.ACCEPTED  # the order that has this id, and no other
        assert len(it.fills) == len(await it.executions())


async def test_a_key_that_the_venue_refuses_is_told_and_not_tried_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice in a process in which it has never worked, each with a token of its own."""
    monkeypatch.setattr(registry, "VENUES", {**registry.VENUES, EXCHANGE: CoinbaseAdvanced()})
    async with rig(tmp_path, exchange=EXCHANGE, reconciling=PROMPTED) as it:
        await it.control("faults", {"kind": "login_refused", "next": 2})
        await it.wish("BTC-USD")
        refused = await it.passed(ConnectionState.AUTH_FAILED)
        assert "authentication failure" in str(refused.reason)


async def test_a_key_that_has_worked_is_tried_again(tmp_path: Path) -> None:
    """The venue refuses good keys now and then: once is no refusal, and after a connection twice is none either."""
    async with rig(tmp_path, exchange=EXCHANGE, reconciling=PROMPTED) as it:
        await it.control("faults", {"kind": "login_refused", "next": 1})
        await it.wish("BTC-USD")
        await it.receiving()
        await it.control("faults", {"kind": "login_refused", "next": 2})
        await it.control("cut", {"how": "close"})
        await it.passed(ConnectionState.RECONNECTING)
        await it.receiving()


async def test_silence_is_noticed(tmp_path: Path) -> None:
    """Without heartbeats the connection is given up, and what was missed is found."""
    async with rig(tmp_path, exchange=EXCHANGE, reconciling=PROMPTED) as it:
        await lag(it, 0.1)
        await it.wish("BTC-USD")
        await it.receiving()
        await it.control("stall", {"seconds": 30})
        await it.emit(3, symbols=["BTC-USD"], orders=1)
        lost = await it.passed(ConnectionState.RECONNECTING, 15.0)
        assert "not even a heartbeat" in str(lost.reason)
        await it.receiving()
        await all_published(it)
