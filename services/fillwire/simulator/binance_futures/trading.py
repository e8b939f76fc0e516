"""Placing and cancelling orders."""

from fillwire.simulator.binance import refusals
from fillwire.simulator.binance.operations import Answer, Request
from fillwire.simulator.binance.queries import find_order
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance_futures.documents import order_document
from fillwire.simulator.binance_futures.queries import named_id
from fillwire.simulator.binance_futures.tickets import check_filters, read_ticket
from fillwire.simulator.exchange.orders import Order


def place(request: Request) -> Answer:
    """Place an order."""
    params, venue, account = request.params, request.venue, request.signer
    market = venue.engine.market(params.required("symbol"))
    ticket = read_ticket(params, venue.engine, market)
    form = params.choice("newOrderRespType", ("ACK", "RESULT"), "ACK")
    if not account.may_trade:
        raise Refusal(-4088, "User can not place order currently.")
    check_filters(ticket)
    venue.limits.check_orders(account, 1)
    events = venue.house.refresh(market)
    order, caused = venue.engine.place(account, ticket)
    venue.limits.count_orders(account, 1)
    document = order_document(order, order.state())
    if form == "ACK":  # as it was accepted: what then became of it is told by the stream
        document |= {"status": "NEW", "executedQty": "0", "cumQty": "0", "avgPrice": "0"}
    del document["time"], document["cumQuote"]
    return Answer(result=document, events=events + caused)


def _open_order(request: Request) -> Order:
    params = request.params
    symbol = request.venue.engine.market(params.required("symbol")).name
    order_id, client_id = named_id(params), params.optional("origClientOrderId")
    if order_id is None and client_id is None:
        raise Refusal(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
    order = find_order(request.signer, symbol, order_id, client_id)
    if order is None or not order.is_open:
        raise refusals.cancel_refused()
    return order


def cancel(request: Request) -> Answer:
    """Cancel an order, which keeps its own client id."""
    order = _open_order(request)
    events = request.venue.engine.cancel(order, order.client_order_id)
    document = order_document(order, order.state())
    del document["time"]
    return Answer(result=document, events=events)


def cancel_all(request: Request) -> Answer:
    """Cancel all open orders of a symbol."""
    venue = request.venue
    symbol = venue.engine.market(request.params.required("symbol")).name
    events = []
    for order in request.signer.open_orders_of(symbol):
        if order.is_open:
            events += venue.engine.cancel(order, order.client_order_id)
    message = "The operation of cancel all open order is done."
    return Answer(result={"code": 200, "msg": message}, events=events)
