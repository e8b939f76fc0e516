"""The venue's contracts and our pairs.

A perpetual is `BASE-QUOTE`. A contract that ends keeps the day on which it does, as in `BTC-USDT_260327`: it trades at a
price of its own and must not be taken for the perpetual.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from fillwire.domain.errors import VenueError
from fillwire.venues.binance.filters import read_rules
from fillwire.venues.binance_futures.endpoints import EXCHANGE
from fillwire.venues.symbols import SymbolTable


def read_symbols(body: bytes) -> SymbolTable:
    """Return the symbols in the answer to `exchangeInfo`, of all statuses: an order may end after its market did.

    Raises:
        VenueError: it is no answer to that.
    """
    try:
        contracts = orjson.loads(body)["symbols"]
        return SymbolTable.of(
            _rows(contracts), {contract["symbol"]: read_rules(contract) for contract in contracts}
        )
    except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
        raise VenueError(EXCHANGE, f"exchangeInfo cannot be read: {type(error).__name__}: {error}") from error


def _rows(contracts: Any) -> Iterator[tuple[str, str]]:
    taken: set[str] = set()
    for contract in contracts:
        symbol = contract["symbol"]
        suffix = symbol.partition("_")[2]
        pair = f"{contract['baseAsset']}-{contract['quoteAsset']}" + (f"_{suffix}" if suffix else "")
        if pair in taken:  # two contracts of one name: the later one is told apart by its symbol
            pair = f"{pair}_{symbol}"
        taken.add(pair)
        yield symbol, pair
