"""Bots' orders on one Coinbase Exchange connection: requests out, answers in."""

import json
from decimal import Decimal
from typing import Any

import orjson
import pytest

from fillwire.domain.enums import OrderType, Side, TimeInForce
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome
from fillwire.venues.coinbase_exchange.names import ClientOrderIds, venue_id
from fillwire.venues.coinbase_exchange.protocol import ExchangeProtocol
from fillwire.venues.parsing import ExecutionReport
from fillwire.venues.protocol import (
    OrderAnswered,
)
from fillwire.venues.rest import HttpResponse
from support.coinbase_exchange_connection import (
    NOW_NS,
    SIGNER,
    protocol,
    received,
    receiving,
)

ORDER = OrderRequest(
    client_order_id="mine-1",
    pair="BTC-USD",
    side=Side.BUY,
    type=OrderType.LIMIT,
    quantity=Decimal("0.5"),
    price=Decimal("100.10"),
    time_in_force=TimeInForce.GTC,
)


def answer(found: ExchangeProtocol) -> Any:
    """Return the answer to a bot's request, which must be all that happened."""
    (event,) = found.events()
    assert isinstance(event, OrderAnswered)
    return event.answer


def test_an_order_is_placed_under_a_name_that_the_venue_takes() -> None:
    """Signed over the body, and its events go by the id of its owner, whether they come before the answer or after."""
    found = receiving(names=ClientOrderIds())
    found.place_order(5, ORDER, NOW_NS, may_exist=False)
    (ask,) = found.requests_to_send()
    request = ask.make(NOW_NS)
    name = venue_id("mine-1")
    assert (request.method, request.target) == ("POST", "/orders")
    assert json.loads(request.body) == {
        "side": "buy",
        "product_id": "BTC-USD",
        "client_oid": name,
        "size": "0.5",
        "type": "limit",
        "price": "100.1",
        "time_in_force": "GTC",
    }
    headers = dict(request.headers)
    assert headers["CB-ACCESS-SIGN"] == SIGNER.sign("1795000000", "POST", "/orders", request.body)
    assert headers["CB-ACCESS-TIMESTAMP"] == "1795000000"
    found.receive_frame(received(client_oid=name), NOW_NS)
    (event,) = found.events()
    assert isinstance(event, ExecutionReport)
    assert event.client_order_id == "mine-1"
    body = orjson.dumps({"id": "o1", "status": "pending", "filled_size": "0"})
    found.receive_response(ask.key, HttpResponse(status=200, body=body), NOW_NS)
    told = answer(found)
    assert (told.outcome, told.order_id, told.client_order_id) == (Outcome.ACCEPTED, "o1", "mine-1")


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, {"message": "Insufficient funds"}, Outcome.REJECTED),
        (200, {"id": "o1", "status": "rejected", "reject_reason": "post only"}, Outcome.REJECTED),
        (401, {"message": "Invalid API Key"}, Outcome.REJECTED),
        (429, {"message": "Private rate limit exceeded"}, Outcome.REJECTED),
    ],
)
def test_a_refusal_is_an_answer(status: int, body: dict[str, str], outcome: Outcome) -> None:
    """The venue said that nothing was done."""
    found = receiving()
    found.place_order(5, ORDER, NOW_NS, may_exist=False)
    (ask,) = found.requests_to_send()
    found.receive_response(ask.key, HttpResponse(status=status, body=orjson.dumps(body)), NOW_NS)
    assert answer(found).outcome is outcome


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, b"<html>"),
        (408, b""),
        (404, b"<html>"),
        (400, b'{"message":"duplicate client_oid"}'),
        (200, b"what"),
    ],
)
def test_an_order_that_may_exist_is_looked_for_by_its_name(status: int, body: bytes) -> None:
    """No answer, or one that says that there is such an order: the venue's records tell."""
    found = receiving()
    found.place_order(5, ORDER, NOW_NS, may_exist=False)
    (ask,) = found.requests_to_send()
    found.receive_response(ask.key, HttpResponse(status=status, body=body), NOW_NS)
    (look,) = found.requests_to_send()
    assert look.make(NOW_NS).path == f"/orders/client:{venue_id('mine-1')}"
    row = {"id": "o1", "status": "done", "done_reason": "filled", "filled_size": "0.5"}
    found.receive_response(look.key, HttpResponse(status=200, body=orjson.dumps(row)), NOW_NS)
    told = answer(found)
    assert (told.outcome, told.cumulative_quantity) == (Outcome.ACCEPTED, Decimal("0.5"))


def test_an_order_whose_time_is_refused_is_sent_by_the_venues_clock() -> None:
    """Nothing was done, and it is not looked for: the clock is measured, and the order sent once more."""
    found = receiving()
    found.place_order(5, ORDER, NOW_NS, may_exist=False)
    (ask,) = found.requests_to_send()
    refused = HttpResponse(status=400, body=b'{"message":"request timestamp expired"}')
    found.receive_response(ask.key, refused, NOW_NS)
    (ask,) = found.requests_to_send()
    assert ask.make(NOW_NS).path == "/time"
    found.receive_response(ask.key, HttpResponse(status=200, body=b'{"epoch":1795000007.0}'), NOW_NS)
    (ask,) = found.requests_to_send()
    assert ask.make(NOW_NS).method == "POST"


def test_an_unreadable_answer_to_a_cancellation_leaves_it_unknown() -> None:
    """It may have been cancelled; the connection goes on."""
    found = receiving()
    found.cancel_order(6, CancelRequest(pair="BTC-USD", order_id="o1"), NOW_NS)
    (ask,) = found.requests_to_send()
    found.receive_response(ask.key, HttpResponse(status=200, body=b"<html>"), NOW_NS)
    assert answer(found).outcome is Outcome.UNKNOWN


def test_an_order_is_cancelled_by_either_id() -> None:
    """By the venue's, or by ours in the venue's spelling."""
    found = receiving()
    for request, name in (
        (CancelRequest(pair="BTC-USD", order_id="o1"), "o1"),
        (CancelRequest(pair="BTC-USD", client_order_id="mine-1"), f"client:{venue_id('mine-1')}"),
    ):
        found.cancel_order(6, request, NOW_NS)
        (ask,) = found.requests_to_send()
        sent = ask.make(NOW_NS)
        assert (sent.method, sent.target) == ("DELETE", f"/orders/{name}?product_id=BTC-USD")
        found.receive_response(ask.key, HttpResponse(status=200, body=b'"o1"'), NOW_NS)
        assert answer(found).outcome is Outcome.ACCEPTED
    found.cancel_order(7, CancelRequest(pair="BTC-USD", order_id="o1"), NOW_NS)
    (ask,) = found.requests_to_send()
    found.receive_response(ask.key, HttpResponse(status=404, body=b'{"message":"order not found"}'), NOW_NS)
    (look,) = found.requests_to_send()
    found.receive_response(look.key, HttpResponse(status=404, body=b'{"message":"NotFound"}'), NOW_NS)
    assert answer(found).outcome is Outcome.REJECTED


def test_an_order_that_the_venue_does_not_take_is_not_sent() -> None:
    """The reason names what can be placed."""
    found = receiving()
    request = OrderRequest(
        client_order_id="x", pair="BTC-USD", side=Side.BUY, type=OrderType.STOP_LOSS, quantity=Decimal(1)
    )
    found.place_order(8, request, NOW_NS, may_exist=False)
    assert found.requests_to_send() == []
    told = answer(found)
    assert (told.outcome, "expected market, or limit" in told.reason) == (Outcome.REJECTED, True)


def test_nothing_is_sent_before_the_stream_is_there() -> None:
    """An order whose fills nobody would see is refused unsent; one without answer ends unknown."""
    found = protocol()
    found.place_order(1, ORDER, NOW_NS, may_exist=False)
    assert answer(found).outcome is Outcome.REJECTED
    found = receiving()
    found.place_order(1, ORDER, NOW_NS, may_exist=False)
    found.disconnected(NOW_NS)
    found.receive_timer(found.next_deadline_ns() or 0)
    assert answer(found).outcome is Outcome.UNKNOWN
    assert found.next_deadline_ns() is None
