"""Operations on orders and fills: placing, cancelling, and what queries see of them."""

from collections.abc import Sequence
from typing import Any

from fillwire.simulator.coinbase_exchange import refusals, rows, tickets
from fillwire.simulator.coinbase_exchange.facts import facts_of
from fillwire.simulator.coinbase_exchange.operations import Answer, Request
from fillwire.simulator.coinbase_exchange.paging import page, since_and_until
from fillwire.simulator.coinbase_exchange.refusals import Refusal
from fillwire.simulator.coinbase_exchange.rows import FillFacts, OrderFacts
from fillwire.simulator.coinbase_exchange.tape import TIME_IS_UP
from fillwire.simulator.coinbase_exchange.venue import ExchangeVenue
from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.orders import STOP_TYPES, Order, OrderState, visible_state
from fillwire.simulator.exchange.refused import Reason, Refused
from fillwire.simulator.exchange.tallies import Tally
from fillwire.simulator.texts import (
    DECIMALS,
    decimal_text,
    plain_text,
    read_rfc3339_us,
    rfc3339,
)

MAX_OPEN_ORDERS = 500
_DEFAULT_STATUSES = frozenset({"open", "pending", "active"})
_STATUSES = _DEFAULT_STATUSES | {"received", "done", "rejected", "all"}
_FEE_DECIMALS = 3 * DECIMALS


# What is seen


def _status(order: Order, state: OrderState) -> str:
    if not state.is_open:
        return "done"
    return "active" if order.type in STOP_TYPES and state.working_us < 0 else "open"


def _seen(venue: ExchangeVenue, order: Order) -> OrderState | None:
    return visible_state(order, venue.clock.now_us(), venue.query_lag_us)


def _is_forgotten(state: OrderState) -> bool:
    """Return whether the venue has dropped the order: cancelled without a fill."""
    return not state.is_open and state.executed == 0


def _fees_text(venue: ExchangeVenue, order: Order) -> str:
    if not venue.query_lag_us:
        return decimal_text(venue.tallies.of(order).fees, _FEE_DECIMALS)
    log = order.account.executions
    tally = Tally()
    tally.add(order.account, log.visible(order.rows, venue.clock.now_us() - venue.query_lag_us))
    return decimal_text(tally.fees, _FEE_DECIMALS)


def order_facts(venue: ExchangeVenue, order: Order, state: OrderState) -> OrderFacts:
    """Return what REST shows of an order in a state."""
    facts = facts_of(order)
    is_done = not state.is_open
    return OrderFacts(
        order_id=venue.names.order_id(order.market.name, order.order_id),
        client_oid=facts.client_oid,
        product=order.market.name,
        profile_id=venue.names.identity(order.account).profile_id,
        quote=order.market.rules.quote,
        is_buy=order.is_buy,
        type="limit" if order.price else "market",
        time_in_force=facts.time_in_force,
        is_post_only=facts.is_post_only,
        stp=facts.stp,
        status=_status(order, state),
        price=order.price,
        size=0 if facts.funds else state.quantity - (0 if is_done else state.prevented),
        funds=facts.funds,
        stop=facts.stop,
        stop_price=order.stop_price,
        created_us=order.created_us,
        expires_us=facts.expires_us,
        filled=state.executed,
        executed_value=plain_text(state.executed_quote),
        fees=_fees_text(venue, order),
        done_us=state.updated_us if is_done else 0,
        done_reason=("filled" if state.status == "FILLED" else "canceled") if is_done else "",
    )


def _pending_row(venue: ExchangeVenue, order: Order) -> dict[str, Any]:
    """Return the order as it was before the engine took it, a moment before it was created."""
    row = rows.pending_row(order_facts(venue, order, order.state()))
    asked_us = facts_of(order).asked_us or order.created_us
    row["created_at"] = rfc3339(min(asked_us, order.created_us - 1) * 1_000)
    return row


def _row(venue: ExchangeVenue, order: Order) -> dict[str, Any] | None:
    """Return what a query shows of an order, None if it shows nothing."""
    state = _seen(venue, order)
    if state is None:
        return _pending_row(venue, order)
    return None if _is_forgotten(state) else rows.order_row(order_facts(venue, order, state))


# Finding


def _find(request: Request) -> Order | None:
    """Return the account's order that a path names, by its id or by the client's."""
    account = request.signer
    name = request.captures["order_id"]
    if name.startswith("client:"):
        client_oid = name.removeprefix("client:")
        found = [account.by_client_id.get((product, client_oid)) for product in request.venue.markets]
        return next((order for order in found if order is not None), None)
    key = request.venue.names.find_order(name)
    return None if key is None else account.orders.get(key)


# Operations


def place(request: Request) -> Answer:
    """Place an order. It is answered as pending, whatever has become of it meanwhile."""
    venue, account = request.venue, request.signer
    asked_us = venue.clock.now_us()
    ticket = tickets.read_ticket(venue, tickets.read_body(request.body), asked_us)
    if len(account.open_orders_of(ticket.market.name)) >= MAX_OPEN_ORDERS:
        raise Refusal(f"maximum of {MAX_OPEN_ORDERS} open orders reached")
    events = venue.house.refresh(ticket.market)
    try:
        order, caused = venue.engine.place(account, ticket)
    except Refused as refused:
        request.events += events
        if refused.reason is Reason.WOULD_MATCH:
            return Answer(_rejected_row(request, ticket.client_order_id))
        raise Refusal(tickets.REFUSED.get(refused.reason.value, str(refused))) from None
    expires_us = facts_of(order).expires_us
    if order.is_open and expires_us:
        request.watch(order, expires_us, TIME_IS_UP)
    return Answer(_pending_row(venue, order), events=events + caused)


def _rejected_row(request: Request, client_order_id: str) -> dict[str, Any]:
    """Return the answer to an order that would have taken, though it was to post only; nobody hears of it else."""
    body = tickets.read_body(request.body)
    return {
        "id": request.venue.names.rejected_id(client_order_id),
        **{name: str(body[name]) for name in ("price", "size") if name in body},
        "product_id": body["product_id"],
        "side": body["side"],
        "stp": body.get("stp", "dc"),
        "type": "limit",
        "time_in_force": body.get("time_in_force", "GTC"),
        "post_only": True,
        "created_at": rfc3339(request.venue.clock.now_ns()),
        "reject_reason": "post only",
        "fill_fees": "0",
        "filled_size": "0",
        "executed_value": "0",
        "status": "rejected",
        "settled": True,
    }


def status(request: Request) -> Answer:
    """Show one order; one that was cancelled without a fill is not found."""
    order = _find(request)
    row = None if order is None else _row(request.venue, order)
    if row is None:
        raise Refusal(refusals.NOT_FOUND, 404)
    return Answer(row)


def cancel(request: Request) -> Answer:
    """Cancel an order; the answer is its name."""
    order = _find(request)
    if order is None or (not order.is_open and order.executed == 0):
        raise Refusal(refusals.ORDER_NOT_FOUND, 404)
    if not order.is_open:
        raise Refusal(refusals.ALREADY_DONE)
    return Answer(request.captures["order_id"].removeprefix("client:"), events=_cancel(request.venue, order))


def cancel_all(request: Request) -> Answer:
    """Cancel all open orders, of one product or of all."""
    chosen = request.query.get("product_id")
    cancelled, events = [], []
    for order in list(request.signer.open_orders.values()):
        if chosen in {None, order.market.name}:
            cancelled.append(request.venue.names.order_id(order.market.name, order.order_id))
            events += _cancel(request.venue, order)
    return Answer(cancelled, events=events)


def _cancel(venue: ExchangeVenue, order: Order) -> list[AccountEvent]:
    return venue.engine.cancel(order, order.client_order_id)


def orders(request: Request) -> Answer:
    """List orders, the open ones unless asked otherwise, newest first."""
    venue, query = request.venue, request.query
    wanted = frozenset(request.statuses) or _DEFAULT_STATUSES
    if not wanted <= _STATUSES:
        raise Refusal(f"{min(wanted - _STATUSES)} is not a valid status")
    since_us, until_us = since_and_until(query, read_rfc3339_us)
    chosen: list[tuple[int, dict[str, Any]]] = []
    for order in reversed(_orders_of(request.signer, query.get("product_id"))):
        if (since_us is not None and order.created_us < since_us) or (
            until_us is not None and order.created_us >= until_us
        ):
            continue
        row = _row(venue, order)
        if row is not None and ("all" in wanted or row["status"] in wanted):
            chosen.append((order.created_us, row))
    chosen.sort(key=lambda each: each[0], reverse=True)
    shown, headers = page(
        chosen,
        query,
        lambda each: each[0],
        read_rfc3339_us,
        lambda created_us: rfc3339(created_us * 1_000),
    )
    return Answer([row for _created_us, row in shown], headers=headers)


def _orders_of(account: Account, product: str | None) -> list[Order]:
    return list(account.orders.values()) if product is None else account.orders_of(product)


def fills(request: Request) -> Answer:
    """List fills of a product or of an order, newest first."""
    venue, account, query = request.venue, request.signer, request.query
    own = _rows_of(request)
    log = account.executions
    visible: Sequence[int] = log.visible(own, venue.clock.now_us() - venue.query_lag_us)
    since_us, until_us = since_and_until(query, read_rfc3339_us)
    if since_us is not None:
        visible = log.since(visible, since_us)
    if until_us is not None:
        visible = log.visible(visible, until_us - 1)
    shown, headers = page(visible[::-1], query, log.trade_id.__getitem__, int, str)
    return Answer([rows.fill_row(_fill_facts(venue, account, row)) for row in shown], headers=headers)


def _rows_of(request: Request) -> Sequence[int]:
    order_id, product = request.query.get("order_id"), request.query.get("product_id")
    if order_id is None and product is None:
        raise Refusal("order_id or product_id is required")
    if order_id is None:
        return request.signer.executions.rows_of_symbol(str(product))
    key = request.venue.names.find_order(order_id)
    order = None if key is None else request.signer.orders.get(key)
    if order is None or product not in {None, order.market.name}:
        return ()
    return order.rows


def _fill_facts(venue: ExchangeVenue, account: Account, row: int) -> FillFacts:
    fill = account.executions.execution(row)
    identity = venue.names.identity(account)
    return FillFacts(
        trade_id=fill.trade_id,
        product=fill.symbol,
        quote=venue.markets[fill.symbol].rules.quote,
        order_id=venue.names.order_id(fill.symbol, fill.order_id),
        user_id=identity.user_id,
        profile_id=identity.profile_id,
        is_maker=fill.is_maker,
        is_buy=fill.is_buyer,
        price=fill.price,
        size=fill.quantity,
        rate=account.maker_rate if fill.is_maker else account.taker_rate,
        time_us=fill.time_us,
    )
