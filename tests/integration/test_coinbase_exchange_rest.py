"""REST of the simulated Coinbase Exchange: orders, fills, pages, refusals, limits and lag."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from fillwire.simulator import CoinbaseExchangeSimulator, SimulatorSettings
from support.coinbase_exchange_client import ExchangeClient


@pytest.fixture
async def sim() -> AsyncIterator[CoinbaseExchangeSimulator]:
    """Return a running simulator with the demo account."""
    async with CoinbaseExchangeSimulator() as simulator:
        yield simulator


@pytest.fixture
async def client(sim: CoinbaseExchangeSimulator) -> AsyncIterator[ExchangeClient]:
    """Return a client that has connected and not subscribed."""
    async with ExchangeClient(sim) as connected:
        yield connected


async def test_an_order_is_pending_then_open_with_another_time(client: ExchangeClient) -> None:
    """The answer shows the order before the engine took it, a query after."""
    placed = await client.place(client_oid="496ffbba-7dae-4864-f7e8-a5bf52c6d0e2")
    assert placed["status"] == "pending"
    assert "profile_id" not in placed
    row = await client.ok("GET", f"/orders/{placed['id']}")
    assert row["status"] == "open"
    assert row["created_at"] > placed["created_at"]
    assert row["profile_id"]
    assert await client.ok("GET", "/orders/client:496ffbba-7dae-4864-f7e8-a5bf52c6d0e2") == row


async def test_a_cancelled_order_without_fills_is_forgotten(client: ExchangeClient) -> None:
    """It answers 404, also to its client's id, and is in no list."""
    placed = await client.place(client_oid="496ffbba-7dae-4864-f7e8-a5bf52c6d0e2")
    assert await client.cancel("client:496ffbba-7dae-4864-f7e8-a5bf52c6d0e2")
    for name in (placed["id"], "client:496ffbba-7dae-4864-f7e8-a5bf52c6d0e2"):
        status, body, _headers = await client.request("GET", f"/orders/{name}")
        assert (status, body) == (404, {"message": "NotFound"})
    assert await client.ok("GET", "/orders", query={"status": "all"}) == []
    status, body, _headers = await client.request("DELETE", f"/orders/{placed['id']}")
    assert (status, body) == (404, {"message": "order not found"})


async def test_a_partly_filled_order_that_is_cancelled_is_done(
    client: ExchangeClient, sim: CoinbaseExchangeSimulator
) -> None:
    """It stays, with what was executed of it and the exact fee."""
    placed = await client.place(size="0.02", price="63000")
    engine = sim.core.venue.engine
    order = next(iter(sim.core.venue.accounts["demo"].open_orders.values()))
    sim.core.publisher.publish(engine.execute_resting(order, 500_000))
    await client.cancel(placed["id"])
    row = await client.ok("GET", f"/orders/{placed['id']}")
    assert (row["status"], row["done_reason"], row["filled_size"]) == ("done", "canceled", "0.005")
    assert row["executed_value"] == "315"
    assert row["fill_fees"] == "1.26"
    status, body, _headers = await client.request("DELETE", f"/orders/{placed['id']}")
    assert (status, body) == (400, {"message": "Order already done"})


async def test_orders_are_listed_by_status_and_paged_by_time(client: ExchangeClient) -> None:
    """Open ones by default, newest first; the cursor is a time."""
    placed = [(await client.place(price=str(60000 + number)))["id"] for number in range(5)]
    filled = await client.place(size="0.01", price=None)
    other = await client.place(product_id="ETH-USD", price="3000", size="0.1")
    listed = await client.ok("GET", "/orders")
    assert [row["id"] for row in listed] == [other["id"], *reversed(placed)]
    done = await client.ok("GET", "/orders", query={"status": "done"})
    assert [row["id"] for row in done] == [filled["id"]]
    both = await client.ok("GET", "/orders", query=[("status", "done"), ("status", "open")])
    assert len(both) == 7
    query = {"product_id": "BTC-USD", "limit": "2"}
    _status, first, headers = await client.request("GET", "/orders", query=query)
    assert [row["id"] for row in first] == placed[:2:-1]
    assert headers["CB-AFTER"] == first[-1]["created_at"]
    _status, second, _headers = await client.request(
        "GET", "/orders", query={**query, "after": headers["CB-AFTER"]}
    )
    assert [row["id"] for row in second] == placed[2:0:-1]


async def test_fills_are_paged_by_trade_id(client: ExchangeClient) -> None:
    """Newest first, walked down by CB-AFTER to the end; each is what the venue has caused."""
    await client.emitted(symbols=["BTC-USD"], orders=2, count=7)
    caused = [row["trade_id"] for row in await client.executions()]
    seen: list[int] = []
    query: dict[str, Any] = {"product_id": "BTC-USD", "limit": "3"}
    while True:
        _status, rows, headers = await client.request("GET", "/fills", query=query)
        if not rows:
            break
        assert headers["CB-BEFORE"] == str(rows[0]["trade_id"])
        seen += [row["trade_id"] for row in rows]
        query["after"] = headers["CB-AFTER"]
    assert seen == caused[::-1]
    assert await client.fills(product_id="ETH-USD") == []


async def test_fills_of_an_order_show_its_own_side(client: ExchangeClient) -> None:
    """Sum, side and fee of the taker; and the stream's trade ids are the same."""
    await client.subscribe("user")
    order = await client.place(side="sell", size="0.7", price=None)
    await client.until(lambda: client.of("done"))
    rows = await client.fills(order_id=order["id"])
    assert sum(Decimal(row["size"]) for row in rows) == Decimal("0.7")
    assert {row["side"] for row in rows} == {"sell"}
    assert {row["liquidity"] for row in rows} == {"T"}
    for row in rows:
        assert Decimal(row["fee"]) == Decimal(row["price"]) * Decimal(row["size"]) * Decimal("0.004")
    assert [row["trade_id"] for row in reversed(rows)] == [frame["trade_id"] for frame in client.of("match")]
    status, body, _headers = await client.request("GET", "/fills")
    assert (status, body) == (400, {"message": "order_id or product_id is required"})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"product_id": "BTC-EUR"}, "Product not found"),
        ({"size": "1000000", "price": "60000.00"}, "Insufficient funds"),
        ({"price": "60000.001"}, "price is too precise (60000.001)"),
        ({"price": "0.001"}, "price is too small. Minimum price is 0.01"),
        ({"size": "0.0000001"}, "size is too small. Minimum size is 1 USD"),
        ({"size": "0.0100001"}, "size is too precise (0.0100001)"),
        ({"side": "hold"}, "Invalid side hold"),
        ({"client_oid": "mine"}, "client_oid must be a UUID"),
        (
            {"post_only": True, "time_in_force": "IOC"},
            "post_only is invalid when time_in_force is IOC or FOK",
        ),
        ({"time_in_force": "GTT"}, "Invalid cancel_after None"),
        ({"stop": "loss"}, "stop_price is required"),
    ],
)
async def test_orders_that_are_refused(client: ExchangeClient, change: dict[str, Any], message: str) -> None:
    """They are refused at once with a sentence, and the stream says nothing."""
    await client.subscribe("user")
    body = {"type": "limit", "side": "buy", "product_id": "BTC-USD", "size": "0.01", "price": "60000"}
    status, answer, _headers = await client.request("POST", "/orders", {**body, **change})
    assert (status, answer) == (400, {"message": message})
    await client.subscribe("heartbeat")
    assert client.events() == []


async def test_post_only_orders_that_would_take_are_rejected_by_record(client: ExchangeClient) -> None:
    """The answer is a record with status rejected; one that rests is taken."""
    rejected = await client.place(price="65000", post_only=True)
    assert (rejected["status"], rejected["reject_reason"]) == ("rejected", "post only")
    resting = await client.place(price="63000", post_only=True)
    assert (await client.ok("GET", f"/orders/{resting['id']}"))["post_only"] is True


async def test_market_orders_by_funds(client: ExchangeClient) -> None:
    """They are received with their funds alone, and cost no more."""
    await client.subscribe("user")
    order = await client.place(size="", price=None, funds="1000")
    await client.until(lambda: client.of("done"))
    received = client.of("received")[0]
    assert received["funds"] == "1000"
    assert "size" not in received
    row = await client.ok("GET", f"/orders/{order['id']}")
    assert (row["status"], row["funds"]) == ("done", "1000")
    assert Decimal(990) < Decimal(row["executed_value"]) <= 1000


async def test_all_orders_can_be_cancelled(client: ExchangeClient) -> None:
    """Those of one product, then all."""
    btc = [(await client.place())["id"] for _ in range(2)]
    eth = await client.place(product_id="ETH-USD", price="3000", size="0.1")
    assert await client.ok("DELETE", "/orders", query={"product_id": "BTC-USD"}) == btc
    assert await client.ok("DELETE", "/orders") == [eth["id"]]


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"CB-ACCESS-KEY": ""}, 401, "CB-ACCESS-KEY header is required"),
        ({"CB-ACCESS-KEY": "nobody"}, 401, "Invalid API Key"),
        ({"CB-ACCESS-PASSPHRASE": "wrong"}, 401, "Invalid Passphrase"),
        ({"CB-ACCESS-SIGN": "AAAA"}, 401, "invalid signature"),
        ({"CB-ACCESS-TIMESTAMP": "1700000000"}, 400, "request timestamp expired"),
        ({"CB-ACCESS-TIMESTAMP": "nan"}, 400, "request timestamp expired"),
        ({"CB-ACCESS-TIMESTAMP": "now"}, 400, "invalid timestamp"),
    ],
)
async def test_signatures(client: ExchangeClient, headers: dict[str, str], status: int, message: str) -> None:
    """What is not signed, or not now, is refused."""
    found, body, _headers = await client.request("GET", "/orders", headers=headers)
    assert (found, body) == (status, {"message": message})


async def test_limits_per_second(client: ExchangeClient) -> None:
    """Fills have a smaller burst than other requests, and public requests one per address."""
    statuses = [
        (await client.request("GET", "/fills", query={"product_id": "BTC-USD"}))[0] for _ in range(30)
    ]
    assert statuses[:20] == [200] * 20
    assert 429 in statuses[20:]
    status, _body, _headers = await client.request("GET", "/orders")
    assert status == 200
    public = [await client.get("/time") for _ in range(25)]
    assert (429, {"message": "Public rate limit exceeded"}) in public[15:]
    assert public[0][0] == 200


async def test_public_operations(client: ExchangeClient) -> None:
    """Products, books, tickers, clock and what there is not."""
    _status, products = await client.get("/products")
    assert products[0]["id"] == "BTC-USD"
    assert (products[0]["quote_increment"], products[0]["base_increment"]) == ("0.01", "0.000001")
    _status, product = await client.get("/products/BTC-USD")
    assert product == products[0]
    _status, book = await client.get("/products/BTC-USD/book", level="2")
    assert len(book["bids"]) == 10
    assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])
    _status, ticker = await client.get("/products/BTC-USD/ticker")
    assert ticker["price"] == "64000"
    _status, clock = await client.get("/time")
    assert clock["iso"].endswith("Z")
    assert isinstance(clock["epoch"], float)
    assert await client.get("/products/BTC-EUR") == (404, {"message": "NotFound"})
    assert await client.get("/nothing") == (404, {"message": "NotFound"})


async def test_account_operations(client: ExchangeClient) -> None:
    """Who has signed, what is held for orders, and the rates."""
    await client.place(size="0.01", price="60000")
    verified = await client.ok("GET", "/users/self/verify")
    accounts = {row["currency"]: row for row in await client.ok("GET", "/accounts")}
    assert accounts["USD"]["hold"] == "600"
    assert Decimal(accounts["USD"]["available"]) == 999999400
    assert (await client.ok("GET", "/fees"))["maker_fee_rate"] == "0.004"
    assert len(verified["id"]) == 24


async def test_queries_lag(client: ExchangeClient) -> None:
    """What is younger than the lag is pending, and its fills are not there."""
    await client.fault("query_lag", seconds=30)
    order = await client.place(size="0.01", price=None)
    row = await client.ok("GET", f"/orders/{order['id']}")
    assert row["status"] == "pending"
    assert await client.fills(order_id=order["id"]) == []
    await client.control("DELETE", "faults")
    assert (await client.ok("GET", f"/orders/{order['id']}"))["status"] == "done"
    assert await client.fills(order_id=order["id"])


async def test_the_fee_is_taken_in_the_quote_currency() -> None:
    """Also for what is bought."""
    async with (
        CoinbaseExchangeSimulator(SimulatorSettings(seed=5)) as sim,
        ExchangeClient(sim) as client,
    ):
        order = await client.place(size="0.1", price=None)
        row = await client.ok("GET", f"/orders/{order['id']}")
        accounts = {each["currency"]: each for each in await client.ok("GET", "/accounts")}
        spent = Decimal(10**9) - Decimal(accounts["USD"]["available"])
        assert spent == Decimal(row["executed_value"]) + Decimal(row["fill_fees"])
        assert Decimal(accounts["BTC"]["available"]) == Decimal("10000.1")


async def test_limits_go_on_when_the_venues_clock_jumps(client: ExchangeClient) -> None:
    """A clock that goes back takes no requests away."""
    assert await client.ok("GET", "/orders") is not None
    await client.fault("clock_skew", milliseconds=-20000)
    assert await client.ok("GET", "/orders") is not None
