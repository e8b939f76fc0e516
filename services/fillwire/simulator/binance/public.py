"""Public requests: time, rules, and as much market data as clients ask for at login."""

import json
from typing import Any

from fillwire.simulator.binance.operations import Answer, Operation, Request, fixed
from fillwire.simulator.binance.parameters import Parameters
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance.symbols import symbol_document
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.units import units_text

_DEPTH_LIMIT = 5_000
_DAY_US = 86_400 * 1_000_000
_INTERVALS_S = {
    "1s": 1,
    "1m": 60,
    "3m": 180,
    "5m": 300,
    "15m": 900,
    "30m": 1_800,
    "1h": 3_600,
    "2h": 7_200,
    "4h": 14_400,
    "6h": 21_600,
    "8h": 28_800,
    "12h": 43_200,
    "1d": 86_400,
    "3d": 259_200,
    "1w": 604_800,
}


def ping(request: Request) -> Answer:
    """Answer nothing."""
    request.params.finish()
    return Answer(result={})


def time(request: Request) -> Answer:
    """Show the venue's clock."""
    request.params.finish()
    return Answer(result={"serverTime": request.venue.clock.now_us() // request.divisor})


def _symbols(request: Request) -> list[Market] | None:
    """Return the markets of `symbol` or `symbols`, None if neither was sent."""
    params = request.params
    engine = request.venue.engine
    symbol, symbols = params.optional("symbol"), params.optional("symbols")
    if symbol is not None and symbols is not None:
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    if symbol is not None:
        return [engine.market(symbol)]
    if symbols is None:
        return None
    try:
        names = json.loads(symbols)
    except ValueError:
        raise Refusal(-1135, "JSON sent for parameter 'symbols' is not valid") from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Refusal(-1135, "JSON sent for parameter 'symbols' is not valid")
    if len(set(names)) != len(names):
        raise Refusal(-1151, "Symbol is present multiple times in the list.")
    return [engine.market(name) for name in names]


def exchange_info(request: Request) -> Answer:
    """Show limits, symbols and their filters."""
    params = request.params
    markets = _symbols(request)
    permissions = params.optional("permissions")
    status = params.optional("symbolStatus")
    params.boolean("showPermissionSets", default=True)
    params.finish()
    if markets is not None and (permissions is not None or status is not None):
        raise Refusal(-1128, "Combination of optional parameters invalid.")
    if status not in {None, "TRADING", "HALT", "BREAK"}:
        raise Refusal(-1122, "Invalid symbolStatus.")
    if markets is None:
        is_listed = status in {None, "TRADING"} and (permissions is None or "SPOT" in permissions)
        markets = list(request.venue.markets.values()) if is_listed else []
    return Answer(
        result={
            "timezone": "UTC",
            "serverTime": request.venue.clock.now_us() // request.divisor,
            "rateLimits": request.venue.limits.document(),
            "exchangeFilters": [],
            "symbols": [symbol_document(market.rules) for market in markets],
        }
    )


def depth(request: Request) -> Answer:
    """Show the best levels of a book."""
    params = request.params
    market = request.venue.engine.market(params.required("symbol"))
    limit = params.limit(100, _DEPTH_LIMIT)
    params.optional("symbolStatus")
    params.finish()
    return Answer(
        result={
            "lastUpdateId": market.last_execution_id,
            "bids": _levels(market.book.bids.depth(limit)),
            "asks": _levels(market.book.asks.depth(limit)),
        }
    )


def _levels(levels: list[tuple[int, int]]) -> list[list[str]]:
    return [[units_text(price), units_text(quantity)] for price, quantity in levels]


def _each(request: Request, show: Any) -> Answer:
    markets = _symbols(request)
    request.params.optional("symbolStatus")
    request.params.optional("type")
    request.params.finish()
    rows = [show(market) for market in markets or request.venue.markets.values()]
    return Answer(result=rows[0] if request.params.has("symbol") else rows)


def ticker_price(request: Request) -> Answer:
    """Show last prices."""
    return _each(request, lambda market: {"symbol": market.name, "price": units_text(market.last_price)})


def book_ticker(request: Request) -> Answer:
    """Show best bids and asks."""
    return _each(request, _best)


def _best(market: Market) -> dict[str, Any]:
    bid, ask = (side.depth(1) or [(0, 0)] for side in (market.book.bids, market.book.asks))
    return {
        "symbol": market.name,
        "bidPrice": units_text(bid[0][0]),
        "bidQty": units_text(bid[0][1]),
        "askPrice": units_text(ask[0][0]),
        "askQty": units_text(ask[0][1]),
    }


def ticker_24hr(request: Request) -> Answer:
    """Show a day's statistics of a market that has stood still."""
    now_us = request.venue.clock.now_us()

    def show(market: Market) -> dict[str, Any]:
        price = units_text(market.last_price)
        zero = units_text(0)
        return _best(market) | {
            "priceChange": zero,
            "priceChangePercent": "0.000",
            "weightedAvgPrice": price,
            "prevClosePrice": price,
            "lastPrice": price,
            "lastQty": zero,
            "openPrice": price,
            "highPrice": price,
            "lowPrice": price,
            "volume": zero,
            "quoteVolume": zero,
            "openTime": (now_us - _DAY_US) // request.divisor,
            "closeTime": now_us // request.divisor,
            "firstId": -1,
            "lastId": -1,
            "count": 0,
        }

    return _each(request, show)


def average_price(request: Request) -> Answer:
    """Show the average price."""
    market = request.venue.engine.market(request.params.required("symbol"))
    request.params.finish()
    now = request.venue.clock.now_us() // request.divisor
    return Answer(result={"mins": 5, "price": units_text(market.last_price), "closeTime": now})


def klines(request: Request) -> Answer:
    """Show the present candle; the simulator keeps no history of prices."""
    params = request.params
    market = request.venue.engine.market(params.required("symbol"))
    interval = params.required("interval")
    params.limit()
    params.time_us("startTime")
    params.time_us("endTime")
    params.optional("timeZone")
    params.finish()
    if interval not in _INTERVALS_S:
        raise Refusal(-1120, "Invalid interval.")
    length_us = _INTERVALS_S[interval] * 1_000_000
    start_us = request.venue.clock.now_us() // length_us * length_us
    price, zero = units_text(market.last_price), units_text(0)
    close = (start_us + length_us) // request.divisor - 1
    return Answer(
        result=[
            [start_us // request.divisor, price, price, price, price, zero, close, zero, 0, zero, zero, "0"]
        ]
    )


def trades(request: Request) -> Answer:
    """Show no trades: the simulator keeps no public tape."""
    request.venue.engine.market(request.params.required("symbol"))
    request.params.limit()
    request.params.finish()
    return Answer(result=[])


def _depth_weight(params: Parameters) -> int:
    text = params.values.get("limit", "100")
    limit = int(text) if text.isdecimal() else 100
    return next(
        weight for bound, weight in ((100, 5), (500, 25), (1_000, 50), (10**20, 250)) if limit <= bound
    )


def _get(name: str, path: str, handler: Any, weight: Any) -> Operation:
    return Operation(name=name, verb="GET", path=path, handler=handler, weight=weight)


OPERATIONS = (
    _get("ping", "/api/v3/ping", ping, fixed(1)),
    _get("time", "/api/v3/time", time, fixed(1)),
    _get("exchangeInfo", "/api/v3/exchangeInfo", exchange_info, fixed(20)),
    _get("depth", "/api/v3/depth", depth, _depth_weight),
    _get("trades.recent", "/api/v3/trades", trades, fixed(25)),
    _get("klines", "/api/v3/klines", klines, fixed(2)),
    _get("avgPrice", "/api/v3/avgPrice", average_price, fixed(2)),
    _get(
        "ticker.price", "/api/v3/ticker/price", ticker_price, lambda params: 2 if params.has("symbol") else 4
    ),
    _get(
        "ticker.book",
        "/api/v3/ticker/bookTicker",
        book_ticker,
        lambda params: 2 if params.has("symbol") else 4,
    ),
    _get("ticker.24hr", "/api/v3/ticker/24hr", ticker_24hr, lambda params: 2 if params.has("symbol") else 80),
)
