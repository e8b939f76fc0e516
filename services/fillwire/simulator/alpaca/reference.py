"""The account, its positions, the assets and the clock: as much as clients ask for."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fillwire.simulator.alpaca.amounts import plain
from fillwire.simulator.alpaca.operations import Answer, Operation, Request
from fillwire.simulator.alpaca.refusals import Refusal, not_found
from fillwire.simulator.alpaca.tickets import find_market
from fillwire.simulator.alpaca.times import eastern, eastern_offset, rfc3339
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.units import product

_CREATED_AT = "2024-01-02T15:00:00Z"
_FRIDAY = 5
_OPENS, _CLOSES = timedelta(hours=9, minutes=30), timedelta(hours=16)


def _value(request: Request, asset: str, amount: int) -> int:
    """Return what an amount is worth in dollars, in units."""
    if asset in {"USD", "USDT", "USDC"}:
        return amount
    markets = request.venue.markets
    market = markets.get(asset) or markets.get(f"{asset}/USD")
    return 0 if market is None else product(market.last_price, amount)


def account(request: Request) -> Answer:
    """Show the account."""
    venue, owner = request.venue, request.account
    cash = owner.balances["USD"]
    total = cash.free + cash.locked
    long_value = sum(
        _value(request, asset, balance.free + balance.locked)
        for asset, balance in owner.balances.items()
        if asset != "USD"
    )
    zero = plain(0)
    return Answer(
        result={
            "id": venue.ids.name("account", owner.user),
            "admin_configurations": {},
            "user_configurations": None,
            "account_number": f"PA{owner.uid}",
            "status": "ACTIVE",
            "crypto_status": "ACTIVE",
            "currency": "USD",
            "buying_power": plain(cash.free),
            "regt_buying_power": plain(cash.free),
            "daytrading_buying_power": zero,
            "effective_buying_power": plain(cash.free),
            "non_marginable_buying_power": plain(cash.free),
            "cash": plain(total),
            "accrued_fees": zero,
            "pending_transfer_in": zero,
            "portfolio_value": plain(total + long_value),
            "pattern_day_trader": False,
            "trading_blocked": False,
            "transfers_blocked": False,
            "account_blocked": False,
            "created_at": _CREATED_AT,
            "trade_suspended_by_user": not owner.may_trade,
            "multiplier": "1",
            "shorting_enabled": False,
            "equity": plain(total + long_value),
            "last_equity": plain(total + long_value),
            "long_market_value": plain(long_value),
            "short_market_value": zero,
            "position_market_value": plain(long_value),
            "initial_margin": zero,
            "maintenance_margin": zero,
            "last_maintenance_margin": zero,
            "sma": zero,
            "daytrade_count": 0,
        }
    )


def _position(request: Request, market: Market) -> dict[str, Any] | None:
    balance = request.account.balances[market.rules.base]
    total = balance.free + balance.locked
    if total <= 0:
        return None
    price, worth = plain(market.last_price), plain(product(market.last_price, total))
    is_crypto = "/" in market.name
    return {
        "asset_id": request.venue.ids.name("asset", market.name),
        "symbol": market.name.replace("/", ""),
        "exchange": "CRYPTO" if is_crypto else "NASDAQ",
        "asset_class": "crypto" if is_crypto else "us_equity",
        "asset_marginable": False,
        "qty": plain(total),
        "qty_available": plain(balance.free),
        "avg_entry_price": price,
        "side": "long",
        "market_value": worth,
        "cost_basis": worth,
        "unrealized_pl": "0",
        "unrealized_plpc": "0",
        "unrealized_intraday_pl": "0",
        "unrealized_intraday_plpc": "0",
        "current_price": price,
        "lastday_price": price,
        "change_today": "0",
    }


def _held_markets(request: Request) -> list[Market]:
    """Return one market for each asset that can be held, the one in dollars."""
    return [market for market in request.venue.markets.values() if market.rules.quote == "USD"]


def positions(request: Request) -> Answer:
    """List the positions, valued at last prices; what was paid for them is not kept."""
    rows = (_position(request, market) for market in _held_markets(request))
    return Answer(result=[row for row in rows if row is not None])


def position(request: Request) -> Answer:
    """Show one position, named by symbol or by the id of its asset."""
    name = request.path["symbol"]
    for market in _held_markets(request):
        names = {market.name, market.name.replace("/", ""), request.venue.ids.name("asset", market.name)}
        row = _position(request, market) if name in names else None
        if row is not None:
            return Answer(result=row)
    raise not_found("position does not exist")


def _asset(request: Request, market: Market) -> dict[str, Any]:
    is_crypto = "/" in market.name
    rules = market.rules
    document: dict[str, Any] = {
        "id": request.venue.ids.name("asset", rules.name),
        "class": "crypto" if is_crypto else "us_equity",
        "exchange": "CRYPTO" if is_crypto else "NASDAQ",
        "symbol": rules.name,
        "name": f"{rules.base} / {rules.quote}" if is_crypto else f"{rules.base} Common Stock",
        "status": "active",
        "tradable": True,
        "marginable": False,
        "maintenance_margin_requirement": 100,
        "shortable": False,
        "easy_to_borrow": False,
        "fractionable": True,
        "attributes": [],
    }
    if is_crypto:
        document |= {
            "min_order_size": plain(rules.step),
            "min_trade_increment": plain(rules.step),
            "price_increment": plain(rules.tick),
        }
    return document


def assets(request: Request) -> Answer:
    """List the assets, of one class or of all."""
    asset_class, status = request.query.get("asset_class"), request.query.get("status")
    rows = [_asset(request, market) for market in request.venue.markets.values()]
    return Answer(
        result=[
            row for row in rows if asset_class in {None, row["class"]} and status in {None, "active", "all"}
        ]
    )


def asset(request: Request) -> Answer:
    """Show one asset, named by symbol or id."""
    name = request.path["symbol"]
    for market in request.venue.markets.values():
        if request.venue.ids.name("asset", market.name) == name:
            return Answer(result=_asset(request, market))
    try:
        return Answer(result=_asset(request, find_market(request, name)))
    except Refusal:
        raise not_found(f"asset not found for {name}") from None


def _next(now: datetime, time: timedelta) -> str:
    """Return the next working day's moment of this time of the day in New York, after its wall clock `now`."""
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    while day + time <= now or day.isoweekday() > _FRIDAY:
        day += timedelta(days=1)
    moment = day + time
    hours = abs(eastern_offset(moment + timedelta(hours=5))) // timedelta(hours=1)
    return f"{moment:%Y-%m-%dT%H:%M:%S}-{hours:02d}:00"


def clock(request: Request) -> Answer:
    """Show the venue's clock, and whether equities are traded: as the control API says, whatever the hour."""
    now_ns = request.venue.clock.now_ns()
    now = eastern(now_ns).replace(tzinfo=UTC)
    return Answer(
        result={
            "timestamp": rfc3339(now_ns, eastern_offset(now)),
            "is_open": request.venue.is_open,
            "next_open": _next(now, _OPENS),
            "next_close": _next(now, _CLOSES),
        }
    )


OPERATIONS = (
    Operation("account", "GET", "/v2/account", account),
    Operation("positions", "GET", "/v2/positions", positions),
    Operation("position", "GET", "/v2/positions/{symbol:.+}", position),
    Operation("assets", "GET", "/v2/assets", assets),
    Operation("asset", "GET", "/v2/assets/{symbol:.+}", asset),
    Operation("clock", "GET", "/v2/clock", clock),
)
