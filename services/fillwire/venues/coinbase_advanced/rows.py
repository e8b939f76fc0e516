"""Rows of Coinbase Advanced Trade's REST interface, read strictly into our values.

REST has other names than the stream, and an order's terms in an object named for its kind.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, TimeInForce
from fillwire.domain.ledger import OrderKey
from fillwire.venues.records import OrderRow
from fillwire.wire.defects import AMOUNT_CHARACTERS

ENDINGS: Mapping[str, Kind] = {
    "FILLED": Kind.FILLED,
    "CANCELLED": Kind.CANCELLED,
    "EXPIRED": Kind.EXPIRED,
    "FAILED": Kind.REJECTED,
}
_OPEN = frozenset({"PENDING", "QUEUED", "OPEN", "CANCEL_QUEUED", "EDIT_QUEUED"})
_TYPES: Mapping[str, OrderType] = {
    "LIMIT": OrderType.LIMIT,
    "MARKET": OrderType.MARKET,
    "STOP": OrderType.STOP_LOSS,
    "STOP_LIMIT": OrderType.STOP_LOSS_LIMIT,
    "BRACKET": OrderType.BRACKET,
    "TWAP": OrderType.TWAP,
    "SCALED": OrderType.SCALED,
    "LIQUIDATION": OrderType.LIQUIDATION,
}
_TIMES_IN_FORCE: Mapping[str, TimeInForce] = {
    "GOOD_UNTIL_CANCELLED": TimeInForce.GTC,
    "GOOD_UNTIL_DATE_TIME": TimeInForce.GTD,
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "FILL_OR_KILL": TimeInForce.FOK,
}
_LIQUIDITY = {"MAKER": Liquidity.MAKER, "TAKER": Liquidity.TAKER}
_NO_REASON = "REJECT_REASON_UNSPECIFIED"
_S = 1_000_000_000
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?Z", re.ASCII)
_FRACTION_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class FillRow:
    """One row of the venue's list of fills.

    Attributes:
        entry_id: unique for each row.
        trade_id: the venue's id of the trade, its entry id where it has none.
        kind: the venue's word: only `FILL` is an execution.
        size: executed, in quote currency if `is_in_quote`.
        time_ns: when the matching engine acted.
        recorded_ns: by which the venue orders its records.
    """

    entry_id: str
    trade_id: str
    kind: str
    symbol: str
    order_id: str
    side: Side
    price: Decimal
    size: Decimal
    is_in_quote: bool
    fee: Decimal
    liquidity: Liquidity | None
    time_ns: int
    recorded_ns: int

    @property
    def place(self) -> tuple[int, int, str]:
        """Where the row stands among those of its order: the ids do not count, but keep equal times in one order."""
        return self.time_ns, self.recorded_ns, self.trade_id


def read_order(row: Mapping[str, Any]) -> OrderRow:
    """Return an order.

    Raises:
        ValueError, LookupError, TypeError: it is none.
    """
    status = _text(row, "status")
    ending = ENDINGS.get(status)
    if ending is None and status not in _OPEN:
        raise ValueError(f"status: expected one of {', '.join((*ENDINGS, *sorted(_OPEN)))}, was {status!r}")
    terms = _terms(row)
    created_ns = instant_ns(row["created_time"])
    changed = [row.get("last_fill_time"), row.get("last_update_time")]
    return OrderRow(
        symbol=_text(row, "product_id"),
        order_id=_text(row, "order_id"),
        client_order_id=_said(row, "client_order_id"),
        order_list_id=None,
        side=Side(_text(row, "side").lower()),
        type=_TYPES[_text(row, "order_type").upper().removesuffix("_ORDER_TYPE")],
        time_in_force=_TIMES_IN_FORCE.get(_said(row, "time_in_force") or ""),
        price=_amount_said(terms, "limit_price") or None,
        stop_price=_amount_said(terms, "stop_price") or _amount_said(terms, "stop_trigger_price") or None,
        quantity=_amount_said(terms, "base_size") or None,
        quote_quantity=_amount_said(terms, "quote_size") or None,
        executed=amount(row, "filled_size"),
        executed_quote=_amount_said(row, "filled_value"),
        prevented=None,
        status=status,
        ending=ending,
        is_pending=False,
        is_working=status == "OPEN" and row.get("trigger_status") != "STOP_PENDING",
        reject_reason=_reason(row, ending),
        created_ns=created_ns,
        updated_ns=max([created_ns, *(instant_ns(time) for time in changed if time)]),
    )


def order_key(row: Mapping[str, Any]) -> OrderKey:
    """Return which order a row is of; raises as `read_order`."""
    return _text(row, "product_id"), _text(row, "order_id")


def read_fill(row: Mapping[str, Any]) -> FillRow:
    """Return a fill; raises as `read_order`."""
    entry_id = _text(row, "entry_id")
    price, size = amount(row, "price"), amount(row, "size")
    if price <= 0 or size <= 0:
        raise ValueError(f"price and size: expected more than 0, was {price} and {size}")
    return FillRow(
        entry_id=entry_id,
        trade_id=_said(row, "trade_id") or entry_id,
        kind=_text(row, "trade_type"),
        symbol=_text(row, "product_id"),
        order_id=_text(row, "order_id"),
        side=Side(_text(row, "side").lower()),
        price=price,
        size=size,
        is_in_quote=row.get("size_in_quote") is True,
        fee=amount(row, "commission"),
        liquidity=_LIQUIDITY.get(row.get("liquidity_indicator", "")),
        time_ns=instant_ns(row["trade_time"]),
        recorded_ns=instant_ns(row.get("sequence_timestamp") or row["trade_time"]),
    )


def instant_ns(text: Any) -> int:
    """Return a time of RFC 3339 in UTC, in nanoseconds since the epoch.

    Raises:
        ValueError: it is none.
    """
    match = _TIME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"expected a time such as 2026-01-31T09:00:00.5Z, was {text!r}")
    seconds = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    fraction = (match[2] or "")[:_FRACTION_DIGITS].ljust(_FRACTION_DIGITS, "0")
    return int(seconds.timestamp()) * _S + int(fraction)


def instant_text(time_ns: int) -> str:
    """Return a time as the venue wants it in a query."""
    seconds, fraction = divmod(time_ns, _S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"


def _terms(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what was ordered: the one object in the configuration, whatever it is called; empty where there is none."""
    configuration = row.get("order_configuration")
    if not isinstance(configuration, dict):
        return {}
    return next((terms for terms in configuration.values() if isinstance(terms, dict)), {})


def _reason(row: Mapping[str, Any], ending: Kind | None) -> str | None:
    if ending is Kind.REJECTED:
        reason = _said(row, "reject_reason")
        return reason if reason is not None and reason != _NO_REASON else _said(row, "reject_message")
    return _said(row, "cancel_message") if ending in {Kind.CANCELLED, Kind.EXPIRED} else None


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if not isinstance(value, str) or not value:
        raise TypeError(f"{name}: expected a text, was {value!r}")
    return value


def _said(row: Mapping[str, Any], name: str) -> str | None:
    """Return a text, None where the venue left it empty or out."""
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{name}: expected a text, was {value!r}")
    return value or None


def amount(row: Mapping[str, Any], name: str) -> Decimal:
    """Return a mandatory decimal; raises as `read_order`."""
    value = row[name]
    if not isinstance(value, str) or not value or value.strip(AMOUNT_CHARACTERS):
        raise ValueError(f"{name}: expected a decimal string, was {value!r}")
    try:
        return Decimal(value)
    except ArithmeticError as error:
        raise ValueError(f"{name}: expected a decimal string, was {value!r}") from error


def _amount_said(row: Mapping[str, Any], name: str) -> Decimal | None:
    """Return a decimal, None where the venue left it empty or out."""
    return amount(row, name) if row.get(name) else None
