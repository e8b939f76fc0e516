"""Alpaca end to end: simulated venue, gateway, broker, and what a bot is told, also when the venue misbehaves."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from fillwire.bus.connection import Bus
from fillwire.domain.enums import ConnectionState, Kind, OrderType, Side, Source, TimeInForce
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome
from fillwire.domain.rendezvous import ranked
from fillwire.gateway.ownership import OwnershipPolicy
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.gateway.service import Gateway
from fillwire.runtime.settings import AccountsRead, load_accounts, load_settings
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.wire.subjects import account_tokens
from support.eventually import eventually
from support.gateway_rig import Rig
from support.gateway_rig import rig as rig_of

# Quicker than usual, within the 200 requests that the venue allows in a minute.
QUICK = ReconcilePolicy(
    overlap_s=20.0, deadline_s=5.0, audit_interval_s=4.0, sweep_interval_s=8.0, follow_up_s=(1.0, 4.0)
)
# A venue that has just lost a connection refuses the next one for a moment.
WEBSOCKET = {
    "heartbeatIntervalMs": 30000,
    "reconnect": {"maxRetries": 10, "initialDelayMs": 200, "maxDelayMs": 400, "backoffMultiplier": 1.5},
}
ORDER = OrderRequest(
    client_order_id="bot-1",
    pair="BTC-USD",
    side=Side.BUY,
    type=OrderType.LIMIT,
    quantity=Decimal("0.5"),
    price=Decimal(60000),
    time_in_force=TimeInForce.GTC,
)


@asynccontextmanager
async def rig(path: Path, **websocket: object) -> AsyncIterator[Rig]:
    """Run broker, venue and gateway; the venue forgets a lost connection at once, where it otherwise takes 90 s."""
    async with rig_of(
        path, exchange="alpaca", reconciling=QUICK, FILLWIRE_WEBSOCKET=WEBSOCKET | websocket
    ) as it:
        await it.control("faults", {"kind": "retention", "seconds": 0})
        yield it


async def complete(it: Rig, deadline_s: float = 20.0) -> None:
    """Wait until the log has every execution of the venue, each once, and sums that add up."""
    emitted = await it.executions()
    await eventually(
        lambda: len(it.fills) >= len(emitted), deadline_s, f"{len(emitted)} executions published"
    )
    assert Counter(it.fills) == Counter(emitted)
    sums: dict[str, Decimal] = {}
    for event in await it.logged():
        if event.last_fill is not None:
            sums[event.order_id] = sums.get(event.order_id, Decimal(0)) + event.last_fill.quantity
            assert event.cumulative_quantity == sums[event.order_id], event


@pytest.mark.parametrize("path", ["/stream", "/paper/stream"])
async def test_fills_of_stocks_and_coins_reach_the_log(tmp_path: Path, path: str) -> None:
    """By text frames of live and by binary frames of paper: every execution once, with its pair and the venue's id."""
    async with rig(tmp_path) as it:
        if path != "/stream":
            it.environ["FILLWIRE_EXCHANGES"] = it.environ["FILLWIRE_EXCHANGES"].replace("/stream", path)
            await it.stop()
            await it.start()
        await it.wish("AAPL-USD", "BTC-USD")
        await it.receiving()
        await it.emit(60, symbols=["AAPL", "BTC/USD"], orders=4)
        await complete(it)
        assert {event.pair for event in it.orders} == {"AAPL-USD", "BTC-USD"}
        fills = [event for event in it.orders if event.last_fill is not None]
        assert {event.source for event in fills} == {Source.STREAM}
        assert len({event.last_fill.trade_id for event in fills if event.last_fill}) == 60


@pytest.mark.parametrize("manner", ["old_format", "mixed_offsets"])
async def test_fills_are_told_in_all_the_manners_of_the_venue(tmp_path: Path, manner: str) -> None:
    """Frames without emission time and event id, and times of several zones, say the same executions."""
    async with rig(tmp_path) as it:
        await it.control("faults", {"kind": manner, "on": True})
        await it.wish("AAPL-USD", "BTC-USD")
        await it.receiving()
        await it.emit(40, symbols=["AAPL", "BTC/USD"], orders=4)
        await complete(it)
        now_ns = time.time_ns()
        assert all(abs(now_ns - event.transaction_time_ns) < 60 * 10**9 for event in it.orders)


async def test_an_account_without_stream_is_polled(tmp_path: Path) -> None:
    """Where the stream is switched off, the records tell the same executions, once."""
    polling = {"enabled": False, "fallbackToPolling": True, "pollIntervalMs": 1000}
    async with rig(tmp_path, **polling) as it:
        await it.wish("AAPL-USD", "BTC-USD")
        await eventually(lambda: it.connections, 10.0, "the account is told of")
        await it.emit(40, symbols=["AAPL", "BTC/USD"], orders=4)
        await complete(it)
        assert {event.source for event in it.orders if event.last_fill is not None} == {Source.REST}


async def test_fills_during_a_cut_are_recovered_from_the_records(tmp_path: Path) -> None:
    """What was executed while the socket was down comes by REST, once, with the same identities."""
    async with rig(tmp_path) as it:
        await it.wish("AAPL-USD", "BTC-USD")
        await it.receiving()
        await it.emit(20, symbols=["AAPL", "BTC/USD"], orders=4)
        await it.control("faults", {"kind": "connection_refused", "status": 503, "next": 2})
        await it.control("cut", {"user": "demo"})
        await it.emit(60, symbols=["AAPL", "BTC/USD"], orders=6)
        await it.receiving()
        await complete(it)
        sources = {event.source for event in it.orders if event.last_fill is not None}
        assert sources == {Source.STREAM, Source.REST}


async def test_redelivered_executions_are_told_once(tmp_path: Path) -> None:
    """The venue sends executions and states again, as it has done: nothing of it reaches a bot or quarantine."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USD")
        await it.receiving()
        await it.control("faults", {"kind": "redeliver", "times": 2, "probability": 0.5})
        await it.control(
            "faults", {"kind": "duplicate", "target": "execution", "probability": 0.3, "copies": 2}
        )
        await it.emit(100, symbols=["BTC/USD"], orders=10)
        await complete(it)
        assert await it.alerts() == []


async def test_lost_frames_are_missed_and_found(tmp_path: Path) -> None:
    """A dropped execution shows as a gap, and its order is completed from the records, which lag."""
    async with rig(tmp_path) as it:
        await it.wish("AAPL-USD")
        await it.receiving()
        await it.control("faults", {"kind": "activity_lag", "seconds": 1.0})
        await it.control("faults", {"kind": "drop", "target": "execution", "probability": 0.2})
        await it.emit(100, symbols=["AAPL"], orders=10)
        await complete(it, 30.0)


async def test_a_bust_is_no_fill(tmp_path: Path) -> None:
    """What the venue takes back is kept in quarantine with an alert, and the log stays as it was."""
    async with rig(tmp_path) as it:
        await it.wish("AAPL-USD")
        await it.receiving()
        await it.emit(1, symbols=["AAPL"], orders=1)
        await complete(it)
        told = len(it.orders)
        await it.control("bust", {"user": "demo"})

        async def alerted() -> bool:
            return bool(await it.alerts())

        await eventually(alerted, 10.0, "an alert")
        (alert,) = await it.alerts()
        assert (alert.alert, "execution_busted" in alert.reason) == ("frames_refused", True)
        assert len(it.orders) == told


async def test_a_silent_connection_is_found_by_pings(tmp_path: Path) -> None:
    """A venue that answers no ping any more is left, and what it executed meanwhile is found."""
    async with rig(tmp_path, heartbeatIntervalMs=1500) as it:
        await it.wish("AAPL-USD")
        await it.receiving()
        await it.control("stall", {"user": "all", "seconds": 60, "pings": False})
        lost = await it.passed(ConnectionState.RECONNECTING)
        assert "not even a pong" in (lost.reason or "")
        await it.emit(5, symbols=["AAPL"], orders=1)
        await it.receiving()
        await complete(it)


async def test_a_second_connection_is_waited_for_and_not_forced(tmp_path: Path) -> None:
    """429 in place of the upgrade is told with its reason, and the account waits as long as the venue wants."""
    async with rig(tmp_path) as it:
        await it.control("faults", {"kind": "connection_refused", "status": 429, "next": 1})
        await it.wish("AAPL-USD")
        waiting = await it.passed(ConnectionState.RECONNECTING)
        assert "another one of this account is open or was a moment ago" in (waiting.reason or "")
        assert "retry after 30 s" in (waiting.reason or "")
        assert (await it.control("stats", method="GET"))["handshakes"][0][1] == 429


async def test_a_refused_key_is_not_tried_again(tmp_path: Path) -> None:
    """The state says so, and the venue sees one attempt."""
    async with rig(tmp_path) as it:
        await it.control("faults", {"kind": "login_refused", "next": 5})
        await it.wish("AAPL-USD")
        refused = await it.passed(ConnectionState.AUTH_FAILED)
        assert "alpaca" in (refused.reason or "")
        await it.status()
        assert it.states.count(ConnectionState.CONNECTING) == 1


async def test_orders_are_placed_and_cancelled_by_rest(tmp_path: Path) -> None:
    """A bot's order is placed once however often it is asked for, its life is told, and its cancel, too."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USD")
        await it.receiving()
        placed = await it.place(ORDER)
        again = await it.place(ORDER)
        assert (placed.outcome, again.outcome) == (Outcome.ACCEPTED, Outcome.ACCEPTED)
        assert placed.order_id == again.order_id
        await eventually(lambda: it.orders, 10.0, "the order is told")
        cancelled = await it.cancel(CancelRequest(pair="BTC-USD", client_order_id="bot-1"))
        assert cancelled.outcome is Outcome.ACCEPTED
        await eventually(lambda: it.orders[-1].kind is Kind.CANCELLED, 10.0, "the cancel is told")
        assert [(event.kind, event.client_order_id) for event in it.orders] == [
            (Kind.NEW, "bot-1"),
            (Kind.CANCELLED, "bot-1"),
        ]


async def test_an_account_moves_only_when_its_gateway_lets_go(tmp_path: Path) -> None:
    """A second gateway that is to own the account waits, dials nothing, and takes over when the first one stops."""
    async with rig(tmp_path) as it:
        await it.wish("AAPL-USD")
        await it.receiving()
        heir = next(name for name in map(str, range(100)) if ranked(*_key(it, name))[0] == name)
        sharing = OwnershipPolicy(settle_s=0.2, beat_s=0.1)

        def load() -> AccountsRead:
            return load_accounts(environ=it.environ)

        async with AsyncExitStack() as stack:
            telemetry = FillTelemetry.start("fillwire-gateway", "test", sample_ratio=1.0)
            await stack.enter_async_context(telemetry)
            bus = await stack.enter_async_context(await Bus.connect(it.broker.url, name=heir))
            second = Gateway(
                load_settings(environ=it.environ),
                "alpaca",
                name=heir,
                telemetry=telemetry,
                load=load,
                reconciling=QUICK,
                sharing=sharing,
            )
            await stack.enter_async_context(second.running(bus))
            await it.emit(300, symbols=["AAPL"], orders=3, rate=100)
            await complete(it)
            handshakes = (await it.control("stats", method="GET"))["handshakes"]
            assert [status for _, status in handshakes] == [101]
            await it.stop()
            await it.emit(5, symbols=["AAPL"], orders=1)
            await complete(it)
            handshakes = (await it.control("stats", method="GET"))["handshakes"]
            assert [status for _, status in handshakes] == [101, 101]


def _key(it: Rig, name: str) -> tuple[str, list[str]]:
    return account_tokens(it.account), ["gateway-test", name]
