"""Rows of the venue's records, read strictly into our values."""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, TimeInForce
from fillwire.venues.binance.mapping import time_ns
from fillwire.venues.binance.rows import amount, identity, text
from fillwire.venues.records import ExecutionRow, OrderRow

# The venue's STOP and TAKE_PROFIT have a limit, as their namesakes on Spot have not.
ORDER_TYPES: Mapping[str, OrderType] = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP": OrderType.STOP_LOSS_LIMIT,
    "STOP_MARKET": OrderType.STOP_LOSS,
    "TAKE_PROFIT": OrderType.TAKE_PROFIT_LIMIT,
    "TAKE_PROFIT_MARKET": OrderType.TAKE_PROFIT,
    "TRAILING_STOP_MARKET": OrderType.TRAILING_STOP,
    "LIQUIDATION": OrderType.LIQUIDATION,
}
ENDINGS: Mapping[str, Kind] = {
    "FILLED": Kind.FILLED,
    "CANCELED": Kind.CANCELLED,
    "EXPIRED": Kind.EXPIRED,
    "EXPIRED_IN_MATCH": Kind.EXPIRED,
    "REJECTED": Kind.REJECTED,
}
_OPEN = frozenset({"NEW", "PARTIALLY_FILLED", "NEW_INSURANCE", "NEW_ADL"})
# Others, such as the GTE_GTC of orders that close a position, have no word of ours.
_TIMES_IN_FORCE: Mapping[str, TimeInForce] = {str(word): word for word in TimeInForce}
_TRAILING = "TRAILING_STOP_MARKET"


def read_order(row: Mapping[str, Any]) -> OrderRow:
    """Return an order.

    Raises:
        ValueError, LookupError, TypeError: the row is not what the venue documents.
    """
    status, order_type = text(row, "status"), text(row, "type")
    if status not in ENDINGS and status not in _OPEN:
        raise ValueError(f"status: expected one of {', '.join((*ENDINGS, *_OPEN))}, was {status!r}")
    if order_type not in ORDER_TYPES:
        raise ValueError(f"type: expected one of {', '.join(ORDER_TYPES)}, was {order_type!r}")
    trails = _TRAILING in {order_type, row.get("origType")}
    return OrderRow(
        symbol=text(row, "symbol"),
        order_id=identity(row, "orderId"),
        client_order_id=text(row, "clientOrderId"),
        order_list_id=None,
        side=Side(text(row, "side").lower()),
        type=ORDER_TYPES[order_type],
        time_in_force=_TIMES_IN_FORCE.get(text(row, "timeInForce").lower()),
        price=amount(row, "price") or None,
        stop_price=None if trails else amount(row, "stopPrice", "0") or None,
        quantity=amount(row, "origQty"),
        quote_quantity=None,
        executed=amount(row, "executedQty"),
        executed_quote=amount(row, "cumQuote") if "cumQuote" in row else None,
        prevented=None,
        status=status,
        ending=ENDINGS.get(status),
        is_pending=False,
        is_working=None,
        reject_reason=None,
        created_ns=time_ns(row["time"]),
        updated_ns=time_ns(row["updateTime"]),
    )


def read_execution(row: Mapping[str, Any]) -> ExecutionRow:
    """Return an execution; raises as `read_order`.

    Its amount is price times quantity, which it is by the terms of the contract, as the parser of the stream says it:
    what the venue shows here may be rounded, and one execution must read the same by either way.
    """
    currency = row.get("commissionAsset")
    price, quantity = amount(row, "price"), amount(row, "qty")
    return ExecutionRow(
        symbol=text(row, "symbol"),
        order_id=identity(row, "orderId"),
        trade_id=identity(row, "id"),
        side=Side(text(row, "side").lower()),
        price=price,
        quantity=quantity,
        quote=_product(price, quantity),
        fee=amount(row, "commission"),
        fee_currency=currency if isinstance(currency, str) else None,
        liquidity=Liquidity.MAKER if row["maker"] else Liquidity.TAKER,
        time_ns=time_ns(row["time"]),
    )


def _product(price: Decimal, quantity: Decimal) -> Decimal:
    with localcontext(prec=200):
        return price * quantity
