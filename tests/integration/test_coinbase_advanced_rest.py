"""REST of the simulated Coinbase Advanced Trade: placing, cancelling, rows, pages, tokens, limits and lag."""

import time
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from fillwire.simulator import CoinbaseAdvancedSimulator
from support.coinbase_advanced_client import ROOT, AdvancedClient

NOBODY = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
async def sim() -> AsyncIterator[CoinbaseAdvancedSimulator]:
    """Return a running simulator with the demo account, whose fills REST shows at once."""
    async with CoinbaseAdvancedSimulator() as simulator:
        simulator.core.venue.set_fill_lag(0)
        yield simulator


@pytest.fixture
async def client(sim: CoinbaseAdvancedSimulator) -> AsyncIterator[AdvancedClient]:
    """Return a client that has connected and not subscribed."""
    async with AdvancedClient(sim) as connected:
        yield connected


async def test_answers_to_placed_orders_have_two_shapes(client: AdvancedClient) -> None:
    """The id stands inside `success_response` always, at the top every other time."""
    answers = [await client.ok("POST", "/orders", client.order()) for _ in range(4)]
    assert sorted("order_id" in answer for answer in answers) == [False, False, True, True]
    for answer in answers:
        assert answer["success"] is True
        assert answer["success_response"]["side"] == "BUY"
        assert answer.get("order_id", answer["success_response"]["order_id"])
        row = await client.row(answer["success_response"]["order_id"])
        assert row["client_order_id"] == answer["success_response"]["client_order_id"]


async def test_a_repeated_client_order_id_places_nothing(client: AdvancedClient) -> None:
    """The same request answers with the same order; another order under the id is a failure."""
    body = client.order()
    first = await client.ok("POST", "/orders", body)
    again = await client.ok("POST", "/orders", body)
    assert again["success_response"] == first["success_response"]
    other = client.order(limit_price="61000") | {"client_order_id": body["client_order_id"]}
    answer = await client.ok("POST", "/orders", other)
    assert answer["error_response"]["error"] == "DUPLICATE_CLIENT_ORDER_ID"
    assert len((await client.ok("GET", "/orders/historical/batch"))["orders"]) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"product_id": "BTC-EUR"}, "INVALID_PRODUCT_ID"),
        ({"base_size": "100000000000"}, "UNSUPPORTED_ORDER_SIZE"),
        ({"base_size": "100000"}, "INSUFFICIENT_FUND"),
        ({"base_size": "0.0100001"}, "INVALID_SIZE_PRECISION"),
        ({"limit_price": "60000.001"}, "INVALID_PRICE_PRECISION"),
        ({"base_size": "0.000001"}, "UNSUPPORTED_ORDER_SIZE"),
        ({"limit_price": "65000", "post_only": True}, "INVALID_LIMIT_PRICE_POST_ONLY"),
    ],
)
async def test_orders_that_are_refused(client: AdvancedClient, change: dict[str, Any], reason: str) -> None:
    """The answer has status 200 all the same, and nobody hears of the order."""
    product = {name: value for name, value in change.items() if name == "product_id"}
    fields = {name: value for name, value in change.items() if name != "product_id"}
    answer = await client.ok("POST", "/orders", client.order(**fields) | product)
    assert answer["success"] is False
    assert answer["error_response"]["error"] == reason
    assert answer["error_response"]["new_order_failure_reason"] == reason
    assert (await client.ok("GET", "/orders/historical/batch"))["orders"] == []


@pytest.mark.parametrize(
    "change",
    [{"client_order_id": ""}, {"side": "HOLD"}, {"order_configuration": {}}, {"order_configuration": None}],
)
async def test_requests_that_cannot_be_read(client: AdvancedClient, change: dict[str, Any]) -> None:
    """They are answered with 400 and INVALID_ARGUMENT."""
    status, body, _headers = await client.request("POST", "/orders", client.order() | change)
    assert (status, body["error"]) == (400, "INVALID_ARGUMENT")


async def test_cancels_in_a_batch(client: AdvancedClient) -> None:
    """Each id has a result of its own; what is unknown or has ended cannot be cancelled."""
    order_id, filled = await client.place(), await client.place("market_market_ioc", base_size="0.01")
    results = await client.cancel(order_id, NOBODY, filled)
    assert [result["success"] for result in results] == [True, False, False]
    assert results[1]["failure_reason"] == "UNKNOWN_CANCEL_ORDER"
    row = await client.row(order_id)
    assert (row["status"], row["cancel_message"]) == ("CANCELLED", "User requested cancel")
    status, _body, _headers = await client.request("POST", "/orders/batch_cancel", {"order_ids": []})
    assert status == 400


async def test_a_row_of_an_order(client: AdvancedClient) -> None:
    """Other names than on the feed, the configuration as it was sent."""
    order_id = await client.place()
    row = await client.row(order_id)
    assert row["order_configuration"] == {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "60000"}}
    assert (row["status"], row["side"], row["filled_size"]) == ("OPEN", "BUY", "0")
    assert (row["time_in_force"], row["order_type"]) == ("GOOD_UNTIL_CANCELLED", "LIMIT")
    status, body, _headers = await client.request("GET", f"/orders/historical/{NOBODY}")
    assert (status, body["error"]) == (404, "NOT_FOUND")


async def test_orders_are_listed_by_cursor_and_filter(client: AdvancedClient) -> None:
    """Newest first, page by page until there is no cursor; OPEN must stand alone."""
    placed = [await client.place(limit_price=str(60000 + number)) for number in range(5)]
    filled = await client.place("market_market_ioc", "SELL", base_size="0.01")
    seen: list[str] = []
    cursor = ""
    while True:
        page = await client.ok("GET", "/orders/historical/batch", query={"limit": 4, "cursor": cursor})
        seen += [row["order_id"] for row in page["orders"]]
        cursor = page["cursor"]
        assert page["has_next"] == bool(cursor)
        if not cursor:
            break
    assert seen == [filled, *reversed(placed)]
    opened = await client.ok("GET", "/orders/historical/batch", query={"order_status": "OPEN"})
    assert [row["order_id"] for row in opened["orders"]] == placed[::-1]
    chosen = await client.ok(
        "GET", "/orders/historical/batch", query=[("order_ids", placed[0]), ("order_ids", filled)]
    )
    assert [row["order_id"] for row in chosen["orders"]] == [filled, placed[0]]
    query = [("order_status", "OPEN"), ("order_status", "FILLED")]
    status, body, _headers = await client.request("GET", "/orders/historical/batch", query=query)
    assert (status, body["message"]) == (400, "OPEN must be queried alone")


async def test_fills_are_what_was_caused(client: AdvancedClient) -> None:
    """Newest first by cursor, each with an id of its own that the record knows, filtered by repeated parameters."""
    await client.emitted(symbols=["BTC-USD"], orders=2, count=7)
    caused = await client.executions()
    seen: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await client.ok("GET", "/orders/historical/fills", query={"limit": 3, "cursor": cursor})
        seen += page["fills"]
        cursor = page["cursor"]
        if not cursor:
            break
    assert [row["trade_id"] for row in seen] == [row["trade_id"] for row in reversed(caused)]
    assert len({row["entry_id"] for row in seen}) == 7
    first = caused[0]["order_id"]
    mine = await client.fills(order_ids=first)
    assert [row["trade_id"] for row in mine] == [
        row["trade_id"] for row in reversed(caused) if row["order_id"] == first
    ]
    assert {row["liquidity_indicator"] for row in mine} == {"MAKER"}
    assert await client.fills(product_ids="ETH-USD") == []
    assert len(await client.fills(product_id="ETH-USD")) == 7  # the singular filters nothing
    assert await client.fills(order_ids=NOBODY) == []


async def test_fills_of_orders_by_quote_size_are_in_quote(client: AdvancedClient) -> None:
    """Their size is an amount of the quote currency, and gives the base size when it is divided by the price."""
    order_id = await client.place("market_market_ioc", quote_size="1000")
    row = await client.row(order_id)
    assert (row["status"], row["size_in_quote"]) == ("FILLED", True)
    fills = await client.fills(order_ids=order_id)
    assert all(fill["size_in_quote"] for fill in fills)
    spent = sum((Decimal(fill["size"]) for fill in fills), Decimal(0))
    assert spent == Decimal(row["filled_value"])
    base = sum((Decimal(fill["size"]) / Decimal(fill["price"]) for fill in fills), Decimal(0))
    assert base == Decimal(row["filled_size"])
    commission = sum((Decimal(fill["commission"]) for fill in fills), Decimal(0))
    assert commission == Decimal(row["total_fees"]) == spent * Decimal("0.006")


async def test_fills_come_later_each_in_its_own_time(
    client: AdvancedClient, sim: CoinbaseAdvancedSimulator
) -> None:
    """With a lag some are shown and others not, and not in the order of the trades; the order's row has them all."""
    await client.emitted(symbols=["BTC-USD"], orders=1, count=40)
    caused = [row["trade_id"] for row in await client.executions()]
    assert len(await client.fills()) == 40
    account = sim.core.venue.accounts["demo"]
    for row in range(40):
        account.executions.time_us[row] -= 20_000_000  # as if it were twenty seconds ago
    await client.fault("fill_lag", seconds=40)
    shown = {row["trade_id"] for row in await client.fills()}
    assert 5 < len(shown) < 35
    hidden = [position for position, trade in enumerate(caused) if trade not in shown]
    assert hidden != list(range(hidden[0], hidden[0] + len(hidden)))
    order_id = (await client.ok("GET", "/orders/historical/batch"))["orders"][0]["order_id"]
    assert (await client.row(order_id))["number_of_fills"] == "40"
    await client.control("DELETE", "faults")
    assert sim.core.venue.fill_lag_us == 2_000_000


async def test_queries_lag(client: AdvancedClient) -> None:
    """What is younger than the lag is pending, with nothing executed."""
    await client.fault("query_lag", seconds=30)
    order_id = await client.place("market_market_ioc", base_size="0.01")
    row = await client.row(order_id)
    assert (row["status"], row["filled_size"], row["number_of_fills"]) == ("PENDING", "0", "0")
    assert await client.fills(order_ids=order_id) == []
    await client.control("DELETE", "faults")
    assert (await client.row(order_id))["status"] == "FILLED"


@pytest.mark.parametrize(
    "uri",
    [
        None,
        f"GET api.coinbase.com{ROOT}/accounts",
        f"POST api.coinbase.com{ROOT}/orders/historical/batch",
        f"GET api.coinbase.com{ROOT}/orders/historical/batch?limit=1",
    ],
)
async def test_a_token_of_another_request_is_refused(client: AdvancedClient, uri: str | None) -> None:
    """The answer is a plain text with status 401."""
    status, body, _headers = await client.request(
        "GET", "/orders/historical/batch", query={"limit": 1}, token=client.token(uri)
    )
    assert (status, body) == (401, "Unauthorized")


@pytest.mark.parametrize("age_s", [121, -30])
async def test_a_token_out_of_its_time_is_refused(client: AdvancedClient, age_s: int) -> None:
    """Two minutes is all it lives."""
    token = client.token(f"GET api.coinbase.com{ROOT}/accounts", age_s=age_s)
    status, _body, _headers = await client.request("GET", "/accounts", token=token)
    assert status == 401


async def test_limits_per_second(client: AdvancedClient) -> None:
    """Thirty requests per user and ten public ones per address; headers count them down."""
    answers = [await client.request("GET", "/accounts") for _ in range(40)]
    assert [answer[0] for answer in answers[:30]] == [200] * 30
    refused = next(answer for answer in answers if answer[0] == 429)
    assert refused[1] == {"errors": [{"id": "rate_limit_exceeded", "message": "Too many requests"}]}
    assert answers[0][2]["x-ratelimit-limit"] == "30"
    assert int(answers[0][2]["x-ratelimit-remaining"]) >= 28
    public = [(await client.get("/time"))[0] for _ in range(15)]
    assert public[:10] == [200] * 10
    assert 429 in public


async def test_public_operations(client: AdvancedClient) -> None:
    """Products, books and the clock, with and without a token."""
    _status, listed = await client.get("/market/products")
    assert listed["num_products"] == len(listed["products"]) == 6
    assert (await client.ok("GET", "/products"))["products"] == listed["products"]
    product = await client.ok("GET", "/products/BTC-USD")
    assert (product["quote_increment"], product["base_increment"]) == ("0.01", "0.000001")
    _status, futures = await client.get("/market/products", product_type="FUTURE")
    assert futures["products"] == []
    _status, document = await client.get("/market/product_book", product_id="BTC-USD", limit="3")
    assert [len(document["pricebook"][side]) for side in ("bids", "asks")] == [3, 3]
    _status, clock = await client.get("/time")
    assert abs(int(clock["epochSeconds"]) - time.time()) < 5
    assert (await client.get("/market/products/BTC-EUR"))[0] == 404
    assert (await client.get("/nothing"))[0] == 404


async def test_account_operations(client: AdvancedClient) -> None:
    """Wallets with what is held for orders, and the rates; fees are taken in the quote currency."""
    await client.place()
    wallets = {row["currency"]: row for row in (await client.ok("GET", "/accounts"))["accounts"]}
    assert wallets["USD"]["hold"] == {"value": "600", "currency": "USD"}
    order_id = await client.place("market_market_ioc", base_size="0.1")
    row = await client.row(order_id)
    wallets = {each["currency"]: each for each in (await client.ok("GET", "/accounts"))["accounts"]}
    spent = Decimal(10**9 - 600) - Decimal(wallets["USD"]["available_balance"]["value"])
    assert spent == Decimal(row["filled_value"]) + Decimal(row["total_fees"])
    assert spent == Decimal(row["total_value_after_fees"])
    assert (await client.ok("GET", "/transaction_summary"))["fee_tier"]["taker_fee_rate"] == "0.006"
    permissions = await client.ok("GET", "/key_permissions")
    portfolio = (await client.ok("GET", "/portfolios"))["portfolios"][0]
    assert permissions["portfolio_uuid"] == portfolio["uuid"]


async def test_limits_go_on_when_the_venues_clock_jumps(client: AdvancedClient) -> None:
    """A clock that goes back takes no requests away."""
    await client.fault("clock_skew", milliseconds=20_000)
    assert await client.ok("GET", "/accounts")
    await client.control("DELETE", "faults")
    assert await client.ok("GET", "/accounts")


async def test_a_key_that_may_not_trade_reads_only(
    sim: CoinbaseAdvancedSimulator, client: AdvancedClient
) -> None:
    """Its permissions say so, and requests that change orders lack a scope."""
    sim.core.venue.accounts["demo"].may_trade = False
    missing = {
        "error": "unknown",
        "error_details": "Missing required scopes",
        "message": "Missing required scopes",
    }
    for path, body in (("/orders", client.order()), ("/orders/batch_cancel", {"order_ids": [NOBODY]})):
        status, document, _headers = await client.request("POST", path, body)
        assert (status, document) == (403, missing)
    assert (await client.ok("GET", "/key_permissions"))["can_trade"] is False
    assert (await client.ok("GET", "/orders/historical/batch"))["orders"] == []
