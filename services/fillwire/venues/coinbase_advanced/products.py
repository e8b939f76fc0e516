"""The venue's clock and its products, in our own values."""

from typing import Any

import orjson

from fillwire.domain.errors import VenueError
from fillwire.venues.coinbase_advanced.refusals import VENUE
from fillwire.venues.symbols import SymbolTable

_NS_PER_MS = 1_000_000
_SPOT = "SPOT"


def read_time_ns(body: bytes) -> int:
    """Return the venue's clock, in nanoseconds since the epoch.

    Raises:
        ValueError: `body` is no answer to a question for it.
    """
    document = orjson.loads(body)
    millis = document.get("epochMillis") if isinstance(document, dict) else None
    if not isinstance(millis, str) or not millis.isdecimal():
        raise ValueError(f"epochMillis: expected digits, was {millis!r}")
    return int(millis) * _NS_PER_MS


def read_products(body: bytes) -> SymbolTable:
    """Return the products: a spot product is its pair, `BTC-USD`; any other keeps its name, `BIT-28JUN24-CDE`.

    Raises:
        VenueError: `body` is no answer to a question for them.
    """
    try:
        return SymbolTable.of((name, _pair(row, name)) for name, row in _named(body))
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError) as error:
        raise VenueError(VENUE, f"the products cannot be read: {type(error).__name__}: {error}") from error


def _named(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    rows = orjson.loads(body)["products"]
    for row in rows:
        if not isinstance(row["product_id"], str) or not row["product_id"]:
            raise TypeError(f"product_id: expected a text, was {row['product_id']!r}")
    return [(row["product_id"], row) for row in rows]


def _pair(row: dict[str, Any], name: str) -> str:
    if row.get("product_type") != _SPOT:
        return name
    base, quote = row.get("base_currency_id"), row.get("quote_currency_id")
    return f"{base}-{quote}" if base and quote else name
