"""From the parameters of a placing request to the order that is asked for."""

from fillwire.simulator.binance.parameters import Parameters
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance.tickets import read_side
from fillwire.simulator.exchange.engine import Engine
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.orders import Order, Ticket
from fillwire.simulator.exchange.units import product, units_text

TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX")
STP_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
_CONDITIONAL = frozenset({"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"})


def order_type(order: Order) -> str:
    """Return the order's type in the venue's words: a post-only order is a limit order."""
    return "LIMIT" if order.type == "LIMIT_MAKER" else order.type


def time_in_force(order: Order) -> str:
    """Return the order's time in force in the venue's words."""
    return "GTX" if order.type == "LIMIT_MAKER" else order.time_in_force


def read_ticket(params: Parameters, engine: Engine, market: Market) -> Ticket:
    """Return the order that the parameters ask for; its values are not yet checked against the filters.

    Raises:
        Refusal: they ask for none that can be.
    """
    is_buy = read_side(params)
    kind = params.required("type")
    if kind in _CONDITIONAL:
        raise Refusal(
            -4120,
            "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
        )
    if kind not in {"LIMIT", "MARKET"}:
        raise Refusal(-1116, "Invalid orderType.")
    if params.optional("positionSide") not in {None, "BOTH"}:
        raise Refusal(-4061, "Order's position side does not match user's setting.")
    lasts = "GTC"
    price = 0
    if kind == "LIMIT":
        lasts = params.required("timeInForce")
        if lasts not in TIMES_IN_FORCE:
            raise Refusal(-1115, "Invalid timeInForce.")
        params.required("price")
        price = params.amount("price")
        if price == 0:
            raise Refusal(-4001, "Price less than 0.")
    params.required("quantity")
    quantity = params.amount("quantity")
    mode = params.choice("selfTradePreventionMode", STP_MODES, "EXPIRE_MAKER")
    return Ticket(
        market=market,
        is_buy=is_buy,
        type="LIMIT_MAKER" if lasts == "GTX" else kind,
        time_in_force="GTC" if lasts == "GTX" else lasts,
        quantity=quantity,
        quote_quantity=0,
        price=price,
        stop_price=0,
        client_order_id=params.client_id("newClientOrderId") or engine.make_client_id(),
        stp_mode=mode,
    )


def check_filters(ticket: Ticket) -> None:
    """Refuse an order that breaks the rules of its symbol."""
    rules = ticket.market.rules
    if ticket.quantity < rules.step:
        raise Refusal(-4003, "Quantity less than or equal to zero.")
    if ticket.quantity % _precision(rules.step) or ticket.price % _precision(rules.tick):
        raise Refusal(-1111, "Precision is over the maximum defined for this asset.")
    if ticket.price % rules.tick:
        raise Refusal(-4014, "Price not increased by tick size.")
    if ticket.quantity % rules.step:
        raise Refusal(-4023, "Qty not increased by step size.")
    if ticket.quantity > rules.max_quantity:
        raise Refusal(-4005, "Quantity greater than max quantity.")
    if ticket.price > rules.max_price:
        raise Refusal(-4002, "Price greater than max price.")
    if product(ticket.price or ticket.market.last_price, ticket.quantity) < rules.min_notional:
        least = units_text(rules.min_notional)
        raise Refusal(
            -4164, f"Order's notional must be no smaller than {least} (unless you choose reduce only)."
        )


def _precision(step: int) -> int:
    """Return the last decimal that a step has, in units."""
    power = 1
    while step % (power * 10) == 0:
        power *= 10
    return power
