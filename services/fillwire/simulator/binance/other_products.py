"""Neighbours of the Spot API that clients call at login, REST only: as little as lets them go on."""

from typing import Any

from fillwire.simulator.binance.operations import Answer, Handler, Operation, Request, Security, fixed
from fillwire.simulator.exchange.units import units_text

_KEY_MADE_MS = 1_698_645_219_000


def futures_info(request: Request) -> Answer:
    """Show a futures exchange without symbols."""
    return Answer(
        result={
            "timezone": "UTC",
            "serverTime": request.venue.clock.now_us() // request.divisor,
            "rateLimits": [],
            "exchangeFilters": [],
            "assets": [],
            "symbols": [],
        }
    )


def coins(request: Request) -> Answer:
    """Show the account's coins, none of which can be moved."""
    request.params.finish()
    account = request.signer
    assets = {asset for market in request.venue.markets.values() for asset in market.assets}
    return Answer(result=[_coin(asset, account.balances[asset].free) for asset in sorted(assets)])


def key_restrictions(request: Request) -> Answer:
    """Show what the key may do: read and trade on spot, from any address."""
    request.params.finish()
    return Answer(
        result={
            "ipRestrict": False,
            "createTime": _KEY_MADE_MS,
            "enableReading": True,
            "enableWithdrawals": False,
            "enableInternalTransfer": False,
            "enableMargin": False,
            "enableFutures": False,
            "permitsUniversalTransfer": False,
            "enableVanillaOptions": False,
            "enableFixApiTrade": False,
            "enableFixReadOnly": False,
            "enableSpotAndMarginTrading": True,
            "enablePortfolioMarginTrading": False,
        }
    )


def nothing(_request: Request) -> Answer:
    """Show that there is none of it."""
    return Answer(result=[])


def _coin(asset: str, free: int) -> dict[str, Any]:
    zero = units_text(0)
    return {
        "coin": asset,
        "depositAllEnable": False,
        "withdrawAllEnable": False,
        "name": asset,
        "free": units_text(free),
        "locked": zero,
        "freeze": zero,
        "withdrawing": zero,
        "ipoing": zero,
        "ipoable": zero,
        "storage": zero,
        "isLegalMoney": False,
        "trading": True,
        "networkList": [],
    }


def _get(path: str, handler: Handler, security: Security = Security.NONE) -> Operation:
    return Operation(name=path, verb="GET", path=path, handler=handler, weight=fixed(1), security=security)


OPERATIONS = (
    _get("/fapi/v1/exchangeInfo", futures_info),
    _get("/dapi/v1/exchangeInfo", futures_info),
    _get("/sapi/v1/capital/config/getall", coins, Security.SIGNED),
    _get("/sapi/v1/account/apiRestrictions", key_restrictions, Security.SIGNED),
    _get("/sapi/v1/margin/allPairs", nothing, Security.SIGNED),
    _get("/sapi/v1/margin/isolated/allPairs", nothing, Security.SIGNED),
)
