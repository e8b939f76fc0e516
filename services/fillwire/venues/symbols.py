"""A venue's symbols and our pairs, both ways, and what orders of a symbol must keep to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from fillwire.domain.rules import PairRules

_NO_RULES: Mapping[str, PairRules] = MappingProxyType({})
_FREE = PairRules()


@dataclass(frozen=True, slots=True)
class SymbolTable:
    """Which pair a symbol is and which symbol a pair has.

    Attributes:
        pairs: the venue's symbol to our pair, `BTCUSDT` to `BTC-USDT`.
        symbols: our pair to the venue's symbol.
        rules: the venue's symbol to what its orders must keep to.
    """

    pairs: Mapping[str, str]
    symbols: Mapping[str, str]
    rules: Mapping[str, PairRules] = field(default_factory=lambda: _NO_RULES, repr=False)

    @classmethod
    def of(
        cls, rows: Iterable[tuple[str, str]], rules: Mapping[str, PairRules] | None = None
    ) -> "SymbolTable":
        """Return the table of `(symbol, pair)` rows.

        Where two symbols stand for one pair, orders go to the first; events are read of both.
        """
        pairs: dict[str, str] = {}
        symbols: dict[str, str] = {}
        for symbol, pair in rows:
            pairs[symbol] = pair
            symbols.setdefault(pair, symbol)
        said = _NO_RULES if rules is None else MappingProxyType(rules)
        return cls(MappingProxyType(pairs), MappingProxyType(symbols), said)

    def rules_of(self, pair: str) -> PairRules | None:
        """Return what orders of a pair must keep to, as far as the venue says it; None if the pair is not listed."""
        symbol = self.symbols.get(pair)
        return None if symbol is None else self.rules.get(symbol, _FREE)

    def __len__(self) -> int:
        """Return how many symbols are known."""
        return len(self.pairs)


def rule(said: object) -> Decimal | None:
    """Return a step or bound as a venue writes it; None for what says none: no text, no number, or 0."""
    if not isinstance(said, str):
        return None
    try:
        value = Decimal(said)
    except InvalidOperation:
        return None
    return value if value.is_finite() and value > 0 else None
