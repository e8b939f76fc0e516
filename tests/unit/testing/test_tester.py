"""The kit with which users try their strategies."""

import threading
from decimal import Decimal

import pytest

from fillwire.domain.enums import ConnectionState, Kind, Side
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.domain.orders import OrderRequest, Outcome, TradeOrder
from fillwire.sdk.strategy import Strategy
from fillwire.testing import StrategyTester


class TakeProfit(Strategy):
    """Sells what it bought, one percent higher."""

    pairs = ("BTC-USDT",)

    def __init__(self) -> None:
        self.told: list[str] = []

    async def on_start(self) -> None:
        """Note it."""
        self.told.append("start")

    def on_stop(self) -> None:
        """Note it."""
        self.told.append("stop")

    async def on_order_filled(self, order: OrderEvent) -> None:
        """Answer a buy."""
        assert order.average_price is not None
        if order.side is Side.BUY:
            answer = await self.place_order(
                order.pair, "sell", order.cumulative_quantity, price=order.average_price * Decimal("1.01")
            )
            self.told.append(answer.outcome)

    def on_order_partially_filled(self, order: OrderEvent) -> None:
        """Note it."""
        self.told.append(f"partially {order.cumulative_quantity} of {order.quantity}")

    async def on_order_cancelled(self, order: OrderEvent) -> None:
        """Cancel another."""
        await self.cancel_order(order.pair, order_id="7")

    def on_websocket_connected(self, connection: ConnectionEvent) -> None:
        """Note it."""
        self.told.append(f"connected {connection.exchange}")

    def on_websocket_disconnected(self, connection: ConnectionEvent) -> None:
        """Note it."""
        self.told.append(f"disconnected {connection.reason}")


async def test_a_strategy_is_told_and_its_orders_are_seen() -> None:
    """Fills, cancellations and the connection reach the callbacks; orders are noted and answered."""
    strategy = TakeProfit()
    async with StrategyTester(strategy) as bot:
        await bot.fill("BTC-USDT", "buy", "0.5", price=64000)
        await bot.fill("BTC-USDT", "sell", "0.5", price="65000")
        await bot.fill("BTC-USDT", "buy", "0.2", price=64000, order_quantity=1)
        await bot.tell(bot.event(Kind.CANCELLED, "BTC-USDT", "buy", 1, price=64000))
        await bot.connection(ConnectionState.RECEIVING)
        await bot.connection(ConnectionState.RECONNECTING, reason="gone")
        (order,) = bot.placed
        assert (order.side, order.quantity, order.price) == (Side.SELL, Decimal("0.5"), Decimal("64640.00"))
        assert [request.order_id for request in bot.cancelled] == ["7"]
    assert strategy.told == [
        "start",
        "accepted",
        "partially 0.2 of 1",
        "connected binance",
        "disconnected gone",
        "stop",
    ]


async def test_the_venue_may_refuse() -> None:
    """What the venue says to an order is the test's choice."""

    def refuse(request: OrderRequest) -> TradeOrder:
        return TradeOrder(
            outcome=Outcome.REJECTED,
            pair=request.pair,
            client_order_id=request.client_order_id,
            reason="no money",
        )

    strategy = TakeProfit()
    async with StrategyTester(strategy) as bot:
        bot.answer = refuse
        await bot.fill("BTC-USDT", "buy", 1, price=64000)
    assert "rejected" in strategy.told


async def test_the_same_event_asks_for_the_same_order() -> None:
    """A test can show that a strategy places nothing twice."""
    async with StrategyTester(TakeProfit()) as bot:
        event = await bot.fill("BTC-USDT", "buy", 1, price=64000)
        await bot.tell(event)
        assert len({order.client_order_id for order in bot.placed}) == 1


async def test_what_a_callback_raises_fails_the_test() -> None:
    """No retry, no dead letter: the error comes out where it was caused, and the strategy can place no more."""

    class Fails(Strategy):
        pairs = ("BTC-USDT",)

        def on_fill(self, order: OrderEvent) -> None:
            raise ZeroDivisionError(order.order_id)

    class FailsAtStart(Strategy):
        pairs = ("BTC-USDT",)

        def on_start(self) -> None:
            raise FileNotFoundError

    strategy = Fails()
    with pytest.raises(ZeroDivisionError):
        async with StrategyTester(strategy) as bot:
            await bot.fill("BTC-USDT", "buy", 1, price=64000)
    with pytest.raises(RuntimeError, match="bot fails is not running"):
        await strategy.place_order("BTC-USDT", "buy", 1)
    with pytest.raises(FileNotFoundError):
        await StrategyTester(FailsAtStart()).__aenter__()


async def test_a_blocking_strategy_is_called_in_its_thread() -> None:
    """It may place orders from there, as when it runs."""
    threads: list[int] = []

    class Blocks(Strategy):
        pairs = ("BTC-USDT",)
        blocking = True

        def on_fill(self, order: OrderEvent) -> None:
            threads.append(threading.get_ident())
            self.wait_for(self.place_order(order.pair, "sell", 1), timeout_s=5)

    async with StrategyTester(Blocks()) as bot:
        await bot.fill("BTC-USDT", "buy", 1, price=64000)
        assert len(bot.placed) == 1
    assert threads != [threading.get_ident()]
