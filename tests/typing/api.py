"""Every call that a user may write. Never run: mypy and pyright check that each is accepted, and typed as said."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import assert_type

import fillwire
from fillwire import (
    Account,
    BrokerError,
    ConfigError,
    ConnectionEvent,
    ConnectionState,
    Fill,
    FillwireError,
    HandlerError,
    Kind,
    Liquidity,
    OrderEvent,
    OrderFillListener,
    Orders,
    OrderType,
    Outcome,
    RetryPolicy,
    Side,
    Source,
    Strategy,
    TimeInForce,
    TradeOrder,
    WebSocketStatus,
)


class Minimal(Strategy):
    pairs = ["BTC-USDT"]  # noqa: RUF012 - what a user writes

    async def on_order_filled(self, order: OrderEvent) -> None:
        print(f"{order.side} {order.cumulative_quantity} {order.pair} at {order.average_price}")  # noqa: T201 - as above


class Unannotated(Strategy):
    pairs = ("BTC-USDT", "ETH-USDT")

    async def on_order_filled(self, order):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - what a user may write
        await self.place_order(order.pair, "sell", order.cumulative_quantity)


class AllAsync(Strategy):
    name = "all-async"
    pairs = ["*"]  # noqa: RUF012 - what a user writes
    user = "alice"
    exchange = "binance"
    environment = "testnet"

    async def on_start(self) -> None: ...
    async def on_stop(self) -> None: ...
    async def on_fill(self, order: OrderEvent) -> None: ...
    async def on_order_accepted(self, order: OrderEvent) -> None: ...
    async def on_order_partially_filled(self, order: OrderEvent) -> None: ...
    async def on_order_filled(self, order: OrderEvent) -> None: ...
    async def on_order_cancelled(self, order: OrderEvent) -> None: ...
    async def on_order_expired(self, order: OrderEvent) -> None: ...
    async def on_order_rejected(self, order: OrderEvent) -> None: ...
    async def on_order_replaced(self, order: OrderEvent) -> None: ...
    async def on_websocket_connected(self, connection: ConnectionEvent) -> None: ...
    async def on_websocket_disconnected(self, connection: ConnectionEvent) -> None: ...
    async def on_websocket_error(self, connection: ConnectionEvent) -> None: ...
    async def on_reconciled(self, connection: ConnectionEvent) -> None: ...


class AllPlain(Strategy):
    pairs = ("BTC-USDT",)
    blocking = True

    def __init__(self, size: Decimal = Decimal("0.1")) -> None:
        self.size = size

    def on_start(self) -> None: ...
    def on_stop(self) -> None: ...
    def on_fill(self, order: OrderEvent) -> None: ...
    def on_order_accepted(self, order: OrderEvent) -> None: ...
    def on_order_partially_filled(self, order: OrderEvent) -> None: ...
    def on_order_cancelled(self, order: OrderEvent) -> None: ...
    def on_order_expired(self, order: OrderEvent) -> None: ...
    def on_order_rejected(self, order: OrderEvent) -> None: ...
    def on_order_replaced(self, order: OrderEvent) -> None: ...
    def on_websocket_connected(self, connection: ConnectionEvent) -> None: ...
    def on_websocket_disconnected(self, connection: ConnectionEvent) -> None: ...
    def on_websocket_error(self, connection: ConnectionEvent) -> None: ...
    def on_reconciled(self, connection: ConnectionEvent) -> None: ...

    def on_order_filled(self, order: OrderEvent) -> None:
        answer = self.wait_for(self.place_order(order.pair, "sell", self.size, price="65000"), timeout_s=10)
        assert_type(answer, TradeOrder)


class Remembers(Strategy):
    pairs = ("BTC-USDT",)
    cancel_orders_on_stop = True

    async def on_start(self) -> None:
        assert_type(await self.own_events("BTC-USDT"), Sequence[OrderEvent])
        found = await self.load_checkpoint()
        log = await self.read_own_log(after=0 if found is None else found.sequence)
        await self.save_checkpoint(log.sequence, b"state" if found is None else found.state)
        assert_type(self.now_ns, int)
        self.wake_after(1.5)

    async def on_wake(self) -> None:
        assert_type(await self.cancel_own_orders("BTC-USDT"), list[TradeOrder])


class Trader(Strategy):
    pairs = ("BTC-USDT",)

    async def on_fill(self, order: OrderEvent) -> TradeOrder:
        """Return anything: it is ignored."""
        await self.place_order("BTC-USDT", Side.BUY, 1)
        await self.place_order("BTC-USDT", "sell", "0.5", price=Decimal(64000), client_order_id="mine-1")
        await self.place_order(
            "BTC-USDT", "buy", Decimal(1), price="64000", type="limit_maker", timeout_s=1.5
        )
        await self.place_order(
            "BTC-USDT", "buy", 1, price=64000, type=OrderType.LIMIT, time_in_force=TimeInForce.IOC
        )
        await self.place_order("BTC-USDT", "buy", 1, price=64000, time_in_force="fok")
        cancelled = await self.cancel_order("BTC-USDT", order_id=order.order_id)
        assert_type(cancelled, TradeOrder)
        assert_type(await self.get_order("BTC-USDT", client_order_id="mine-1"), TradeOrder)
        assert_type(await self.open_orders(), list[TradeOrder])
        assert_type(await self.open_orders("BTC-USDT", everybodys=True, timeout_s=2), list[TradeOrder])
        rules = await self.pair_rules("BTC-USDT")
        assert_type(rules.price_step, Decimal | None)
        return await self.cancel_order("BTC-USDT", client_order_id="mine-1", timeout_s=2)


class AsyncListener:
    async def on_order_filled(self, order: OrderEvent) -> None: ...
    async def on_order_partially_filled(self, order: OrderEvent) -> None: ...
    async def on_order_cancelled(self, order: OrderEvent) -> None: ...
    async def on_websocket_connected(self, connection: ConnectionEvent) -> None: ...
    async def on_websocket_disconnected(self, connection: ConnectionEvent) -> None: ...
    async def on_websocket_error(self, connection: ConnectionEvent) -> None: ...


class PlainListener:
    def on_order_filled(self, order: OrderEvent) -> None: ...
    def on_order_partially_filled(self, order: OrderEvent) -> None: ...
    def on_order_cancelled(self, order: OrderEvent) -> None: ...
    def on_websocket_connected(self, connection: ConnectionEvent) -> None: ...
    def on_websocket_disconnected(self, connection: ConnectionEvent) -> None: ...
    def on_websocket_error(self, connection: ConnectionEvent) -> None: ...


class Incomplete:
    def on_order_filled(self, order: OrderEvent) -> None: ...


LISTENERS: list[OrderFillListener] = [AsyncListener(), PlainListener(), Minimal(), AllAsync(), AllPlain()]


async def subscribe() -> None:
    """Use everything that `Orders` offers."""
    retry = RetryPolicy(attempts=3, initial_delay_s=0.5, multiplier=2, max_delay_s=10)
    async with Orders("nats://127.0.0.1:4222", user="alice") as plain:
        assert_type(plain, Orders)
    async with Orders(user="alice", exchange="binance", environment="live", retry=retry) as orders:
        listener = AsyncListener()
        await orders.subscribe_to_order_fills("BTC-USDT", listener)
        await orders.subscribe_to_order_fills("ETH-USDT", PlainListener(), blocking=True, name="ledger")
        await orders.subscribe_to_order_fills(
            "*", listener, user="bob", exchange="binance", environment="testnet", start_from="beginning"
        )
        await orders.subscribe_to_order_fills(
            "SOL-USDT", Minimal(), start_from=datetime(2026, 1, 1, tzinfo=UTC)
        )
        await orders.unsubscribe_from_order_fills("BTC-USDT", listener, forget=True, deadline_s=5)
        await orders.subscribe_to_order_fills("BTC-USDT", Incomplete())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - must be refused
        assert_type(await orders.is_websocket_connected(), bool)
        status = await orders.get_websocket_status(user="alice", exchange="binance", environment="live")
        assert_type(status, WebSocketStatus)
        assert_type(status.is_connected, bool)
        assert_type(status.exchange, str)
        assert_type(status.subscription_count, int)
        assert_type(status.last_event_time_ns, int | None)
        assert_type(status.uptime_s, float)
        assert_type(status.state, ConnectionState | None)


def read(order: OrderEvent, connection: ConnectionEvent, answer: TradeOrder) -> None:
    """Read what callbacks are given."""
    assert_type(order.kind, Kind)
    assert_type(order.side, Side)
    assert_type(order.source, Source)
    assert_type(order.type, OrderType)
    assert_type(order.quantity, Decimal | None)
    assert_type(order.average_price, Decimal | None)
    assert_type(order.remaining_quantity, Decimal | None)
    assert_type(order.account, Account)
    assert_type(order.last_fill, Fill | None)
    if order.last_fill is not None:
        assert_type(order.last_fill.price, Decimal)
        assert_type(order.last_fill.fee, Decimal | None)
        assert_type(order.last_fill.liquidity, Liquidity | None)
    assert_type(connection.state, ConnectionState)
    assert_type(connection.reason, str | None)
    assert_type(connection.is_connected, bool)
    assert_type(answer.outcome, Outcome)
    assert_type(answer.order_id, str | None)


def refuse(order: OrderEvent, strategy: Trader) -> None:
    """What must not be accepted."""
    strategy.place_order("BTC-USDT", "buy", 0.1)  # type: ignore[arg-type, unused-coroutine]  # pyright: ignore[reportArgumentType] - a float is no amount
    strategy.place_order("BTC-USDT", "long", 1)  # type: ignore[arg-type, unused-coroutine]  # pyright: ignore[reportArgumentType] - no side
    order.quantity = Decimal(1)  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue] - events are frozen


def fail() -> None:
    """Catch what may be raised."""
    try:
        print(fillwire.__name__)  # noqa: T201 - what a user writes
    except (BrokerError, ConfigError, HandlerError) as error:
        assert_type(error, BrokerError | ConfigError | HandlerError)
    except FillwireError:
        raise
