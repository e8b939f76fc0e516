"""Placing, finding and cancelling at Coinbase Advanced Trade."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from fillwire.domain.enums import OrderType, Side, TimeInForce
from fillwire.domain.errors import AuthRejected, ConnectionLost, OrderRejected, Throttled, VenueError
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import CancelRequest, OrderRequest
from fillwire.venues.coinbase_advanced.auth import TokenSigner
from fillwire.venues.coinbase_advanced.orders import AdvancedOrders, configuration
from fillwire.venues.coinbase_advanced.records import AdvancedRecords
from fillwire.venues.rest import HttpResponse
from fillwire.venues.rest_desk import ClientOrderIdTaken, ShownOrder
from support.advanced_rows import answer, order_answer, orders_page
from support.coinbase_keys import ES256_KEY_NAME, ES256_PEM
from support.questions import asked

SIGNER = TokenSigner(ES256_KEY_NAME, ES256_PEM)
ORDERS = AdvancedOrders(SIGNER, AdvancedRecords(Account("alice", "coinbase-advanced", "live"), SIGNER))
# The documents' answers to placing.
PLACED = {
    "success": True,
    "success_response": {"order_id": "o1", "product_id": "BTC-USD", "side": "BUY", "client_order_id": "mine"},
    "order_configuration": {},
}
REFUSED = {
    "success": False,
    "error_response": {
        "error": "UNSUPPORTED_ORDER_CONFIGURATION",
        "message": "source is not enabled for trading",
        "error_details": "",
        "new_order_failure_reason": "UNSUPPORTED_ORDER_CONFIGURATION",
    },
    "order_configuration": {},
}


def order(**changes: Any) -> OrderRequest:
    """Return a limit order with some values changed."""
    facts: dict[str, Any] = {
        "client_order_id": "mine",
        "pair": "BTC-USD",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": Decimal("0.10"),
        "price": Decimal(20000),
    }
    return OrderRequest(**facts | changes)


def place(response: HttpResponse) -> ShownOrder:
    """Return what the venue says to an order."""
    return asked(ORDERS.place("BTC-USD", order()), [response])[0]


def test_an_order_is_placed_with_its_terms() -> None:
    """Amounts as texts, the kind of order as the name of its terms."""
    shown, (request,) = asked(ORDERS.place("BTC-USD", order()), [answer(PLACED)])
    assert (request.method, request.path) == ("POST", "/api/v3/brokerage/orders")
    assert orjson.loads(request.body) == {
        "client_order_id": "mine",
        "product_id": "BTC-USD",
        "side": "BUY",
        "order_configuration": {
            "limit_limit_gtc": {"base_size": "0.1", "limit_price": "20000", "post_only": False}
        },
    }
    assert shown == ShownOrder(order_id="o1", client_order_id="mine", status=None, executed=None)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"type": OrderType.LIMIT_MAKER}, "limit_limit_gtc"),
        ({"time_in_force": TimeInForce.IOC}, "sor_limit_ioc"),
        ({"time_in_force": TimeInForce.FOK}, "limit_limit_fok"),
        ({"type": OrderType.MARKET, "price": None}, "market_market_ioc"),
        ({"type": OrderType.MARKET, "price": None, "time_in_force": TimeInForce.FOK}, "market_market_fok"),
    ],
)
def test_each_order_that_the_venue_has_has_a_name(changes: dict[str, Any], name: str) -> None:
    """Post-only is a word of the one that rests."""
    ((found, terms),) = configuration(order(**changes)).items()
    assert found == name
    assert terms.get("post_only") == (True if name == "limit_limit_gtc" else None)


@pytest.mark.parametrize(
    "changes",
    [
        {"price": None},
        {"type": OrderType.MARKET},
        {"type": OrderType.STOP_LOSS},
        {"time_in_force": TimeInForce.DAY},
        {"type": OrderType.LIMIT_MAKER, "time_in_force": TimeInForce.IOC},
    ],
)
def test_what_the_venue_does_not_have_is_not_sent(changes: dict[str, Any]) -> None:
    """It is refused with what would be taken."""
    with pytest.raises(OrderRejected, match="not sent: expected a market order"):
        configuration(order(**changes))


def test_the_id_is_taken_from_where_it_stands() -> None:
    """Older answers have it at the top, newer ones inside only."""
    assert place(answer({"success": True, "order_id": "o2", "failure_reason": ""})).order_id == "o2"
    with pytest.raises(VenueError, match="does not name it"):
        place(answer({"success": True, "success_response": {}}))


def test_a_refusal_comes_with_200() -> None:
    """It says why, in one word of several."""
    with pytest.raises(OrderRejected, match="UNSUPPORTED_ORDER_CONFIGURATION: source is not enabled"):
        place(answer(REFUSED))
    with pytest.raises(OrderRejected, match="INSUFFICIENT_FUND"):
        place(answer({"success": False, "failure_reason": "INSUFFICIENT_FUND"}))
    with pytest.raises(OrderRejected, match="no reason given"):
        place(answer({"success": False}))


def test_an_id_that_another_order_has_is_told_apart() -> None:
    """Whoever asks then looks for that order."""
    refusal = {"success": False, "error_response": {"error": "DUPLICATE_CLIENT_ORDER_ID"}}
    with pytest.raises(ClientOrderIdTaken):
        place(answer(refusal))


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (answer({"error": "INVALID_ARGUMENT", "message": "bad"}, 400), OrderRejected),
        (answer(b"<html>", 400), VenueError),
        (answer(b"{}", 408), VenueError),
        (answer(b"Unauthorized", 401), AuthRejected),
        (answer(b"", 429), Throttled),
        (answer(b"<html>", 502), ConnectionLost),
        (answer(b"<html>"), VenueError),
        (answer(b"[]"), VenueError),
    ],
)
def test_whether_an_order_was_placed_is_told_by_the_error(
    response: HttpResponse, error: type[VenueError]
) -> None:
    """Refused, not done for now, or nobody knows."""
    with pytest.raises(error) as caught:
        place(response)
    assert type(caught.value) is error


def test_an_order_is_found_by_its_id_or_among_the_newest() -> None:
    """The venue finds none by its client id: some pages are looked through, no more."""
    shown, _ = asked(ORDERS.find("BTC-USD", "o1", None), [order_answer(status="CANCEL_QUEUED")])
    assert shown is not None
    assert shown.is_cancelled
    pages = [orders_page({}, cursor=str(number), has_next=True) for number in range(9)]
    shown, requests = asked(ORDERS.find("BTC-USD", None, "mine"), pages)
    assert (shown, len(requests)) == (None, 4)
    page = orders_page({}, {"client_order_id": "mine", "order_id": "o7", "filled_size": "0.1"})
    shown, _ = asked(ORDERS.find("BTC-USD", None, "mine"), [page])
    assert shown is not None
    assert (shown.order_id, shown.status, shown.executed) == ("o7", "OPEN", Decimal("0.1"))


def test_a_cancellation_is_queued() -> None:
    """By the order's id, which is looked up if only its client id is given."""
    done = answer({"results": [{"success": True, "failure_reason": "UNKNOWN", "order_id": "o1"}]})
    request = CancelRequest(pair="BTC-USD", order_id="o1")
    shown, (asked_for,) = asked(ORDERS.cancel("BTC-USD", request), [done])
    assert orjson.loads(asked_for.body) == {"order_ids": ["o1"]}
    assert (shown.order_id, shown.status, shown.is_cancelled) == ("o1", "CANCEL_QUEUED", True)
    request = CancelRequest(pair="BTC-USD", client_order_id="mine")
    page = orders_page({"client_order_id": "mine", "order_id": "o1"})
    shown, requests = asked(ORDERS.cancel("BTC-USD", request), [page, done])
    assert (shown.order_id, len(requests)) == ("o1", 2)


def test_a_cancellation_may_be_refused_or_remain_unknown() -> None:
    """A 502 says nothing of what was done, and neither does an answer about other orders."""
    request = CancelRequest(pair="BTC-USD", order_id="o1")
    refused = answer(
        {"results": [{"success": False, "failure_reason": "UNKNOWN_CANCEL_ORDER", "order_id": "o1"}]}
    )
    with pytest.raises(OrderRejected, match="UNKNOWN_CANCEL_ORDER"):
        asked(ORDERS.cancel("BTC-USD", request), [refused])
    with pytest.raises(ConnectionLost):
        asked(ORDERS.cancel("BTC-USD", request), [answer(b"", 502)])
    with pytest.raises(VenueError, match="does not name the order"):
        asked(ORDERS.cancel("BTC-USD", request), [answer({"results": []})])
    with pytest.raises(OrderRejected, match="no order mine of BTC-USD is known"):
        asked(
            ORDERS.cancel("BTC-USD", CancelRequest(pair="BTC-USD", client_order_id="mine")), [orders_page()]
        )
