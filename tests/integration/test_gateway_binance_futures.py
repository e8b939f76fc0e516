"""Fills of Binance USD-M Futures, from the venue's private stream to the broker: once, in order, whatever happens."""

import asyncio
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from fillwire.domain.enums import ConnectionState, Kind, OrderType, Side, Source
from fillwire.domain.events import OrderEvent
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.sdk.bot import bot_of
from fillwire.sdk.host import Host
from fillwire.sdk.strategy import Strategy
from fillwire.simulator.binance_futures.venue import ORDER_ID_OFFSET
from support.eventually import eventually
from support.gateway_rig import Rig, rig

PATIENT = ReconcilePolicy(audit_interval_s=3600.0, sweep_interval_s=3600.0, follow_up_s=(3600.0,))


def order(client_order_id: str, **changes: Any) -> OrderRequest:
    """Return a request for a resting order."""
    fields: dict[str, Any] = {
        "client_order_id": client_order_id,
        "pair": "BTC-USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": Decimal("0.01"),
        "price": Decimal(60000),
    }
    return OrderRequest(**(fields | changes))


async def all_published(it: Rig) -> None:
    """Wait until the broker has what the venue executed, once each and per order in the venue's order."""
    emitted = await it.executions()
    await eventually(lambda: len(it.fills) >= len(emitted), 20.0, "all fills published")
    logged = [event.event_id for event in await it.logged() if event.last_fill is not None]
    assert sorted(logged) == sorted(emitted)
    for scope in {event_id.rpartition(":")[0] for event_id in emitted}:
        ours = [event_id for event_id in logged if event_id.startswith(f"{scope}:")]
        assert ours == [event_id for event_id in emitted if event_id.startswith(f"{scope}:")]


async def test_every_fill_reaches_the_broker_once_and_in_order(tmp_path: Path) -> None:
    """What the venue's records say is what the log holds; announced executions are not told twice."""
    async with rig(tmp_path, exchange="binance-futures") as it:
        await it.wish("BTC-USDT", "ETH-USDT")
        await it.receiving()
        await it.emit(200, symbols=["BTCUSDT", "ETHUSDT"], orders=20)
        await all_published(it)
        assert {event.source for event in it.orders} == {Source.STREAM}
        assert all(int(event.order_id) > ORDER_ID_OFFSET for event in it.orders)


async def test_a_bots_order_is_placed_filled_and_cancelled(tmp_path: Path) -> None:
    """By REST with the bot's own client id; its life comes back as events, its fee in the quote asset."""
    async with rig(tmp_path, exchange="binance-futures") as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        answer = await it.place(order("bot-1"))
        assert (answer.outcome, answer.venue_status) == (Outcome.ACCEPTED, "NEW")
        await it.control("price", {"symbol": "BTCUSDT", "price": "59000"})
        await eventually(lambda: [event.kind for event in it.orders] == [Kind.NEW, Kind.FILLED])
        filled = it.orders[-1]
        assert filled.last_fill is not None
        assert (filled.client_order_id, filled.average_price) == ("bot-1", Decimal(60000))
        assert (filled.last_fill.quote, filled.last_fill.fee) == (Decimal(600), Decimal("0.24"))
        assert filled.last_fill.fee_currency == "USDT"

        post_only = order("bot-2", type=OrderType.LIMIT_MAKER, price=Decimal(70000))
        refused = await it.place(post_only)
        assert (refused.outcome, refused.code) == (Outcome.REJECTED, -5022)
        await it.place(order("bot-3", price=Decimal(50000)))
        cancelled = await it.cancel(CancelRequest(pair="BTC-USDT", client_order_id="bot-3"))
        assert (cancelled.outcome, cancelled.venue_status) == (Outcome.ACCEPTED, "CANCELED")
        await eventually(lambda: it.orders[-1].kind is Kind.CANCELLED)
        assert it.orders[-1].client_order_id == "bot-3"


async def test_an_order_asked_for_twice_is_placed_once(tmp_path: Path) -> None:
    """Where the answer was lost, the order itself tells."""
    async with rig(tmp_path, exchange="binance-futures") as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", {"kind": "lost_response", "method": "order.place"})
        answer = await it.place(order("bot-1"))
        assert answer.outcome is Outcome.ACCEPTED
        assert (await it.place(order("bot-1"))).order_id == answer.order_id
        await eventually(lambda: len(it.orders) == 1)


async def test_an_order_that_outlives_its_connection_is_placed_once(tmp_path: Path) -> None:
    """The socket is cut while the venue takes its time: the answer comes all the same, and asking again places nothing."""
    async with rig(tmp_path, exchange="binance-futures") as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control(
            "faults", {"kind": "request_delay", "method": "order.place", "seconds": 2, "next": 1}
        )
        market = order("bot-1", type=OrderType.MARKET, price=None)
        asking = asyncio.create_task(it.place(market))
        await eventually(lambda: _is_asked(it), what="the request at the venue")
        await it.control("cut", {})
        await it.receiving()
        again = await it.place(market)
        first = await asking
        assert (first.outcome, again.outcome) == (Outcome.ACCEPTED, Outcome.ACCEPTED)
        assert first.order_id == again.order_id
        assert len({event_id.split(":")[-2] for event_id in await it.executions()}) == 1


async def test_an_order_that_outlives_its_request_is_placed_once(tmp_path: Path) -> None:
    """Unknown at the deadline, and carried out after it: asked again meanwhile, it is looked for until it shows."""
    websocket = {"connectionTimeout": 5000, "heartbeatIntervalMs": 30000, "orderTimeoutMs": 2000}
    async with rig(tmp_path, exchange="binance-futures", FILLWIRE_WEBSOCKET=websocket) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        # Longer than the bot waits and three looks, shorter than the venue takes the request.
        delay_s, begun_s = 3.5, time.monotonic()
        await it.control(
            "faults", {"kind": "request_delay", "method": "order.place", "seconds": delay_s, "next": 1}
        )
        market = order("bot-1", type=OrderType.MARKET, price=None)
        first = await it.place(market)
        again = await it.place(market)
        assert (first.outcome, again.outcome) == (Outcome.UNKNOWN, Outcome.ACCEPTED)
        assert time.monotonic() - begun_s >= delay_s  # it is the first request's order, not another
        assert len({event_id.split(":")[-2] for event_id in await it.executions()}) == 1


async def _is_asked(it: Rig) -> bool:
    faults = await it.control("faults", method="GET")
    return not any(fault["kind"] == "request_delay" and fault["next"] for fault in faults)


async def test_a_reconnect_recovers_the_executions_between(tmp_path: Path) -> None:
    """What was executed while the socket was gone is read from the records, and told in order."""
    async with rig(tmp_path, exchange="binance-futures") as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.emit(20)
        await it.control("stall", {"seconds": 30, "what": "events", "retain": False})
        await it.emit(20)
        await it.control("cut", {"user": "demo"})
        await it.receiving()
        await all_published(it)
        assert Source.REST in {event.source for event in it.orders}


async def test_an_expired_key_is_followed_by_a_connection_with_a_new_one(tmp_path: Path) -> None:
    """The venue says that the key has expired and is silent from then on; nothing that follows is lost."""
    async with rig(tmp_path, exchange="binance-futures") as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        (first,) = await it.sockets()
        assert (await it.control("expire_key", {"user": "demo"}))["streams"] == 1
        await it.emit(20)

        async def is_succeeded() -> bool:
            sockets = await it.sockets()
            return len(sockets) == 1 and sockets[0] > first

        await eventually(is_succeeded, 10.0, "a successor alone")
        await it.emit(20)
        await all_published(it)
        assert ConnectionState.RECONNECTING not in it.states


async def test_a_lost_report_of_an_announced_execution_is_found(tmp_path: Path) -> None:
    """The last execution of an order shows no gap; its announcement does, long before the next audit."""
    async with rig(tmp_path, exchange="binance-futures", reconciling=PATIENT) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.emit(4, orders=1)
        await it.control("faults", {"kind": "drop", "target": "execution", "next": 1})
        await it.emit(1, orders=1)
        await all_published(it)
        assert it.orders[-1].source is Source.REST


async def test_a_dead_socket_is_found_by_a_ping(tmp_path: Path) -> None:
    """The venue's own pings come minutes apart; ours find a stall within the interval."""
    websocket = {
        "connectionTimeout": 5000,
        "heartbeatIntervalMs": 3000,
        "reconnect": {"maxRetries": 10, "initialDelayMs": 10, "maxDelayMs": 200, "backoffMultiplier": 1.5},
    }
    async with rig(tmp_path, exchange="binance-futures", FILLWIRE_WEBSOCKET=websocket) as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.emit(2)
        for connection in it.simulator.core.connections:
            connection.pings = False
            connection.receive_ping = _hear_nothing  # type: ignore[method-assign] # a peer that has gone deaf
        reconnecting = await it.passed(ConnectionState.RECONNECTING)
        assert "a ping was not answered" in (reconnecting.reason or "")
        await it.receiving()
        await it.emit(2)
        await all_published(it)


async def test_a_refused_frame_is_set_aside_and_its_order_looked_up(tmp_path: Path) -> None:
    """A report that cannot be read goes to quarantine; the execution comes from the records."""
    async with rig(tmp_path, exchange="binance-futures") as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", {"kind": "corrupt", "how": "bad_quantity", "target": "execution"})
        await it.emit(3, orders=1)
        await all_published(it)
        assert Source.REST in {event.source for event in it.orders}


async def test_a_revoked_key_stops_the_account(tmp_path: Path) -> None:
    """A person must act: the next dial asks for a listenKey and is refused."""
    async with rig(tmp_path, exchange="binance-futures") as it:
        await it.wish("BTC-USDT")
        await it.receiving()
        await it.control("faults", {"kind": "revoke_key", "user": "demo"})
        await it.control("cut", {"user": "demo"})
        failed = await it.passed(ConnectionState.AUTH_FAILED)
        assert "Invalid API-key" in (failed.reason or "")


def _hear_nothing(payload: bytes) -> None:
    del payload


class Listener(Strategy):
    """A bot that notes the executions it is told of."""

    pairs = ("SOL-USDT",)
    name = "listener"

    def __init__(self) -> None:
        self.told: list[str] = []

    async def on_fill(self, order: OrderEvent) -> None:
        """Note an execution."""
        self.told.append(order.event_id)


async def test_a_bot_is_told_of_each_fill_once(tmp_path: Path) -> None:
    """From the venue's frame to the strategy's callback; the host's wish is what opens the connection."""
    async with rig(tmp_path, exchange="binance-futures") as it, Host(it.bus) as host:
        bot = Listener()
        await host.add(bot_of(bot, it.account))
        await it.receiving()
        await it.emit(30, symbols=["SOLUSDT"], orders=3)
        emitted = await it.executions()
        await eventually(lambda: len(bot.told) >= len(emitted), 20.0, "all fills told")
        assert sorted(bot.told) == sorted(emitted)
