"""Rows of the REST API: orders and fills, under other names than the feed has for them."""

import hashlib
from dataclasses import dataclass
from typing import Any

from fillwire.simulator.coinbase_advanced.orders import OrderView
from fillwire.simulator.texts import exact_product_text, plain_text, rfc3339


def order_row(order: OrderView) -> dict[str, Any]:
    """Return an order as a query shows it."""
    return {
        "order_id": order.order_id,
        "product_id": order.product,
        "user_id": order.user_id,
        "order_configuration": order.configuration,
        "side": order.side,
        "client_order_id": order.client_order_id,
        "status": order.status,
        "time_in_force": order.time_in_force,
        "created_time": rfc3339(order.created_us * 1_000),
        "completion_percentage": order.completion_text,
        "filled_size": plain_text(order.filled),
        "average_filled_price": order.average_price_text,
        "fee": "",
        "number_of_fills": str(order.fills),
        "filled_value": order.filled_value_text,
        "pending_cancel": order.status == "CANCEL_QUEUED",
        "size_in_quote": bool(order.quote_size),
        "total_fees": order.fees_text,
        "size_inclusive_of_fees": False,
        "total_value_after_fees": order.value_after_fees_text,
        "trigger_status": order.trigger_status,
        "order_type": order.type,
        "reject_reason": "REJECT_REASON_UNSPECIFIED",
        "settled": order.status == "FILLED",
        "product_type": "SPOT",
        "reject_message": "",
        "cancel_message": order.cancel_reason,
        "order_placement_source": "RETAIL_ADVANCED",
        "outstanding_hold_amount": plain_text(order.held),
        "is_liquidation": False,
        "last_fill_time": rfc3339(order.last_fill_us * 1_000) if order.fills else None,
        "edit_history": list(order.edits),
        "leverage": "",
        "margin_type": "UNKNOWN_MARGIN_TYPE",
        "retail_portfolio_id": order.portfolio_id,
        "originating_order_id": "",
        "attached_order_id": "",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class FillFacts:
    """What REST shows of a fill; amounts in units, `rate` as the account's commission rate in units.

    Attributes:
        trade_id: a UUID; the other side of the trade has another.
        is_in_quote: whether `size` is shown in the quote currency, as for orders that were placed in it.
    """

    trade_id: str
    product: str
    order_id: str
    user_id: str
    portfolio_id: str
    is_buy: bool
    is_maker: bool
    is_in_quote: bool
    price: int
    size: int
    rate: int
    time_us: int


def fill_row(fill: FillFacts) -> dict[str, Any]:
    """Return a fill. Its ids have nothing to do with those of Coinbase Exchange."""
    return {
        "entry_id": hashlib.sha256(fill.trade_id.encode()).hexdigest(),
        "trade_id": fill.trade_id,
        "order_id": fill.order_id,
        "trade_time": rfc3339(fill.time_us * 1_000),
        "trade_type": "FILL",
        "price": plain_text(fill.price),
        "size": exact_product_text(fill.price, fill.size) if fill.is_in_quote else plain_text(fill.size),
        "commission": exact_product_text(fill.price, fill.size, fill.rate),
        "product_id": fill.product,
        "sequence_timestamp": rfc3339(fill.time_us * 1_000),
        "liquidity_indicator": "MAKER" if fill.is_maker else "TAKER",
        "size_in_quote": fill.is_in_quote,
        "user_id": fill.user_id,
        "side": "BUY" if fill.is_buy else "SELL",
        "retail_portfolio_id": fill.portfolio_id,
        "fillSource": "FILL_SOURCE_CLOB",
    }


def placed(order: OrderView, *, shows_id_twice: bool) -> dict[str, Any]:
    """Return the answer to an order that was taken; of old, its id stands at the top, too."""
    document: dict[str, Any] = {"success": True}
    if shows_id_twice:
        document |= {"failure_reason": "UNKNOWN_FAILURE_REASON", "order_id": order.order_id}
    return document | {
        "success_response": {
            "order_id": order.order_id,
            "product_id": order.product,
            "side": order.side,
            "client_order_id": order.client_order_id,
        },
        "order_configuration": order.configuration,
    }


def cancel_result(order_id: str, failure: str = "") -> dict[str, Any]:
    """Return one result of a batch cancel; `failure` empty means that the cancel is queued."""
    return {
        "success": not failure,
        "failure_reason": failure or "UNKNOWN_CANCEL_FAILURE_REASON",
        "order_id": order_id,
    }
