"""The control API: prices, scripted emission, the ledger, and what happens when a client reads too slowly."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from fillwire.simulator import (
    AccountSettings,
    BinanceSimulator,
    KeySettings,
    LimitSettings,
    SimulatorSettings,
)
from support.binance_keys import API_KEY, HMAC_SECRET
from support.eventually import eventually
from support.venue_client import VenueClient, signed

KEYS = (KeySettings(api_key=API_KEY, secret=HMAC_SECRET),)


@pytest.fixture
async def sim() -> AsyncIterator[BinanceSimulator]:
    """Return a running simulator with the demo account."""
    async with BinanceSimulator() as simulator:
        yield simulator


@pytest.fixture
async def client(sim: BinanceSimulator) -> AsyncIterator[VenueClient]:
    """Return a connected client that has subscribed."""
    async with VenueClient(sim) as venue_client:
        await venue_client.subscribe()
        yield venue_client


def trades(client: VenueClient) -> list[dict[str, Any]]:
    """Return the executions that have arrived."""
    return [report for report in client.reports() if report["x"] == "TRADE"]


async def ledger(client: VenueClient, **query: Any) -> list[dict[str, Any]]:
    """Return the executions that the venue has made for demo, page by page."""
    rows: list[dict[str, Any]] = []
    while True:
        page = await client.control("GET", "executions", user="demo", since=len(rows), **query)
        rows += [dict(zip(page["columns"], row, strict=True)) for row in page["rows"]]
        if page["next"] == page["total"]:
            return rows


async def test_moving_the_price_fills_what_lies_between(client: VenueClient) -> None:
    """A falling price fills the bids above it as makers, and leaves those below it; a rising one fills asks."""
    near, far = await client.place(price="63500"), await client.place(price="61000")
    ask = await client.place("SELL", price="65000")
    await client.control("POST", "price", {"symbol": "BTCUSDT", "price": "63000"})
    await client.control("POST", "price", {"symbol": "BTCUSDT", "price": "65500"})
    await client.until(lambda: len(trades(client)) == 2)
    assert [(trade["i"], trade["L"], trade["m"]) for trade in trades(client)] == [
        (near["orderId"], "63500.00000000", True),
        (ask["orderId"], "65000.00000000", True),
    ]
    assert [row["orderId"] for row in await client.ok("openOrders.status")] == [far["orderId"]]
    assert (await client.get("/api/v3/ticker/price", symbol="BTCUSDT"))[1]["price"] == "65500.00000000"


async def test_emission_is_real_trading(client: VenueClient) -> None:
    """Orders are placed and filled in parts: z adds up, each order ends FILLED, stream, queries and ledger agree."""
    job = await client.emitted(symbols=["BTCUSDT", "ETHUSDT"], orders=5, count=52, quantity="0.002")
    assert (job["state"], job["emitted"], job["orders"]) == ("done", 52, 5)
    await client.until(lambda: len(trades(client)) == 52)
    by_order: defaultdict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for trade in trades(client):
        by_order[trade["s"], trade["i"]].append(trade)
    assert sorted(map(len, by_order.values())) == [10, 10, 10, 11, 11]
    for (symbol, order_id), fills in by_order.items():
        assert [fill["z"] for fill in fills] == [
            f"{0.002 * number:.8f}" for number in range(1, len(fills) + 1)
        ]
        assert [fill["X"] for fill in fills] == ["PARTIALLY_FILLED"] * (len(fills) - 1) + ["FILLED"]
        assert fills[-1]["q"] == fills[-1]["z"]
        rows = await client.ok("myTrades", symbol=symbol, orderId=order_id)
        assert [(row["id"], row["qty"], row["time"]) for row in rows] == [
            (fill["t"], fill["l"], fill["T"]) for fill in fills
        ]
        row = await client.ok("order.status", symbol=symbol, orderId=order_id)
        assert (row["status"], row["cummulativeQuoteQty"]) == ("FILLED", fills[-1]["Z"])
    rows_of_ledger = await ledger(client, limit=10)
    assert [(row["symbol"], row["order_id"], row["trade_id"]) for row in rows_of_ledger] == [
        (trade["s"], trade["i"], trade["t"]) for trade in trades(client)
    ]
    assert [row["emitted_ns"] // 1_000_000 for row in rows_of_ledger] == [
        trade["E"] for trade in trades(client)
    ]
    assert {report["S"] for report in client.reports()} == {"BUY", "SELL"}


async def test_each_execution_is_followed_by_its_balances(client: VenueClient) -> None:
    """The venue tells the balances after every matching step; `positions` false leaves them out of the executions."""
    await client.emitted(symbols=["BTCUSDT"], orders=1, count=3, quantity="0.001")
    await client.emitted(symbols=["BTCUSDT"], orders=1, count=3, quantity="0.001", positions=False)
    await client.send("ping")
    names = ["report" if frame["event"]["e"] == "executionReport" else "position" for frame in client.events]
    assert names == ["report", "position"] * 4 + ["report", "position", "report", "report", "report"]


async def test_emission_keeps_its_pace(client: VenueClient) -> None:
    """At 500 a second, 100 executions take 0.2 seconds, spread over them."""
    job = await client.emitted(symbols=["BTCUSDT"], orders=2, rate=500, count=100, quantity="0.001")
    assert (job["finished_ns"] - job["started_ns"]) / 1e9 == pytest.approx(0.2, rel=0.5)
    rows = await ledger(client)
    first_half = sum(row["emitted_ns"] < rows[0]["emitted_ns"] + 100_000_000 for row in rows)
    assert 20 <= first_half <= 80


async def test_emission_without_money_or_listeners_goes_on() -> None:
    """An account that lacks the funds gets a deposit; without a subscriber the executions happen and are not kept for later."""
    account = AccountSettings(user="demo", keys=KEYS, balances={})
    async with BinanceSimulator(SimulatorSettings(accounts=(account,))) as sim, VenueClient(sim) as client:
        await client.emitted(symbols=["BTCUSDT"], orders=2, count=10, quantity="0.01", side="BUY")
        await client.subscribe()
        await client.emitted(symbols=["BTCUSDT"], orders=1, count=1, quantity="0.01", side="BUY")
        await client.until(lambda: len(trades(client)) == 1)
        updates = [frame["event"] for frame in client.events if frame["event"]["e"] == "balanceUpdate"]
        assert [update["a"] for update in updates] == ["USDT"]
        assert len(await ledger(client)) == 11


async def test_emission_can_be_stopped_and_cancelled_orders_are_skipped(client: VenueClient) -> None:
    """A stopped emission makes no more executions; one whose order has been cancelled ends all the same."""
    job = await client.control(
        "POST", "emit", {"user": "demo", "rate": 20, "count": 1_000, "orders": 1, "quantity": "0.001"}
    )
    await client.until(lambda: trades(client))
    await client.control("DELETE", f"emit/{job['job']}")

    async def is_cancelled() -> bool:
        progress = await client.control("GET", f"emit/{job['job']}")
        return bool(progress["state"] == "cancelled")

    await eventually(is_cancelled)
    made = len(await ledger(client))
    await client.ok("openOrders.cancelAll", symbol="BTCUSDT")
    await client.emitted(symbols=["BTCUSDT"], orders=1, count=1, quantity="0.001")
    assert len(await ledger(client)) == made + 1


async def test_fast_emission_waits_for_a_slow_reader(sim: BinanceSimulator) -> None:
    """Flat out, an emission stands still while the subscriber does not read, in bounded memory, and loses nothing."""
    async with VenueClient(sim) as control, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(sim.websocket_url)
        request = {"id": 1, "method": "userDataStream.subscribe.signature", "params": signed({})}
        await socket.send_json(request)
        assert (await socket.receive_json())["status"] == 200
        (connection,) = [each for each in sim.core.connections if each.subscriptions]
        script = {"user": "demo", "count": 20_000, "orders": 10, "quantity": "0.001"}
        job = await control.control("POST", "emit", script)

        async def emitted() -> int:
            number: int = (await control.control("GET", f"emit/{job['job']}"))["emitted"]
            return number

        async def stands_still() -> bool:
            # Each answer takes turns of the venue's loop, in which the emission would go on if it could.
            return connection.is_full and len({await emitted() for _ in range(20)}) == 1

        await eventually(stands_still, 20)
        assert 0 < await emitted() < 20_000
        assert connection.unsent_bytes < 1_000_000
        seen = 0
        async with asyncio.timeout(40):
            while seen < 20_000:
                seen += '"x":"TRADE"' in await socket.receive_str()
        assert await emitted() == 20_000
        await socket.close()


async def ask_for_ever(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Ask what is answered at a hundred times the length."""
    while True:
        await socket.send_json({"id": 1, "method": "exchangeInfo"})


async def test_client_that_never_reads_is_cut_off() -> None:
    """A connection whose unsent bytes pass the bound is ended, so that nobody's memory grows."""
    settings = SimulatorSettings(
        send_buffer_bytes=100_000, limits=LimitSettings(weight_per_minute=10_000_000)
    )
    async with BinanceSimulator(settings) as sim, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(sim.websocket_url)
        with pytest.raises(ConnectionError):
            await ask_for_ever(socket)
        await eventually(lambda: not sim.core.connections)


async def test_stats_and_health_say_what_is_there(client: VenueClient) -> None:
    """Counts of connections, orders and executions, and the names that other calls take."""
    await client.emitted(symbols=["BTCUSDT"], orders=2, count=4, quantity="0.001")
    health = await client.control("GET", "health")
    assert (health["status"], health["users"]) == ("ok", ["demo"])
    assert "BTCUSDT" in health["symbols"]
    stats = await client.control("GET", "stats")
    assert stats["accounts"]["demo"] == {
        "orders": 2,
        "open_orders": 0,
        "executions": 4,
        "subscriptions": 1,
    }
    assert stats["connections"][0]["users"] == ["demo"]
    assert stats["published"] == len(client.events)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("price", {"symbol": "NOSUCH", "price": "1"}, "unknown symbol"),
        ("price", {"symbol": "BTCUSDT", "price": "a lot"}, "expected a decimal string"),
        ("emit", {"user": "demo"}, "count"),
        ("emit", {"user": "demo", "count": 0, "quantity": "1"}, "expected a count above 0"),
        ("emit", {"user": "demo", "count": 1, "quantity": "0.000001"}, "multiple of each symbol's step"),
        ("emit", {"api_key": "unknown", "count": 1}, "unknown api_key"),
        ("cut", {"user": "demo", "how": "gently"}, "abort, close or mid_frame"),
        ("market", {"moves": "no"}, "moves: expected true or false, found 'no'"),
        ("faults", {"kind": "earthquake"}, "unknown kind 'earthquake'"),
        ("faults", {"kind": "revoke_key"}, "expected a user or an api_key"),
    ],
)
async def test_mistakes_are_answered_with_a_sentence(
    sim: BinanceSimulator, path: str, body: dict[str, Any], said: str
) -> None:
    """A control request that cannot be carried out is refused with status 400 and the reason."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sim.rest_url}/sim/{path}", json=body) as response,
    ):
        assert response.status == 400
        assert said in (await response.json())["error"]


async def test_living_market_moves_by_its_seed() -> None:
    """With an interval the price wanders, the same way for the same seed."""
    prices = []
    for _ in range(2):
        async with BinanceSimulator(SimulatorSettings(seed=5, market_interval_s=0.01)) as sim:
            market = sim.core.venue.markets["BTCUSDT"]
            start = market.last_price
            await eventually(lambda: market.last_price != start)  # noqa: B023 - awaited before they change
            prices.append(market.last_price)
    assert prices[0] == prices[1]


async def test_living_market_can_be_held_still() -> None:
    """Nothing moves until it is let go, however often the price process would have stepped."""
    async with BinanceSimulator(SimulatorSettings(seed=5, market_interval_s=0.001)) as sim:
        market = sim.core.venue.markets["BTCUSDT"]
        async with aiohttp.ClientSession() as session:
            await session.post(f"{sim.rest_url}/sim/market", json={"moves": False})
            held = market.last_price
            for _ in range(20):  # each a round trip, in which it would step
                async with session.get(f"{sim.rest_url}/sim/symbols") as response:
                    assert response.status == 200
            assert market.last_price == held
            await session.post(f"{sim.rest_url}/sim/market", json={"moves": True})
            await eventually(lambda: market.last_price != held)
