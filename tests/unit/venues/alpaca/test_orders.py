"""Bots' orders at Alpaca: what is asked, and what the answers mean."""

from dataclasses import replace
from decimal import Decimal

import orjson
import pytest

from fillwire.domain.enums import OrderType, Side, TimeInForce
from fillwire.domain.errors import AuthRejected, ConnectionLost, OrderRejected, Throttled, VenueError
from fillwire.domain.orders import CancelRequest, OrderRequest
from fillwire.venues.alpaca.orders import AlpacaOrders
from fillwire.venues.rest import HttpResponse
from fillwire.venues.rest_desk import ClientOrderIdTaken
from support.alpaca_venue import KEY, ORDER_ID, answer, order
from support.questions import asked

API = AlpacaOrders(KEY)
ORDER = OrderRequest(
    client_order_id="bot-1", pair="BTC-USD", side=Side.SELL, type=OrderType.MARKET, quantity=Decimal("0.50")
)


def test_a_crypto_order_works_until_cancelled_unless_said() -> None:
    """The venue wants a time in force of every order; the default is the market's own."""
    _, (request,) = asked(API.place("BTC/USD", ORDER), [answer(order())])
    assert orjson.loads(request.body) == {
        "symbol": "BTC/USD",
        "qty": "0.5",
        "side": "sell",
        "type": "market",
        "time_in_force": "gtc",
        "client_order_id": "bot-1",
    }
    assert dict(request.headers)["Content-Type"] == "application/json"
    said = replace(ORDER, time_in_force=TimeInForce.IOC)
    _, (request,) = asked(API.place("AAPL", said), [answer(order())])
    assert orjson.loads(request.body)["time_in_force"] == "ioc"
    _, (request,) = asked(API.place("AAPL", ORDER), [answer(order())])
    assert orjson.loads(request.body)["time_in_force"] == "day"


@pytest.mark.parametrize(
    "wrong",
    [
        replace(ORDER, type=OrderType.LIMIT_MAKER, price=Decimal(1)),
        replace(ORDER, type=OrderType.LIMIT),
        replace(ORDER, client_order_id="x" * 129),
    ],
)
def test_what_the_venue_cannot_have_is_not_sent(wrong: OrderRequest) -> None:
    """A type without post-only, a limit order without price and an id too long are refused here."""
    with pytest.raises(OrderRejected, match="not sent"):
        asked(API.place("BTC/USD", wrong), [])


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (answer({"code": 42210000, "message": "client_order_id must be unique"}, 422), ClientOrderIdTaken),
        (answer({"code": 40010001, "message": "client_order_id must be unique"}, 422), ClientOrderIdTaken),
        (answer({"code": 42210000, "message": "qty must be > 0"}, 422), OrderRejected),
        (answer({"code": 40310000, "message": "insufficient buying power"}, 403), OrderRejected),
        (answer({"message": "forbidden."}, 403), AuthRejected),
        (answer({"code": 40110000, "message": "request is not authorized"}, 401), AuthRejected),
        (answer({"code": 42910000, "message": "rate limit exceeded"}, 429, x_ratelimit_reset="1"), Throttled),
        (answer({"code": 50010000, "message": "internal server error"}, 500), ConnectionLost),
        (HttpResponse(status=200, body=b"<html>"), VenueError),
    ],
)
def test_an_answer_to_an_order_says_what_is_known(response: HttpResponse, error: type[VenueError]) -> None:
    """Refusals are told from limits, from keys, and from answers after which nobody knows."""
    with pytest.raises(VenueError) as caught:
        asked(API.place("BTC/USD", ORDER), [response])
    assert type(caught.value) is error


def test_an_order_is_found_by_either_id() -> None:
    """The venue's own id goes into the path, a client id into the query, escaped."""
    shown, (request,) = asked(API.find("", ORDER_ID, None), [answer(order(filled_qty="3"))])
    assert (request.path, shown and shown.executed) == (f"/v2/orders/{ORDER_ID}", Decimal(3))
    none, (request,) = asked(
        API.find("", None, "a b&c"), [answer({"code": 40410000, "message": "order not found"}, 404)]
    )
    assert none is None
    assert request.target == "/v2/orders:by_client_order_id?client_order_id=a+b%26c"
    with pytest.raises(OrderRejected, match="was neither"):
        asked(API.find("", None, None), [])


def test_a_cancel_by_client_id_looks_the_order_up() -> None:
    """The venue cancels by its own id only."""
    shown, requests = asked(
        API.cancel("AAPL", CancelRequest(pair="AAPL-USD", client_order_id="bot-1")),
        [answer(order()), answer(None, 204)],
    )
    assert [(request.method, request.path) for request in requests] == [
        ("GET", "/v2/orders:by_client_order_id"),
        ("DELETE", f"/v2/orders/{ORDER_ID}"),
    ]
    assert (shown.order_id, shown.is_cancelled) == (ORDER_ID, True)


@pytest.mark.parametrize("status", [404, 422])
def test_an_order_that_has_ended_cannot_be_cancelled(status: int) -> None:
    """The refusal is told with the venue's words and code."""
    refusal = answer({"code": 42210000, "message": "order is already in filled state"}, status)
    with pytest.raises(OrderRejected, match="already in filled state") as caught:
        asked(API.cancel("AAPL", CancelRequest(pair="AAPL-USD", order_id=ORDER_ID)), [refusal])
    assert caught.value.code == 42210000
