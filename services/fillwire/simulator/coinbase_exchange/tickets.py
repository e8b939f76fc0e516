"""From the body of a placing request to the order that is asked for."""

import json
import re
import uuid
from typing import Any

from fillwire.simulator.coinbase_exchange import refusals
from fillwire.simulator.coinbase_exchange.facts import Facts
from fillwire.simulator.coinbase_exchange.refusals import Refusal
from fillwire.simulator.coinbase_exchange.venue import ExchangeVenue
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.orders import Ticket
from fillwire.simulator.exchange.units import TooPrecise, parse_units, product
from fillwire.simulator.texts import plain_text

_STP_MODES = {"dc": "DECREMENT", "co": "EXPIRE_MAKER", "cn": "EXPIRE_TAKER", "cb": "EXPIRE_BOTH"}
_TIMES_IN_FORCE = ("GTC", "GTT", "IOC", "FOK")
_LIFETIMES_US = {"min": 60_000_000, "hour": 3_600_000_000, "day": 86_400_000_000}
_CLIENT_OID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def read_body(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a request.

    Raises:
        Refusal: it is none.
    """
    try:
        document = json.loads(body)
    except ValueError:
        raise Refusal("Invalid JSON") from None
    if not isinstance(document, dict):
        raise Refusal("Invalid JSON")
    return document


def read_ticket(venue: ExchangeVenue, body: dict[str, Any], asked_us: int) -> Ticket:
    """Return the order that a request asks for.

    Args:
        venue: whose products.
        body: of the request.
        asked_us: when it arrived.

    Raises:
        Refusal: the venue does not take such an order.
    """
    market = venue.markets.get(str(body.get("product_id", "")))
    if market is None:
        raise Refusal("Product not found")
    is_buy = _choice(body, "side", ("buy", "sell")) == "buy"
    order_type = _choice(body, "type", ("limit", "market", "stop"), default="limit")
    stop = _stop(body)
    facts = Facts(
        client_oid=_client_oid(body),
        time_in_force=_choice(body, "time_in_force", _TIMES_IN_FORCE, default="GTC"),
        stp=_choice(body, "stp", tuple(_STP_MODES), default="dc"),
        is_post_only=bool(body.get("post_only", False)),
        stop=stop,
        funds=_amount(body, "funds") if order_type == "market" else 0,
        expires_us=_expiry(body, asked_us),
        asked_us=asked_us,
    )
    is_market = order_type == "market"
    ticket = Ticket(
        market=market,
        is_buy=is_buy,
        type=_engine_type(order_type, facts, is_buy=is_buy),
        time_in_force="GTC" if facts.time_in_force == "GTT" else facts.time_in_force,
        quantity=_amount(body, "size"),
        quote_quantity=facts.funds,
        price=0 if is_market else _amount(body, "price"),
        stop_price=_amount(body, "stop_price") if stop else 0,
        client_order_id=facts.client_oid or str(uuid.UUID(int=venue.random.getrandbits(128), version=4)),
        stp_mode=_STP_MODES[facts.stp],
        facts=facts,
    )
    _check(market, ticket, facts)
    return ticket


def _choice(body: dict[str, Any], name: str, values: tuple[str, ...], default: str | None = None) -> str:
    value = body.get(name, default)
    if value not in values:
        raise Refusal(f"Invalid {name} {value}")
    return str(value)


def _amount(body: dict[str, Any], name: str) -> int:
    """Return an amount, which clients write as text or as a number, 0 where it was not sent."""
    value = body.get(name)
    if value is None:
        return 0
    try:
        return parse_units(str(value))
    except TooPrecise:
        raise Refusal(f"{name} is too precise ({value})") from None
    except ValueError:
        raise Refusal(f"Invalid {name}") from None


def _client_oid(body: dict[str, Any]) -> str:
    value = body.get("client_oid") or ""
    if value and (not isinstance(value, str) or _CLIENT_OID.fullmatch(value) is None):
        raise Refusal("client_oid must be a UUID")
    return str(value)


def _stop(body: dict[str, Any]) -> str:
    if body.get("stop") is None and body.get("stop_price") is None:
        return ""
    if body.get("stop_price") is None:
        raise Refusal("stop_price is required")
    return _choice(body, "stop", ("loss", "entry"))


def _expiry(body: dict[str, Any], asked_us: int) -> int:
    if body.get("time_in_force") != "GTT":
        return 0
    return asked_us + _LIFETIMES_US[_choice(body, "cancel_after", tuple(_LIFETIMES_US))]


def _engine_type(order_type: str, facts: Facts, *, is_buy: bool) -> str:
    if facts.stop:
        # an entry waits for the price to rise, a loss for it to fall, whatever the side
        kind = "STOP_LOSS" if (facts.stop == "entry") == is_buy else "TAKE_PROFIT"
        return kind if order_type == "market" else f"{kind}_LIMIT"
    if order_type == "market":
        return "MARKET"
    return "LIMIT_MAKER" if facts.is_post_only else "LIMIT"


def _check(market: Market, ticket: Ticket, facts: Facts) -> None:
    """Refuse what the product's rules forbid."""
    if facts.is_post_only and facts.time_in_force in {"IOC", "FOK"}:
        raise Refusal("post_only is invalid when time_in_force is IOC or FOK")
    if facts.funds and ticket.quantity:
        raise Refusal("size and funds cannot both be set")
    if not ticket.type.endswith(("MARKET", "STOP_LOSS", "TAKE_PROFIT")):
        _check_price(market, "price", ticket.price)
    if facts.stop:
        _check_price(market, "stop_price", ticket.stop_price)
    if not facts.funds:
        _check_size(market, ticket)
    elif facts.funds < market.rules.min_notional:
        raise Refusal(f"funds is too small. Minimum size is {plain_text(market.rules.min_notional)}")


def _check_size(market: Market, ticket: Ticket) -> None:
    rules = market.rules
    price = ticket.price or market.last_price
    if ticket.quantity == 0 or product(price, ticket.quantity) < rules.min_notional:
        raise Refusal(f"size is too small. Minimum size is {plain_text(rules.min_notional)} {rules.quote}")
    if ticket.quantity % rules.step:
        raise Refusal(f"size is too precise ({plain_text(ticket.quantity)})")
    if ticket.quantity > rules.max_quantity:
        raise Refusal(f"size is too large. Maximum size is {plain_text(rules.max_quantity)}")


def _check_price(market: Market, name: str, price: int) -> None:
    if price < market.rules.tick:
        raise Refusal(f"{name} is too small. Minimum price is {plain_text(market.rules.tick)}")
    if price % market.rules.tick:
        raise Refusal(f"{name} is too precise ({plain_text(price)})")


REFUSED = {
    "insufficient balance": refusals.INSUFFICIENT_FUNDS,
    "client order id belongs to an open order": "duplicate client_oid",
    "order would trigger immediately": "stop_price would trigger immediately",
    "order book liquidity is below one step": "size is too small",
}
"""What the engine refuses, in the venue's words."""
