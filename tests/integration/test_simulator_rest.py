"""The REST API over real sockets: twins of the WebSocket API, headers, refusals, retired paths, queries."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from fillwire.simulator import BinanceSimulator, LimitSettings, SimulatorSettings
from support.venue_client import VenueClient, now_ms

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}


@pytest.fixture
async def sim() -> AsyncIterator[BinanceSimulator]:
    """Return a running simulator with the demo account."""
    async with BinanceSimulator() as simulator:
        yield simulator


@pytest.fixture
async def client(sim: BinanceSimulator) -> AsyncIterator[VenueClient]:
    """Return a connected client."""
    async with VenueClient(sim) as venue_client:
        yield venue_client


async def test_order_lives_over_rest(client: VenueClient) -> None:
    """Place by query and body, query, amend, cancel: each answer has the documented form, each response its headers."""
    status, placed, headers = await client.rest(
        "POST", "/api/v3/order", LIMIT, body="price=60000&newClientOrderId=mine"
    )
    assert (status, placed["status"], placed["clientOrderId"]) == (200, "NEW", "mine")
    assert headers["X-MBX-ORDER-COUNT-10S"] == headers["X-MBX-ORDER-COUNT-1D"] == "1"
    assert headers["X-MBX-USED-WEIGHT-1M"] == "2"  # the WebSocket connection; success is free
    _, row, _ = await client.rest("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="mine")
    assert row == {
        "symbol": "BTCUSDT",
        "orderId": placed["orderId"],
        "orderListId": -1,
        "clientOrderId": "mine",
        "price": "60000.00000000",
        "origQty": "0.01000000",
        "executedQty": "0.00000000",
        "cummulativeQuoteQty": "0.00000000",
        "status": "NEW",
        "timeInForce": "GTC",
        "type": "LIMIT",
        "side": "BUY",
        "stopPrice": "0.00000000",
        "icebergQty": "0.00000000",
        "time": placed["transactTime"],
        "updateTime": placed["transactTime"],
        "isWorking": True,
        "workingTime": placed["transactTime"],
        "origQuoteOrderQty": "0.00000000",
        "selfTradePreventionMode": "NONE",
    }
    _, amended, _ = await client.rest(
        "PUT", "/api/v3/order/amend/keepPriority", symbol="BTCUSDT", orderId=placed["orderId"], newQty="0.005"
    )
    assert amended["amendedOrder"]["qty"] == "0.00500000"
    _, history, _ = await client.rest(
        "GET", "/api/v3/order/amendments", symbol="BTCUSDT", orderId=placed["orderId"]
    )
    assert [(entry["executionId"], entry["newQty"]) for entry in history] == [
        (amended["executionId"], "0.00500000")
    ]
    _, cancelled, _ = await client.rest(
        "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"], newClientOrderId="bye"
    )
    assert (cancelled["status"], cancelled["clientOrderId"]) == ("CANCELED", "bye")
    assert cancelled["origClientOrderId"] == amended["amendedOrder"]["clientOrderId"]
    status, gone, _ = await client.rest(
        "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orderId"]
    )
    assert (status, gone) == (400, {"code": -2011, "msg": "Unknown order sent."})


async def test_response_forms_of_a_placement(client: VenueClient) -> None:
    """ACK, RESULT and FULL grow by the documented fields; LIMIT defaults to FULL, LIMIT_MAKER to ACK."""
    ack_names = {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    for form in ("ACK", "RESULT", "FULL", None):
        order = {**LIMIT, "price": "60000"} | ({} if form is None else {"newOrderRespType": form})
        _, placed, _ = await client.rest("POST", "/api/v3/order", order)
        assert (set(placed) == ack_names) == (form == "ACK")
        assert ("fills" in placed) == (form in {"FULL", None})
    _, maker, _ = await client.rest(
        "POST",
        "/api/v3/order",
        symbol="BTCUSDT",
        side="BUY",
        type="LIMIT_MAKER",
        quantity="0.01",
        price="60000",
    )
    assert set(maker) == ack_names


async def test_order_test_places_nothing(client: VenueClient) -> None:
    """order.test checks filters, can show the rates, and leaves no order."""
    status, result, _ = await client.rest("POST", "/api/v3/order/test", LIMIT, price="60000")
    assert (status, result) == (200, {})
    status, result, _ = await client.rest("POST", "/api/v3/order/test", LIMIT, price="60000.001")
    assert (status, result["code"]) == (400, -1013)
    _, rates, _ = await client.rest(
        "POST", "/api/v3/order/test", LIMIT, price="60000", computeCommissionRates="true"
    )
    assert rates["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    assert (await client.rest("GET", "/api/v3/openOrders"))[1] == []


async def test_unencoded_and_foreign_payloads_are_refused(client: VenueClient) -> None:
    """A signature over something else than what was sent is -1022; one over a payload that is not encoded, too."""
    status, body, _ = await client.rest("GET", "/api/v3/account", headers={"X-MBX-APIKEY": ""})
    assert (status, body["code"]) == (401, -2014)
    status, body, _ = await client.rest("POST", "/api/v3/order", body="symbol=\uff11&side=BUY")
    assert (status, body["code"]) == (400, -1022)


async def test_order_list_lives_over_rest(client: VenueClient) -> None:
    """A one-cancels-the-other pair is placed, shown, and cancelled as one."""
    _, placed, _ = await client.rest(
        "POST",
        "/api/v3/orderList/oco",
        symbol="BTCUSDT",
        side="SELL",
        quantity="0.01",
        aboveType="LIMIT_MAKER",
        abovePrice="66000",
        belowType="STOP_LOSS_LIMIT",
        belowPrice="61900",
        belowStopPrice="62000",
        belowTimeInForce="GTC",
        newOrderRespType="RESULT",
    )
    assert (placed["listStatusType"], placed["listOrderStatus"]) == ("EXEC_STARTED", "EXECUTING")
    assert [(leg["type"], leg["workingTime"] > 0) for leg in placed["orderReports"]] == [
        ("LIMIT_MAKER", True),
        ("STOP_LOSS_LIMIT", False),
    ]
    assert len((await client.rest("GET", "/api/v3/openOrders", symbol="BTCUSDT"))[1]) == 2
    list_id = placed["orderListId"]
    assert (await client.rest("GET", "/api/v3/orderList", orderListId=list_id))[1]["orders"] == placed[
        "orders"
    ]
    assert len((await client.rest("GET", "/api/v3/openOrderList"))[1]) == 1
    _, cancelled, _ = await client.rest("DELETE", "/api/v3/orderList", symbol="BTCUSDT", orderListId=list_id)
    assert (cancelled["listOrderStatus"], len(cancelled["orderReports"])) == ("ALL_DONE", 2)
    assert (await client.rest("GET", "/api/v3/openOrderList"))[1] == []
    status, refused, _ = await client.rest(
        "POST",
        "/api/v3/orderList/oco",
        symbol="BTCUSDT",
        side="SELL",
        quantity="0.01",
        aboveType="LIMIT_MAKER",
        abovePrice="63000",
        belowType="STOP_LOSS",
        belowStopPrice="62000",
    )
    assert (status, refused["code"]) == (400, -2010)


async def test_trades_page_by_id_and_by_time(client: VenueClient) -> None:
    """Paging by fromId is inclusive and oldest first; without it the newest come; times and combinations keep to the documents."""
    await client.emitted(symbols=["BTCUSDT"], orders=3, count=25, quantity="0.001")
    _, everything, _ = await client.rest("GET", "/api/v3/myTrades", symbol="BTCUSDT")
    ids = [trade["id"] for trade in everything]
    assert len(ids) == 25
    assert ids == sorted(ids)
    _, newest, _ = await client.rest("GET", "/api/v3/myTrades", symbol="BTCUSDT", limit=10)
    assert [trade["id"] for trade in newest] == ids[-10:]
    paged: list[int] = []
    start = ids[0]
    while True:
        _, page, _ = await client.rest("GET", "/api/v3/myTrades", symbol="BTCUSDT", fromId=start, limit=7)
        paged += [trade["id"] for trade in page]
        if len(page) < 7:
            break
        start = page[-1]["id"] + 1
    assert paged == ids
    order_id = everything[0]["orderId"]
    _, of_order, _ = await client.rest("GET", "/api/v3/myTrades", symbol="BTCUSDT", orderId=order_id)
    assert [trade["id"] for trade in of_order] == [
        trade["id"] for trade in everything if trade["orderId"] == order_id
    ]
    middle = everything[12]["time"]
    _, timed, _ = await client.rest("GET", "/api/v3/myTrades", symbol="BTCUSDT", startTime=middle, limit=1000)
    assert [trade["id"] for trade in timed] == [
        trade["id"] for trade in everything if trade["time"] >= middle
    ]
    for query, code in (
        ({"startTime": middle, "endTime": middle + 86_400_001}, -1127),
        ({"fromId": 1, "startTime": middle}, -1128),
        ({"orderId": order_id, "startTime": middle}, -1128),
    ):
        status, body, _ = await client.rest("GET", "/api/v3/myTrades", query, symbol="BTCUSDT")
        assert (status, body["code"]) == (400, code)


async def test_all_orders_from_an_id_on(client: VenueClient) -> None:
    """The list of all orders shows open and ended orders, from an id on."""
    placed = [await client.place() for _ in range(3)]
    await client.ok("order.cancel", symbol="BTCUSDT", orderId=placed[1]["orderId"])
    _, rows, _ = await client.rest("GET", "/api/v3/allOrders", symbol="BTCUSDT", orderId=placed[1]["orderId"])
    assert [(row["orderId"], row["status"]) for row in rows] == [
        (placed[1]["orderId"], "CANCELED"),
        (placed[2]["orderId"], "NEW"),
    ]
    _, cancelled, _ = await client.rest("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert [report["orderId"] for report in cancelled] == [placed[0]["orderId"], placed[2]["orderId"]]
    status, body, _ = await client.rest("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert (status, body["code"]) == (400, -2011)


async def test_account_shows_what_trading_has_left(client: VenueClient) -> None:
    """Balances, rates and the permanent id of the account; zero balances can be left out."""
    await client.place(quantity="1", price="60000")
    _, account, _ = await client.rest("GET", "/api/v3/account", omitZeroBalances="true")
    balances = {row["asset"]: (row["free"], row["locked"]) for row in account["balances"]}
    assert balances["USDT"] == ("999940000.00000000", "60000.00000000")
    assert (account["uid"], account["makerCommission"], account["canTrade"]) == (354937868, 10, True)
    _, rates, _ = await client.rest("GET", "/api/v3/account/commission", symbol="BTCUSDT")
    assert rates["standardCommission"]["taker"] == "0.00100000"
    _, counts, _ = await client.rest("GET", "/api/v3/rateLimit/order")
    assert [limit["count"] for limit in counts] == [1, 1]


async def test_prevented_matches_can_be_queried(client: VenueClient) -> None:
    """A prevented self-trade shows in the placing response and in myPreventedMatches."""
    maker = await client.place(price="63999.99")
    taker = await client.place(
        "SELL", price="63999.99", quantity="0.002", selfTradePreventionMode="EXPIRE_TAKER"
    )
    # The house quotes at the same price and came first, so the order trades with it.
    assert taker["status"] == "FILLED"
    await client.control("POST", "price", {"symbol": "BTCUSDT", "price": "64100"})
    taker = await client.place("SELL", price="63990", quantity="1000", selfTradePreventionMode="EXPIRE_TAKER")
    assert taker["status"] == "EXPIRED_IN_MATCH"
    (match,) = taker["preventedMatches"]
    assert match["makerOrderId"] == maker["orderId"]
    _, rows, _ = await client.rest(
        "GET", "/api/v3/myPreventedMatches", symbol="BTCUSDT", orderId=taker["orderId"]
    )
    assert [row["preventedMatchId"] for row in rows] == [match["preventedMatchId"]]


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/api/v3/userDataStream", {}, (410, -1016)),
        ("/api/v3/nothing", {}, (404, -1000)),
        ("/api/v3/exchangeInfo", {"symbol": "NOSUCH"}, (400, -1121)),
        ("/api/v3/exchangeInfo", {"symbols": '["BTCUSDT","NOSUCH"]'}, (400, -1121)),
        ("/api/v3/exchangeInfo", {"symbols": "BTCUSDT"}, (400, -1135)),
        ("/api/v3/exchangeInfo", {"symbols": '["BTCUSDT","BTCUSDT"]'}, (400, -1151)),
        ("/api/v3/exchangeInfo", {"symbol": "BTCUSDT", "symbolStatus": "HALT"}, (400, -1128)),
        ("/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1x"}, (400, -1120)),
        ("/api/v3/time", {"when": "now"}, (400, -1104)),
        ("/api/v3/account", {}, (401, -2014)),
    ],
)
async def test_public_mistakes_have_their_codes(
    client: VenueClient, path: str, query: dict[str, str], expected: tuple[int, int]
) -> None:
    """Retired, unknown and misused paths answer with the venue's status and code."""
    status, body = await client.get(path, **query)
    assert (status, body["code"]) == expected


async def test_public_data_is_there_for_clients_that_ask(client: VenueClient) -> None:
    """Rules, clock and a little market data agree with each other."""
    _, info = await client.get("/api/v3/exchangeInfo", symbols='["BTCUSDT","LTCBNB"]')
    assert [(symbol["baseAsset"], symbol["quoteAsset"]) for symbol in info["symbols"]] == [
        ("BTC", "USDT"),
        ("LTC", "BNB"),
    ]
    assert abs((await client.get("/api/v3/time"))[1]["serverTime"] - now_ms()) < 2_000
    _, book = await client.get("/api/v3/depth", symbol="BTCUSDT", limit=5)
    _, best = await client.get("/api/v3/ticker/bookTicker", symbol="BTCUSDT")
    assert (book["bids"][0][0], book["asks"][0][0]) == (best["bidPrice"], best["askPrice"])
    assert len(book["bids"]) == 5
    _, price = await client.get("/api/v3/ticker/price", symbol="BTCUSDT")
    assert price == {"symbol": "BTCUSDT", "price": "64000.00000000"}
    assert len((await client.get("/api/v3/ticker/price"))[1]) == 10
    for path in ("ticker/24hr", "avgPrice", "trades"):
        assert (await client.get(f"/api/v3/{path}", symbol="BTCUSDT"))[0] == 200
    assert len((await client.get("/api/v3/klines", symbol="BTCUSDT", interval="1m"))[1][0]) == 12


async def test_overuse_is_refused_and_then_banned() -> None:
    """429 with Retry-After, then 418 for every request, and the sockets of the address are cut."""
    limits = LimitSettings(weight_per_minute=60, refusals_before_ban=3)
    async with BinanceSimulator(SimulatorSettings(limits=limits)) as sim, VenueClient(sim) as client:
        statuses: list[int] = []
        retry: list[str] = []
        async with asyncio.timeout(70):  # a minute may turn meanwhile
            while 418 not in statuses:
                status, body, headers = await client.rest("GET", "/api/v3/account")
                statuses.append(status)
                if status != 200:
                    assert body["code"] == -1003
                    assert "data" not in body
                    retry.append(headers["Retry-After"])
        assert 429 in statuses
        assert all(0 < int(seconds) <= 120 for seconds in retry)
        async with asyncio.timeout(5):
            await client.closed.wait()
