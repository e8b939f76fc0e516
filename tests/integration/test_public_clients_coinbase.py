"""Public clients, unmodified but for their base URLs, trade on the simulated Coinbase venues and hear of their fills.

Run with `-s` to read what they saw. They are the independent witnesses that the simulators speak the real protocols.
"""

import asyncio
import warnings
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from fillwire.simulator import CoinbaseAdvancedSimulator, CoinbaseExchangeSimulator
from support.coinbase_keys import (
    ES256_KEY_NAME,
    ES256_PEM,
    EXCHANGE_API_KEY,
    EXCHANGE_PASSPHRASE,
    EXCHANGE_SECRET,
)
from support.eventually import eventually

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # at import, too
    from ccxt.pro.coinbase import coinbase as CcxtCoinbaseAdvanced  # noqa: N812 - a class, whatever they call it
    from ccxt.pro.coinbaseexchange import coinbaseexchange as CcxtCoinbaseExchange  # noqa: N812 - a class

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(120),  # importing them takes half a minute on a busy machine
    pytest.mark.filterwarnings("ignore"),  # the clients' own warnings are not ours to mend
]
DEADLINE_S = 20.0


def say(client: str, what: str) -> None:
    """Add a line to the transcript."""
    print(f"{client:15} {what}")  # noqa: T201 - the transcript under -s


def state(client: Any, order_id: str) -> str | None:
    """Return the status of an order as ccxt has heard it, None before."""
    orders = client.orders or ()
    return next((order["status"] for order in orders if order["id"] == order_id), None)


async def until(holds: Callable[[], bool], receive: Callable[[], Awaitable[Any]]) -> None:
    """Receive until a condition holds, before the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await receive()


async def test_ccxt_pro_trades_on_coinbase_exchange() -> None:
    """It loads the products, signs REST and feed, and sees cancel and fills by watch_orders and watch_my_trades."""
    async with CoinbaseExchangeSimulator() as sim:
        client: Any = CcxtCoinbaseExchange(
            {"apiKey": EXCHANGE_API_KEY, "secret": EXCHANGE_SECRET, "password": EXCHANGE_PASSPHRASE}
        )
        client.urls["api"] = {"public": sim.rest_url, "private": sim.rest_url, "ws": sim.websocket_url}
        try:
            await client.load_markets()
            say("ccxt.pro", f"loaded {len(client.symbols)} products")
            watching = asyncio.create_task(client.watch_orders("BTC/USD"))
            await eventually(lambda: sim.core.venue.accounts["demo"].subscriptions, DEADLINE_S)
            resting = await client.create_order("BTC/USD", "limit", "buy", 0.01, 60000)
            assert resting["status"] == "open"
            first = await asyncio.wait_for(watching, DEADLINE_S)
            assert first[0]["id"] == resting["id"]
            await client.cancel_order(resting["id"], "BTC/USD")
            taker = await client.create_order("BTC/USD", "market", "sell", 1)
            await until(
                lambda: state(client, taker["id"]) == "closed", lambda: client.watch_orders("BTC/USD")
            )
            assert state(client, resting["id"]) == "canceled"
            trades = list(client.myTrades)
            for trade in trades:
                say(
                    "ccxt.pro",
                    f"{trade['order']} {trade['side']} {trade['amount']} at {trade['price']} fee {trade['fee']['cost']}",
                )
            assert sum(Decimal(str(trade["amount"])) for trade in trades) == 1
            assert {(trade["order"], trade["side"]) for trade in trades} == {(taker["id"], "sell")}
            fetched = await client.fetch_my_trades("BTC/USD")
            assert [trade["id"] for trade in fetched] == [trade["id"] for trade in trades]
            assert [trade["fee"]["cost"] for trade in fetched] == [trade["fee"]["cost"] for trade in trades]
            assert (await client.fetch_order(taker["id"]))["status"] == "closed"
            assert (await client.fetch_balance())["USD"]["used"] == 0
        finally:
            await client.close()


async def test_ccxt_pro_trades_on_coinbase_advanced() -> None:
    """It loads the products, makes ES256 tokens for REST and feed, and sees cancel and fill by watch_orders."""
    async with CoinbaseAdvancedSimulator() as sim:
        sim.core.venue.set_fill_lag(0)
        client: Any = CcxtCoinbaseAdvanced({"apiKey": ES256_KEY_NAME, "secret": ES256_PEM})
        client.urls["api"] = {"rest": sim.rest_url, "ws": sim.websocket_url}
        try:
            await client.load_markets()
            say("ccxt.pro", f"loaded {len(client.symbols)} products")
            watching = asyncio.create_task(client.watch_orders("BTC/USD"))
            await eventually(lambda: sim.core.venue.accounts["demo"].subscriptions, DEADLINE_S)
            resting = await client.create_order("BTC/USD", "limit", "buy", 0.01, 60000)
            first = await asyncio.wait_for(watching, DEADLINE_S)
            assert first[0]["id"] == resting["id"]
            cancelled = await client.cancel_order(resting["id"], "BTC/USD")
            assert cancelled["id"] == resting["id"]
            taker = await client.create_order("BTC/USD", "market", "sell", 9)
            await until(
                lambda: state(client, taker["id"]) == "closed", lambda: client.watch_orders("BTC/USD")
            )
            await until(
                lambda: state(client, resting["id"]) == "canceled", lambda: client.watch_orders("BTC/USD")
            )
            trades = await client.fetch_my_trades("BTC/USD")
            for trade in trades:
                say(
                    "ccxt.pro",
                    f"{trade['order']} {trade['side']} {trade['amount']} at {trade['price']} fee {trade['fee']['cost']}",
                )
            assert len(trades) > 1
            assert sum(Decimal(str(trade["amount"])) for trade in trades) == 9
            assert {(trade["order"], trade["side"]) for trade in trades} == {(taker["id"], "sell")}
            fetched = await client.fetch_order(taker["id"])
            assert (fetched["status"], fetched["filled"]) == ("closed", 9)
            assert (await client.fetch_balance({"v3": True}))["USD"]["used"] == 0
        finally:
            await client.close()
