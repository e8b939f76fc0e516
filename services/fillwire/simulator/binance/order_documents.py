"""How responses and queries show orders, order lists, executions and what was done to them."""

from typing import Any

from fillwire.simulator.binance.strategies import strategy_members
from fillwire.simulator.exchange.ledger import Execution
from fillwire.simulator.exchange.orders import (
    STOP_TYPES,
    Amendment,
    Order,
    OrderList,
    OrderState,
    PreventedMatch,
)
from fillwire.simulator.exchange.units import cached_units_text, units_text


def _conditional(order: Order, document: dict[str, Any], expiry_reason: str, prevented: int) -> None:
    document |= strategy_members(order)
    if prevented:
        document["preventedMatchId"] = order.prevented_match_id
        document["preventedQuantity"] = units_text(prevented)
    if expiry_reason:
        document["expiryReason"] = expiry_reason


def acknowledgement(order: Order, divisor: int) -> dict[str, Any]:
    """Return the ACK form of a placing response."""
    return {
        "symbol": order.market.name,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": order.updated_us // divisor,
    }


def result(order: Order, divisor: int) -> dict[str, Any]:
    """Return the RESULT form of a placing response."""
    document = acknowledgement(order, divisor)
    document |= {
        "price": cached_units_text(order.price),
        "origQty": cached_units_text(order.quantity),
        "executedQty": units_text(order.executed),
        "origQuoteOrderQty": cached_units_text(order.quote_quantity),
        "cummulativeQuoteQty": units_text(order.executed_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": "BUY" if order.is_buy else "SELL",
    }
    if order.type in STOP_TYPES:
        document["stopPrice"] = cached_units_text(order.stop_price)
    document["workingTime"] = order.working_us // divisor if order.working_us >= 0 else -1
    document["selfTradePreventionMode"] = order.stp_mode
    _conditional(order, document, order.expiry_reason, order.prevented)
    return document


def full(order: Order, divisor: int) -> dict[str, Any]:
    """Return the FULL form of a placing response: RESULT with the immediate fills."""
    document = result(order, divisor)
    log = order.account.executions
    document["fills"] = [
        {
            "price": trade["price"],
            "qty": trade["qty"],
            "commission": trade["commission"],
            "commissionAsset": trade["commissionAsset"],
            "tradeId": trade["id"],
        }
        for trade in (trade_row(log.execution(row), divisor) for row in order.rows)
    ]
    return document


def cancellation(order: Order, original_client_id: str, divisor: int) -> dict[str, Any]:
    """Return the response to a cancel."""
    document = {"symbol": order.market.name, "origClientOrderId": original_client_id} | result(order, divisor)
    del document["workingTime"]
    return document


def order_row(order: Order, state: OrderState, divisor: int) -> dict[str, Any]:
    """Return the order as a query shows it."""
    document = {
        "symbol": order.market.name,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": state.client_order_id,
        "price": cached_units_text(order.price),
        "origQty": cached_units_text(state.quantity),
        "executedQty": units_text(state.executed),
        "cummulativeQuoteQty": units_text(state.executed_quote),
        "status": state.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": "BUY" if order.is_buy else "SELL",
        "stopPrice": cached_units_text(order.stop_price),
        "icebergQty": "0.00000000",
        "time": order.created_us // divisor,
        "updateTime": state.updated_us // divisor,
        "isWorking": state.is_working,
        "workingTime": state.working_us // divisor if state.working_us >= 0 else -1,
        "origQuoteOrderQty": cached_units_text(order.quote_quantity),
        "selfTradePreventionMode": order.stp_mode,
    }
    _conditional(order, document, state.expiry_reason, state.prevented)
    return document


def trade_row(execution: Execution, divisor: int) -> dict[str, Any]:
    """Return an execution as `myTrades` shows it."""
    return {
        "symbol": execution.symbol,
        "id": execution.trade_id,
        "orderId": execution.order_id,
        "orderListId": execution.list_id,
        "price": units_text(execution.price),
        "qty": units_text(execution.quantity),
        "quoteQty": units_text(execution.quote),
        "commission": units_text(execution.fee),
        "commissionAsset": execution.fee_asset,
        "time": execution.time_us // divisor,
        "isBuyer": execution.is_buyer,
        "isMaker": execution.is_maker,
        "isBestMatch": True,
    }


def list_document(order_list: OrderList, time_us: int, divisor: int) -> dict[str, Any]:
    """Return an order list as responses show it, without the reports of its legs."""
    return {
        "orderListId": order_list.list_id,
        "contingencyType": "OCO",
        "listStatusType": order_list.status_type,
        "listOrderStatus": order_list.status,
        "listClientOrderId": order_list.client_id,
        "transactionTime": time_us // divisor,
        "symbol": order_list.symbol,
        "orders": [
            {"symbol": order_list.symbol, "orderId": leg.order_id, "clientOrderId": leg.client_order_id}
            for leg in order_list.legs
        ],
    }


def amendment_row(order: Order, amendment: Amendment, divisor: int) -> dict[str, Any]:
    """Return an amendment as a query shows it."""
    return {
        "symbol": order.market.name,
        "orderId": order.order_id,
        "executionId": amendment.execution_id,
        "origClientOrderId": amendment.original_client_id,
        "newClientOrderId": amendment.client_order_id,
        "origQty": units_text(amendment.original_quantity),
        "newQty": units_text(amendment.quantity),
        "time": amendment.time_us // divisor,
    }


def prevented_match_row(match: PreventedMatch, divisor: int) -> dict[str, Any]:
    """Return a match that self-trade prevention stopped, as a query shows it."""
    document = {
        "symbol": match.symbol,
        "preventedMatchId": match.match_id,
        "takerOrderId": match.taker_order_id,
        "makerSymbol": match.symbol,
        "makerOrderId": match.maker_order_id,
        "tradeGroupId": -1,
        "selfTradePreventionMode": match.mode,
        "price": units_text(match.price),
    }
    if match.maker_prevented is not None:
        document["makerPreventedQuantity"] = units_text(match.maker_prevented)
    if match.taker_prevented is not None:
        document["takerPreventedQuantity"] = units_text(match.taker_prevented)
    document["transactTime"] = match.time_us // divisor
    return document
