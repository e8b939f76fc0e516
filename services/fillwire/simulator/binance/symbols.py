"""What the venue permits on every symbol, and how `exchangeInfo` shows one."""

from typing import Any

from fillwire.simulator.exchange.symbols import SymbolRules
from fillwire.simulator.exchange.units import units_text

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
MAX_NUM_ALGO_ORDERS = 5
MAX_NUM_ORDER_LISTS = 20


def symbol_document(rules: SymbolRules) -> dict[str, Any]:
    """Return the symbol as `exchangeInfo` shows it."""
    lot = {
        "minQty": units_text(rules.step),
        "maxQty": units_text(rules.max_quantity),
        "stepSize": units_text(rules.step),
    }
    return {
        "symbol": rules.name,
        "status": "TRADING",
        "baseAsset": rules.base,
        "baseAssetPrecision": 8,
        "quoteAsset": rules.quote,
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
                "minPrice": units_text(rules.tick),
                "maxPrice": units_text(rules.max_price),
                "tickSize": units_text(rules.tick),
            },
            {"filterType": "LOT_SIZE", **lot},
            {"filterType": "MARKET_LOT_SIZE", **lot},
            {
                "filterType": "NOTIONAL",
                "minNotional": units_text(rules.min_notional),
                "applyMinToMarket": True,
                "maxNotional": units_text(rules.max_notional),
                "applyMaxToMarket": False,
                "avgPriceMins": 5,
            },
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.max_open_orders},
            {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": MAX_NUM_ORDER_LISTS},
            {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": MAX_NUM_ALGO_ORDERS},
            {"filterType": "rules.max_amendments", "maxNumOrderAmends": rules.max_amendments},
        ],
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": list(STP_MODES),
    }
