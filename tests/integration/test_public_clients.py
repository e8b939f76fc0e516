"""Public clients, unmodified but for their base URLs, trade on the simulated Binance and hear of their fills.

Run with `-s` to read what they saw. They are the independent witnesses that the simulator speaks the real protocol:
python-binance and ccxt sign with HMAC, the venue's own SDK logs on with Ed25519.
"""

import asyncio
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from fillwire.simulator import BinanceSimulator
from support.binance_keys import API_KEY, ED25519_API_KEY, ED25519_PEM, HMAC_SECRET

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # at import, too
    from binance.async_client import AsyncClient
    from binance.ws.streams import BinanceSocketManager
    from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketAPI
    from binance_sdk_spot.spot import Spot
    from ccxt.pro.binance import binance as CcxtBinance  # noqa: N812 - a class, whatever they call it

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),  # importing them takes half a minute on a busy machine
    pytest.mark.filterwarnings("ignore"),  # the clients' own warnings are not ours to mend
]
DEADLINE_S = 20.0


@pytest.fixture
async def sim() -> AsyncIterator[BinanceSimulator]:
    """Return a running simulator with the demo account."""
    async with BinanceSimulator() as simulator:
        yield simulator


def say(client: str, what: str) -> None:
    """Add a line to the transcript."""
    print(f"{client:15} {what}")  # noqa: T201 - the transcript under -s


async def move_price(sim: BinanceSimulator, symbol: str, price: str) -> None:
    """Move the simulated market."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sim.rest_url}/sim/price", json={"symbol": symbol, "price": price}) as response,
    ):
        assert response.status == 200


async def collect(receive: Callable[[], Awaitable[Any]], is_last: Callable[[Any], bool]) -> list[Any]:
    """Return what `receive` returns until the last one, before the deadline."""
    received: list[Any] = []
    async with asyncio.timeout(DEADLINE_S):
        while not received or not is_last(received[-1]):
            received.append(await receive())
    return received


async def test_python_binance_places_cancels_and_receives_its_fills(sim: BinanceSimulator) -> None:
    """python-binance subscribes by signature over the WebSocket API, and sees its cancel and its two fills."""
    client: Any = AsyncClient(API_KEY, HMAC_SECRET)
    client.API_URL = f"{sim.rest_url}/api"
    client.ws_api._url = sim.websocket_url
    try:
        await client.ping()
        account = await client.get_account()
        say("python-binance", f"logged in: {len(account['balances'])} assets, uid {account['uid']}")
        sockets: Any = BinanceSocketManager(client)
        async with sockets.user_socket() as socket:
            resting = await client.create_order(
                symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.01", price="60000"
            )
            say("python-binance", f"placed {resting['orderId']}: {resting['status']}")
            await client.cancel_order(symbol="BTCUSDT", orderId=resting["orderId"])
            maker = await client.create_order(
                symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.02", price="63000"
            )
            taker = await client.create_order(symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.5")
            assert taker["status"] == "FILLED"
            await move_price(sim, "BTCUSDT", "62000")
            events = await collect(
                socket.recv,
                lambda event: (
                    event["e"] == "executionReport"
                    and event["i"] == maker["orderId"]
                    and event["X"] == "FILLED"
                ),
            )
        reports = [event for event in events if event["e"] == "executionReport"]
        for report in reports:
            say(
                "python-binance",
                f"{report['i']} {report['x']:8} {report['X']:8} l={report['l']} L={report['L']}",
            )
        assert [(report["i"], report["x"]) for report in reports] == [
            (resting["orderId"], "NEW"),
            (resting["orderId"], "CANCELED"),
            (maker["orderId"], "NEW"),
            (taker["orderId"], "NEW"),
            (taker["orderId"], "TRADE"),
            (maker["orderId"], "TRADE"),
        ]
        trades = await client.get_my_trades(symbol="BTCUSDT")
        assert [trade["id"] for trade in trades] == [
            report["t"] for report in reports if report["x"] == "TRADE"
        ]
    finally:
        await client.close_connection()


def rebased(urls: Any, sim: BinanceSimulator) -> Any:
    """Return ccxt's table of URLs with every host replaced by the simulator's."""
    if isinstance(urls, dict):
        return {name: rebased(value, sim) for name, value in urls.items()}
    if not isinstance(urls, str):
        return urls
    parts = urlsplit(urls)
    base = sim.rest_url if parts.scheme == "https" else sim.rest_url.replace("http", "ws", 1)
    return base + parts.path


async def test_ccxt_pro_watches_its_orders_and_trades(sim: BinanceSimulator) -> None:
    """ccxt.pro loads the markets, subscribes by signature, and sees cancel and fills by watch_orders and watch_my_trades."""
    client: Any = CcxtBinance({"apiKey": API_KEY, "secret": HMAC_SECRET})
    client.urls["api"] = rebased(client.urls["api"], sim)
    try:
        await client.load_markets()
        say("ccxt.pro", f"loaded {len(client.symbols)} markets")
        watching = asyncio.create_task(client.watch_orders("ETH/USDT"))
        await asyncio.wait_for(client.authenticate(), DEADLINE_S)
        resting = await client.create_order("ETH/USDT", "limit", "buy", 0.5, 3000)
        await client.cancel_order(resting["id"], "ETH/USDT")
        taker = await client.create_order("ETH/USDT", "market", "sell", 1)
        first = await asyncio.wait_for(watching, DEADLINE_S)
        assert first[0]["id"] == resting["id"]

        def state(order_id: str) -> str | None:
            orders = client.orders or ()
            return next((order["status"] for order in orders if order["id"] == order_id), None)

        await collect(
            lambda: client.watch_orders("ETH/USDT") if state(taker["id"]) != "closed" else asyncio.sleep(0),
            lambda _orders: state(taker["id"]) == "closed",
        )
        assert state(resting["id"]) == "canceled"
        trades = list(client.myTrades or ())
        for trade in trades:
            say(
                "ccxt.pro",
                f"{trade['order']} {trade['side']} {trade['amount']} at {trade['price']} fee {trade['fee']}",
            )
        assert sum(Decimal(str(trade["amount"])) for trade in trades) == 1
        assert {trade["order"] for trade in trades} == {taker["id"]}
        fetched = await client.fetch_my_trades("ETH/USDT")
        assert [trade["id"] for trade in fetched] == [trade["id"] for trade in trades]
    finally:
        await client.close()


async def test_official_sdk_logs_on_with_ed25519_and_receives_its_fills(sim: BinanceSimulator) -> None:
    """binance-sdk-spot logs on, subscribes on the session, places and cancels over the same socket, and sees its events."""
    client: Any = Spot(
        config_rest_api=ConfigurationRestAPI(
            api_key=ED25519_API_KEY, private_key=ED25519_PEM, base_path=sim.rest_url
        ),
        config_ws_api=ConfigurationWebSocketAPI(
            api_key=ED25519_API_KEY, private_key=ED25519_PEM, stream_url=sim.websocket_url
        ),
    )
    connection = await client.websocket_api.create_connection()
    try:
        await connection.session_logon()
        status = (await connection.session_status()).data().result
        assert status.api_key == ED25519_API_KEY
        say("binance-sdk-spot", f"logged on since {status.authorized_since}")
        subscription = await connection.user_data_stream_subscribe()
        events: asyncio.Queue[Any] = asyncio.Queue()
        subscription.stream.on("message", events.put_nowait)
        resting = (
            (
                await connection.order_place(
                    symbol="BTCUSDT",
                    side="BUY",
                    type="LIMIT",
                    time_in_force="GTC",
                    quantity=0.01,
                    price=60000,
                )
            )
            .data()
            .result
        )
        await connection.order_cancel(symbol="BTCUSDT", order_id=resting.order_id)
        taker = (
            (await connection.order_place(symbol="BTCUSDT", side="BUY", type="MARKET", quantity=0.25))
            .data()
            .result
        )
        assert taker.status == "FILLED"
        received = await collect(
            events.get, lambda event: getattr(event.actual_instance, "X", None) == "FILLED"
        )
        steps = [
            (event.actual_instance.i, event.actual_instance.x)
            for event in received
            if type(event.actual_instance).__name__ == "ExecutionReport"
        ]
        for order_id, step in steps:
            say("binance-sdk-spot", f"{order_id} {step}")
        assert steps == [
            (resting.order_id, "NEW"),
            (resting.order_id, "CANCELED"),
            (taker.order_id, "NEW"),
            (taker.order_id, "TRADE"),
        ]
        trades = (await asyncio.to_thread(client.rest_api.my_trades, symbol="BTCUSDT")).data()
        assert [trade.order_id for trade in trades] == [taker.order_id]
    finally:
        await connection.close_connection()
