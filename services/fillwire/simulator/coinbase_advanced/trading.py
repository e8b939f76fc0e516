"""Operations that change orders: placing, editing, and cancelling in batches."""

from dataclasses import replace
from typing import Any

from fillwire.simulator.coinbase_advanced import rows, views
from fillwire.simulator.coinbase_advanced.configurations import Configuration, read_configuration
from fillwire.simulator.coinbase_advanced.facts import Facts, facts_of
from fillwire.simulator.coinbase_advanced.operations import Request
from fillwire.simulator.coinbase_advanced.refusals import OrderRefused, invalid_argument
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.orders import Order, Ticket
from fillwire.simulator.exchange.refused import Reason, Refused
from fillwire.simulator.exchange.units import TooPrecise, parse_units, product
from fillwire.simulator.texts import rfc3339

_TIMES_IN_FORCE = {"IMMEDIATE_OR_CANCEL": "IOC", "FILL_OR_KILL": "FOK"}
_MAX_CANCELS = 100
_REFUSED = {
    Reason.INSUFFICIENT_BALANCE: ("INSUFFICIENT_FUND", "Insufficient balance in source account"),
    Reason.WOULD_MATCH: ("INVALID_LIMIT_PRICE_POST_ONLY", "the limit price would take"),
    Reason.WOULD_TRIGGER: ("INVALID_STOP_PRICE", "the stop price would trigger immediately"),
    Reason.NO_LIQUIDITY: ("INVALID_NO_LIQUIDITY", "no liquidity"),
}


def place(request: Request) -> Any:
    """Place an order; a repeated client order id answers with the order that has it."""
    body = request.document()
    configuration = body.get("order_configuration")
    try:
        order = _place(request, body)
    except OrderRefused as refused:
        return refused.document(configuration)
    # older answers show the id twice, and the venue has not said when it stopped
    return rows.placed(views.pending(request.venue, order), shows_id_twice=order.order_id % 2 == 0)


def _place(request: Request, body: dict[str, Any]) -> Order:
    venue, account = request.venue, request.signer
    client_order_id = body.get("client_order_id")
    if not isinstance(client_order_id, str) or not client_order_id:
        raise invalid_argument("client_order_id is required")
    market = venue.markets.get(str(body.get("product_id")))
    if market is None:
        raise OrderRefused("INVALID_PRODUCT_ID", "valid product_id is required")
    side = body.get("side")
    if side not in ("BUY", "SELL"):
        raise invalid_argument("side must be BUY or SELL")
    wanted = read_configuration(body.get("order_configuration"))
    known = account.by_client_id.get((market.name, client_order_id))
    if known is not None:
        return _repeated(known, wanted)
    ticket = _ticket(market, wanted, client_order_id, is_buy=side == "BUY")
    request.events += venue.house.refresh(market)
    try:
        order, events = venue.engine.place(account, ticket)
    except Refused as refused:
        reason, message = _REFUSED.get(refused.reason, ("UNKNOWN_FAILURE_REASON", str(refused)))
        raise OrderRefused(reason, message) from None
    request.events += events
    if order.is_open and wanted.ends_us:
        request.watch(order, wanted.ends_us, views.TIME_IS_UP)
    return order


def _repeated(known: Order, wanted: Configuration) -> Order:
    """Return the order that has the client order id already, if it is the same order."""
    facts = known.facts
    if isinstance(facts, Facts) and facts.configuration.document == wanted.document:
        return known
    raise OrderRefused("DUPLICATE_CLIENT_ORDER_ID", "client_order_id belongs to another order")


def _units(text: str, multiple: int, reason: str) -> int:
    try:
        units = parse_units(text)
    except TooPrecise:
        raise OrderRefused(reason, f"too many decimals in {text}") from None
    if units % multiple:
        raise OrderRefused(reason, f"too many decimals in {text}")
    return units


def _ticket(market: Market, wanted: Configuration, client_order_id: str, *, is_buy: bool) -> Ticket:
    rules = market.rules
    quantity = _units(wanted.base_size, rules.step, "INVALID_SIZE_PRECISION")
    quote_size = _units(wanted.quote_size, 1, "INVALID_SIZE_PRECISION")
    price = _units(wanted.limit_price, rules.tick, "INVALID_PRICE_PRECISION")
    if wanted.type != "MARKET" and price == 0:
        raise OrderRefused("INVALID_LIMIT_PRICE", "the limit price is zero")
    notional = quote_size or product(price or market.last_price, quantity)
    if notional < rules.min_notional or quantity > rules.max_quantity:
        raise OrderRefused("UNSUPPORTED_ORDER_SIZE", "the size is outside the product's limits")
    return Ticket(
        market=market,
        is_buy=is_buy,
        type=_engine_type(wanted, is_buy=is_buy),
        time_in_force="GTC" if wanted.type == "MARKET" else _TIMES_IN_FORCE.get(wanted.time_in_force, "GTC"),
        quantity=quantity,
        quote_quantity=quote_size,
        price=price,
        stop_price=_units(wanted.stop_price, rules.tick, "INVALID_PRICE_PRECISION"),
        client_order_id=client_order_id,
        stp_mode="EXPIRE_TAKER",
        facts=Facts(configuration=wanted, quote_size=quote_size),
    )


def _engine_type(wanted: Configuration, *, is_buy: bool) -> str:
    if wanted.type == "STOP_LIMIT":
        return "TAKE_PROFIT_LIMIT" if wanted.is_stop_down == is_buy else "STOP_LOSS_LIMIT"
    if wanted.type == "LIMIT" and wanted.is_post_only:
        return "LIMIT_MAKER"
    return wanted.type


def edit(request: Request) -> Any:
    """Give a resting limit order another price and size; it keeps its id."""
    body = request.document()
    key = request.venue.names.find_order(str(body.get("order_id")))
    order = None if key is None else request.signer.orders.get(key)
    if order is None:
        return _not_edited("ORDER_NOT_FOUND")
    facts = facts_of(order)
    if next(iter(facts.configuration.document)) != "limit_limit_gtc":
        return _not_edited(
            "CANNOT_EDIT_FILLED_ORDER" if not order.is_open else "ONLY_LIMIT_ORDER_EDITS_SUPPORTED"
        )
    rules, price, size = order.market.rules, str(body.get("price")), str(body.get("size"))
    try:
        events = request.venue.engine.replace(
            order,
            _units(price, rules.tick, "INVALID_EDITED_PRICE"),
            _units(size, rules.step, "INVALID_EDITED_SIZE"),
        )
    except (Refused, OrderRefused, ValueError) as refused:
        return _not_edited(refused.reason if isinstance(refused, OrderRefused) else "INVALID_EDITED_ORDER")
    fields = {**facts.configuration.document["limit_limit_gtc"], "base_size": size, "limit_price": price}
    done = {"price": price, "size": size, "replace_accept_timestamp": rfc3339(order.updated_us * 1_000)}
    order.facts = replace(
        facts,
        configuration=replace(
            facts.configuration, base_size=size, limit_price=price, document={"limit_limit_gtc": fields}
        ),
        edits=(*facts.edits, done),
    )
    request.events += events
    return {"success": True, "errors": []}


def _not_edited(reason: str) -> dict[str, Any]:
    return {
        "success": False,
        "errors": [
            {"edit_failure_reason": reason, "preview_failure_reason": "UNKNOWN_PREVIEW_FAILURE_REASON"}
        ],
    }


def cancel(request: Request) -> Any:
    """Cancel orders; success means that the cancel is queued."""
    order_ids = request.document().get("order_ids")
    if not isinstance(order_ids, list) or not 1 <= len(order_ids) <= _MAX_CANCELS:
        raise invalid_argument(f"order_ids must be a list of 1 to {_MAX_CANCELS} ids")
    return {"results": [_cancel(request, str(order_id)) for order_id in order_ids]}


def _cancel(request: Request, order_id: str) -> dict[str, Any]:
    key = request.venue.names.find_order(order_id)
    order = None if key is None else request.signer.orders.get(key)
    if order is None or not order.is_open:
        return rows.cancel_result(order_id, "UNKNOWN_CANCEL_ORDER")
    request.events += request.venue.engine.cancel(order, order.client_order_id)
    return rows.cancel_result(order_id)
