"""Answers as JSON shows them: amounts as decimal strings, times in nanoseconds and as text."""

from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fillwire.recorder.reports import Fees, Group, Position, Profit
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


def _group_document(group: Group) -> dict[str, Any]:
    """Return what a group tells apart; what it does not is absent."""
    names = (entry.name for entry in fields(group))
    return {name: value for name in names if (value := getattr(group, name)) is not None}


def profit_document(group: Group, row: Profit) -> dict[str, Any]:
    """Return realised profit by its fields and what follows from them."""
    document = {entry.name: plain(getattr(row, entry.name)) for entry in fields(row)}
    results = {"profit": plain(row.profit), "net_profit": plain(row.net_profit)}
    return _group_document(group) | document | results


def fees_document(group: Group, row: Fees) -> dict[str, Any]:
    """Return fees by their fields."""
    return _group_document(group) | {entry.name: plain(getattr(row, entry.name)) for entry in fields(row)}


def position_document(position: Position) -> dict[str, Any]:
    """Return a position by its fields, the account by its parts."""
    account = position.account
    document = {"user": account.user, "exchange": account.exchange, "environment": account.environment}
    others = (entry.name for entry in fields(position) if entry.name != "account")
    return (
        document
        | {name: plain(getattr(position, name)) for name in others}
        | {"average_price": plain(position.average_price), "opened": iso_time(position.opened_ns)}
    )
