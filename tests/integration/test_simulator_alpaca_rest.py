"""The simulated Alpaca's REST API: who may ask, what it refuses, and its records of orders and executions."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from fillwire.simulator.alpaca.demo import DEMO_API_KEY
from fillwire.simulator.alpaca.server import AlpacaSimulator
from fillwire.simulator.settings import LimitSettings, SimulatorSettings
from support.alpaca_client import AlpacaClient
from support.eventually import eventually


@pytest.fixture
async def sim() -> AsyncIterator[AlpacaSimulator]:
    """Return a running simulator with the demo account."""
    async with AlpacaSimulator() as simulator:
        yield simulator


@pytest.fixture
async def client(sim: AlpacaSimulator) -> AsyncIterator[AlpacaClient]:
    """Return a client of the demo account."""
    async with AlpacaClient(sim) as alpaca:
        yield alpaca


async def test_requests_need_key_and_secret(sim: AlpacaSimulator, client: AlpacaClient) -> None:
    """A wrong secret is not authorized, a revoked key is forbidden, and what is not there is not found."""
    async with AlpacaClient(sim, DEMO_API_KEY, "wrong") as stranger:
        assert await stranger.call("GET", "account") == (
            401,
            {"code": 40110000, "message": "request is not authorized"},
        )
    assert (await client.ok("GET", "account"))["status"] == "ACTIVE"
    assert await client.call("GET", "nothing") == (404, {"message": "endpoint not found."})
    await client.fault("revoke_key", user="demo")
    assert await client.call("GET", "account") == (403, {"message": "forbidden."})


async def test_requests_are_counted_by_the_minute() -> None:
    """Headers tell what is left and until when; the request too many is answered with 429."""
    settings = SimulatorSettings(limits=LimitSettings(requests_per_minute=2))
    async with AlpacaSimulator(settings) as sim, AlpacaClient(sim) as client:
        now_s = sim.core.venue.clock.now_us() // 1_000_000
        sim.core.venue.clock.skew_ns += (60 - now_s % 60) * 10**9  # so that no minute ends in between
        for left in ("1", "0"):
            await client.ok("GET", "account")
            assert client.headers["X-RateLimit-Remaining"] == left
        assert await client.call("GET", "account") == (
            429,
            {"code": 42910000, "message": "rate limit exceeded"},
        )
        assert client.headers["X-RateLimit-Limit"] == "2"
        assert int(client.headers["X-RateLimit-Reset"]) % 60 == 0
        sim.core.venue.clock.skew_ns += 60 * 10**9
        await client.ok("GET", "account")


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"symbol": "NOSUCH"}, 422, 'asset "NOSUCH" not found'),
        ({"side": "hold"}, 422, "invalid side"),
        ({"type": "iceberg"}, 422, "invalid type"),
        ({"type": None}, 400, "type is required"),
        ({"time_in_force": "day"}, 422, "invalid crypto time_in_force"),
        ({"qty": "-1"}, 422, "invalid qty"),
        ({"qty": "0"}, 422, "qty must be > 0"),
        ({"qty": None}, 422, "qty or notional is required"),
        ({"notional": "10"}, 422, "only one of qty or notional"),
        ({"limit_price": None}, 422, "limit orders require limit_price"),
        ({"limit_price": "60000.5"}, 422, "sub-penny increment"),
        ({"stop_price": "50000"}, 422, "must not have stop_price"),
        ({"qty": "0.00000001"}, 422, "qty must be a multiple of 0.0000001"),
        ({"qty": "0.0001"}, 403, "cost basis must be >= minimal amount of order 10"),
        (
            {"qty": "1000000"},
            403,
            "insufficient balance for USD (requested: 60000000000, available: 1000000000)",
        ),
        (
            {"side": "sell", "qty": "10001", "limit_price": "70000"},
            403,
            "insufficient qty available for order",
        ),
        ({"order_class": "mleg"}, 422, "order_class mleg is not simulated"),
        ({"order_class": "bracket"}, 422, "crypto orders not allowed for advanced order_class: bracket"),
        ({"client_order_id": "x" * 129}, 422, "no more than 128 characters"),
    ],
)
async def test_orders_that_cannot_be_are_refused_with_the_venues_code(
    client: AlpacaClient, change: dict[str, Any], status: int, said: str
) -> None:
    """The first three digits of the code are the status; nothing is left behind."""
    body: dict[str, Any] = {
        "symbol": "BTC/USD",
        "qty": "0.5",
        "side": "buy",
        "type": "limit",
        "limit_price": "60000",
        "time_in_force": "gtc",
    }
    body |= change
    answer = await client.call(
        "POST", "orders", {name: value for name, value in body.items() if value is not None}
    )
    assert answer[0] == status
    assert said in answer[1]["message"]
    assert answer[1]["code"] // 100_000 == status
    assert await client.ok("GET", "orders", status="all") == []


async def test_client_order_id_is_unique_for_ever(client: AlpacaClient) -> None:
    """A second order under the same id is refused, also on another symbol and after the first has ended."""
    order = await client.place(client_order_id="mine")
    await client.ok("DELETE", f"orders/{order['id']}")
    body = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
    assert await client.call("POST", "orders", body | {"client_order_id": "mine"}) == (
        422,
        {"code": 40010001, "message": "client_order_id must be unique"},
    )
    found = await client.ok("GET", "orders:by_client_order_id", client_order_id="mine")
    assert (found["id"], found["status"]) == (order["id"], "canceled")
    assert await client.call("GET", "orders:by_client_order_id", client_order_id="other") == (
        404,
        {"code": 40410000, "message": "order not found for other"},
    )


async def test_numbers_are_read_as_they_are_written(client: AlpacaClient) -> None:
    """Clients send decimals as JSON numbers, small ones with an exponent; none passes through a binary float."""
    order = await client.ok(
        "POST",
        "orders",
        {
            "symbol": "ETH/USD",
            "qty": 4e-3,
            "side": "buy",
            "type": "limit",
            "limit_price": 3000,
            "time_in_force": "gtc",
        },
    )
    assert (order["qty"], order["limit_price"]) == ("0.004", "3000")
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{client._sim.rest_url}/v2/orders",
            data=b'{"symbol":"ETH/USD","qty":5e-3,"side":"buy","type":"limit","limit_price":3e3,"time_in_force":"gtc"}',
            headers=client._headers,
        ) as response,
    ):
        assert (await response.json())["qty"] == "0.005"


async def test_cancelling(client: AlpacaClient) -> None:
    """204 without a body; what is done cannot be cancelled, what is unknown is not found; all at once answers for each."""
    first, second, filled = (
        await client.place(),
        await client.place("AAPL", "1"),
        await client.place("AAPL", "1", limit_price="300"),
    )
    assert await client.call("DELETE", f"orders/{first['id']}") == (204, None)
    status, refusal = await client.call("DELETE", f"orders/{filled['id']}")
    assert (status, refusal["code"]) == (422, 42210000)
    assert (await client.call("DELETE", f"orders/{'0' * 8}-0000-4000-8000-{'0' * 12}"))[0] == 404
    assert await client.call("DELETE", "orders") == (207, [{"id": second["id"], "status": 200}])
    shown = await client.ok("GET", f"orders/{first['id']}")
    assert shown["cancel_requested_at"] is not None
    assert shown["canceled_at"] == shown["updated_at"]


async def test_replacing_is_refused_where_it_cannot_be(client: AlpacaClient) -> None:
    """Nothing to change, a done order, more than the account has; the refused replacement leaves the order as it was."""
    order = await client.place("AAPL", "10")
    path = f"orders/{order['id']}"
    assert (await client.call("PATCH", path, {}))[0] == 400
    assert (await client.call("PATCH", path, {"stop_price": "1"}))[0] == 422
    assert (await client.call("PATCH", path, {"qty": "100000000"}))[0] == 403
    assert (await client.ok("GET", path))["status"] == "new"
    new = await client.ok("PATCH", path, {"qty": "11", "client_order_id": "second"})
    assert (await client.call("PATCH", path, {"qty": "12"}))[0] == 422
    assert (new["client_order_id"], new["qty"]) == ("second", "11")
    account = await client.ok("GET", "account")
    assert Decimal(account["cash"]) - Decimal(account["buying_power"]) == 11 * 200


async def test_orders_are_listed_by_the_time_of_their_submission(client: AlpacaClient) -> None:
    """Open ones newest first unless asked otherwise; times and ids are exclusive."""
    placed = [(await client.place())["id"] for _ in range(3)]
    equity = await client.place("AAPL", "1")
    done = await client.place("AAPL", "1", limit_price="300")

    async def ids(**query: Any) -> list[str]:
        return [order["id"] for order in await client.ok("GET", "orders", **query)]

    assert await ids() == [equity["id"], *reversed(placed)]
    assert await ids(status="closed") == [done["id"]]
    assert await ids(status="all", direction="asc", limit=2) == placed[:2]
    assert await ids(symbols="BTCUSD,TSLA", direction="asc") == placed
    assert await ids(asset_class="us_equity") == [equity["id"]]
    assert await ids(side="sell") == []
    second = await client.ok("GET", f"orders/{placed[1]}")
    assert await ids(direction="asc", after=second["submitted_at"]) == [placed[2], equity["id"]]
    assert await ids(direction="asc", until=second["submitted_at"]) == placed[:1]
    assert await ids(direction="asc", after_order_id=placed[1]) == [placed[2], equity["id"]]
    assert (await client.call("GET", "orders", limit="501"))[0] == 422
    assert (await client.call("GET", "orders", after="yesterday"))[0] == 422


BRACKET = {
    "symbol": "AAPL",
    "qty": "10",
    "side": "buy",
    "type": "limit",
    "limit_price": "300",
    "time_in_force": "gtc",
    "order_class": "bracket",
    "take_profit": {"limit_price": "250"},
    "stop_loss": {"stop_price": "220", "limit_price": "219"},
}


async def test_bracket_is_held_until_its_entry_is_filled(client: AlpacaClient) -> None:
    """The legs wait; a fill of the entry lets the target work, whose fill cancels the stop; a list can nest them."""
    async with client.listening() as stream:
        entry = await client.ok("POST", "orders", BRACKET)
        profit, loss = entry["legs"]
        assert [leg["status"] for leg in entry["legs"]] == ["held", "held"]
        assert [
            (leg["side"], leg["type"], leg["limit_price"], leg["stop_price"]) for leg in entry["legs"]
        ] == [
            ("sell", "limit", "250", None),
            ("sell", "stop_limit", "219", "220"),
        ]
        await stream.wait_for("held", "held", "pending_new", "new", "fill", "new")
        assert stream.events(profit["id"]) == ["held", "new"]
        (nested,) = await client.ok("GET", "orders", status="all", nested="true")
        assert (nested["id"], [leg["status"] for leg in nested["legs"]]) == (entry["id"], ["new", "held"])
        assert {row["id"] for row in await client.ok("GET", "orders", status="all")} == {
            each["id"] for each in (entry, profit, loss)
        }
        await client.control("POST", "price", {"symbol": "AAPL", "price": "251"})
        await stream.until(lambda: "fill" in stream.events(profit["id"]))
        await stream.wait_for("held", "canceled", order_id=loss["id"])
    shown = await client.ok("GET", f"orders/{entry['id']}", nested="true")
    assert [leg["status"] for leg in shown["legs"]] == ["filled", "canceled"]
    account = await client.ok("GET", "account")
    assert account["cash"] == account["buying_power"]


async def test_stop_of_a_bracket_ends_the_target(client: AlpacaClient) -> None:
    """Once the stop price is reached the stop is new, and the target is cancelled."""
    async with client.listening() as stream:
        entry = await client.ok("POST", "orders", BRACKET)
        profit, loss = entry["legs"]
        await stream.until(lambda: "new" in stream.events(profit["id"]))
        await client.control("POST", "price", {"symbol": "AAPL", "price": "219.5"})
        await stream.until(lambda: "fill" in stream.events(loss["id"]))
        assert stream.events(loss["id"])[:2] == ["held", "new"]
        await stream.wait_for("held", "new", "canceled", order_id=profit["id"])


async def test_cancelling_one_order_of_a_group_cancels_all(client: AlpacaClient) -> None:
    """Entry and legs end together while the entry waits; what has filled stays so."""
    waiting = await client.ok("POST", "orders", BRACKET | {"limit_price": "200"})
    assert (await client.call("PATCH", f"orders/{waiting['id']}", {"qty": "11"}))[0] == 422
    await client.ok("DELETE", f"orders/{waiting['legs'][1]['id']}")
    rows = await client.ok("GET", "orders", status="all")
    assert [row["status"] for row in rows] == ["canceled"] * 3
    entry = await client.ok("POST", "orders", BRACKET)
    await client.ok("DELETE", f"orders/{entry['legs'][0]['id']}")
    shown = await client.ok("GET", f"orders/{entry['id']}", nested="true")
    assert (shown["status"], [leg["status"] for leg in shown["legs"]]) == ("filled", ["canceled"] * 2)
    assert len(await client.ok("DELETE", "orders")) == 0


async def test_one_order_triggers_or_cancels_another(client: AlpacaClient) -> None:
    """Of an oto the one leg follows the entry; of an oco the limit order works at once beside a stop that is held."""
    oto = {name: value for name, value in BRACKET.items() if name != "take_profit"} | {"order_class": "oto"}
    triggered = await client.ok("POST", "orders", oto)
    assert [leg["type"] for leg in triggered["legs"]] == ["stop_limit"]
    for change in ({"order_class": "oto"}, {"time_in_force": "ioc"}):
        assert (await client.call("POST", "orders", BRACKET | change))[0] == 422
    async with client.listening() as stream:
        oco = BRACKET | {"side": "sell", "limit_price": "250", "order_class": "oco"}
        pair = await client.ok("POST", "orders", oco)
        (stop,) = pair["legs"]
        await stream.wait_for("pending_new", "new", "held")
        await client.control("POST", "price", {"symbol": "AAPL", "price": "255"})
        await stream.until(lambda: "fill" in stream.events(pair["id"]))
        await stream.wait_for("held", "canceled", order_id=stop["id"])


async def test_page_may_lack_what_shares_a_millisecond(client: AlpacaClient) -> None:
    """With this fault rows of the millisecond in which a page ended are on no page, though their order's own list has them."""
    await client.emitted(symbols=["AAPL"], count=60, orders=2, quantity="1", positions=False)
    await client.fault("page_loss")
    rows: list[dict[str, Any]] = []
    while True:
        token = {"page_token": rows[-1]["id"]} if rows else {}
        page = await client.ok("GET", "account/activities/FILL", direction="asc", page_size=2, **token)
        rows += page
        if len(page) < 2:
            break
    assert len(rows) < 60
    everything = [
        row
        for order_id in {row["order_id"] for row in rows}
        for row in await client.ok("GET", "account/activities/FILL", order_id=order_id)
    ]
    assert len(everything) == 60


async def test_fills_are_paged_without_loss(client: AlpacaClient) -> None:
    """Each execution appears once, whatever the direction; the last row's id leads to the next page."""
    await client.emitted(symbols=["AAPL", "BTC/USD"], count=25, orders=3, quantity="0.5", positions=False)
    told = (await client.control("GET", "executions", user="demo"))["rows"]

    async def walk(direction: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        while True:
            token = {"page_token": rows[-1]["id"]} if rows else {}
            page = await client.ok(
                "GET", "account/activities/FILL", direction=direction, page_size=7, **token
            )
            rows += page
            if len(page) < 7:
                return rows

    rising, falling = await walk("asc"), await walk("desc")
    assert [row["id"] for row in rising] == sorted(row["id"] for row in rising)
    assert rising == falling[::-1]
    assert sorted((row["order_id"], Decimal(row["qty"])) for row in rising) == sorted(
        (row[1], Decimal(row[5])) for row in told
    )
    for order_id in {row["order_id"] for row in rising}:
        rows = await client.ok("GET", "account/activities/FILL", order_id=order_id)
        order = await client.ok("GET", f"orders/{order_id}")
        assert sum(Decimal(row["qty"]) for row in rows) == Decimal(order["filled_qty"])
        assert max(Decimal(row["cum_qty"]) for row in rows) == Decimal(order["qty"])


async def test_row_of_a_fill_has_the_documented_members(client: AlpacaClient) -> None:
    """Neither execution id nor client order id nor fee; the id begins with New York's clock."""
    order = await client.place("BTC/USD", "0.1", limit_price="65000")
    (row,) = await client.ok("GET", "account/activities", activity_types="FILL")
    assert row == {
        "id": row["id"],
        "activity_type": "FILL",
        "transaction_time": row["transaction_time"],
        "type": "fill",
        "price": "64001",
        "qty": "0.1",
        "side": "buy",
        "symbol": "BTC/USD",
        "leaves_qty": "0",
        "order_id": order["id"],
        "cum_qty": "0.1",
        "order_status": "filled",
        "swap_rate": "1",
    }
    moment = row["transaction_time"]
    assert await client.ok("GET", "account/activities/FILL", after=moment) == []
    assert await client.ok("GET", "account/activities/FILL", until=moment) == []
    assert await client.ok("GET", "account/activities/FILL", after="2020-01-01", until="2090-01-01") == [row]
    day = f"{row['id'][:4]}-{row['id'][4:6]}-{row['id'][6:8]}"
    assert await client.ok("GET", "account/activities/FILL", date=day) == [row]
    assert await client.ok("GET", "account/activities/FILL", date="2020-01-01") == []
    assert await client.ok("GET", "account/activities/CFEE") == []
    assert (await client.call("GET", "account/activities/FILL", page_token="first"))[0] == 422


async def test_activities_lag_behind_the_stream(sim: AlpacaSimulator, client: AlpacaClient) -> None:
    """Executions appear one after the other within the time that the fault says, orders at once."""
    await client.emitted(symbols=["AAPL"], count=20, orders=1, quantity="1", positions=False)
    await client.fault("activity_lag", seconds=1000)
    seen = len(await client.ok("GET", "account/activities/FILL"))
    assert seen < 20
    sim.core.venue.clock.skew_ns = 500 * 10**9
    assert seen < len(await client.ok("GET", "account/activities/FILL")) < 20
    sim.core.venue.clock.skew_ns = 1000 * 10**9
    assert len(await client.ok("GET", "account/activities/FILL")) == 20


async def test_lost_answers_and_errors_on_demand(client: AlpacaClient) -> None:
    """An order whose answer is lost was placed; one that fails on demand was not."""
    await client.fault("lost_response", method="order.place")
    body = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
    assert (await client.call("POST", "orders", body | {"client_order_id": "lost"}))[0] == 504
    assert (await client.ok("GET", "orders:by_client_order_id", client_order_id="lost"))["status"] == "filled"
    await client.fault("lost_response", method="order.place", answer="none")
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.call("POST", "orders", body | {"client_order_id": "mute"})
    assert (await client.ok("GET", "orders:by_client_order_id", client_order_id="mute"))["status"] == "filled"
    await client.fault("request_error", method="order.place", status=500)
    assert await client.call("POST", "orders", body | {"client_order_id": "never"}) == (
        500,
        {"code": 50010000, "message": "internal server error"},
    )
    assert (await client.call("GET", "orders:by_client_order_id", client_order_id="never"))[0] == 404


async def test_lagging_queries_show_the_past(sim: AlpacaSimulator, client: AlpacaClient) -> None:
    """An order that has filled is still open for a lagging view, and its fills are not there yet."""
    await client.fault("query_lag", seconds=60)
    order = await client.place("AAPL", "1")
    assert (await client.call("GET", f"orders/{order['id']}"))[0] == 404
    sim.core.venue.clock.skew_ns = 90 * 10**9
    await client.control("POST", "price", {"symbol": "AAPL", "price": "199"})
    await eventually(lambda: sim.core.venue.accounts["demo"].executions)
    assert (await client.ok("GET", f"orders/{order['id']}"))["status"] == "new"
    assert await client.ok("GET", "account/activities/FILL") == []
    sim.core.venue.clock.skew_ns = 180 * 10**9
    assert (await client.ok("GET", f"orders/{order['id']}"))["status"] == "filled"
    assert len(await client.ok("GET", "account/activities/FILL")) == 1


async def test_positions_and_assets(client: AlpacaClient) -> None:
    """Positions follow fills and go by symbols without slash; assets are found by symbol, with and without, and by id."""
    before = await client.ok("GET", "positions/BTCUSD")
    await client.place("BTC/USD", "0.25", limit_price="65000")
    after = await client.ok("GET", "positions/BTCUSD")
    assert Decimal(after["qty"]) - Decimal(before["qty"]) == Decimal("0.25")
    assert after in await client.ok("GET", "positions")
    asset = await client.ok("GET", "assets/BTC/USD")
    assert asset == await client.ok("GET", "assets/BTCUSD") == await client.ok("GET", f"assets/{asset['id']}")
    assert {row["class"] for row in await client.ok("GET", "assets", asset_class="crypto")} == {"crypto"}
    assert (await client.call("GET", "positions/NOSUCH"))[0] == 404
    assert (await client.call("GET", "assets/NOSUCH"))[0] == 404


async def test_an_account_whose_trading_is_suspended_places_nothing(client: AlpacaClient) -> None:
    """The account says so, and orders are refused with the venue's sentence; reading goes on."""
    await client.fault("block_trading", user="demo")
    body = {"symbol": "AAPL", "qty": "1", "side": "buy", "type": "market", "time_in_force": "day"}
    assert await client.call("POST", "orders", body) == (
        403,
        {"code": 40310000, "message": "new orders are rejected by user request"},
    )
    assert (await client.ok("GET", "account"))["trade_suspended_by_user"] is True
    await client.fault("allow_trading", user="demo")
    await client.ok("POST", "orders", body)
