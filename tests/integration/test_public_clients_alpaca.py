"""Public clients, unmodified but for their base URLs, trade on the simulated Alpaca and hear of their fills.

Run with `-s` to read what they saw. They are the independent witnesses that the simulator speaks the real protocol: alpaca-py is
the venue's own SDK, on the paper-like stream of binary frames; ccxt.pro reads the live-like stream of text frames.
"""

import asyncio
import warnings
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from fillwire.simulator.alpaca.demo import DEMO_API_KEY, DEMO_SECRET
from fillwire.simulator.alpaca.server import AlpacaSimulator
from support.eventually import eventually

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # at import, too
    from alpaca.common.exceptions import APIError
    from alpaca.trading.client import TradingClient
    from alpaca.trading.enums import OrderSide, QueryOrderStatus, TimeInForce
    from alpaca.trading.requests import (
        GetOrdersRequest,
        LimitOrderRequest,
        MarketOrderRequest,
        ReplaceOrderRequest,
    )
    from alpaca.trading.stream import TradingStream
    from ccxt.pro.alpaca import alpaca as CcxtAlpaca  # noqa: N812 - a class, whatever they call it

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),  # importing them takes half a minute on a busy machine
    pytest.mark.filterwarnings("ignore"),  # the clients' own warnings are not ours to mend
]
DEADLINE_S = 20.0


@pytest.fixture
async def sim() -> AsyncIterator[AlpacaSimulator]:
    """Return a running simulator with the demo account."""
    async with AlpacaSimulator() as simulator:
        yield simulator


def say(client: str, what: str) -> None:
    """Add a line to the transcript."""
    print(f"{client:10} {what}")  # noqa: T201 - the transcript under -s


async def move_price(sim: AlpacaSimulator, symbol: str, price: str) -> None:
    """Move the simulated market."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sim.rest_url}/sim/price", json={"symbol": symbol, "price": price}) as response,
    ):
        assert response.status == 200


async def test_alpaca_py_places_replaces_cancels_and_receives_its_fills(sim: AlpacaSimulator) -> None:
    """The venue's own SDK logs in, sees every step of its orders on the binary stream, and reads them back over REST."""
    client: Any = TradingClient(DEMO_API_KEY, DEMO_SECRET, paper=True, url_override=sim.paper_rest_url)
    stream: Any = TradingStream(DEMO_API_KEY, DEMO_SECRET, paper=True, url_override=sim.paper_websocket_url)
    updates: list[Any] = []

    async def note(update: Any) -> None:
        say("alpaca-py", f"{update.order.symbol:8} {update.event:13} qty={update.qty} price={update.price}")
        updates.append(update)

    def seen(order: Any) -> list[str]:
        return [update.event for update in updates if update.order.id == order.id]

    account = await asyncio.to_thread(client.get_account)
    say("alpaca-py", f"logged in: {account.account_number}, cash {account.cash}")
    stream.subscribe_trade_updates(note)
    running = asyncio.create_task(stream._run_forever())
    try:
        await eventually(lambda: sim.core.venue.accounts["demo"].subscriptions, DEADLINE_S)
        resting = await asyncio.to_thread(
            client.submit_order,
            LimitOrderRequest(
                symbol="AAPL", qty=3, side=OrderSide.BUY, time_in_force=TimeInForce.DAY, limit_price=200
            ),
        )
        await eventually(lambda: seen(resting) == ["pending_new", "new"], DEADLINE_S)
        moved = await asyncio.to_thread(
            client.replace_order_by_id, resting.id, ReplaceOrderRequest(qty=2, limit_price=210.5)
        )
        assert moved.replaces == resting.id
        await asyncio.to_thread(client.cancel_order_by_id, moved.id)
        await eventually(lambda: seen(moved) == ["pending_new", "new", "canceled"], DEADLINE_S)
        assert seen(resting) == ["pending_new", "new", "replaced"]

        taker = await asyncio.to_thread(
            client.submit_order,
            MarketOrderRequest(symbol="BTC/USD", qty=2.5, side=OrderSide.BUY, time_in_force=TimeInForce.GTC),
        )
        maker = await asyncio.to_thread(
            client.submit_order,
            LimitOrderRequest(
                symbol="BTC/USD",
                qty=0.5,
                side=OrderSide.BUY,
                time_in_force=TimeInForce.GTC,
                limit_price=63000,
            ),
        )
        await move_price(sim, "BTC/USD", "62000")
        await eventually(lambda: "fill" in seen(maker), DEADLINE_S)
        assert seen(taker)[:2] == ["pending_new", "new"]
        assert seen(taker)[-1] == "fill"
        fills = [update for update in updates if update.order.id == taker.id and update.qty]
        assert sum(Decimal(str(update.qty)) for update in fills) == Decimal("2.5")
        assert len({update.execution_id for update in fills}) == len(fills)

        closed = await asyncio.to_thread(
            client.get_orders, GetOrdersRequest(status=QueryOrderStatus.CLOSED, limit=10)
        )
        assert {order.id: order.status.value for order in closed} == {
            resting.id: "replaced",
            moved.id: "canceled",
            taker.id: "filled",
            maker.id: "filled",
        }
        known = await asyncio.to_thread(client.get_order_by_client_id, taker.client_order_id)
        assert (known.id, known.filled_avg_price) == (taker.id, fills[-1].order.filled_avg_price)
        with pytest.raises(APIError, match="42210000"):
            await asyncio.to_thread(client.cancel_order_by_id, taker.id)
        positions = await asyncio.to_thread(client.get_all_positions)
        assert {position.symbol for position in positions} >= {"AAPL", "BTCUSD"}
        assert (await asyncio.to_thread(client.get_clock)).is_open
        assert (await asyncio.to_thread(client.get_asset, "AAPL")).fractionable
    finally:
        await stream.stop_ws()
        await stream.close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def rebased(urls: Any, sim: AlpacaSimulator) -> Any:
    """Return ccxt's table of URLs with every host replaced by the simulator's."""
    if isinstance(urls, dict):
        return {name: rebased(value, sim) for name, value in urls.items()}
    if not isinstance(urls, str):
        return urls
    parts = urlsplit(urls)
    base = sim.rest_url if parts.scheme == "https" else sim.rest_url.replace("http", "ws", 1)
    return base + parts.path


async def test_ccxt_pro_watches_its_orders_and_trades(sim: AlpacaSimulator) -> None:
    """ccxt.pro loads the pairs, authenticates, and sees cancel and fills by watch_orders and watch_my_trades."""
    client: Any = CcxtAlpaca({"apiKey": DEMO_API_KEY, "secret": DEMO_SECRET})
    client.urls["api"] = rebased(client.urls["api"], sim)
    try:
        await client.load_markets()
        say("ccxt.pro", f"loaded {len(client.symbols)} markets")
        watching = asyncio.create_task(client.watch_orders("ETH/USD"))
        trading = asyncio.create_task(client.watch_my_trades("ETH/USD"))
        await eventually(lambda: sim.core.venue.accounts["demo"].subscriptions, DEADLINE_S)
        resting = await client.create_order("ETH/USD", "limit", "buy", 0.5, 3000)
        await client.cancel_order(resting["id"], "ETH/USD")
        taker = await client.create_order("ETH/USD", "market", "sell", 1)
        first = await asyncio.wait_for(watching, DEADLINE_S)
        assert first[0]["id"] == resting["id"]

        def state(order_id: str) -> str | None:
            orders = client.orders or ()
            return next((order["status"] for order in orders if order["id"] == order_id), None)

        async with asyncio.timeout(DEADLINE_S):
            while state(taker["id"]) != "closed":
                await client.watch_orders("ETH/USD")
        assert state(resting["id"]) == "canceled"
        (trade,) = await asyncio.wait_for(trading, DEADLINE_S)  # the client forgets it with the next
        say("ccxt.pro", f"{trade['order']} {trade['side']} {trade['amount']} at {trade['price']}")
        assert (trade["order"], trade["side"]) == (taker["id"], "sell")
        fetched = await client.fetch_my_trades("ETH/USD")
        assert sum(Decimal(str(trade["amount"])) for trade in fetched) == 1
        assert {trade["order"] for trade in fetched} == {taker["id"]}
    finally:
        await client.close()
