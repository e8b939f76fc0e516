"""Public clients, unmodified but for their base URLs, trade on the simulated Binance USD-M Futures and hear of their fills.

Run with `-s` to read what they saw. They are the independent witnesses that the simulator speaks the real protocol.
"""

import asyncio
import warnings
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from fillwire.simulator.binance_futures.server import BinanceFuturesSimulator
from support.binance_keys import API_KEY, HMAC_SECRET
from support.eventually import eventually

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # at import, too
    from binance.async_client import AsyncClient
    from binance.exceptions import BinanceAPIException
    from binance.ws.streams import BinanceSocketManager
    from ccxt.pro.binanceusdm import binanceusdm as CcxtFutures  # noqa: N812 - a class, whatever they call it

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),  # importing them takes half a minute on a busy machine
    pytest.mark.filterwarnings("ignore"),  # the clients' own warnings are not ours to mend
]
DEADLINE_S = 20.0


@pytest.fixture
async def sim() -> AsyncIterator[BinanceFuturesSimulator]:
    """Return a running simulator with the demo account."""
    async with BinanceFuturesSimulator() as simulator:
        yield simulator


def say(client: str, what: str) -> None:
    """Add a line to the transcript."""
    print(f"{client:15} {what}")  # noqa: T201 - the transcript under -s


def rebased(urls: Any, sim: BinanceFuturesSimulator) -> Any:
    """Return ccxt's table of URLs with every host replaced by the simulator's."""
    if isinstance(urls, dict):
        return {name: rebased(value, sim) for name, value in urls.items()}
    if not isinstance(urls, str):
        return urls
    parts = urlsplit(urls)
    base = sim.rest_url if parts.scheme == "https" else sim.rest_url.replace("http", "ws", 1)
    return base + parts.path


async def test_ccxt_pro_watches_its_orders_and_trades(sim: BinanceFuturesSimulator) -> None:
    """ccxt.pro loads the contracts, takes a listenKey, and sees cancel and fills by watch_orders and watch_my_trades."""
    client: Any = CcxtFutures({"apiKey": API_KEY, "secret": HMAC_SECRET})
    client.urls["api"] = rebased(client.urls["api"], sim)
    symbol = "ETH/USDT:USDT"
    orders: dict[str, str] = {}

    async def watch() -> None:
        while True:
            for order in await client.watch_orders(symbol):
                orders[order["id"]] = order["status"]
                say(
                    "ccxt.pro",
                    f"{order['id']} {order['status']} filled {order['filled']} of {order['amount']}",
                )

    try:
        await client.load_markets()
        say("ccxt.pro", f"loaded {len(client.symbols)} markets")
        watching = asyncio.create_task(watch())
        await eventually(lambda: bool(sim.core.connections), DEADLINE_S, "a stream")
        resting = await client.create_order(symbol, "limit", "buy", 0.5, 3000)
        await client.cancel_order(resting["id"], symbol)
        taker = await client.create_order(symbol, "market", "sell", 1)
        await eventually(lambda: orders.get(taker["id"]) == "closed", DEADLINE_S, "the fill")
        assert orders[resting["id"]] == "canceled"
        trades = list(client.myTrades or ())
        for trade in trades:
            say("ccxt.pro", f"{trade['order']} {trade['amount']} at {trade['price']} fee {trade['fee']}")
        assert sum(Decimal(str(trade["amount"])) for trade in trades) == 1
        assert {trade["order"] for trade in trades} == {taker["id"]}
        fetched = await client.fetch_my_trades(symbol)
        assert [trade["id"] for trade in fetched] == [trade["id"] for trade in trades]
        balance = await client.fetch_balance()
        assert balance["USDT"]["total"] > 0
        watching.cancel()
    finally:
        await client.close()


async def test_python_binance_places_cancels_and_receives_its_fills(sim: BinanceFuturesSimulator) -> None:
    """python-binance takes a listenKey, and sees its cancel and its fills on the private stream."""
    client: Any = AsyncClient(API_KEY, HMAC_SECRET)
    client.FUTURES_URL = f"{sim.rest_url}/fapi"
    try:
        await client.futures_ping()
        sockets: Any = BinanceSocketManager(client)
        sockets.FSTREAM_URL = f"{sim.rest_url.replace('http', 'ws', 1)}/"
        events: list[Any] = []
        async with sockets.futures_user_socket() as socket:

            async def listen() -> None:
                while True:
                    events.append(await socket.recv())

            listening = asyncio.create_task(listen())
            resting = await client.futures_create_order(
                symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="60000"
            )
            await client.futures_cancel_order(symbol="BTCUSDT", orderId=resting["orderId"])
            taker = await client.futures_create_order(
                symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.5"
            )
            await eventually(
                lambda: any(_is_filled(event, taker["orderId"]) for event in events), DEADLINE_S, "the fill"
            )
            listening.cancel()
        updates = [event["o"] for event in events if event["e"] == "ORDER_TRADE_UPDATE"]
        for update in updates:
            say("python-binance", f"{update['i']} {update['x']:8} {update['X']:16} l={update['l']}")
        assert [update["x"] for update in updates if update["i"] == resting["orderId"]] == ["NEW", "CANCELED"]
        fills = [update for update in updates if update["x"] == "TRADE"]
        assert sum(Decimal(update["l"]) for update in fills) == Decimal("0.5")
        announced = [event["t"] for event in events if event["e"] == "TRADE_LITE"]
        assert announced == [update["t"] for update in fills]
        trades = await client.futures_account_trades(symbol="BTCUSDT")
        assert [trade["id"] for trade in trades] == announced
        with pytest.raises(BinanceAPIException, match="Post Only"):
            await client.futures_create_order(
                symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTX", quantity="0.01", price="70000"
            )
    finally:
        await client.close_connection()


def _is_filled(event: Any, order_id: int) -> bool:
    return bool(
        event["e"] == "ORDER_TRADE_UPDATE" and event["o"]["i"] == order_id and event["o"]["X"] == "FILLED"
    )
