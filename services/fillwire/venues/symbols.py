"""A venue's symbols and our pairs, both ways."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class SymbolTable:
    """Which pair a symbol is and which symbol a pair has.

    Attributes:
        pairs: the venue's symbol to our pair, `BTCUSDT` to `BTC-USDT`.
        symbols: our pair to the venue's symbol.
    """

    pairs: Mapping[str, str]
    symbols: Mapping[str, str]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str]]) -> "SymbolTable":
        """Return the table of `(symbol, pair)` rows.

        Where two symbols stand for one pair, orders go to the first; events are read of both.
        """
        pairs: dict[str, str] = {}
        symbols: dict[str, str] = {}
        for symbol, pair in rows:
            pairs[symbol] = pair
            symbols.setdefault(pair, symbol)
        return cls(MappingProxyType(pairs), MappingProxyType(symbols))

    def __len__(self) -> int:
        """Return how many symbols are known."""
        return len(self.pairs)
