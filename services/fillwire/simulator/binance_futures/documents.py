"""How answers show orders, executions, symbols and balances."""

from datetime import UTC, datetime
from typing import Any

from fillwire.simulator.binance_futures.texts import average, plain
from fillwire.simulator.binance_futures.tickets import STP_MODES, TIMES_IN_FORCE, order_type, time_in_force
from fillwire.simulator.binance_futures.venue import ORDER_ID_OFFSET
from fillwire.simulator.exchange.ledger import Execution
from fillwire.simulator.exchange.orders import Order, OrderState
from fillwire.simulator.exchange.symbols import SymbolRules

_MS = 1_000


def order_document(order: Order, state: OrderState) -> dict[str, Any]:
    """Return an order as answers and queries show it."""
    status = state.status
    return {
        "orderId": ORDER_ID_OFFSET + order.order_id,
        "symbol": order.market.name,
        "status": status,
        "clientOrderId": order.client_order_id,
        "price": plain(order.price),
        "avgPrice": average(state.executed_quote, state.executed),
        "origQty": plain(state.quantity),
        "executedQty": plain(state.executed),
        "cumQty": plain(state.executed),
        "cumQuote": plain(state.executed_quote),
        "timeInForce": time_in_force(order),
        "type": order_type(order),
        "reduceOnly": False,
        "closePosition": False,
        "side": "BUY" if order.is_buy else "SELL",
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order_type(order),
        "priceMatch": "NONE",
        "selfTradePreventionMode": order.stp_mode,
        "goodTillDate": 0,
        "time": order.created_us // _MS,
        "updateTime": state.updated_us // _MS,
    }


def trade_document(execution: Execution) -> dict[str, Any]:
    """Return an execution as `userTrades` shows it."""
    return {
        "symbol": execution.symbol,
        "id": execution.trade_id,
        "orderId": ORDER_ID_OFFSET + execution.order_id,
        "side": "BUY" if execution.is_buyer else "SELL",
        "price": plain(execution.price),
        "qty": plain(execution.quantity),
        "realizedPnl": "0",
        "marginAsset": "USDT",
        "quoteQty": plain(execution.quote),
        "commission": plain(execution.fee),
        "commissionAsset": execution.fee_asset or "USDT",
        "time": execution.time_us // _MS,
        "positionSide": "BOTH",
        "buyer": execution.is_buyer,
        "maker": execution.is_maker,
    }


def symbol_document(rules: SymbolRules) -> dict[str, Any]:
    """Return the symbol as `exchangeInfo` shows it."""
    pair, _, day = rules.name.partition("_")
    lot = {
        "minQty": plain(rules.step),
        "maxQty": plain(rules.max_quantity),
        "stepSize": plain(rules.step),
    }
    return {
        "symbol": rules.name,
        "pair": pair,
        "contractType": "CURRENT_QUARTER" if day else "PERPETUAL",
        "deliveryDate": _delivery_ms(day) if day else 4_133_404_800_000,
        "onboardDate": 1_569_398_400_000,
        "status": "TRADING",
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "baseAsset": rules.base,
        "quoteAsset": rules.quote,
        "marginAsset": rules.quote,
        "pricePrecision": _decimals(rules.tick),
        "quantityPrecision": _decimals(rules.step),
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.0125",
        "marketTakeBound": "0.05",
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": list(TIMES_IN_FORCE),
        "permissionSets": ["GRID", "COPY"],
        "selfTradePreventionModes": list(STP_MODES),
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": plain(rules.tick),
                "maxPrice": plain(rules.max_price),
                "tickSize": plain(rules.tick),
            },
            {"filterType": "LOT_SIZE", **lot},
            {"filterType": "MARKET_LOT_SIZE", **lot},
            {"filterType": "MAX_NUM_ORDERS", "limit": rules.max_open_orders},
            {"filterType": "MIN_NOTIONAL", "notional": plain(rules.min_notional)},
        ],
    }


def _decimals(units: int) -> int:
    return len(plain(units).partition(".")[2])


def _delivery_ms(day: str) -> int:
    return int(datetime.strptime(day, "%y%m%d").replace(hour=8, tzinfo=UTC).timestamp() * _MS)
