"""Rows of the REST API: orders, fills and products as the documents and recordings show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fillwire.simulator.coinbase_exchange.messages import side_text
from fillwire.simulator.texts import exact_product_text, plain_text, rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """What REST shows of an order; amounts in units, 0 where not sent, times in microseconds.

    Attributes:
        status: pending, open, active, done or rejected.
        fees: fees of its fills so far, as their sum's text.
        done_us: when it ended, 0 before.
        done_reason: filled or canceled, empty before.
    """

    order_id: str
    client_oid: str
    product: str
    profile_id: str
    quote: str
    is_buy: bool
    type: str
    time_in_force: str
    is_post_only: bool
    stp: str
    status: str
    price: int
    size: int
    funds: int
    stop: str
    stop_price: int
    created_us: int
    expires_us: int
    filled: int
    executed_value: str
    fees: str
    done_us: int
    done_reason: str


def _amounts(order: OrderFacts) -> dict[str, str]:
    rows = {"price": order.price, "size": order.size, "funds": order.funds, "stop_price": order.stop_price}
    document = {name: plain_text(units) for name, units in rows.items() if units}
    if order.funds:
        document["specified_funds"] = plain_text(order.funds)
    return document


def _names(order: OrderFacts) -> dict[str, Any]:
    document: dict[str, Any] = {"side": side_text(order.is_buy), "type": order.type}
    if order.client_oid:
        document["client_oid"] = order.client_oid
    if order.type == "limit":
        document["time_in_force"] = order.time_in_force
    if order.stop:
        document["stop"] = order.stop
    if order.expires_us:
        document["expire_time"] = rfc3339(order.expires_us * 1_000)
    return document


def pending_row(order: OrderFacts) -> dict[str, Any]:
    """Return what the answer to a placing request shows: the order as it was before the engine took it."""
    return {
        "id": order.order_id,
        **_amounts(order),
        "product_id": order.product,
        **_names(order),
        "stp": order.stp,
        "post_only": order.is_post_only,
        "created_at": rfc3339(order.created_us * 1_000),
        "fill_fees": "0",
        "filled_size": "0",
        "executed_value": "0",
        "status": "pending",
        "settled": False,
    }


def order_row(order: OrderFacts) -> dict[str, Any]:
    """Return what a query shows of an order."""
    document: dict[str, Any] = {
        "id": order.order_id,
        **_amounts(order),
        "product_id": order.product,
        "profile_id": order.profile_id,
        **_names(order),
        "post_only": order.is_post_only,
        "created_at": rfc3339(order.created_us * 1_000),
    }
    if order.done_us:
        document |= {"done_at": rfc3339(order.done_us * 1_000), "done_reason": order.done_reason}
    return document | {
        "fill_fees": order.fees,
        "filled_size": plain_text(order.filled),
        "executed_value": order.executed_value,
        "market_type": "spot",
        "status": order.status,
        "settled": order.status == "done",
        "funding_currency": order.quote,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class FillFacts:
    """What REST shows of a fill; amounts in units, `rate` as the account's commission rate in units."""

    trade_id: int
    product: str
    quote: str
    order_id: str
    user_id: str
    profile_id: str
    is_maker: bool
    is_buy: bool
    price: int
    size: int
    rate: int
    time_us: int


def fill_row(fill: FillFacts) -> dict[str, Any]:
    """Return a fill: `side` is the order's own, `fee` exact in the quote currency."""
    return {
        "trade_id": fill.trade_id,
        "product_id": fill.product,
        "order_id": fill.order_id,
        "user_id": fill.user_id,
        "profile_id": fill.profile_id,
        "liquidity": "M" if fill.is_maker else "T",
        "price": plain_text(fill.price),
        "size": plain_text(fill.size),
        "fee": exact_product_text(fill.price, fill.size, fill.rate),
        "created_at": rfc3339(fill.time_us * 1_000),
        "side": side_text(fill.is_buy),
        "settled": True,
        "usd_volume": exact_product_text(fill.price, fill.size),
        "market_type": "spot",
        "funding_currency": fill.quote,
    }


def product_row(facts: Mapping[str, str]) -> dict[str, Any]:
    """Return a product; `facts` are id, base, quote, base_increment, quote_increment and min_market_funds."""
    return {
        "id": facts["id"],
        "base_currency": facts["base"],
        "quote_currency": facts["quote"],
        "quote_increment": facts["quote_increment"],
        "base_increment": facts["base_increment"],
        "display_name": facts["id"],
        "min_market_funds": facts["min_market_funds"],
        "margin_enabled": False,
        "post_only": False,
        "limit_only": False,
        "cancel_only": False,
        "status": "online",
        "status_message": "",
        "trading_disabled": False,
        "fx_stablecoin": False,
        "max_slippage_percentage": "0.02000000",
        "auction_mode": False,
        "high_bid_limit_percentage": "",
    }
