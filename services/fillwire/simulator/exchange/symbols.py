"""The rules of a symbol, and how `exchangeInfo` shows them."""

from dataclasses import dataclass
from typing import Any

from fillwire.domain.errors import ConfigError
from fillwire.simulator.exchange.units import SCALE, parse_units, units_text
from fillwire.simulator.settings import SymbolSettings

ORDER_TYPES = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)
STP_MODES = ("NONE", "EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH")
MAX_NUM_ORDERS = 200
MAX_NUM_ALGO_ORDERS = 5
MAX_NUM_ORDER_LISTS = 20
MAX_NUM_ORDER_AMENDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolRules:
    """What orders of a symbol must keep to; amounts in units.

    Attributes:
        tick: prices are multiples of it.
        step: quantities are multiples of it.
        max_open_orders: open orders an account may have on the symbol.
    """

    name: str
    base: str
    quote: str
    first_price: int
    tick: int
    step: int
    min_notional: int
    max_quantity: int
    max_open_orders: int = MAX_NUM_ORDERS

    @property
    def max_price(self) -> int:
        """Highest permitted price: a thousand times the first one, a multiple of the tick."""
        return self.first_price * 1_000 // self.tick * self.tick

    @property
    def max_notional(self) -> int:
        """Largest permitted notional of an order."""
        return 9_000_000_000 * SCALE

    def document(self) -> dict[str, Any]:
        """Return the symbol as `exchangeInfo` shows it."""
        lot = {
            "minQty": units_text(self.step),
            "maxQty": units_text(self.max_quantity),
            "stepSize": units_text(self.step),
        }
        return {
            "symbol": self.name,
            "status": "TRADING",
            "baseAsset": self.base,
            "baseAssetPrecision": 8,
            "quoteAsset": self.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": list(ORDER_TYPES),
            "icebergAllowed": False,
            "ocoAllowed": True,
            "otoAllowed": False,
            "opoAllowed": False,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": False,
            "cancelReplaceAllowed": True,
            "amendAllowed": True,
            "pegInstructionsAllowed": False,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": units_text(self.tick),
                    "maxPrice": units_text(self.max_price),
                    "tickSize": units_text(self.tick),
                },
                {"filterType": "LOT_SIZE", **lot},
                {"filterType": "MARKET_LOT_SIZE", **lot},
                {
                    "filterType": "NOTIONAL",
                    "minNotional": units_text(self.min_notional),
                    "applyMinToMarket": True,
                    "maxNotional": units_text(self.max_notional),
                    "applyMaxToMarket": False,
                    "avgPriceMins": 5,
                },
                {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": self.max_open_orders},
                {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": MAX_NUM_ORDER_LISTS},
                {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_NUM_ALGO_ORDERS},
                {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": MAX_NUM_ORDER_AMENDS},
            ],
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": "NONE",
            "allowedSelfTradePreventionModes": list(STP_MODES),
        }


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
