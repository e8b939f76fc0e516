"""The scripted venue trades exactly what a test scripts."""

from decimal import Decimal

import pytest

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, TimeInForce
from fillwire.domain.events import OrderEvent
from fillwire.domain.orders import OrderRequest, Outcome
from fillwire.testing import ScriptedVenue, market
from fillwire.wire.codec import decode_order, encode_order

PAIR = "BTC-USDT"


def request(  # noqa: PLR0913 - the terms of an order
    name: str,
    side: Side,
    quantity: str,
    price: str | None = None,
    *,
    kind: OrderType = OrderType.LIMIT,
    time_in_force: TimeInForce | None = None,
) -> OrderRequest:
    """Return an order; without a price a market order."""
    return OrderRequest(
        client_order_id=name,
        pair=PAIR,
        side=side,
        type=OrderType.MARKET if price is None else kind,
        quantity=Decimal(quantity),
        price=None if price is None else Decimal(price),
        time_in_force=time_in_force,
    )


def told(venue: ScriptedVenue) -> list[OrderEvent]:
    """Return a list that will hold the venue's events."""
    events: list[OrderEvent] = []
    venue.listen(events.append)
    return events


def test_a_move_trades_with_what_lies_in_between_best_price_first() -> None:
    """Orders fill at their own prices, as makers; what the price does not reach stays."""
    venue = ScriptedVenue(market(PAIR, 100, maker_fee="0.001"))
    events = told(venue)
    for name, price in (("a", "98"), ("b", "99"), ("c", "90")):
        venue.place(request(name, Side.BUY, "2", price))
    venue.move(PAIR, 95)
    filled = [event for event in events if event.last_fill is not None]
    assert [(event.client_order_id, event.average_price) for event in filled] == [
        ("b", Decimal(99)),
        ("a", Decimal(98)),
    ]
    fill = filled[0].last_fill
    assert fill is not None
    assert (fill.fee, fill.fee_currency, fill.liquidity) == (Decimal("0.002"), "BTC", Liquidity.MAKER)
    assert [order.request.client_order_id for order in venue.open_orders(PAIR)] == ["c"]
    assert venue.markets[PAIR].price == 95
    assert venue.executions == filled


def test_a_thin_move_ends_where_it_is_used_up() -> None:
    """Its depth fills a part of an order, whose price is then the market's."""
    venue = ScriptedVenue(market(PAIR, 100))
    for name, price in (("a", "98"), ("b", "99")):
        venue.place(request(name, Side.BUY, "2", price))
    assert venue.move(PAIR, 95, depth="2.5") == 98
    first, second = venue.orders
    assert (first.kind, first.cumulative_quantity) == (Kind.PARTIALLY_FILLED, Decimal("0.5"))
    assert second.kind is Kind.FILLED
    assert venue.move(PAIR, 95) == 95
    assert first.kind is Kind.FILLED


def test_a_crossing_order_takes_at_the_market_and_its_rest_rests() -> None:
    """A limit order beyond the market trades at once, as far as there is depth; the taker's fee is the taker's."""
    venue = ScriptedVenue(market(PAIR, 100, taker_fee="0.002", fee_in="USDT"))
    venue.markets[PAIR].depth = Decimal(1)
    answer = venue.place(request("a", Side.BUY, "3", "101"))
    assert (answer.kind, answer.cumulative_quantity, answer.cumulative_quote) == (
        Kind.PARTIALLY_FILLED,
        Decimal(1),
        Decimal(100),
    )
    fill = venue.executions[0].last_fill
    assert fill is not None
    assert (fill.price, fill.fee, fill.fee_currency) == (Decimal(100), Decimal("0.2"), "USDT")
    assert venue.open_orders() == venue.orders


@pytest.mark.parametrize(
    ("order", "kinds"),
    [
        (request("a", Side.BUY, "3"), [Kind.NEW, Kind.PARTIALLY_FILLED, Kind.EXPIRED]),
        (
            request("a", Side.BUY, "3", "101", time_in_force=TimeInForce.IOC),
            [Kind.NEW, Kind.PARTIALLY_FILLED, Kind.EXPIRED],
        ),
        (request("a", Side.BUY, "3", "101", time_in_force=TimeInForce.FOK), [Kind.NEW, Kind.EXPIRED]),
        (request("a", Side.BUY, "1", "101", time_in_force=TimeInForce.FOK), [Kind.NEW, Kind.FILLED]),
        (request("a", Side.BUY, "3", "99", kind=OrderType.LIMIT_MAKER), [Kind.NEW]),
    ],
)
def test_an_order_lives_as_its_type_says(order: OrderRequest, kinds: list[Kind]) -> None:
    """What cannot trade at once rests or expires."""
    venue = ScriptedVenue(market(PAIR, 100))
    events = told(venue)
    venue.markets[PAIR].depth = Decimal(2)
    venue.place(order)
    assert [event.kind for event in events] == kinds


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (request("a", Side.BUY, "1", "99.005"), "a multiple of 0.01"),
        (request("a", Side.BUY, "0.15", "99"), "a multiple of 0.1"),
        (request("a", Side.BUY, "0.1", "49"), "expected 5 or more"),
        (request("a", Side.SELL, "1", "100", kind=OrderType.LIMIT_MAKER), "would trade at once, at 100"),
        (request("a", Side.BUY, "20", "99"), "insufficient balance: 1980 USDT needed, 1000 free"),
        (request("a", Side.SELL, "20"), "insufficient balance: 20 BTC needed, 10 free"),
    ],
)
def test_what_breaks_a_rule_or_cannot_be_paid_is_refused(order: OrderRequest, reason: str) -> None:
    """The reason is one sentence; nothing is told of such an order."""
    venue = ScriptedVenue(
        market(PAIR, 100, price_step="0.01", quantity_step="0.1", min_notional=5),
        balances={"USDT": 1000, "BTC": 10},
    )
    events = told(venue)
    answer = venue.place(order)
    assert answer.outcome is Outcome.REJECTED
    assert reason in str(answer.reason)
    assert not events


def test_balances_are_set_aside_traded_and_released() -> None:
    """What an order may cost is not free; what it cost and its fee are gone; what it did not cost is free again."""
    venue = ScriptedVenue(market(PAIR, 100, maker_fee="0.01"), balances={"USDT": 1000})
    balances = venue.balances
    assert balances is not None
    venue.place(request("a", Side.BUY, "4", "90"))
    assert balances.free("USDT") == 640
    venue.fill(venue.orders[0], 1)
    venue.end(venue.orders[0])
    assert (balances.total("USDT"), balances.free("USDT"), balances.total("BTC")) == (
        Decimal(910),
        Decimal(910),
        Decimal("0.99"),
    )


def test_an_id_is_placed_once() -> None:
    """Who asks again is answered for the order that there is, as by the gateway."""
    venue = ScriptedVenue(market(PAIR, 100))
    venue.place(request("a", Side.BUY, "1", "90"))
    venue.move(PAIR, 80)
    again = venue.place(request("a", Side.BUY, "1", "70"))
    assert (again.outcome, again.kind, again.price) == (Outcome.ACCEPTED, Kind.FILLED, Decimal(90))
    assert len(venue.orders) == 1


def test_its_events_are_order_events() -> None:
    """Each can be written and read as on the wire."""
    venue = ScriptedVenue(market(PAIR, 100, maker_fee="0.001", tells_fees=False))
    events = told(venue)
    venue.place(request("a", Side.SELL, "3", "110"))
    venue.fill(venue.orders[0], 1)
    venue.end(venue.orders[0], Kind.EXPIRED, reason="the day is over")
    assert [event.kind for event in events] == [Kind.NEW, Kind.PARTIALLY_FILLED, Kind.EXPIRED]
    assert [decode_order(encode_order(event)) for event in events] == events
    fill = events[1].last_fill
    assert fill is not None
    assert (fill.fee, fill.fee_currency) == (None, None)
    assert events[2].reject_reason == "the day is over"


def test_what_cannot_be_is_refused() -> None:
    """A script that fills more than there is, or ends what has ended, is a mistake of the test."""
    venue = ScriptedVenue(market(PAIR, 100))
    venue.place(request("a", Side.SELL, "3", "110"))
    order = venue.orders[0]
    with pytest.raises(ValueError, match="cannot fill 4 of order 1, new, 3 left"):
        venue.fill(order, 4)
    venue.fill(order)
    with pytest.raises(ValueError, match="order 1 is filled and cannot become cancelled"):
        venue.end(order)
