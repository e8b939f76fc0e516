"""Order lists: one-cancels-the-other pairs, placed, cancelled and queried."""

from typing import Any

from fillwire.simulator.binance import refusals
from fillwire.simulator.binance.filters import check_filters
from fillwire.simulator.binance.operations import Answer, Operation, Request, Security, fixed
from fillwire.simulator.binance.order_documents import list_document
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance.symbols import MAX_NUM_ORDER_LISTS
from fillwire.simulator.binance.tickets import read_response_type, read_side, read_ticket
from fillwire.simulator.binance.trading import cancel_order, placed_response, trading_operation
from fillwire.simulator.exchange.orders import OrderList, Ticket
from fillwire.simulator.exchange.refused import Reason

_LIMITS = frozenset({"LIMIT_MAKER", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})
_STOPS = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})
_LEGS = 2


def _check_pair(above: Ticket, below: Ticket) -> None:
    """Refuse a pair whose types or prices do not fit together."""
    if not {above.type, below.type} <= _LIMITS | _STOPS:
        raise Refusal(-1158, "Order type not supported in OCO.")
    if above.type in _LIMITS and below.type in _LIMITS:
        raise Refusal(-1168, "At least one OCO order must be contingent.")
    is_buy = above.is_buy
    if above.type in _STOPS and not is_buy:
        raise Refusal(-1197, "A stop loss order in a sell OCO must be below.")
    if below.type in _STOPS and is_buy:
        raise Refusal(-1196, "A stop loss order in a buy OCO must be above.")
    last = above.market.last_price
    upper, lower = (leg.price if leg.type == "LIMIT_MAKER" else leg.stop_price for leg in (above, below))
    if not lower < last < upper:
        raise refusals.order_refused("The relationship of the prices for the orders is not correct.")


def place_oco(request: Request) -> Answer:
    """Place a one-cancels-the-other pair."""
    params = request.params
    venue = request.venue
    account = request.signer
    market = venue.engine.market(params.required("symbol"))
    is_buy = read_side(params)
    above, below = (read_ticket(params, venue.engine, market, is_buy, leg) for leg in ("above", "below"))
    client_id = params.client_id("listClientOrderId") or venue.engine.make_client_id()
    form = read_response_type(params, above.type)
    params.finish()
    _check_pair(above, below)
    check_filters(account, above)
    check_filters(account, below)
    open_lists = [known for known in account.order_lists.values() if known.status == "EXECUTING"]
    if sum(known.symbol == market.name for known in open_lists) >= MAX_NUM_ORDER_LISTS:
        raise refusals.filter_failed("MAX_NUM_ORDER_LISTS")
    if any(known.client_id == client_id for known in open_lists):
        raise refusals.refusal_of(Reason.DUPLICATE_ORDER)
    venue.limits.check_orders(account, _LEGS)
    events = venue.house.refresh(market)
    order_list, caused = venue.engine.place_list(account, (above, below), client_id)
    venue.limits.count_orders(account, _LEGS)
    result = list_document(order_list, order_list.legs[0].created_us, request.divisor)
    result["orderReports"] = [placed_response(leg, form, request.divisor) for leg in order_list.legs]
    return Answer(result=result, events=events + caused)


def _find(request: Request, client_name: str) -> OrderList | None:
    list_id, client_id = request.params.integer("orderListId"), request.params.optional(client_name)
    if list_id is None and client_id is None:
        raise Refusal(
            -1102, f"Param '{client_name}' or 'orderListId' must be sent, but both were empty/null!"
        )
    lists = request.signer.order_lists
    if list_id is not None:
        found = lists.get(list_id)
        return found if found is None or client_id in {None, found.client_id} else None
    return next((known for known in reversed(lists.values()) if known.client_id == client_id), None)


def cancel_list(request: Request) -> Answer:
    """Cancel both legs of a list."""
    request.venue.engine.market(request.params.required("symbol"))
    order_list = _find(request, "listClientOrderId")
    cancel_id = request.params.client_id("newClientOrderId") or request.venue.engine.make_client_id()
    request.params.finish()
    leg = None if order_list is None else next((leg for leg in order_list.legs if leg.is_open), None)
    if leg is None:
        raise refusals.cancel_refused()
    result, events = cancel_order(request, leg, cancel_id)
    return Answer(result=result, events=events)


def _row(request: Request, order_list: OrderList) -> dict[str, Any]:
    row = list_document(order_list, order_list.legs[0].created_us, request.divisor)
    row["listStatusType"] = "ALL_DONE" if order_list.status == "ALL_DONE" else "EXEC_STARTED"
    return row


def list_status(request: Request) -> Answer:
    """Show one list."""
    order_list = _find(request, "origClientOrderId")
    request.params.finish()
    if order_list is None:
        raise Refusal(-2013, "Order does not exist.")
    return Answer(result=_row(request, order_list))


def open_lists(request: Request) -> Answer:
    """Show the lists that are not done."""
    request.params.finish()
    lists = request.signer.order_lists.values()
    return Answer(result=[_row(request, known) for known in lists if known.status == "EXECUTING"])


def all_lists(request: Request) -> Answer:
    """Show the latest lists."""
    from_id = request.params.integer("fromId")
    limit = request.params.limit()
    request.params.finish()
    lists = [
        known for known in request.signer.order_lists.values() if from_id is None or known.list_id >= from_id
    ]
    chosen = lists[-limit:] if from_id is None else lists[:limit]
    return Answer(result=[_row(request, known) for known in chosen])


def _query(name: str, path: str, handler: Any, weight: int) -> Operation:
    return Operation(
        name=name, verb="GET", path=path, handler=handler, weight=fixed(weight), security=Security.SIGNED
    )


OPERATIONS = (
    trading_operation("orderList.place.oco", "POST", "/api/v3/orderList/oco", place_oco, shows_orders=True),
    trading_operation("orderList.cancel", "DELETE", "/api/v3/orderList", cancel_list),
    _query("orderList.status", "/api/v3/orderList", list_status, 4),
    _query("openOrderLists.status", "/api/v3/openOrderList", open_lists, 6),
    _query("allOrderLists", "/api/v3/allOrderList", all_lists, 20),
)
