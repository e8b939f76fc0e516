"""The rules of a symbol."""

from dataclasses import dataclass

from fillwire.domain.errors import ConfigError
from fillwire.simulator.exchange.units import SCALE, parse_units
from fillwire.simulator.settings import SymbolSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRules:
    """What orders of a symbol must keep to; amounts in units.

    Attributes:
        tick: prices are multiples of it.
        step: quantities are multiples of it.
        max_open_orders: open orders an account may have on the symbol.
        max_amendments: how often an order may be amended.
    """

    name: str
    base: str
    quote: str
    first_price: int
    tick: int
    step: int
    min_notional: int
    max_quantity: int
    max_open_orders: int = 200
    max_amendments: int = 10

    @property
    def max_price(self) -> int:
        """Highest permitted price: a thousand times the first one, a multiple of the tick."""
        return self.first_price * 1_000 // self.tick * self.tick

    @property
    def max_notional(self) -> int:
        """Largest permitted notional of an order."""
        return 9_000_000_000 * SCALE


def make_rules(settings: SymbolSettings) -> SymbolRules:
    """Return the rules of a symbol.

    Raises:
        ConfigError: a number is no decimal string, is zero, or price times quantity would not be exact.
    """
    try:
        rules = SymbolRules(
            name=settings.symbol,
            base=settings.base,
            quote=settings.quote,
            first_price=parse_units(settings.price),
            tick=parse_units(settings.tick),
            step=parse_units(settings.step),
            min_notional=parse_units(settings.min_notional),
            max_quantity=parse_units(settings.max_quantity),
        )
    except ValueError as error:
        raise ConfigError(f"symbol {settings.symbol}: {error}") from error
    if min(rules.first_price, rules.tick, rules.step) == 0 or rules.first_price % rules.tick:
        raise ConfigError(
            f"symbol {settings.symbol}: expected a price that is a multiple of the tick, and a step above 0"
        )
    if rules.tick * rules.step % SCALE:
        raise ConfigError(
            f"symbol {settings.symbol}: expected tick times step to have at most eight decimals"
        )
    return rules
