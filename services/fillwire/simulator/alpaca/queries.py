"""Queries about orders, answered from a view that may lag behind the engine."""

from typing import Any

from fillwire.simulator.alpaca.operations import Answer, Operation, Request
from fillwire.simulator.alpaca.orders import (
    TERMINAL,
    facts_of,
    is_crypto,
    nanoseconds,
    order_document,
    status_of,
)
from fillwire.simulator.alpaca.refusals import not_found, unprocessable
from fillwire.simulator.alpaca.trading import find_order
from fillwire.simulator.exchange.orders import Order, visible_state

_LIMIT, _MAX_LIMIT = 50, 500


def _row(request: Request, order: Order) -> dict[str, Any] | None:
    """Return the order as it is seen now, None if it is not seen yet."""
    venue = request.venue
    state = visible_state(order, venue.clock.now_us(), venue.query_lag_us)
    if state is None:
        return None
    return order_document(
        venue.ids,
        order,
        status=status_of(order, state.status, state.expiry_reason),
        executed=state.executed,
        executed_quote=state.executed_quote,
        updated_us=state.updated_us,
        shows_offsets=venue.manners.shows_offsets,
    ) | {"subtag": None, "source": None}


def _nested(request: Request, each: Order) -> dict[str, Any] | None:
    """Return the order with the orders that depend on it, if the request wants them so."""
    row = _row(request, each)
    legs = facts_of(each).legs
    if row is None or not legs or not _wants_nested(request):
        return row
    return row | {"legs": [leg for leg in (_row(request, each) for each in legs) if leg is not None]}


def _wants_nested(request: Request) -> bool:
    return request.query.get("nested", "").lower() == "true"


def order(request: Request) -> Answer:
    """Show one order."""
    row = _nested(request, find_order(request))
    if row is None:
        raise not_found(f"order not found for {request.path['order_id']}")
    return Answer(result=row)


def order_by_client_id(request: Request) -> Answer:
    """Show the order of a client order id."""
    client_id = request.query.get("client_order_id", "")
    found = request.venue.find_by_client_id(request.account, client_id)
    row = None if found is None else _row(request, found)
    if row is None:
        raise not_found(f"order not found for {client_id}")
    return Answer(result=row)


def _submitted_ns(each: Order) -> int:
    return nanoseconds(each, each.created_us)


def _boundary(request: Request, name: str) -> int | None:
    """Return when the order was submitted that a parameter names."""
    order_id = request.query.get(name)
    if not order_id:
        return None
    found = request.venue.find_order(request.account, order_id)
    if found is None:
        raise not_found(f"order not found for {order_id}")
    return _submitted_ns(found)


def _chosen(request: Request) -> list[Order]:
    """Return the orders that the filters let through, oldest first."""
    query = request.query
    after, until = request.time_ns("after"), request.time_ns("until")
    after_order, before_order = _boundary(request, "after_order_id"), _boundary(request, "before_order_id")
    if after_order is not None and before_order is not None:
        raise unprocessable("before_order_id and after_order_id are mutually exclusive")
    if (after is not None or until is not None) and (after_order is not None or before_order is not None):
        raise unprocessable("order ids cannot be combined with times")
    lowest = after if after_order is None else after_order
    highest = until if before_order is None else before_order
    symbols = {name.replace("/", "") for name in query.get("symbols", "").split(",") if name}
    side, asset_class = query.get("side"), query.get("asset_class")
    return sorted(
        (
            each
            for each in request.account.orders.values()
            if (lowest is None or _submitted_ns(each) > lowest)
            and (highest is None or _submitted_ns(each) < highest)
            and (not symbols or each.market.name.replace("/", "") in symbols)
            and (side is None or each.is_buy == (side == "buy"))
            and (asset_class in {None, "all"} or is_crypto(each) == (asset_class == "crypto"))
        ),
        key=_submitted_ns,
    )


def orders(request: Request) -> Answer:
    """List orders by the time of their submission."""
    status = request.choice("status", ("open", "closed", "all"))
    is_ascending = request.choice("direction", ("desc", "asc")) == "asc"
    limit = request.number("limit", _LIMIT, _MAX_LIMIT)
    chosen = _chosen(request)
    rows = []
    for each in chosen if is_ascending else reversed(chosen):
        if facts_of(each).parent is not None and _wants_nested(request):
            continue
        row = _nested(request, each)
        if row is None or (status != "all" and (row["status"] in TERMINAL) != (status == "closed")):
            continue
        rows.append(row)
        if len(rows) == limit:
            break
    return Answer(result=rows)


OPERATIONS = (
    Operation("orders", "GET", "/v2/orders", orders),
    Operation("order.by_client_id", "GET", "/v2/orders:by_client_order_id", order_by_client_id),
    Operation("order", "GET", "/v2/orders/{order_id}", order),
)
