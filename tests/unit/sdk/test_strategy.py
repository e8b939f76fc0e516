"""The class that a bot derives from, without a host."""

import asyncio
from decimal import Decimal

import pytest

from fillwire.domain.client_order_ids import bot_label
from fillwire.domain.enums import Kind, OrderType, Side, TimeInForce
from fillwire.domain.orders import (
    CancelRequest,
    OpenOrdersQuery,
    OrderQuery,
    OrderRequest,
    Outcome,
    TradeOrder,
)
from fillwire.domain.rules import PairRules, RulesQuery
from fillwire.sdk.causality import ClientOrderIds
from fillwire.sdk.strategy import Strategy, kebab_case


class Desk:
    """Takes orders in place of a gateway."""

    def __init__(self) -> None:
        self.placed: list[OrderRequest] = []
        self.cancelled: list[CancelRequest] = []
        self.asked: list[OrderQuery | OpenOrdersQuery | RulesQuery] = []
        self.loop = asyncio.get_running_loop()
        self._ids = ClientOrderIds("bot", "alice@binance/live", "start")

    async def place(self, request: OrderRequest, timeout_s: float) -> TradeOrder:
        """Accept."""
        assert timeout_s > 0
        self.placed.append(request)
        return TradeOrder(
            outcome=Outcome.ACCEPTED, pair=request.pair, client_order_id=request.client_order_id, order_id="1"
        )

    async def cancel(self, request: CancelRequest, timeout_s: float) -> TradeOrder:
        """Accept."""
        assert timeout_s > 0
        self.cancelled.append(request)
        return TradeOrder(
            outcome=Outcome.ACCEPTED, pair=request.pair, client_order_id=request.client_order_id
        )

    async def order(self, query: OrderQuery, timeout_s: float) -> TradeOrder:
        """Show an order that was filled in part."""
        assert timeout_s > 0
        self.asked.append(query)
        return TradeOrder(
            outcome=Outcome.ACCEPTED,
            pair=query.pair,
            client_order_id=query.client_order_id,
            kind=Kind.PARTIALLY_FILLED,
        )

    async def open_orders(self, query: OpenOrdersQuery, timeout_s: float) -> list[TradeOrder]:
        """Show none."""
        assert timeout_s > 0
        self.asked.append(query)
        return []

    async def rules(self, query: RulesQuery, timeout_s: float) -> PairRules:
        """Know a step."""
        assert timeout_s > 0
        self.asked.append(query)
        return PairRules(price_step=Decimal("0.01"))

    def next_client_order_id(self) -> str:
        """Derive."""
        return self._ids.next()


class Quiet(Strategy):
    """Does nothing by itself."""

    pairs = ("BTC-USDT",)


def running() -> tuple[Quiet, Desk]:
    """Return a strategy bound to a desk."""
    strategy, desk = Quiet(), Desk()
    strategy._trading = desk
    return strategy, desk


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Greeter", "greeter"),
        ("PingPong", "ping-pong"),
        ("BTCGrid", "btc-grid"),
        ("Grid2X", "grid2-x"),
        ("a_b", "a-b"),
    ],
)
def test_a_bot_is_named_after_its_class(name: str, expected: str) -> None:
    """The default name is the class name in kebab-case."""
    assert kebab_case(name) == expected
    made: type[Strategy] = type(name, (Strategy,), {})
    assert made.name == expected


def test_a_given_name_stands_and_is_not_inherited() -> None:
    """Two bots must not share a name because one derives from the other."""

    class Named(Strategy):
        name = "mine"

    class Derived(Named):
        pass

    assert (Named.name, Derived.name) == ("mine", "derived")


async def test_a_price_makes_a_limit_order() -> None:
    """With a price the order is a limit order, good till cancelled; without one a market order."""
    strategy, desk = running()
    answer = await strategy.place_order("BTC-USDT", "buy", "0.10", price=64000)
    await strategy.place_order("BTC-USDT", Side.SELL, Decimal(2))
    assert answer.outcome is Outcome.ACCEPTED
    limit, market = desk.placed
    assert (limit.side, limit.type, limit.time_in_force) == (Side.BUY, OrderType.LIMIT, TimeInForce.GTC)
    assert (limit.quantity, limit.price) == (Decimal("0.10"), Decimal(64000))
    assert (market.type, market.time_in_force, market.price) == (OrderType.MARKET, None, None)
    assert limit.client_order_id != market.client_order_id


async def test_wrong_terms_are_refused_before_anything_is_sent() -> None:
    """A float, a zero, a word outside the set, terms that do not fit: none reaches the gateway."""
    strategy, desk = running()
    with pytest.raises(TypeError, match=r"quantity is 0.1, a float: expected a Decimal, a string or an int"):
        await strategy.place_order("BTC-USDT", "buy", 0.1)  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(ValueError, match="quantity is 0: expected a number greater than 0"):
        await strategy.place_order("BTC-USDT", "buy", 0)
    with pytest.raises(ValueError, match="price is 'cheap': expected a decimal number"):
        await strategy.place_order("BTC-USDT", "buy", 1, price="cheap")
    with pytest.raises(ValueError, match="'long' is not a valid Side"):
        await strategy.place_order("BTC-USDT", "long", 1)  # type: ignore[arg-type]  # the mistake under test
    with pytest.raises(ValueError, match="a limit order needs a price"):
        await strategy.place_order("BTC-USDT", "buy", 1, type="limit")
    with pytest.raises(ValueError, match="a market order takes no price, was 5"):
        await strategy.place_order("BTC-USDT", "buy", 1, type="market", price=5)
    with pytest.raises(ValueError, match="client_order_id is 'no spaces'"):
        await strategy.place_order("BTC-USDT", "buy", 1, client_order_id="no spaces")
    with pytest.raises(ValueError, match="cancel_order names no order"):
        await strategy.cancel_order("BTC-USDT")
    assert desk.placed == []


async def test_an_order_outside_of_a_run_is_refused() -> None:
    """A strategy that no host runs says so."""
    with pytest.raises(RuntimeError, match="bot quiet is not running"):
        await Quiet().place_order("BTC-USDT", "buy", 1)


async def test_a_blocking_callback_places_orders_from_its_thread() -> None:
    """wait_for runs the coroutine on the loop and hands back the answer; on the loop itself it refuses."""
    strategy, desk = running()
    answer = await asyncio.to_thread(
        lambda: strategy.wait_for(strategy.place_order("BTC-USDT", "buy", 1), timeout_s=5)
    )
    assert answer.outcome is Outcome.ACCEPTED
    assert len(desk.placed) == 1
    with pytest.raises(RuntimeError, match="wait_for would block the event loop"):
        strategy.wait_for(strategy.place_order("BTC-USDT", "buy", 1))


async def test_cancel_names_the_order_by_either_id() -> None:
    """The request carries the ids as given."""
    strategy, desk = running()
    await strategy.cancel_order("BTC-USDT", order_id="7")
    await strategy.cancel_order("BTC-USDT", client_order_id="mine")
    assert desk.cancelled == [
        CancelRequest(pair="BTC-USDT", order_id="7"),
        CancelRequest(pair="BTC-USDT", client_order_id="mine"),
    ]


async def test_a_bot_asks_for_its_orders() -> None:
    """One by either id; of the open ones its own, unless it wants everybody's."""
    strategy, desk = running()
    order = await strategy.get_order("BTC-USDT", client_order_id="grid-1")
    assert (order.kind, order.is_open) == (Kind.PARTIALLY_FILLED, True)
    assert await strategy.open_orders() == []
    assert await strategy.open_orders("BTC-USDT", everybodys=True) == []
    assert await strategy.pair_rules("BTC-USDT") == PairRules(price_step=Decimal("0.01"))
    assert desk.asked == [
        OrderQuery(pair="BTC-USDT", client_order_id="grid-1"),
        OpenOrdersQuery(pair=None, label=bot_label("quiet")),
        OpenOrdersQuery(pair="BTC-USDT", label=None),
        RulesQuery(pair="BTC-USDT"),
    ]


async def test_an_order_without_a_name_is_not_asked_for() -> None:
    """The sentence names both ids."""
    strategy, desk = running()
    with pytest.raises(ValueError, match="get_order names no order: expected order_id or client_order_id"):
        await strategy.get_order("BTC-USDT")
    assert desk.asked == []
