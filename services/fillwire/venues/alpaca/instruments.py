"""Alpaca's symbols and our pairs. Only crypto needs a table: a stock or an option is its symbol, in dollars."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import orjson

from fillwire.domain.errors import VenueError
from fillwire.domain.rules import PairRules
from fillwire.venues.symbols import SymbolTable, rule

OPTION_UNITS = 100
"""Units of the underlying that one contract is on."""

_OPTION = re.compile(r"[A-Z0-9.]{1,6}[0-9]{6}[CP][0-9]{8}")
_STOCK = re.compile(r"[A-Z0-9.]+")
_SLASHED = re.compile(r"([A-Z0-9]+)/([A-Z0-9]+)")
# A crypto pair as the venue wrote it before it had a slash; the symbol of a stock is shorter.
_JOINED = re.compile(r"([A-Z0-9]+?)(USDT|USDC|USD|BTC)")
_LEAST_JOINED = 6
_DOLLARS = "-USD"
# The venue states these once, and not with its assets: limit prices of stocks have two decimals, below a dollar four, and
# a share up to nine; options trade in whole contracts, at steps that depend on the contract.
_STOCK_RULES = PairRules(
    price_step=Decimal("0.01"),
    fine_price_step=Decimal("0.0001"),
    fine_price_below=Decimal(1),
    quantity_step=Decimal("1e-9"),
)
_OPTION_RULES = PairRules(quantity_step=Decimal(1), min_quantity=Decimal(1))


def is_crypto(symbol: str) -> bool:
    """Return whether the symbol is one of a crypto pair, as events spell it."""
    return "/" in symbol


def is_option(symbol: str) -> bool:
    """Return whether the symbol is one of an option: root, date, call or put, strike."""
    return _OPTION.fullmatch(symbol) is not None


def event_symbol(symbol: str, asset_class: str | None = None) -> str:
    """Return the symbol as events spell it: a crypto pair with its slash, which older records lack.

    Args:
        symbol: as the venue wrote it.
        asset_class: the venue's word, None where a record does not say it.
    """
    if asset_class not in {None, "crypto"} or "/" in symbol:
        return symbol
    if asset_class is None and len(symbol) < _LEAST_JOINED:
        return symbol
    match = _JOINED.fullmatch(symbol)
    return symbol if match is None else f"{match[1]}/{match[2]}"


class _Pairs(Mapping[str, str]):
    """Symbol to pair: the crypto pairs of the table, and by their form all others."""

    def __init__(self, crypto: Mapping[str, str]) -> None:
        self._crypto = crypto

    def __getitem__(self, symbol: str) -> str:
        """Return the pair."""
        if symbol in self._crypto:
            return self._crypto[symbol]
        if slashed := _SLASHED.fullmatch(symbol):
            return f"{slashed[1]}-{slashed[2]}"
        if _STOCK.fullmatch(symbol):
            return symbol + _DOLLARS
        raise KeyError(symbol)

    def __iter__(self) -> Iterator[str]:
        """Go through the table."""
        return iter(self._crypto)

    def __len__(self) -> int:
        """Return how many the table has."""
        return len(self._crypto)


class _Symbols(Mapping[str, str]):
    """Pair to symbol; where a stock is named as a coin is, the pair is that of the coin."""

    def __init__(self, crypto: Mapping[str, str]) -> None:
        self._crypto = crypto

    def __getitem__(self, pair: str) -> str:
        """Return the symbol."""
        if pair in self._crypto:
            return self._crypto[pair]
        symbol = pair.removesuffix(_DOLLARS)
        if symbol != pair and _STOCK.fullmatch(symbol):
            return symbol
        raise KeyError(pair)

    def __iter__(self) -> Iterator[str]:
        """Go through the table."""
        return iter(self._crypto)

    def __len__(self) -> int:
        """Return how many the table has."""
        return len(self._crypto)


class _Rules(Mapping[str, PairRules]):
    """Symbol to rules: those of the crypto pairs from the table, and by their form all others."""

    def __init__(self, crypto: Mapping[str, PairRules]) -> None:
        self._crypto = crypto

    def __getitem__(self, symbol: str) -> PairRules:
        """Return the rules."""
        if is_crypto(symbol):
            return self._crypto[symbol]
        return _OPTION_RULES if is_option(symbol) else _STOCK_RULES

    def __iter__(self) -> Iterator[str]:
        """Go through the table."""
        return iter(self._crypto)

    def __len__(self) -> int:
        """Return how many the table has."""
        return len(self._crypto)


def _crypto_rules(row: Mapping[str, Any]) -> PairRules:
    return PairRules(
        price_step=rule(row.get("price_increment")),
        quantity_step=rule(row.get("min_trade_increment")),
        min_quantity=rule(row.get("min_order_size")),
    )


def read_symbols(body: bytes) -> SymbolTable:
    """Return the symbols in an answer to `/v2/assets`; of it only the crypto pairs are needed.

    Raises:
        VenueError: it is no answer to that.
    """
    try:
        crypto = {row["symbol"]: row for row in _list(orjson.loads(body)) if row["class"] == "crypto"}
        slashed = [_SLASHED.fullmatch(symbol) for symbol in crypto]
        rules = {symbol: _crypto_rules(row) for symbol, row in crypto.items()}
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
        raise VenueError("alpaca", f"assets cannot be read: {type(error).__name__}: {error}") from error
    known = SymbolTable.of((match[0], f"{match[1]}-{match[2]}") for match in slashed if match)
    return SymbolTable(_Pairs(known.pairs), _Symbols(known.symbols), _Rules(rules))


def _list(document: object) -> list[Any]:
    if not isinstance(document, list):
        raise TypeError(f"expected a list, was {type(document).__name__}")
    return document
