"""Requests to Binance USD-M Futures as values. Times are arguments, in milliseconds by the venue's clock."""

import re
from collections.abc import Mapping
from decimal import Decimal

from fillwire.domain.enums import OrderType, TimeInForce
from fillwire.domain.errors import OrderRejected
from fillwire.domain.orders import CancelRequest, OrderRequest
from fillwire.venues.binance.auth import Signer
from fillwire.venues.binance.requests import RECV_WINDOW_MS, signed_query
from fillwire.venues.binance_futures.endpoints import EXCHANGE
from fillwire.venues.rest import HttpRequest
from fillwire.wire.decimals import decimal_text

__all__ = ["MAX_ROWS", "RECV_WINDOW_MS"]

MAX_ROWS = 1000  # of one page of executions or orders

_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
_TIMES_IN_FORCE = frozenset(
    {TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTX, TimeInForce.RPI}
)


def server_time() -> HttpRequest:
    """Return the request for the venue's clock."""
    return HttpRequest(method="GET", path="/fapi/v1/time")


def exchange_info() -> HttpRequest:
    """Return the request for all symbols."""
    return HttpRequest(method="GET", path="/fapi/v1/exchangeInfo")


def account_configuration(signer: Signer, time_ms: int) -> HttpRequest:
    """Return the request for what the account may do."""
    return _signed(signer, time_ms, "GET", "/fapi/v1/accountConfig", {}, weight=5)


def listen_key(signer: Signer, method: str) -> HttpRequest:
    """Return the request for the account's listenKey: `POST` gets or makes it, `PUT` keeps it alive for an hour.

    It is not signed. All who listen to an account share one key, so it is never deleted.
    """
    return HttpRequest(method=method, path="/fapi/v1/listenKey", headers=_key(signer))


def place_order(signer: Signer, time_ms: int, symbol: str, request: OrderRequest) -> HttpRequest:
    """Return the request that places an order."""
    return _signed(signer, time_ms, "POST", "/fapi/v1/order", order_parameters(symbol, request), weight=1)


def order_parameters(symbol: str, request: OrderRequest) -> Mapping[str, object]:
    """Return the parameters that place an order.

    Raises:
        OrderRejected: the request lacks what its type needs, or is of a type that needs more than it can say.
    """
    is_maker = request.type is OrderType.LIMIT_MAKER
    has_price = is_maker or request.type is OrderType.LIMIT
    if not has_price and request.type is not OrderType.MARKET:
        raise OrderRejected(
            EXCHANGE, f"order type {request.type} needs a stop price, which a request cannot carry"
        )
    if has_price != (request.price is not None):
        found = "none" if request.price is None else decimal_text(request.price)
        raise OrderRejected(
            EXCHANGE,
            f"price of a {request.type} order: expected {'a price' if has_price else 'none'}, was {found}",
        )
    if _CLIENT_ID.fullmatch(request.client_order_id) is None:
        raise OrderRejected(
            EXCHANGE,
            f"client order id {request.client_order_id!r}: expected 1 to 36 letters, digits and . : / _ -",
        )
    params: dict[str, object] = {
        "symbol": symbol,
        "side": request.side.upper(),
        "type": "LIMIT" if has_price else "MARKET",
        "quantity": _positive("quantity", request.quantity),
        "newClientOrderId": request.client_order_id,
        "newOrderRespType": "RESULT",  # status and executed quantity; the executions come by the stream
    }
    if request.price is not None:
        time_in_force = TimeInForce.GTX if is_maker else request.time_in_force or TimeInForce.GTC
        if time_in_force not in _TIMES_IN_FORCE:
            raise OrderRejected(
                EXCHANGE, f"time in force {time_in_force}: the venue has none such for a request"
            )
        params["price"] = _positive("price", request.price)
        params["timeInForce"] = time_in_force.upper()
    return params


def _positive(name: str, amount: Decimal) -> str:
    if not amount.is_finite() or amount <= 0:
        raise OrderRejected(EXCHANGE, f"{name} {amount}: expected more than 0")
    return decimal_text(amount)


def cancel_order(signer: Signer, time_ms: int, symbol: str, request: CancelRequest) -> HttpRequest:
    """Return the request that cancels an order; raises as `named`."""
    params = named(symbol, request.order_id, request.client_order_id)
    return _signed(signer, time_ms, "DELETE", "/fapi/v1/order", params, weight=1)


def order(
    signer: Signer, time_ms: int, symbol: str, order_id: str | None, client_order_id: str | None = None
) -> HttpRequest:
    """Return the request for one order; raises as `named`."""
    return _signed(
        signer, time_ms, "GET", "/fapi/v1/order", named(symbol, order_id, client_order_id), weight=1
    )


def named(symbol: str, order_id: str | None, client_order_id: str | None) -> Mapping[str, object]:
    """Return the parameters that name one order, by the venue's id or by the client's.

    Raises:
        OrderRejected: neither id is given, or one that the venue cannot have.
    """
    params: dict[str, object] = {"symbol": symbol}
    if order_id is not None:
        if not order_id.isascii() or not order_id.isdigit():
            raise OrderRejected(EXCHANGE, f"order id {order_id!r}: expected digits")
        params["orderId"] = int(order_id)
    if client_order_id is not None:
        params["origClientOrderId"] = client_order_id
    if len(params) == 1:
        raise OrderRejected(EXCHANGE, "expected an order id or a client order id, found neither")
    return params


def open_orders(signer: Signer, time_ms: int, symbol: str | None) -> HttpRequest:
    """Return the request for the account's open orders, of one symbol or of all."""
    params: dict[str, object] = {} if symbol is None else {"symbol": symbol}
    return _signed(signer, time_ms, "GET", "/fapi/v1/openOrders", params, weight=40 if symbol is None else 1)


def all_orders(  # noqa: PLR0913, PLR0917 - the filters the venue offers
    signer: Signer, time_ms: int, symbol: str, start_ms: int, end_ms: int, limit: int
) -> HttpRequest:
    """Return the request for the orders of one symbol in a window of less than seven days."""
    params: dict[str, object] = {"symbol": symbol, "startTime": start_ms, "endTime": end_ms, "limit": limit}
    return _signed(signer, time_ms, "GET", "/fapi/v1/allOrders", params, weight=5)


def user_trades(  # noqa: PLR0913, PLR0917 - the filters the venue offers
    signer: Signer,
    time_ms: int,
    symbol: str,
    limit: int,
    window_ms: tuple[int, int] | None = None,
    from_id: str | None = None,
    order_id: str | None = None,
) -> HttpRequest:
    """Return the request for executions of one symbol, oldest first.

    Args:
        signer: key pair of the account.
        time_ms: now.
        symbol: the venue's spelling.
        limit: rows at most, up to `MAX_ROWS`.
        window_ms: first and last millisecond, at most seven days apart. The venue does not take it beside `from_id`.
        from_id: only trade ids from this one on, this one included.
        order_id: only executions of this order.
    """
    params: dict[str, object] = {"symbol": symbol}
    if order_id is not None:
        params["orderId"] = order_id
    if from_id is not None:
        params["fromId"] = from_id
    if window_ms is not None:
        params["startTime"], params["endTime"] = window_ms
    params["limit"] = limit
    return _signed(signer, time_ms, "GET", "/fapi/v1/userTrades", params, weight=5)


def _key(signer: Signer) -> tuple[tuple[str, str], ...]:
    return (("X-MBX-APIKEY", signer.api_key),)


def _signed(  # noqa: PLR0913, PLR0917 - the parts of a request
    signer: Signer, time_ms: int, method: str, path: str, params: Mapping[str, object], weight: int
) -> HttpRequest:
    return HttpRequest(
        method=method,
        path=path,
        query=signed_query(signer, time_ms, params),
        headers=_key(signer),
        weight=weight,
    )
