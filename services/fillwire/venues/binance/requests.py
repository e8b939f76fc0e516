"""Requests to Binance Spot as values: calls of the WebSocket API and of REST. Times are arguments.

`TIME_UNIT` of REST is microseconds like the socket's, so that one execution has one time by either way.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import quote, urlencode

import orjson

from fillwire.domain.enums import OrderType
from fillwire.domain.errors import OrderRejected
from fillwire.domain.orders import CancelRequest, OrderRequest
from fillwire.venues.binance.auth import Signer, websocket_payload
from fillwire.venues.rest import HttpRequest
from fillwire.wire.decimals import decimal_text

TIME_UNIT = ("X-MBX-TIME-UNIT", "MICROSECOND")
# The venue refuses what is older on arrival. A tight window bounds how late an order can still reach the book.
RECV_WINDOW_MS = 5000
MAX_ROWS = 1000  # of one page of executions or orders

_HAS_PRICE = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER})
_PLACEABLE = _HAS_PRICE | {OrderType.MARKET}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the WebSocket API: method, and parameters before time and signature are added."""

    method: str
    params: Mapping[str, object] = field(default_factory=dict)

    def frame(self, call_id: int) -> bytes:
        """Return the text frame of an unsigned call."""
        document: dict[str, object] = {"id": call_id, "method": self.method}
        if self.params:
            document["params"] = dict(self.params)
        return orjson.dumps(document)

    def timed_frame(self, call_id: int, timestamp_ms: int) -> bytes:
        """Return the text frame of a call on a logged-on session: it needs the time but no signature."""
        params = {**self.params, "recvWindow": RECV_WINDOW_MS, "timestamp": timestamp_ms}
        return orjson.dumps({"id": call_id, "method": self.method, "params": params})

    def signed_frame(self, call_id: int, signer: Signer, timestamp_ms: int) -> bytes:
        """Return the text frame of a signed call.

        Args:
            call_id: what the venue's answer will carry.
            signer: key pair of the account.
            timestamp_ms: now by the venue's clock, in milliseconds since the epoch.
        """
        params: dict[str, object] = {
            **self.params,
            "apiKey": signer.api_key,
            "recvWindow": RECV_WINDOW_MS,
            "timestamp": timestamp_ms,
        }
        params["signature"] = signer.sign(websocket_payload(params))
        return orjson.dumps({"id": call_id, "method": self.method, "params": params})


TIME = Call("time")
SESSION_LOGON = Call("session.logon")
SESSION_STATUS = Call("session.status")
SUBSCRIBE = Call("userDataStream.subscribe")  # of a logged-on session; takes no parameters at all
SUBSCRIBE_SIGNATURE = Call("userDataStream.subscribe.signature")


def place_order(symbol: str, request: OrderRequest) -> Call:
    """Return the call that places an order.

    Raises:
        OrderRejected: the request lacks what its type needs, or is of a type that needs more than it can say.
    """
    if request.type not in _PLACEABLE:
        raise OrderRejected(
            "binance", f"order type {request.type} needs a stop price, which a request cannot carry"
        )
    if (request.type in _HAS_PRICE) != (request.price is not None):
        found = "none" if request.price is None else decimal_text(request.price)
        expected = "a price" if request.type in _HAS_PRICE else "none"
        raise OrderRejected("binance", f"price of a {request.type} order: expected {expected}, was {found}")
    params: dict[str, object] = {
        "symbol": symbol,
        "side": request.side.upper(),
        "type": request.type.upper(),
        "quantity": _positive("quantity", request.quantity),
        "newClientOrderId": request.client_order_id,
        "newOrderRespType": "RESULT",  # status and executed quantity; the executions come by the stream
    }
    if request.price is not None:
        params["price"] = _positive("price", request.price)
    if request.type is OrderType.LIMIT:
        params["timeInForce"] = "GTC" if request.time_in_force is None else request.time_in_force.upper()
    return Call("order.place", params)


def _positive(name: str, amount: Decimal) -> str:
    if not amount.is_finite() or amount <= 0:
        raise OrderRejected("binance", f"{name} {amount}: expected more than 0")
    return decimal_text(amount)


def cancel_order(symbol: str, request: CancelRequest) -> Call:
    """Return the call that cancels an order.

    Raises:
        OrderRejected: the request names no order.
    """
    return Call("order.cancel", _named(symbol, request.order_id, request.client_order_id))


def order_status(symbol: str, order_id: str | None, client_order_id: str | None) -> Call:
    """Return the call that asks for one order, by the venue's id or by the client's.

    Raises:
        OrderRejected: neither id is given.
    """
    return Call("order.status", _named(symbol, order_id, client_order_id))


def _named(symbol: str, order_id: str | None, client_order_id: str | None) -> dict[str, object]:
    params: dict[str, object] = {"symbol": symbol}
    if order_id is not None:
        if not order_id.isascii() or not order_id.isdigit():
            raise OrderRejected("binance", f"order id {order_id!r}: expected digits")
        params["orderId"] = int(order_id)
    if client_order_id is not None:
        params["origClientOrderId"] = client_order_id
    if len(params) == 1:
        raise OrderRejected("binance", "expected an order id or a client order id, found neither")
    return params


def server_time() -> HttpRequest:
    """Return the REST request for the venue's clock."""
    return HttpRequest(method="GET", path="/api/v3/time", headers=(TIME_UNIT,))


def exchange_info() -> HttpRequest:
    """Return the REST request for all symbols; the answer is some megabytes without permission sets, more with."""
    return HttpRequest(method="GET", path="/api/v3/exchangeInfo", query="showPermissionSets=false", weight=20)


def rest_open_orders(signer: Signer, timestamp_ms: int, symbol: str | None = None) -> HttpRequest:
    """Return the REST request for the account's open orders, of one symbol or of all."""
    params: dict[str, object] = {} if symbol is None else {"symbol": symbol}
    return _signed(signer, timestamp_ms, "/api/v3/openOrders", params, weight=80 if symbol is None else 6)


def rest_order(signer: Signer, timestamp_ms: int, symbol: str, order_id: str) -> HttpRequest:
    """Return the REST request for one order by the venue's id."""
    return _signed(signer, timestamp_ms, "/api/v3/order", {"symbol": symbol, "orderId": order_id}, weight=4)


def rest_order_named(signer: Signer, timestamp_ms: int, symbol: str, client_order_id: str) -> HttpRequest:
    """Return the REST request for one order by the client's id."""
    params = {"symbol": symbol, "origClientOrderId": client_order_id}
    return _signed(signer, timestamp_ms, "/api/v3/order", params, weight=4)


def rest_my_trades(  # noqa: PLR0913 - the filters the venue offers
    signer: Signer,
    timestamp_ms: int,
    symbol: str,
    *,
    order_id: str | None = None,
    from_id: str | None = None,
    start_time_ms: int | None = None,
    end_time_ms: int | None = None,
    limit: int = MAX_ROWS,
) -> HttpRequest:
    """Return the REST request for executions of one symbol, oldest first.

    Args:
        signer: key pair of the account.
        timestamp_ms: now by the venue's clock.
        symbol: the venue's spelling.
        order_id: only executions of this order.
        from_id: only trade ids from this one on, this one included. Paging by it knows no limit of 24 hours.
        start_time_ms: only executions from this time on. The venue takes it with neither `order_id` nor `from_id`.
        end_time_ms: only executions up to this time, at most 24 hours after `start_time_ms`.
        limit: rows at most, up to `MAX_ROWS`.
    """
    params: dict[str, object] = {"symbol": symbol}
    if order_id is not None:
        params["orderId"] = order_id
    if from_id is not None:
        params["fromId"] = from_id
    if start_time_ms is not None:
        params["startTime"] = start_time_ms
    if end_time_ms is not None:
        params["endTime"] = end_time_ms
    params["limit"] = limit
    return _signed(signer, timestamp_ms, "/api/v3/myTrades", params, weight=20 if order_id is None else 5)


def rest_all_orders(  # noqa: PLR0913 - the filters the venue offers
    signer: Signer,
    timestamp_ms: int,
    symbol: str,
    *,
    start_time_ms: int,
    end_time_ms: int,
    limit: int = MAX_ROWS,
) -> HttpRequest:
    """Return the REST request for the orders of one symbol, open or not, that last changed in a window.

    Args:
        signer: key pair of the account.
        timestamp_ms: now by the venue's clock.
        symbol: the venue's spelling.
        start_time_ms: first millisecond of the window.
        end_time_ms: its last one, at most 24 hours later.
        limit: rows at most, up to `MAX_ROWS`. Rows are in order of placing, not of change: of a full page nobody
            knows which are missing.
    """
    params: dict[str, object] = {
        "symbol": symbol,
        "startTime": start_time_ms,
        "endTime": end_time_ms,
        "limit": limit,
    }
    return _signed(signer, timestamp_ms, "/api/v3/allOrders", params, weight=20)


def rest_account(signer: Signer, timestamp_ms: int) -> HttpRequest:
    """Return the REST request for what the account may do, with its balances that are not 0."""
    return _signed(signer, timestamp_ms, "/api/v3/account", {"omitZeroBalances": "true"}, weight=20)


def rest_key_restrictions(signer: Signer, timestamp_ms: int) -> HttpRequest:
    """Return the REST request for what the key may do."""
    return _signed(signer, timestamp_ms, "/sapi/v1/account/apiRestrictions", {}, weight=1)


def signed_query(signer: Signer, timestamp_ms: int, params: Mapping[str, object]) -> str:
    """Return the query string of a signed REST request, signature last.

    The venue signs the percent-encoded text exactly as it is sent.
    """
    query = urlencode({**params, "recvWindow": RECV_WINDOW_MS, "timestamp": timestamp_ms}, quote_via=quote)
    return f"{query}&signature={quote(signer.sign(query.encode()), safe='')}"


def _signed(
    signer: Signer, timestamp_ms: int, path: str, params: Mapping[str, object], weight: int
) -> HttpRequest:
    return HttpRequest(
        method="GET",
        path=path,
        query=signed_query(signer, timestamp_ms, params),
        headers=(("X-MBX-APIKEY", signer.api_key), TIME_UNIT),
        weight=weight,
    )
