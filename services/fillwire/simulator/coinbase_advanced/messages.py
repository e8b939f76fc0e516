"""Messages of the feed as JSON documents. They have no fills: an order is shown with its sums, again and again."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fillwire.simulator.coinbase_advanced.orders import OrderView
from fillwire.simulator.texts import plain_text, rfc3339

SNAPSHOT_ORDERS = 50
"""Orders in one message of a snapshot; the first message with fewer is its last."""
NO_TIME = "0001-01-01T00:00:00Z"
_NS = 1_000_000_000


def envelope(channel: str, now_ns: int, sequence_num: int, events: Sequence[Any]) -> dict[str, Any]:
    """Return a message: `sequence_num` counts all messages of its connection, from 0."""
    return {
        "channel": channel,
        "timestamp": rfc3339(now_ns, 9),
        "sequence_num": sequence_num,
        "events": list(events),
    }


def heartbeat(now_ns: int, running_ns: int) -> dict[str, Any]:
    """Return the event of a heartbeat, with the time as Go prints it."""
    seconds, fraction_ns = divmod(now_ns, _NS)
    moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")
    running_s, running_part_ns = divmod(running_ns, _NS)
    return {
        "current_time": f"{moment}.{fraction_ns:09d} +0000 UTC m=+{running_s}.{running_part_ns:09d}",
        "heartbeat_counter": running_s,
    }


def subscribed(channels: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the event that lists all subscriptions of a connection."""
    return {"subscriptions": {name: list(names) for name, names in channels.items()}}


def orders_event(kind: str, orders: Sequence[OrderView]) -> dict[str, Any]:
    """Return the event of the user channel; `kind` is snapshot or update."""
    return {
        "type": kind,
        "orders": [order_document(order) for order in orders],
        "positions": {"perpetual_futures_positions": [], "expiring_futures_positions": []},
    }


def order_document(order: OrderView) -> dict[str, Any]:
    """Return an order as the user channel shows it."""
    return {
        "avg_price": order.average_price_text,
        "cancel_reason": order.cancel_reason,
        "client_order_id": order.client_order_id,
        "completion_percentage": order.completion_text,
        "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
        "cumulative_quantity": plain_text(order.filled),
        "filled_value": order.filled_value_text,
        "leaves_quantity": order.leaves_text,
        "limit_price": plain_text(order.limit_price),
        "number_of_fills": str(order.fills),
        "order_id": order.order_id,
        "order_side": order.side,
        "order_type": order.type.replace("_", " ").title(),
        "outstanding_hold_amount": plain_text(order.held),
        "post_only": "true" if order.is_post_only else "false",
        "product_id": order.product,
        "product_type": "SPOT",
        "reject_reason": "",
        "retail_portfolio_id": order.portfolio_id,
        "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
        "status": order.status,
        "stop_price": plain_text(order.stop_price) if order.stop_price else "",
        "time_in_force": order.time_in_force,
        "total_fees": order.fees_text,
        "total_value_after_fees": order.value_after_fees_text,
        "trigger_status": order.trigger_status,
        "creation_time": rfc3339(order.created_us * 1_000),
        "end_time": rfc3339(order.expires_us * 1_000) if order.expires_us else NO_TIME,
        "start_time": NO_TIME,
    }
