"""Binance's answers to orders, and its table of symbols, in our own values."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from fillwire.domain.errors import VenueError
from fillwire.domain.orders import Outcome, TradeOrder
from fillwire.venues.binance.filters import read_rules
from fillwire.venues.binance.refusals import Refusal
from fillwire.venues.symbols import SymbolTable

_NS_PER_MS = 1_000_000
_NS_PER_US = 1_000
# A time in milliseconds has 13 digits until the year 2286, one in microseconds 16.
_FIRST_MICROSECOND = 10**15
_RATE_LIMITS = b'"rateLimits"'
_WEIGHT_PER_MINUTE = ("REQUEST_WEIGHT", "MINUTE", 1)


def accepted(pair: str, client_order_id: str | None, result: Mapping[str, Any]) -> TradeOrder:
    """Return the answer to a request that the venue accepted.

    Args:
        pair: the pair that was asked for.
        client_order_id: the order's own client id, where the request named it. What a cancelled order shows as its
            client id is the id of the cancel request.
        result: the order as the venue shows it.

    Raises:
        ValueError: `result` is not an order: without id, or with an amount that is no decimal.
    """
    order_id = result.get("orderId")
    if not isinstance(order_id, int):
        raise ValueError(f"orderId: expected an integer, was {order_id!r}")  # noqa: TRY004 - what a caller handles
    own_id = client_order_id or result.get("origClientOrderId") or result.get("clientOrderId")
    try:
        executed = result.get("executedQty")
        quantity = None if executed is None else Decimal(executed)
    except (InvalidOperation, TypeError) as error:
        raise ValueError(f"executedQty: expected a decimal string, was {result['executedQty']!r}") from error
    status = result.get("status")
    return TradeOrder(
        outcome=Outcome.ACCEPTED,
        pair=pair,
        client_order_id=own_id,
        order_id=str(order_id),
        venue_status=status if isinstance(status, str) else None,
        cumulative_quantity=quantity,
    )


def refused(pair: str, client_order_id: str | None, order_id: str | None, refusal: Refusal) -> TradeOrder:
    """Return the answer to a request that the venue refused, or of which it does not know what became."""
    return TradeOrder(
        outcome=Outcome.UNKNOWN if refusal.leaves_outcome_unknown else Outcome.REJECTED,
        pair=pair,
        client_order_id=client_order_id,
        order_id=order_id,
        reason=refusal.text,
        code=refusal.code or None,
    )


def read_server_time_ns(result: Any) -> int:
    """Return the venue's clock in nanoseconds since the epoch, from the answer to a question for the time.

    Raises:
        ValueError: it is no answer to that.
    """
    time = result.get("serverTime") if isinstance(result, dict) else None
    if not isinstance(time, int) or time <= 0:
        raise ValueError(f"serverTime: expected a positive integer, was {time!r}")
    return time_ns(time)


def time_ns(time: Any) -> int:
    """Return a time of the venue, in milliseconds or microseconds, in nanoseconds since the epoch.

    Raises:
        ValueError: it is no time.
    """
    if not isinstance(time, int) or time < 0:
        raise ValueError(f"expected a time in milliseconds or microseconds, was {time!r}")
    return time * (_NS_PER_US if time >= _FIRST_MICROSECOND else _NS_PER_MS)


def read_weight_per_minute(body: bytes) -> int | None:
    """Return the request weight of a minute in the answer to `exchangeInfo`, None if it is not said.

    Only the list of limits is decoded: the rest is megabytes.
    """
    begin = body.find(b"[", max(0, body.find(_RATE_LIMITS)))
    end = body.find(b"]", begin) + 1
    try:
        said = [
            limit["limit"]
            for limit in orjson.loads(body[begin:end])
            if (limit["rateLimitType"], limit["interval"], limit["intervalNum"]) == _WEIGHT_PER_MINUTE
        ]
    except (orjson.JSONDecodeError, LookupError, TypeError):
        return None
    return said[0] if said and isinstance(said[0], int) and said[0] > 0 else None


def read_symbols(body: bytes) -> SymbolTable:
    """Return the symbols in the answer to `exchangeInfo`, with their filters.

    Symbols are of all statuses: an order may end after its market did.

    Raises:
        VenueError: it is no answer to that.
    """
    try:
        rows = orjson.loads(body)["symbols"]
        return SymbolTable.of(
            [(_text(row, "symbol"), f"{_text(row, 'baseAsset')}-{_text(row, 'quoteAsset')}") for row in rows],
            {row["symbol"]: read_rules(row) for row in rows},
        )
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
        raise VenueError(
            "binance", f"exchangeInfo cannot be read: {type(error).__name__}: {error}"
        ) from error


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a text, was {value!r}")
    return value
