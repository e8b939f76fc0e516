"""Requests to Alpaca's REST interface as values. Times are arguments; nothing is signed."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from urllib.parse import quote, urlencode

import orjson

from fillwire.domain.enums import OrderType, TimeInForce
from fillwire.domain.errors import OrderRejected
from fillwire.domain.orders import OrderRequest
from fillwire.venues.alpaca.auth import Key
from fillwire.venues.alpaca.instruments import is_crypto
from fillwire.venues.alpaca.values import time_text
from fillwire.venues.questions import Ask
from fillwire.venues.rest import HttpRequest
from fillwire.wire.decimals import decimal_text

MAX_ORDERS = 500  # of one page
MAX_ACTIVITIES = 100
MAX_CLIENT_ID = 128
_TYPES = {OrderType.LIMIT: "limit", OrderType.MARKET: "market"}
_JSON = ("Content-Type", "application/json")


def ask(request: HttpRequest) -> Ask:
    """Return the request as a question: nothing in it depends on when it is sent."""
    return lambda _now_ns: request


def clock() -> HttpRequest:
    """Return the request for the venue's clock, without a key."""
    return HttpRequest(method="GET", path="/v2/clock")


def crypto_assets() -> HttpRequest:
    """Return the request for the crypto pairs, without a key; of stocks and options no list is needed."""
    return HttpRequest(method="GET", path="/v2/assets", query="asset_class=crypto")


def with_key(request: HttpRequest, key: Key) -> HttpRequest:
    """Return a request as the venue answers it."""
    return replace(request, headers=(*request.headers, *key.headers))


def account(key: Key) -> HttpRequest:
    """Return the request for what the account may do."""
    return HttpRequest(method="GET", path="/v2/account", headers=key.headers)


def orders(key: Key, status: str, after_ns: int | None = None) -> HttpRequest:
    """Return the request for a page of orders with their legs, by the time of their submission.

    Args:
        key: whose.
        status: `open` or `all`.
        after_ns: submitted after this time, in nanoseconds; None from the beginning.
    """
    query = {"status": status, "limit": MAX_ORDERS, "direction": "asc", "nested": "true"}
    if after_ns is not None:
        query["after"] = time_text(after_ns)
    return _get(key, "/v2/orders", query)


def order(key: Key, order_id: str) -> HttpRequest:
    """Return the request for one order with its legs."""
    return _get(key, f"/v2/orders/{quote(order_id, safe='')}", {"nested": "true"})


def order_by_client_id(key: Key, client_order_id: str) -> HttpRequest:
    """Return the request for the order of a client order id."""
    return _get(key, "/v2/orders:by_client_order_id", {"client_order_id": client_order_id})


def fills(
    key: Key,
    *,
    direction: str,
    order_id: str | None = None,
    after_ns: int | None = None,
    page_token: str | None = None,
) -> HttpRequest:
    """Return the request for a page of executions.

    Args:
        key: whose.
        direction: `asc` or `desc`, by their time.
        order_id: of this order only.
        after_ns: since this time, in nanoseconds.
        page_token: id of the last row of the page before.
    """
    query: dict[str, object] = {"direction": direction, "page_size": MAX_ACTIVITIES}
    if order_id is not None:
        query["order_id"] = order_id
    if after_ns is not None:
        query["after"] = time_text(after_ns)
    if page_token is not None:
        query["page_token"] = page_token
    return _get(key, "/v2/account/activities/FILL", query)


def place(key: Key, symbol: str, request: OrderRequest) -> HttpRequest:
    """Return the request that places an order.

    Raises:
        OrderRejected: the venue has no such order.
    """
    kind = _TYPES.get(request.type)
    if kind is None:
        raise OrderRejected(
            "alpaca", f"not sent: expected an order of type limit or market, was {request.type}"
        )
    if len(request.client_order_id) > MAX_CLIENT_ID:
        raise OrderRejected(
            "alpaca",
            f"not sent: expected a client order id of at most {MAX_CLIENT_ID} characters, "
            f"was one of {len(request.client_order_id)}",
        )
    # The venue wants it said for every order; what is not said means as long as the instrument's market allows.
    default = TimeInForce.GTC if is_crypto(symbol) else TimeInForce.DAY
    document: dict[str, str] = {
        "symbol": symbol,
        "qty": decimal_text(request.quantity),
        "side": request.side,
        "type": kind,
        "time_in_force": request.time_in_force or default,
        "client_order_id": request.client_order_id,
    }
    if request.type is OrderType.LIMIT:
        document["limit_price"] = _limit_price(request.price)
    return HttpRequest(
        method="POST", path="/v2/orders", headers=(*key.headers, _JSON), body=orjson.dumps(document)
    )


def cancel(key: Key, order_id: str) -> HttpRequest:
    """Return the request that cancels an order."""
    return HttpRequest(method="DELETE", path=f"/v2/orders/{quote(order_id, safe='')}", headers=key.headers)


def _limit_price(price: Decimal | None) -> str:
    if price is None:
        raise OrderRejected("alpaca", "not sent: expected a price for a limit order, was none")
    return decimal_text(price)


def _get(key: Key, path: str, query: Mapping[str, object]) -> HttpRequest:
    return HttpRequest(method="GET", path=path, query=urlencode(query), headers=key.headers)
