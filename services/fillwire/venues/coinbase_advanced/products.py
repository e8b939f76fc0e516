"""The venue's clock and its products, in our own values."""

from typing import Any

import orjson

from fillwire.domain.errors import VenueError
from fillwire.domain.rules import PairRules
from fillwire.venues.coinbase_advanced.refusals import VENUE
from fillwire.venues.symbols import SymbolTable, rule

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
        named = _named(body)
        return SymbolTable.of(
            [(name, _pair(row, name)) for name, row in named], {name: _rules(row) for name, row in named}
        )
    except (orjson.JSONDecodeError, LookupError, TypeError, ValueError) as error:
        raise VenueError(VENUE, f"the products cannot be read: {type(error).__name__}: {error}") from error


def _named(body: bytes) -> list[tuple[str, dict[str, Any]]]:
    rows = orjson.loads(body)["products"]
    for row in rows:
        if not isinstance(row["product_id"], str) or not row["product_id"]:
            raise TypeError(f"product_id: expected a text, was {row['product_id']!r}")
    return [(row["product_id"], row) for row in rows]


def _rules(row: dict[str, Any]) -> PairRules:
    """Return what orders of a product must keep to. The value of a future depends on the size of its contract."""
    is_spot = row.get("product_type") == _SPOT
    return PairRules(
        price_step=rule(row.get("price_increment")) or rule(row.get("quote_increment")),
        quantity_step=rule(row.get("base_increment")),
        min_quantity=rule(row.get("base_min_size")),
        max_quantity=rule(row.get("base_max_size")),
        min_notional=rule(row.get("quote_min_size")) if is_spot else None,
    )


def _pair(row: dict[str, Any], name: str) -> str:
    if row.get("product_type") != _SPOT:
        return name
    base, quote = row.get("base_currency_id"), row.get("quote_currency_id")
    return f"{base}-{quote}" if base and quote else name
