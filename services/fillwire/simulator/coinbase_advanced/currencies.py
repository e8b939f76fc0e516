"""The public parts of the older API below `/v2` that clients read before they trade: currencies and rates."""

from typing import Any

from fillwire.simulator.coinbase_advanced.operations import Request
from fillwire.simulator.texts import plain_text, quotient_text

_FIAT = frozenset({"USD"})
_RATE_DECIMALS = 16


def _assets(request: Request) -> list[str]:
    return sorted({asset for market in request.venue.markets.values() for asset in market.assets})


def fiat(request: Request) -> Any:
    """List currencies that states issue."""
    return {
        "data": [
            {"id": asset, "name": asset, "min_size": "0.01"} for asset in _assets(request) if asset in _FIAT
        ]
    }


def crypto(request: Request) -> Any:
    """List all other currencies."""
    return {
        "data": [
            {
                "asset_id": request.venue.names.name("asset", asset),
                "code": asset,
                "name": asset,
                "color": "#0433FF",
                "sort_index": str(index),
                "exponent": "8",
                "type": "crypto",
                "address_regex": "",
            }
            for index, asset in enumerate(_assets(request))
            if asset not in _FIAT
        ]
    }


def rates(request: Request) -> Any:
    """Show what one dollar is worth in currencies that trade against it."""
    found = {"USD": plain_text(100_000_000)}
    for market in request.venue.markets.values():
        if market.rules.quote == "USD":
            found[market.rules.base] = quotient_text(100_000_000, market.last_price, _RATE_DECIMALS)
    return {"data": {"currency": "USD", "rates": found}}
