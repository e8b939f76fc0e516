"""Placing, replacing and cancelling orders."""

from typing import Any

from fillwire.simulator.alpaca.amounts import plain
from fillwire.simulator.alpaca.groups import read_legs, tie
from fillwire.simulator.alpaca.operations import Answer, Operation, Request
from fillwire.simulator.alpaca.orders import Facts, facts_of, group_of, order_document, status_of
from fillwire.simulator.alpaca.refusals import (
    Refusal,
    malformed,
    not_found,
    not_permitted,
    refusal_of,
    unprocessable,
)
from fillwire.simulator.alpaca.tickets import (
    check_price,
    check_quantity,
    read_class,
    read_client_id,
    read_ticket,
)
from fillwire.simulator.exchange.accounts import AccountEvent
from fillwire.simulator.exchange.orders import STOP_TYPES, Order, Ticket
from fillwire.simulator.exchange.refused import Reason, Refused
from fillwire.simulator.exchange.units import product

_REPLACEABLE = ("qty", "limit_price", "stop_price", "trail", "time_in_force", "client_order_id")


def _too_poor(request: Request, ticket: Ticket) -> Refusal:
    """Return the refusal of an order that the account cannot pay for, with what it has."""
    rules = ticket.market.rules
    asset = rules.quote if ticket.is_buy else rules.base
    balance = request.account.balances[asset]
    if not ticket.is_buy:
        return not_permitted(
            f"insufficient qty available for order (requested: {plain(ticket.quantity)}, "
            f"available: {plain(balance.free)})",
            available=plain(balance.free),
            existing_qty=plain(balance.free + balance.locked),
            held_for_orders=plain(balance.locked),
            symbol=rules.name,
        )
    if "/" in rules.name:
        cost = ticket.quote_quantity or product(ticket.price or ticket.market.last_price, ticket.quantity)
        return not_permitted(
            f"insufficient balance for {asset} (requested: {plain(cost)}, available: {plain(balance.free)})"
        )
    return not_permitted("insufficient buying power", buying_power=plain(balance.free))


def _put(request: Request, ticket: Ticket) -> tuple[Order, list[AccountEvent]]:
    venue = request.venue
    if not request.account.may_trade:
        raise not_permitted("new orders are rejected by user request")
    waits = isinstance(ticket.facts, Facts) and ticket.facts.waits
    events = venue.house.refresh(ticket.market)
    try:
        order, caused = venue.engine.place(request.account, ticket, waits=waits)
    except Refused as refused:
        if refused.reason is Reason.INSUFFICIENT_BALANCE:
            raise _too_poor(request, ticket) from None
        raise refusal_of(refused.reason) from None
    return order, events + caused


def _as_taken(request: Request, order: Order) -> dict[str, Any]:
    """Return an order as it was when it was taken; what became of it meanwhile is told by the stream."""
    return order_document(
        request.venue.ids,
        order,
        status="accepted" if facts_of(order).waits else "pending_new",
        executed=0,
        executed_quote=0,
        updated_us=order.created_us,
    ) | {"subtag": None, "source": None}


def place(request: Request) -> Answer:
    """Place an order, with those that depend on it."""
    ticket = read_ticket(request)
    order_class = read_class(request)
    if not order_class:
        order, events = _put(request, ticket)
        return Answer(result=_as_taken(request, order), events=events)
    legs = read_legs(request, order_class, ticket)
    order, held, events = (_put_pair if order_class == "oco" else _put_parent)(request, ticket, legs)
    shown = [_as_taken(request, leg) | {"status": "held"} for leg in held]
    return Answer(result=_as_taken(request, order) | {"legs": shown}, events=events)


def _put_pair(
    request: Request, ticket: Ticket, legs: list[Ticket]
) -> tuple[Order, list[Order], list[AccountEvent]]:
    """Place a one-cancels-the-other pair, of which the stop order is the leg."""
    venue = request.venue
    if ticket.type != "LIMIT" or not venue.is_tradable(ticket.market):
        raise unprocessable("oco orders must be limit orders, and are simulated while their market is open")
    events = venue.house.refresh(ticket.market)
    try:
        order_list, caused = venue.engine.place_list(
            request.account, (ticket, *legs), venue.engine.make_client_id()
        )
    except Refused as refused:
        raise refusal_of(refused.reason) from None
    order, *held = order_list.legs
    tie(order, held)
    return order, held, [*events, *caused]


def _put_parent(
    request: Request, ticket: Ticket, legs: list[Ticket]
) -> tuple[Order, list[Order], list[AccountEvent]]:
    """Place an order, and hold those that depend on it."""
    order, events = _put(request, ticket)
    held, caused = [], list[AccountEvent]()
    for leg in legs:
        each, told = request.venue.engine.hold(request.account, leg)
        held.append(each)
        caused += told
    tie(order, held)
    return order, held, [*caused, *events]


def find_order(request: Request) -> Order:
    """Return the order that the path names."""
    order_id = request.path["order_id"]
    order = request.venue.find_order(request.account, order_id)
    if order is None:
        raise not_found(f"order not found for {order_id}")
    return order


def _status(order: Order) -> str:
    return status_of(order, order.status, order.expiry_reason)


def _read_replacement(request: Request, order: Order) -> Ticket:
    """Return the order that is to take the place of another: as that, but for what the body says."""
    market = order.market
    facts = facts_of(order)
    if not any(name in request.body for name in _REPLACEABLE):
        raise malformed("no fields to replace")
    if facts.notional:
        raise unprocessable("notional orders cannot be replaced")
    if request.body.get("trail") is not None:
        raise unprocessable("trail is not applicable to this order")
    quantity = request.units("qty") or order.quantity
    price, stop = request.units("limit_price"), request.units("stop_price")
    if (price and not order.price) or (stop and order.type not in STOP_TYPES):
        raise unprocessable("order type does not have this price")
    time_in_force = request.text("time_in_force") or facts.time_in_force
    if time_in_force not in {"day", "gtc", "ioc", "fok"}:
        raise unprocessable(f"invalid time_in_force: {time_in_force}")
    check_quantity(market, quantity)
    check_price(market, "limit_price", price)
    check_price(market, "stop_price", stop)
    return Ticket(
        market=market,
        is_buy=order.is_buy,
        type=order.type,
        time_in_force=time_in_force.upper() if time_in_force in {"ioc", "fok"} else "GTC",
        quantity=quantity,
        quote_quantity=0,
        price=price or order.price,
        stop_price=stop or order.stop_price,
        client_order_id=read_client_id(request),
        stp_mode="NONE",
        facts=Facts(
            time_in_force=time_in_force,
            extended_hours=facts.extended_hours,
            replaces=request.venue.ids.order_id(market.name, order.order_id),
        ),
    )


def replace(request: Request) -> Answer:
    """Put another order into the place of one. It has the whole quantity, also where part of the old was executed."""
    order = find_order(request)
    if _status(order) not in {"new", "partially_filled"}:
        raise unprocessable(f"order is not replaceable in status {_status(order)}")
    if len(group_of(order)) > 1:
        raise unprocessable("replacing an order of a group is not simulated")
    venue = request.venue
    ticket = _read_replacement(request, order)
    spent = request.account.balances[order.spent_asset]
    needed = product(ticket.price or ticket.stop_price, ticket.quantity) if ticket.is_buy else ticket.quantity
    if spent.free + order.locked < needed:
        raise _too_poor(request, ticket)
    events = venue.engine.cancel(order, order.client_order_id)
    new, caused = _put(request, ticket)
    facts_of(order).replaced_by = venue.ids.order_id(new.market.name, new.order_id)
    return Answer(result=_as_taken(request, new), events=events + caused)


def _cancel(request: Request, order: Order) -> list[AccountEvent]:
    """Cancel an order, with all of its group that are open."""
    events: list[AccountEvent] = []
    for each in group_of(order):
        if not each.is_open:
            continue
        facts = facts_of(each)
        facts.waits = False
        facts.cancel_asked_us = request.venue.clock.now_us()
        events += request.venue.engine.cancel(each, each.client_order_id)
    return events


def cancel(request: Request) -> Answer:
    """Ask that an order be cancelled."""
    order = find_order(request)
    if not order.is_open:
        raise unprocessable(f'order is already in "{_status(order)}" state')
    return Answer(status=204, events=_cancel(request, order))


def cancel_all(request: Request) -> Answer:
    """Ask that all open orders be cancelled."""
    rows, events = [], []
    for order in list(request.account.open_orders.values()):
        events += _cancel(request, order) if order.is_open else []
        rows.append({"id": request.venue.ids.order_id(order.market.name, order.order_id), "status": 200})
    return Answer(result=rows, status=207, events=events)


OPERATIONS = (
    Operation("order.place", "POST", "/v2/orders", place),
    Operation("order.replace", "PATCH", "/v2/orders/{order_id}", replace),
    Operation("order.cancel", "DELETE", "/v2/orders/{order_id}", cancel),
    Operation("orders.cancel", "DELETE", "/v2/orders", cancel_all),
)
