"""Rows of Coinbase Exchange's records, read strictly into our values."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import orjson

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, TimeInForce
from fillwire.domain.errors import VenueError
from fillwire.domain.ledger import OrderKey
from fillwire.domain.rules import PairRules
from fillwire.venues.coinbase_exchange.refusals import http_error
from fillwire.venues.records import ExecutionRow, OrderRow
from fillwire.venues.rest import HttpResponse
from fillwire.venues.symbols import SymbolTable, rule

OK = 200
_VENUE = "coinbase"
_DELISTED = "delisted"
_OPEN = frozenset({"pending", "received", "open", "active"})
_TIMES: Mapping[str | None, TimeInForce] = {
    "GTC": TimeInForce.GTC,
    "GTT": TimeInForce.GTD,
    "IOC": TimeInForce.IOC,
    "FOK": TimeInForce.FOK,
}
_LIQUIDITY = {"M": Liquidity.MAKER, "T": Liquidity.TAKER}
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\d*(Z|[+-]\d\d:\d\d)", re.ASCII)
# The exponent form has been seen in answers of REST.
_AMOUNT = re.compile(r"\d+(?:\.\d*)?(?:[eE][+-]?\d{1,2})?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT_NS = 1_000


def document(response: HttpResponse, kind: type) -> Any:
    """Return the document in an answer.

    Raises:
        VenueError: the venue refused.
        ValueError: it is none, or of another kind.
    """
    if response.status != OK:
        raise http_error(_VENUE, response)
    found = orjson.loads(response.body)
    if not isinstance(found, kind):
        raise ValueError(f"expected a {kind.__name__}, was {type(found).__name__}")  # noqa: TRY004 - what callers handle
    return found


def unreadable(what: str, error: Exception) -> VenueError:
    """Return the error of an answer that is none to what was asked."""
    return VenueError(
        _VENUE, f"the answer to a question for {what} cannot be read: {type(error).__name__}: {error}"
    )


def time_ns(value: Any) -> int:
    """Return a time of the venue in nanoseconds since the epoch.

    Raises:
        ValueError: it is none.
    """
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"expected a time such as 2026-01-31T09:00:00.5Z, was {value!r}")
    since = datetime.fromisoformat(match[1] + match[3]) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 10**9 + int((match[2] or "").ljust(9, "0"))


def time_after(text: str) -> str:
    """Return the time one unit of the venue's later, or the text itself if it is no time."""
    try:
        seconds, fraction = divmod(time_ns(text) + _UNIT_NS, 10**9)
    except ValueError:
        return text
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction // _UNIT_NS:06d}Z"


def read_clock_ns(body: bytes) -> int:
    """Return the venue's clock in an answer to a question for it.

    Raises:
        ValueError: it is none.
    """
    found = orjson.loads(body)
    return time_ns(found.get("iso") if isinstance(found, dict) else None)


def read_server_time_ns(response: HttpResponse) -> int:
    """Return the venue's clock; raises `VenueError`."""
    if response.status != OK:
        raise http_error(_VENUE, response)
    try:
        return read_clock_ns(response.body)
    except ValueError as error:  # orjson's is one too
        raise unreadable("the time", error) from error


def read_products(response: HttpResponse) -> SymbolTable:
    """Return the venue's products, which are spelt as our pairs; raises `VenueError`.

    What is delisted is left out: the feed takes no subscription for it, and fails as a whole if one is tried.
    """
    try:
        rows = [row for row in document(response, list) if row.get("status") != _DELISTED]
        return SymbolTable.of(
            [
                (_text(row, "id"), f"{_text(row, 'base_currency')}-{_text(row, 'quote_currency')}")
                for row in rows
            ],
            {row["id"]: _rules(row) for row in rows},
        )
    except (ValueError, LookupError, AttributeError) as error:
        raise unreadable("products", error) from error


def _rules(row: Mapping[str, Any]) -> PairRules:
    """Return what orders of a product must keep to; the least funds of a market order are the least value of any order."""
    return PairRules(
        price_step=rule(row.get("quote_increment")),
        min_price=rule(row.get("quote_increment")),
        quantity_step=rule(row.get("base_increment")),
        min_quantity=rule(row.get("base_increment")),
        min_notional=rule(row.get("min_market_funds")),
    )


def order_key(row: Mapping[str, Any]) -> OrderKey:
    """Return which order a row is of; raises as `order_row`."""
    return _text(row, "product_id"), _text(row, "id")


def order_row(row: Mapping[str, Any], client_order_id: str | None) -> OrderRow:
    """Return an order; `client_order_id` is ours.

    Raises:
        ValueError, LookupError: it is none.
    """
    status = _text(row, "status")
    if status not in _OPEN and status not in {"done", "rejected"}:
        raise ValueError(
            f"status: expected one of {', '.join((*sorted(_OPEN), 'done', 'rejected'))}, was {status!r}"
        )
    side = Side(_text(row, "side"))
    word = row.get("time_in_force")
    if word is not None and not isinstance(word, str):
        raise ValueError(f"time_in_force: expected a text, was {word!r}")
    size = _amount(row, "size", "0") or None
    created_ns = time_ns(row["created_at"])
    done_ns = time_ns(row["done_at"]) if row.get("done_at") else None
    return OrderRow(
        symbol=_text(row, "product_id"),
        order_id=_text(row, "id"),
        client_order_id=client_order_id,
        order_list_id=None,
        side=side,
        type=_type(row, side),
        time_in_force=_TIMES.get(word),
        price=_amount(row, "price", "0") or None,
        stop_price=_amount(row, "stop_price", "0") or None,
        quantity=size,
        quote_quantity=None if size else _amount(row, "specified_funds", row.get("funds") or "0") or None,
        executed=_amount(row, "filled_size"),
        executed_quote=_amount(row, "executed_value"),
        prevented=None,
        status=status,
        ending=_ending(row, status, done_ns),
        is_pending=False,
        is_working=False if status == "active" else None,
        reject_reason=row.get("reject_reason") or None,
        created_ns=created_ns,
        updated_ns=created_ns if done_ns is None else done_ns,
    )


def _type(row: Mapping[str, Any], side: Side) -> OrderType:
    stop = row.get("stop")
    if not stop:
        return OrderType(_text(row, "type"))
    waits_for_loss = (stop, side) in {("loss", Side.SELL), ("entry", Side.BUY)}
    return OrderType.STOP_LOSS_LIMIT if waits_for_loss else OrderType.TAKE_PROFIT_LIMIT


def _ending(row: Mapping[str, Any], status: str, done_ns: int | None) -> Kind | None:
    if status == "rejected":
        return Kind.REJECTED
    if status != "done":
        return None
    reason = row.get("done_reason")
    if reason == "filled":
        return Kind.FILLED
    if reason != "canceled":
        raise ValueError(f"done_reason: expected filled or canceled, was {reason!r}")
    # The stream says that time ended it; the records show only that it was cancelled, and what its time was.
    expires = row.get("expire_time")
    has_expired = done_ns is not None and bool(expires) and time_ns(expires) <= done_ns
    return Kind.EXPIRED if has_expired or row.get("time_in_force") in {"IOC", "FOK"} else Kind.CANCELLED


def execution_row(row: Mapping[str, Any]) -> ExecutionRow:
    """Return an execution.

    Raises:
        ValueError, LookupError: it is none.
    """
    trade_id = row["trade_id"]
    if not isinstance(trade_id, int) or trade_id < 0:
        raise ValueError(f"trade_id: expected an id, was {trade_id!r}")
    fee = row.get("fee")
    symbol = _text(row, "product_id")
    return ExecutionRow(
        symbol=symbol,
        order_id=_text(row, "order_id"),
        trade_id=str(trade_id),
        side=Side(_text(row, "side")),
        price=_amount(row, "price"),
        quantity=_amount(row, "size"),
        quote=None,
        fee=None if fee is None else _amount(row, "fee"),
        fee_currency=None if fee is None else row.get("funding_currency") or symbol.partition("-")[2],
        liquidity=_LIQUIDITY.get(_text(row, "liquidity")),
        time_ns=time_ns(row["created_at"]),
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name}: expected a text, was {value!r}")
    return value


def _amount(row: Mapping[str, Any], name: str, default: str | None = None) -> Decimal:
    value = row.get(name)
    value = default if value is None else value
    if not isinstance(value, str) or _AMOUNT.fullmatch(value.removeprefix("-")) is None:
        raise ValueError(f"{name}: expected a decimal string, was {value!r}")
    return Decimal(value)
