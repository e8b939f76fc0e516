"""Answers as JSON shows them: amounts as decimal strings, times in nanoseconds and as text."""

from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fillwire.recorder.trades import Trade
from fillwire.wire.decimals import decimal_text

TRADE_FIELDS = tuple(entry.name for entry in fields(Trade))


def iso_time(time_ns: int) -> str:
    """Return a time as ISO 8601 in UTC, to the nanosecond."""
    seconds, nanoseconds = divmod(time_ns, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds:09d}Z"


def plain(value: object) -> Any:
    """Return a value as JSON holds it."""
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return value


def trade_document(trade: Trade) -> dict[str, Any]:
    """Return a trade by its fields, with its time as text as well."""
    document = {name: plain(getattr(trade, name)) for name in TRADE_FIELDS}
    return {"time": iso_time(trade.transaction_time_ns)} | document
