"""Rows of Alpaca's records, read strictly into our values."""

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TypeVar

from fillwire.domain.enums import Kind, OrderType, Side, TimeInForce
from fillwire.domain.ledger import OrderKey
from fillwire.venues.alpaca.instruments import OPTION_UNITS, event_symbol, is_option
from fillwire.venues.alpaca.values import Row, amount, optional_amount, optional_text, text, time_ns
from fillwire.venues.records import ExecutionRow, OrderRow

_ENDINGS: Mapping[str, Kind] = {
    "filled": Kind.FILLED,
    "canceled": Kind.CANCELLED,
    "expired": Kind.EXPIRED,
    "rejected": Kind.REJECTED,
    # The order goes on under another id; under this one it has ended.
    "replaced": Kind.CANCELLED,
}
_OPEN = frozenset(
    {
        "new",
        "partially_filled",
        "done_for_day",
        "pending_cancel",
        "pending_replace",
        "pending_review",
        "accepted",
        "pending_new",
        "accepted_for_bidding",
        "stopped",
        "suspended",
        "calculated",
        "held",
    }
)
_TYPES: Mapping[str, OrderType] = {
    "market": OrderType.MARKET,
    "limit": OrderType.LIMIT,
    "stop": OrderType.STOP_LOSS,
    "stop_limit": OrderType.STOP_LOSS_LIMIT,
    "trailing_stop": OrderType.TRAILING_STOP,
}
_SIDES: Mapping[str, Side] = {"buy": Side.BUY, "sell": Side.SELL, "sell_short": Side.SELL}
_TIMES_IN_FORCE: Mapping[str, TimeInForce] = {str(word): word for word in TimeInForce}
_Word = TypeVar("_Word")
_FILLS = frozenset({"fill", "partial_fill"})
_EXACT = Context(prec=200, rounding=ROUND_HALF_EVEN)
_QUOTE_UNIT = Decimal("1e-16")


def units(symbol: str) -> int:
    """Return how many units of the price one unit of quantity is."""
    return OPTION_UNITS if is_option(symbol) else 1


def order_key(row: Row) -> OrderKey:
    """Return which order a row is of; raises `ValueError` if it does not say so."""
    return event_symbol(text(row, "symbol"), optional_text(row, "asset_class")), text(row, "id")


def orders_in(row: Row) -> Iterator[tuple[Row, str | None]]:
    """Yield the orders that an order of an answer stands for: itself and its legs, each with whose leg it is.

    The parent of several legs is none of them: it has no symbol, and what happens to it happens to its legs.

    Raises:
        ValueError: it is no order.
    """
    is_parent = row.get("order_class") == "mleg" and optional_text(row, "symbol") is None
    if not is_parent:
        yield row, None
    for leg in row.get("legs") or ():
        yield leg, text(row, "id") if is_parent else None


def order_row(row: Row, parent: str | None = None) -> OrderRow:
    """Return an order.

    Args:
        row: the order without its legs.
        parent: id of the order whose leg it is.

    Raises:
        ValueError: it is no order, or one with a word that we do not know.
    """
    status = text(row, "status")
    if status not in _ENDINGS and status not in _OPEN:
        raise ValueError(f"status: expected one of {', '.join((*_ENDINGS, *sorted(_OPEN)))}, was {status!r}")
    symbol, order_id = order_key(row)
    executed = amount(row, "filled_qty")
    return OrderRow(
        symbol=symbol,
        order_id=order_id,
        client_order_id=optional_text(row, "client_order_id"),
        order_list_id=parent,
        side=_word(row, "side", _SIDES),
        # A leg has no type: it executes with its parent, at a price that no limit of its own bounds.
        type=OrderType.MARKET if _is_leg(row) else _word(row, "type", _TYPES, "order_type"),
        time_in_force=_TIMES_IN_FORCE.get(optional_text(row, "time_in_force") or ""),
        price=optional_amount(row, "limit_price"),
        stop_price=optional_amount(row, "stop_price"),
        quantity=optional_amount(row, "qty"),
        quote_quantity=optional_amount(row, "notional"),
        executed=executed,
        executed_quote=_quote(executed, optional_amount(row, "filled_avg_price"), units(symbol)),
        prevented=None,
        status=status,
        ending=_ENDINGS.get(status),
        is_pending=False,
        is_working=None,
        reject_reason=None,
        created_ns=time_ns(row.get("created_at")),
        updated_ns=_updated_ns(row, status),
    )


def execution_row(row: Row) -> ExecutionRow:
    """Return an execution; raises `ValueError` if it is none."""
    kind = text(row, "type")
    if kind not in _FILLS:
        raise ValueError(f"type: expected one of {', '.join(sorted(_FILLS))}, was {kind!r}")
    return ExecutionRow(
        symbol=event_symbol(text(row, "symbol")),
        order_id=text(row, "order_id"),
        trade_id=text(row, "id"),
        side=_word(row, "side", _SIDES),
        price=amount(row, "price"),
        quantity=amount(row, "qty"),
        quote=None,
        fee=None,
        fee_currency=None,
        liquidity=None,
        time_ns=time_ns(row.get("transaction_time")),
        cumulative=amount(row, "cum_qty"),
    )


def _updated_ns(row: Row, status: str) -> int:
    """Return when the order last changed: the venue goes on touching one that is filled."""
    filled_at = row.get("filled_at") if status == "filled" else None
    return time_ns(filled_at or row.get("updated_at") or row.get("created_at"))


def _is_leg(row: Row) -> bool:
    return row.get("order_class") == "mleg" and not (row.get("type") or row.get("order_type"))


def _word(row: Row, name: str, words: Mapping[str, _Word], other: str | None = None) -> _Word:
    said = optional_text(row, name) or (None if other is None else optional_text(row, other))
    if said is None or said not in words:
        raise ValueError(f"{name}: expected one of {', '.join(words)}, was {said!r}")
    return words[said]


def _quote(executed: Decimal, average: Decimal | None, units: int) -> Decimal | None:
    """Return what was paid, as the parser computes it: half to even at 16 decimals."""
    if not executed:
        return Decimal(0)
    if average is None:
        return None
    return _EXACT.quantize(_EXACT.multiply(_EXACT.multiply(executed, average), Decimal(units)), _QUOTE_UNIT)
