"""Orders and trades in ToyX's documents, on the socket and by REST, as our values."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, TimeInForce
from fillwire.venues.records import ExecutionRow, OrderRow

Row = Mapping[str, Any]

STATES: Mapping[str, Kind | None] = {
    "open": None,
    "done": Kind.FILLED,
    "cancelled": Kind.CANCELLED,
    "expired": Kind.EXPIRED,
    "rejected": Kind.REJECTED,
}
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}
_KINDS = {"limit": OrderType.LIMIT, "market": OrderType.MARKET}
_TIMES = {"gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC, "fok": TimeInForce.FOK, None: None}
_AMOUNT = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_US = 1_000
_END_OF_TIMES_US = 1 << 53
_Word = TypeVar("_Word")


class Defect(ValueError):
    """What is wrong with a document; `code` is one of `FRAME_ERROR_CODES`."""

    def __init__(self, code: str, field: str | None, message: str) -> None:
        super().__init__(message if field is None else f"{field}: {message}")
        self.code = code
        self.field = field


def order_row(row: Row) -> OrderRow:
    """Return an order; raises `Defect`."""
    return OrderRow(
        symbol=text(row, "symbol"),
        order_id=text(row, "id"),
        client_order_id=text(row, "client_id"),
        order_list_id=None,
        side=_word(row, "side", _SIDES, "unknown_side"),
        type=_word(row, "kind", _KINDS, "unknown_order_type"),
        time_in_force=_word(row, "tif", _TIMES, "unknown_time_in_force"),
        price=None if member(row, "price") is None else _amount(row, "price"),
        stop_price=None,
        quantity=_amount(row, "quantity"),
        quote_quantity=None,
        executed=_amount(row, "executed"),
        executed_quote=_amount(row, "paid"),
        prevented=None,
        status=text(row, "state"),
        ending=_word(row, "state", STATES, "unknown_status"),
        is_pending=False,
        is_working=None,
        reject_reason=None,
        created_ns=time_ns(row, "created"),
        updated_ns=time_ns(row, "changed"),
    )


def execution_row(row: Row) -> ExecutionRow:
    """Return a trade; raises `Defect`."""
    is_maker = member(row, "maker")
    if not isinstance(is_maker, bool):
        raise Defect("wrong_type", "maker", f"expected true or false, was {is_maker!r}")
    return ExecutionRow(
        symbol=text(row, "symbol"),
        order_id=text(row, "order"),
        trade_id=text(row, "id"),
        side=_word(row, "side", _SIDES, "unknown_side"),
        price=_amount(row, "price"),
        quantity=_amount(row, "quantity"),
        quote=_amount(row, "paid"),
        fee=_amount(row, "fee"),
        fee_currency=text(row, "fee_asset"),
        liquidity=Liquidity.MAKER if is_maker else Liquidity.TAKER,
        time_ns=time_ns(row, "time"),
    )


def member(row: object, name: str) -> Any:
    """Return a member of an object; raises `Defect` if it is missing."""
    if not isinstance(row, Mapping):
        raise Defect("not_an_object", None, f"expected an object, was {type(row).__name__}")
    if name not in row:
        raise Defect("missing_field", name, "expected, was missing")
    return row[name]


def text(row: object, name: str) -> str:
    """Return a text; raises `Defect` if it is none, or empty."""
    value = member(row, name)
    if not isinstance(value, str) or not value:
        raise Defect("wrong_type", name, f"expected a text, was {value!r}")
    return value


def time_ns(row: object, name: str) -> int:
    """Return a time in nanoseconds since the epoch; raises `Defect`."""
    value = member(row, name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Defect("wrong_type", name, f"expected microseconds, was {value!r}")
    if not 0 < value < _END_OF_TIMES_US:
        raise Defect("invalid_time", name, f"expected microseconds since the epoch, was {value}")
    return value * _US


def _amount(row: Row, name: str) -> Decimal:
    value = member(row, name)
    if not isinstance(value, str):
        raise Defect("wrong_type", name, f"expected a decimal string, was {value!r}")
    if _AMOUNT.fullmatch(value) is None:
        raise Defect("invalid_decimal", name, f"expected a decimal string, was {value[:40]!r}")
    return Decimal(value)


def _word(row: Row, name: str, words: Mapping[Any, _Word], code: str) -> _Word:
    value = member(row, name)
    if value is not None and not isinstance(value, str):
        raise Defect("wrong_type", name, f"expected a text, was {value!r}")
    if value not in words:
        raise Defect(code, name, f"expected one of {', '.join(filter(None, words))}, was {value!r}")
    return words[value]
