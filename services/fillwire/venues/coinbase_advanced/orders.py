"""What Coinbase Advanced Trade does with orders by REST: see `OrderApi`.

An order and its refusal are both answered with 200. Of what was placed the answer names no more than the ids, in one of
two shapes; a cancellation is only queued when it is answered.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from fillwire.domain.enums import Kind, OrderType, TimeInForce
from fillwire.domain.errors import OrderRejected, VenueError
from fillwire.domain.orders import CancelRequest, OrderRequest
from fillwire.venues.coinbase_advanced import requests
from fillwire.venues.coinbase_advanced.auth import TokenSigner
from fillwire.venues.coinbase_advanced.records import AdvancedRecords, newest_orders
from fillwire.venues.coinbase_advanced.refusals import OK, VENUE, order_error
from fillwire.venues.questions import Question
from fillwire.venues.records import OrderRow
from fillwire.venues.rest import HttpResponse
from fillwire.venues.rest_desk import ClientOrderIdTaken, ShownOrder
from fillwire.wire.decimals import decimal_text

_DUPLICATE = "DUPLICATE_CLIENT_ORDER_ID"
_CANCELLED = frozenset({"CANCELLED", "CANCEL_QUEUED"})
_CANCEL_QUEUED = "CANCEL_QUEUED"
_REASON_NAMES = ("new_order_failure_reason", "error", "preview_failure_reason", "message")
_UNKNOWN = "UNKNOWN"
_LIMIT_KINDS: Mapping[TimeInForce, str] = {
    TimeInForce.GTC: "limit_limit_gtc",
    TimeInForce.FOK: "limit_limit_fok",
    TimeInForce.IOC: "sor_limit_ioc",
}
_MARKET_KINDS: Mapping[TimeInForce, str] = {
    TimeInForce.IOC: "market_market_ioc",
    TimeInForce.FOK: "market_market_fok",
}


class AdvancedOrders:
    """`OrderApi` of Coinbase Advanced Trade.

    Args:
        signer: key of the account.
        records: of the account.
    """

    def __init__(self, signer: TokenSigner, records: AdvancedRecords) -> None:
        self._signer = signer
        self._records = records

    def place(self, symbol: str, request: OrderRequest) -> Question[ShownOrder]:
        """Place an order. One that the same client order id has placed before is answered as if it were placed now."""
        document = {
            "client_order_id": request.client_order_id,
            "product_id": symbol,
            "side": request.side.upper(),
            "order_configuration": configuration(request),
        }
        response = yield requests.place_order(self._signer, document)
        return _placed(_answer(response), request.client_order_id)

    def find(
        self, symbol: str, order_id: str | None, client_order_id: str | None
    ) -> Question[ShownOrder | None]:
        """Look for an order."""
        row = yield from self._find(symbol, order_id, client_order_id)
        return None if row is None else _shown(row)

    def cancel(self, symbol: str, request: CancelRequest) -> Question[ShownOrder]:
        """Ask for an order to be cancelled."""
        order_id = request.order_id
        if order_id is None:
            row = yield from self._records.order_named(symbol, request.client_order_id or "")
            if row is None:
                raise OrderRejected(VENUE, f"no order {request.client_order_id} of {symbol} is known")
            order_id = row.order_id
        response = yield requests.cancel_orders(self._signer, [order_id])
        result = _result(_answer(response), order_id)
        if result.get("success") is not True:
            reason = result.get("failure_reason")
            raise OrderRejected(VENUE, reason if isinstance(reason, str) and reason else "no reason given")
        return ShownOrder(
            order_id=order_id,
            client_order_id=request.client_order_id,
            status=_CANCEL_QUEUED,
            executed=None,
            is_cancelled=True,
        )

    def _find(
        self, symbol: str, order_id: str | None, client_order_id: str | None
    ) -> Question[OrderRow | None]:
        if order_id is not None:
            return (yield from self._records.order((symbol, order_id)))
        rows, _ = yield from newest_orders(self._signer, symbol)
        return next((row for row in rows if row.client_order_id == client_order_id), None)


def configuration(request: OrderRequest) -> dict[str, dict[str, Any]]:
    """Return the terms of an order as the venue wants them.

    Raises:
        OrderRejected: the venue has no such order.
    """
    size = decimal_text(request.quantity)
    force = request.time_in_force
    if request.type is OrderType.MARKET:
        kind = _MARKET_KINDS.get(force or TimeInForce.IOC)
        if kind is not None and request.price is None:
            return {kind: {"base_size": size}}
    elif request.type in {OrderType.LIMIT, OrderType.LIMIT_MAKER} and request.price is not None:
        is_maker = request.type is OrderType.LIMIT_MAKER
        kind = _LIMIT_KINDS.get(force or TimeInForce.GTC)
        if kind is not None and not (is_maker and kind != "limit_limit_gtc"):
            terms: dict[str, Any] = {"base_size": size, "limit_price": decimal_text(request.price)}
            if kind == "limit_limit_gtc":
                terms["post_only"] = is_maker
            return {kind: terms}
    raise OrderRejected(
        VENUE,
        f"not sent: expected a market order (ioc, fok), a limit order with price (gtc, ioc, fok) or a limit_maker (gtc), "
        f"was {request.type} {force or 'without time in force'} {'without' if request.price is None else 'with'} price",
    )


def _answer(response: HttpResponse) -> Mapping[str, Any]:
    if response.status != OK:
        raise order_error(response)
    try:
        document = orjson.loads(response.body)
    except orjson.JSONDecodeError as error:
        raise VenueError(VENUE, f"the venue's answer cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise VenueError(
            VENUE, f"the venue's answer cannot be read: expected an object, was {type(document).__name__}"
        )
    return document


def _placed(answer: Mapping[str, Any], client_order_id: str) -> ShownOrder:
    if answer.get("success") is not True:
        reason = _failure(answer)
        if _DUPLICATE in reason:
            raise ClientOrderIdTaken(VENUE, reason)
        raise OrderRejected(VENUE, reason)
    inner = answer.get("success_response")
    order_id = inner.get("order_id") if isinstance(inner, dict) else None
    order_id = order_id or answer.get("order_id")
    if not isinstance(order_id, str) or not order_id:
        raise VenueError(VENUE, "the order was accepted, but the answer does not name it")
    return ShownOrder(order_id=order_id, client_order_id=client_order_id, status=None, executed=None)


def _failure(answer: Mapping[str, Any]) -> str:
    """Return why an order was refused: the venue's first word for it that says something, and its sentence."""
    error = answer.get("error_response")
    words = [error.get(name) for name in _REASON_NAMES] if isinstance(error, dict) else []
    words.append(answer.get("failure_reason"))
    said = [word for word in words if isinstance(word, str) and word and not word.startswith(_UNKNOWN)]
    return ": ".join(dict.fromkeys(said)) or "no reason given"


def _result(answer: Mapping[str, Any], order_id: str) -> Mapping[str, Any]:
    results = answer.get("results")
    for result in results if isinstance(results, list) else ():
        if isinstance(result, dict) and result.get("order_id") == order_id:
            return result
    raise VenueError(VENUE, "the answer to a cancellation does not name the order")


def _shown(row: OrderRow) -> ShownOrder:
    return ShownOrder(
        order_id=row.order_id,
        client_order_id=row.client_order_id,
        status=row.status,
        executed=row.executed,
        is_cancelled=row.status in _CANCELLED or row.ending is Kind.CANCELLED,
    )
