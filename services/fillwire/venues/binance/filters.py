"""The filters of a symbol in `exchangeInfo`, spot and futures, as rules of ours. An amount of 0 switches a filter off."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from fillwire.domain.rules import PairRules
from fillwire.venues.symbols import rule


def read_rules(row: Mapping[str, Any]) -> PairRules:
    """Return what orders of the symbol must keep to. Filters that depend on the market are left to the venue."""
    filters: dict[object, Mapping[str, Any]] = {
        said.get("filterType"): said for said in row.get("filters") or () if isinstance(said, dict)
    }

    def amount(name: str, key: str) -> Decimal | None:
        return rule(filters.get(name, {}).get(key))

    return PairRules(
        price_step=amount("PRICE_FILTER", "tickSize"),
        min_price=amount("PRICE_FILTER", "minPrice"),
        max_price=amount("PRICE_FILTER", "maxPrice"),
        quantity_step=amount("LOT_SIZE", "stepSize"),
        min_quantity=amount("LOT_SIZE", "minQty"),
        max_quantity=amount("LOT_SIZE", "maxQty"),
        market_quantity_step=amount("MARKET_LOT_SIZE", "stepSize"),
        market_min_quantity=amount("MARKET_LOT_SIZE", "minQty"),
        market_max_quantity=amount("MARKET_LOT_SIZE", "maxQty"),
        min_notional=amount("NOTIONAL", "minNotional")
        or amount("MIN_NOTIONAL", "minNotional")
        or amount("MIN_NOTIONAL", "notional"),  # so in futures
    )
