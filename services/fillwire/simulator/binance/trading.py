"""Placing, cancelling, replacing and amending orders."""

from typing import Any

from fillwire.simulator.binance import order_documents, refusals
from fillwire.simulator.binance.filters import check_filters, check_quantity
from fillwire.simulator.binance.operations import Answer, Handler, Operation, Request, Security, fixed
from fillwire.simulator.binance.queries import find_order
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance.tickets import read_response_type, read_side, read_ticket
from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.orders import Order, Ticket
from fillwire.simulator.exchange.refused import Refused
from fillwire.simulator.exchange.units import units_text

_FORMS = {
    "ACK": order_documents.acknowledgement,
    "RESULT": order_documents.result,
    "FULL": order_documents.full,
}
_SHOWN_OF_MATCH = frozenset(
    {
        "preventedMatchId",
        "makerSymbol",
        "makerOrderId",
        "price",
        "takerPreventedQuantity",
        "makerPreventedQuantity",
    }
)


def trading_operation(  # noqa: PLR0913 - the columns of the table
    name: str,
    verb: str,
    path: str,
    handler: Handler,
    *,
    weight: int = 1,
    is_free: bool = True,
    shows_orders: bool = False,
) -> Operation:
    """Return an operation that changes orders; it is free of weight if it succeeds, unless said otherwise."""
    return Operation(
        name=name,
        verb=verb,
        path=path,
        handler=handler,
        weight=fixed(weight),
        security=Security.SIGNED,
        is_free=is_free,
        shows_orders=shows_orders,
    )


def _read(request: Request) -> tuple[Ticket, str]:
    params = request.params
    market = request.venue.engine.market(params.required("symbol"))
    ticket = read_ticket(params, request.venue.engine, market, read_side(params))
    return ticket, read_response_type(params, ticket.type)


def placed_response(order: Order, form: str, divisor: int) -> dict[str, Any]:
    """Return the response to a placement in the asked form, with the matches that self-trade prevention stopped."""
    document = _FORMS[form](order, divisor)
    if form != "ACK" and order.prevented_matches:
        document["preventedMatches"] = [
            {
                name: value
                for name, value in order_documents.prevented_match_row(match, divisor).items()
                if name in _SHOWN_OF_MATCH
            }
            for match in order.prevented_matches
        ]
    return document


def _place(request: Request, ticket: Ticket, form: str) -> tuple[dict[str, Any], list[AccountEvent]]:
    venue = request.venue
    account = request.signer
    check_filters(account, ticket)
    venue.limits.check_orders(account, 1)
    events = venue.house.refresh(ticket.market)
    order, caused = venue.engine.place(account, ticket)
    venue.limits.count_orders(account, 1)
    return placed_response(order, form, request.divisor), events + caused


def place(request: Request) -> Answer:
    """Place an order."""
    ticket, form = _read(request)
    request.params.finish()
    result, events = _place(request, ticket, form)
    return Answer(result=result, events=events)


def test(request: Request) -> Answer:
    """Check an order without placing it."""
    ticket, _form = _read(request)
    shows_rates = request.params.boolean("computeCommissionRates", default=False)
    request.params.finish()
    account = request.signer
    check_filters(account, ticket)
    if not shows_rates:
        return Answer(result={})
    zero = units_text(0)
    return Answer(
        result={
            "standardCommissionForOrder": {
                "maker": units_text(account.maker_rate),
                "taker": units_text(account.taker_rate),
            },
            "specialCommissionForOrder": {"maker": zero, "taker": zero},
            "taxCommissionForOrder": {"maker": zero, "taker": zero},
            "discount": {
                "enabledForAccount": account.pays_in_other_asset,
                "enabledForSymbol": True,
                "discountAsset": "BNB",
                "discount": "0.25000000",
            },
        }
    )


def _find_to_cancel(
    account: Account, symbol: str, order_id: int | None, client_id: str | None, restriction: str | None
) -> Order:
    if order_id is None and client_id is None:
        raise Refusal(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    order = find_order(account, symbol, order_id, client_id)
    if order is None or not order.is_open:
        raise refusals.cancel_refused()
    if restriction not in {None, "ONLY_NEW", "ONLY_PARTIALLY_FILLED"}:
        raise Refusal(-1145, "`cancelRestrictions` has to be either `ONLY_NEW` or `ONLY_PARTIALLY_FILLED`.")
    if restriction is not None and restriction != f"ONLY_{order.status}":
        raise refusals.cancel_refused("Order was not canceled due to cancel restrictions.")
    return order


def cancel_order(request: Request, order: Order, cancel_id: str) -> tuple[dict[str, Any], list[AccountEvent]]:
    """Cancel and return the response: a report, or a list with its reports."""
    legs = [order] if order.order_list is None else [leg for leg in order.order_list.legs if leg.is_open]
    own_ids = [leg.client_order_id for leg in legs]
    events = request.venue.engine.cancel(order, cancel_id)
    reports = [
        order_documents.cancellation(leg, own_id, request.divisor)
        for leg, own_id in zip(legs, own_ids, strict=True)
    ]
    if order.order_list is None:
        return reports[0], events
    return order_documents.list_document(order.order_list, order.updated_us, request.divisor) | {
        "orderReports": reports
    }, events


def cancel(request: Request) -> Answer:
    """Cancel an order."""
    params = request.params
    symbol = request.venue.engine.market(params.required("symbol")).name
    order_id, client_id = params.integer("orderId"), params.optional("origClientOrderId")
    cancel_id = params.client_id("newClientOrderId") or request.venue.engine.make_client_id()
    restriction = params.optional("cancelRestrictions")
    params.finish()
    order = _find_to_cancel(request.signer, symbol, order_id, client_id, restriction)
    result, events = cancel_order(request, order, cancel_id)
    return Answer(result=result, events=events)


def cancel_all(request: Request) -> Answer:
    """Cancel all open orders of a symbol."""
    symbol = request.venue.engine.market(request.params.required("symbol")).name
    request.params.finish()
    results, events = [], []
    for order in request.signer.open_orders_of(symbol):
        if order.is_open:
            result, caused = cancel_order(request, order, request.venue.engine.make_client_id())
            results.append(result)
            events += caused
    if not results:
        raise refusals.cancel_refused()
    return Answer(result=results, events=events)


def cancel_replace(request: Request) -> Answer:
    """Cancel an order and place another. Not a transaction: one may fail and the other succeed."""
    params = request.params
    ticket, form = _read(request)
    stops_on_failure = params.required("cancelReplaceMode")
    if stops_on_failure not in {"STOP_ON_FAILURE", "ALLOW_FAILURE"}:
        raise refusals.invalid("cancelReplaceMode")
    params.choice("orderRateLimitExceededMode", ("DO_NOTHING", "CANCEL_ONLY"), "DO_NOTHING")
    order_id, client_id = params.integer("cancelOrderId"), params.optional("cancelOrigClientOrderId")
    cancel_id = params.client_id("cancelNewClientOrderId") or request.venue.engine.make_client_id()
    restriction = params.optional("cancelRestrictions")
    params.finish()
    account = request.signer
    check_filters(account, ticket)
    request.venue.limits.check_orders(account, 1)
    events: list[AccountEvent] = []
    data: dict[str, Any] = {
        "cancelResult": "FAILURE",
        "newOrderResult": "NOT_ATTEMPTED",
        "cancelResponse": None,
        "newOrderResponse": None,
    }
    try:
        old = _find_to_cancel(account, ticket.market.name, order_id, client_id, restriction)
        data["cancelResponse"], caused = cancel_order(request, old, cancel_id)
        data["cancelResult"] = "SUCCESS"
        events += caused
    except Refusal as refusal:
        data["cancelResponse"] = refusal.body()
    if data["cancelResult"] == "SUCCESS" or stops_on_failure == "ALLOW_FAILURE":
        try:
            data["newOrderResponse"], caused = _place(request, ticket, form)
            data["newOrderResult"] = "SUCCESS"
            events += caused
        except (Refusal, Refused) as error:
            reason = error.reason if isinstance(error, Refused) else None
            refused = error if isinstance(error, Refusal) else refusals.refusal_of(error.reason)
            data["newOrderResponse"] = refused.body()
            data["newOrderResult"] = "FAILURE"
            if data["cancelResult"] == "SUCCESS":
                events += request.venue.engine.reject(account, ticket, reason)
    else:
        request.venue.limits.count_orders(account, 1)
    outcomes = {data["cancelResult"], data["newOrderResult"]}
    if outcomes == {"SUCCESS"}:
        return Answer(result=data, events=events)
    if "SUCCESS" in outcomes:
        failure = Refusal(-2021, "Order cancel-replace partially failed.", status=409, data=data)
    else:
        failure = Refusal(-2022, "Order cancel-replace failed.", data=data)
    return Answer(refusal=failure, events=events)


def amend(request: Request) -> Answer:
    """Reduce the quantity of an order without loss of priority."""
    params = request.params
    venue = request.venue
    market = venue.engine.market(params.required("symbol"))
    params.required("newQty")
    order_id, client_id = params.integer("orderId"), params.optional("origClientOrderId")
    new_client_id = params.client_id("newClientOrderId") or venue.engine.make_client_id()
    quantity = params.amount("newQty")
    params.finish()
    order = _find_to_cancel(request.signer, market.name, order_id, client_id, None)
    check_quantity(market.rules, quantity)
    own_id = order.client_order_id
    execution_id, events = venue.engine.amend(order, quantity, new_client_id)
    result: dict[str, Any] = {
        "transactTime": order.updated_us // request.divisor,
        "executionId": execution_id,
        "amendedOrder": {
            "symbol": market.name,
            "orderId": order.order_id,
            "orderListId": order.list_id,
            "origClientOrderId": own_id,
            "clientOrderId": order.client_order_id,
            "price": units_text(order.price),
            "qty": units_text(order.quantity),
            "executedQty": units_text(order.executed),
            "preventedQty": units_text(order.prevented),
            "quoteOrderQty": units_text(order.quote_quantity),
            "cumulativeQuoteQty": units_text(order.executed_quote),
            "status": order.status,
            "timeInForce": order.time_in_force,
            "type": order.type,
            "side": "BUY" if order.is_buy else "SELL",
            "workingTime": order.working_us // request.divisor if order.working_us >= 0 else -1,
            "selfTradePreventionMode": order.stp_mode,
        },
    }
    return Answer(result=result, events=events)


OPERATIONS = (
    trading_operation("order.place", "POST", "/api/v3/order", place, shows_orders=True),
    trading_operation("order.cancel", "DELETE", "/api/v3/order", cancel),
    trading_operation("openOrders.cancelAll", "DELETE", "/api/v3/openOrders", cancel_all),
    trading_operation(
        "order.cancelReplace", "POST", "/api/v3/order/cancelReplace", cancel_replace, shows_orders=True
    ),
    trading_operation(
        "order.amend.keepPriority", "PUT", "/api/v3/order/amend/keepPriority", amend, weight=4, is_free=False
    ),
    Operation(
        name="order.test",
        verb="POST",
        path="/api/v3/order/test",
        handler=test,
        weight=lambda params: 20 if params.values.get("computeCommissionRates", "").lower() == "true" else 1,
        security=Security.SIGNED,
    ),
)
