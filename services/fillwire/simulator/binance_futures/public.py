"""Public requests: time, rules, and as much market data as clients ask for at login."""

from typing import Any

from fillwire.simulator.binance.operations import Answer, Request
from fillwire.simulator.binance_futures.documents import symbol_document
from fillwire.simulator.binance_futures.texts import plain
from fillwire.simulator.exchange.market import Market

_MS = 1_000
_DEPTH_LIMIT = 1_000


def ping(_request: Request) -> Answer:
    """Answer nothing."""
    return Answer(result={})


def time(request: Request) -> Answer:
    """Show the venue's clock."""
    return Answer(result={"serverTime": request.venue.clock.now_us() // _MS})


def exchange_info(request: Request) -> Answer:
    """Show limits, symbols and their filters."""
    return Answer(
        result={
            "timezone": "UTC",
            "serverTime": request.venue.clock.now_us() // _MS,
            "futuresType": "U_MARGINED",
            "rateLimits": request.venue.limits.document(),
            "exchangeFilters": [],
            "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": None}],
            "symbols": [symbol_document(market.rules) for market in request.venue.markets.values()],
        }
    )


def depth(request: Request) -> Answer:
    """Show the best levels of a book."""
    market = request.venue.engine.market(request.params.required("symbol"))
    limit = request.params.limit(500, _DEPTH_LIMIT)
    now_ms = request.venue.clock.now_us() // _MS

    def levels(pairs: list[tuple[int, int]]) -> list[list[str]]:
        return [[plain(price), plain(quantity)] for price, quantity in pairs]

    return Answer(
        result={
            "lastUpdateId": market.last_execution_id,
            "E": now_ms,
            "T": now_ms,
            "bids": levels(market.book.bids.depth(limit)),
            "asks": levels(market.book.asks.depth(limit)),
        }
    )


def ticker_price(request: Request) -> Answer:
    """Show the last price of one symbol or of all."""
    now_ms = request.venue.clock.now_us() // _MS

    def show(market: Market) -> dict[str, Any]:
        return {"symbol": market.name, "price": plain(market.last_price), "time": now_ms}

    symbol = request.params.optional("symbol")
    if symbol is not None:
        return Answer(result=show(request.venue.engine.market(symbol)))
    return Answer(result=[show(market) for market in request.venue.markets.values()])
