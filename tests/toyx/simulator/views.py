"""Orders and trades as the venue writes them."""

from typing import Any

from fillwire.simulator.exchange.ids import UuidIds
from fillwire.simulator.exchange.ledger import Execution
from fillwire.simulator.exchange.orders import Order, OrderState
from fillwire.simulator.exchange.recurring_fills import RecurringFill
from fillwire.simulator.exchange.reports import ExecutionReport
from fillwire.simulator.exchange.units import units_text

STATES = {
    "NEW": "open",
    "PARTIALLY_FILLED": "open",
    "FILLED": "done",
    "CANCELED": "cancelled",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
    "REJECTED": "rejected",
}


def order_document(ids: UuidIds, order: Order, state: OrderState) -> dict[str, Any]:
    """Return an order as it was in a state."""
    return {
        "id": ids.order_id(order.market.name, order.order_id),
        "client_id": order.client_order_id,
        "symbol": order.market.name,
        "side": "buy" if order.is_buy else "sell",
        "kind": order.type.lower(),
        "tif": order.time_in_force.lower() if order.type == "LIMIT" else None,
        "price": units_text(order.price) if order.price else None,
        "quantity": units_text(state.quantity),
        "executed": units_text(state.executed),
        "paid": units_text(state.executed_quote),
        "state": STATES[state.status],
        "created": order.created_us,
        "changed": state.updated_us,
    }


def trade_document(ids: UuidIds, execution: Execution) -> dict[str, Any]:
    """Return an execution of the records."""
    return {
        "id": ids.trade_id(execution.symbol, execution.order_id, execution.trade_id),
        "order": ids.order_id(execution.symbol, execution.order_id),
        "symbol": execution.symbol,
        "side": "buy" if execution.is_buyer else "sell",
        "price": units_text(execution.price),
        "quantity": units_text(execution.quantity),
        "paid": units_text(execution.quote),
        "fee": units_text(execution.fee),
        "fee_asset": execution.fee_asset,
        "maker": execution.is_maker,
        "time": execution.time_us,
    }


def update(ids: UuidIds, event: ExecutionReport | RecurringFill, now_ns: int) -> dict[str, Any]:
    """Return the frame that tells a step in the life of an order, as the order was then."""
    order = event.order
    document = order_document(ids, order, order.state()) | {
        "executed": units_text(event.cumulative),
        "paid": units_text(event.cumulative_quote),
        "state": STATES[event.status],
        "changed": event.time_us,
    }
    trade = None if event.row < 0 else trade_document(ids, event.account.executions.execution(event.row))
    return {"type": "order", "time": now_ns // 1_000, "order": document, "trade": trade}
