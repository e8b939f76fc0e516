"""The WebSocket API over real sockets: sessions, subscriptions, refusals, orders and their events."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from fillwire.simulator import AccountSettings, BinanceSimulator, KeySettings, SimulatorSettings
from fillwire.simulator.binance.demo import DEMO_ED25519_PUBLIC_KEY
from support.binance_keys import API_KEY, ED25519_API_KEY, HMAC_SECRET
from support.eventually import eventually
from support.venue_client import VenueClient, now_ms, signed

OTHER_KEY = "o" * 64


@pytest.fixture
async def sim() -> AsyncIterator[BinanceSimulator]:
    """Return a running simulator with the accounts demo and other."""
    settings = SimulatorSettings(
        accounts=(
            AccountSettings(
                user="demo",
                keys=(
                    KeySettings(api_key=API_KEY, secret=HMAC_SECRET),
                    KeySettings(api_key=ED25519_API_KEY, public_key=DEMO_ED25519_PUBLIC_KEY),
                ),
            ),
            AccountSettings(user="other", keys=(KeySettings(api_key=OTHER_KEY, secret="other secret"),)),
        )
    )
    async with BinanceSimulator(settings) as simulator:
        yield simulator


@pytest.fixture
async def client(sim: BinanceSimulator) -> AsyncIterator[VenueClient]:
    """Return a connected client of the account demo."""
    async with VenueClient(sim) as venue_client:
        yield venue_client


def error_of(response: dict[str, Any]) -> tuple[int, int]:
    """Return status and code of a failed response."""
    assert "result" not in response, response
    return response["status"], response["error"]["code"]


async def test_session_lives_from_logon_to_logout(client: VenueClient) -> None:
    """Logon, subscribe without parameters, status and list, logout: which ends the session's subscription and says so."""
    before = (await client.send("session.status"))["result"]
    assert (before["apiKey"], before["authorizedSince"], before["userDataStream"]) == (None, None, False)
    logon = await client.send("session.logon", signed({}, ED25519_API_KEY))
    assert logon["result"]["apiKey"] == ED25519_API_KEY
    assert (await client.send("userDataStream.subscribe"))["result"] == {"subscriptionId": 0}
    assert (await client.send("session.status"))["result"]["userDataStream"] is True
    assert (await client.send("session.subscriptions", {}))["result"] == [{"subscriptionId": 0}]
    placed = await client.send(
        "order.place",
        {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "timestamp": now_ms()},
    )
    assert placed["result"]["status"] == "FILLED"
    after = (await client.send("session.logout"))["result"]
    assert (after["apiKey"], after["userDataStream"]) == (None, False)
    await client.until(lambda: client.events and client.events[-1]["event"]["e"] == "eventStreamTerminated")
    assert client.events[-1]["subscriptionId"] == 0
    assert error_of(await client.send("account.status", {"timestamp": now_ms()})) == (400, -1102)


async def test_logon_and_session_subscription_are_for_ed25519_keys(client: VenueClient) -> None:
    """An HMAC key cannot log on, and nobody can subscribe on a session that has not logged on."""
    assert error_of(await client.send("session.logon", signed({}))) == (401, -2015)
    assert error_of(await client.send("userDataStream.subscribe")) == (401, -2015)
    await client.send("session.logon", signed({}, ED25519_API_KEY))
    assert error_of(await client.send("userDataStream.subscribe", signed({}, ED25519_API_KEY))) == (
        400,
        -1104,
    )


async def test_logout_keeps_signature_subscriptions(client: VenueClient, sim: BinanceSimulator) -> None:
    """A subscription by signature outlives the logout of the session."""
    await client.send("session.logon", signed({}, ED25519_API_KEY))
    assert await client.subscribe() == 0
    await client.send("session.logout")
    assert (await client.send("session.subscriptions"))["result"] == [{"subscriptionId": 0}]
    assert len(sim.core.venue.accounts["demo"].subscriptions) == 1


async def test_one_subscription_per_account_and_connection(client: VenueClient) -> None:
    """-2035 for the second of an account, ids that count up, -2036 for one that is not active."""
    assert await client.subscribe() == 0
    assert error_of(await client.call("userDataStream.subscribe.signature")) == (400, -2035)
    other = await client.send("userDataStream.subscribe.signature", signed({}, OTHER_KEY, "other secret"))
    assert other["result"] == {"subscriptionId": 1}
    assert (await client.send("userDataStream.unsubscribe", {"subscriptionId": 0}))["result"] == {}
    assert error_of(await client.send("userDataStream.unsubscribe", {"subscriptionId": 0})) == (400, -2036)
    assert await client.subscribe() == 2
    assert (await client.send("userDataStream.unsubscribe"))["result"] == {}
    assert error_of(await client.send("userDataStream.unsubscribe")) == (400, -2036)


async def test_every_subscription_of_the_account_hears_the_same(
    sim: BinanceSimulator, client: VenueClient
) -> None:
    """Two connections get the same execution ids; another account and a later connection get nothing."""
    async with (
        VenueClient(sim) as second,
        VenueClient(sim, api_key=OTHER_KEY, secret="other secret") as stranger,
    ):
        for each in (client, second, stranger):
            await each.subscribe()
        order = await client.place()
        await client.until(lambda: len(client.events) == 2)
        await second.until(lambda: len(second.events) == 2)
        assert client.reports() == second.reports()
        assert client.reports()[0]["i"] == order["orderId"]
        async with VenueClient(sim) as late:
            await late.subscribe()
            await client.ok("order.cancel", symbol="BTCUSDT", orderId=order["orderId"])
            await late.until(lambda: late.events)
            assert [report["x"] for report in late.reports()] == ["CANCELED"]
        assert stranger.events == []


async def test_response_comes_before_the_events_of_its_request(client: VenueClient) -> None:
    """On one socket the placing response is written first, then NEW, TRADE and balances."""
    await client.subscribe()
    client.log.clear()
    order = await client.ok("order.place", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01")
    await client.until(lambda: len(client.events) == 3)
    assert client.log == ["response", "event", "event", "event"]
    trade = client.reports()[-1]
    assert [fill["tradeId"] for fill in order["fills"]] == [trade["t"]]
    assert (order["fills"][0]["commission"], order["fills"][0]["commissionAsset"]) == (trade["n"], trade["N"])
    trades = await client.ok("myTrades", symbol="BTCUSDT", orderId=order["orderId"])
    assert [(row["id"], row["time"], row["qty"]) for row in trades] == [(trade["t"], trade["T"], trade["l"])]


async def test_microseconds_are_chosen_by_the_url(sim: BinanceSimulator) -> None:
    """With timeUnit every time has sixteen digits; an unknown unit is refused with -1194."""
    async with VenueClient(sim, "?timeUnit=microsecond&returnRateLimits=false") as client:
        await client.subscribe()
        order = await client.place()
        await client.until(lambda: len(client.events) == 2)
        report, position = (frame["event"] for frame in client.events)
        times = [report[name] for name in ("E", "T", "O", "W")] + [position["u"], order["transactTime"]]
        assert {len(str(time)) for time in times} == {16}
        assert "rateLimits" not in await client.send("time")
        assert "rateLimits" in await client.send("time", {"returnRateLimits": True})
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(sim.websocket_url + "?timeUnit=WEEK")
        assert caught.value.status == 400


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"signature": "0" * 64}, (400, -1022)),
        ({"signature": ""}, (400, -1102)),
        ({"apiKey": "nonsense"}, (401, -2014)),
        ({"apiKey": "x" * 64}, (401, -2015)),
    ],
)
async def test_bad_credentials_are_refused(
    client: VenueClient, change: dict[str, str], expected: tuple[int, int]
) -> None:
    """Wrong or missing signatures, malformed and unknown keys have their codes."""
    assert error_of(await client.send("account.status", signed({}) | change)) == expected


@pytest.mark.parametrize(
    ("shift_ms", "window", "text"),
    [
        (-6_000, None, "Timestamp for this request is outside of the recvWindow."),
        (-200, "100", "Timestamp for this request is outside of the recvWindow."),
        (1_500, None, "Timestamp for this request was 1000ms ahead of the server's time."),
    ],
)
async def test_requests_out_of_time_are_refused(
    client: VenueClient, shift_ms: int, window: str | None, text: str
) -> None:
    """Too old by default or own window, or from the future: -1021 with its own text."""
    params: dict[str, Any] = {"timestamp": now_ms() + shift_ms}
    if window is not None:
        params["recvWindow"] = window
    response = await client.send("account.status", signed(params))
    assert (response["error"]["code"], response["error"]["msg"]) == (-1021, text)


async def test_timestamps_may_be_microseconds(client: VenueClient) -> None:
    """A time of sixteen digits is taken as microseconds; a window may have three decimals and no more than a minute."""
    params = {"timestamp": now_ms() * 1_000, "recvWindow": "6000.346"}
    assert (await client.send("account.status", signed(params)))["status"] == 200
    assert error_of(await client.send("account.status", signed({"recvWindow": "60001"}))) == (400, -1102)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"symbol": "NOSUCH"}, -1121),
        ({"symbol": None}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"type": "ICEBERG"}, -1116),
        ({"timeInForce": None}, -1102),
        ({"timeInForce": "GTX"}, -1115),
        ({"price": None}, -1102),
        ({"price": "60000.001"}, -1013),
        ({"quantity": "0.000001"}, -1013),
        ({"quantity": "0.00001"}, -1013),
        ({"quantity": "1e-3"}, -1100),
        ({"quantity": "0.000000001"}, -1111),
        ({"stopPrice": "1"}, -1106),
        ({"newClientOrderId": "no blanks"}, -1100),
        ({"selfTradePreventionMode": "DECREMENT"}, -1013),
        ({"strategyType": "5"}, -1134),
        ({"icebergQty": "0.001"}, -2010),
        ({"colour": "blue"}, -1104),
        ({"type": "MARKET", "timeInForce": None, "price": None, "quantity": None}, -1102),
        ({"quantity": "100000"}, -2010),
    ],
)
async def test_bad_orders_are_refused(client: VenueClient, params: dict[str, str | None], code: int) -> None:
    """Each mistake in an order has its code, and no order comes of it."""
    order = {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "timeInForce": "GTC",
        "quantity": "0.01",
        "price": "60000",
    }
    sent = {name: value for name, value in (order | params).items() if value is not None}
    assert error_of(await client.call("order.place", **sent)) == (400, code)
    assert await client.ok("openOrders.status") == []


async def test_market_order_by_amount(client: VenueClient) -> None:
    """QuoteOrderQty instead of a quantity; not both; and strategy labels come back."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET"}
    await client.subscribe()
    placed = await client.ok(
        "order.place", quoteOrderQty="100", strategyId="37", strategyType="1000001", **order
    )
    assert (placed["status"], placed["origQuoteOrderQty"]) == ("FILLED", "100.00000000")
    assert 99 < float(placed["cummulativeQuoteQty"]) <= 100
    assert (placed["strategyId"], placed["strategyType"]) == (37, 1_000_001)
    await client.until(client.reports)
    assert (client.reports()[0]["j"], client.reports()[0]["J"]) == (37, 1_000_001)
    both = await client.call("order.place", quoteOrderQty="100", quantity="0.01", **order)
    assert error_of(both) == (400, -1128)
    assert error_of(await client.call("order.place", quoteOrderQty="0", **order)) == (400, -2010)


SELL_PAIR = {
    "symbol": "BTCUSDT",
    "side": "SELL",
    "quantity": "0.01",
    "aboveType": "LIMIT_MAKER",
    "abovePrice": "66000",
    "belowType": "STOP_LOSS",
    "belowStopPrice": "62000",
}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({}, None),
        ({"aboveType": "LIMIT", "aboveTimeInForce": "GTC"}, -1158),
        ({"belowType": "LIMIT_MAKER", "belowPrice": "62000", "belowStopPrice": None}, -1168),
        ({"side": "BUY"}, -1196),
        ({"aboveType": "STOP_LOSS", "aboveStopPrice": "66000", "abovePrice": None}, -1197),
        ({"abovePrice": "63000"}, -2010),
        ({"belowStopPrice": None}, -1102),
        ({"quantity": "0.000001"}, -1013),
        ({"belowTrailingDelta": "10"}, -2010),
    ],
)
async def test_order_lists_must_fit_together(
    client: VenueClient, change: dict[str, str | None], code: int | None
) -> None:
    """Types, prices and parameters of the legs: each misfit has its code, and a good pair is found by its client id."""
    sent = {name: value for name, value in (SELL_PAIR | change).items() if value is not None}
    response = await client.call("orderList.place.oco", listClientOrderId="pair", **sent)
    if code is not None:
        assert error_of(response) == (400, code)
        return
    found = await client.ok("orderList.status", origClientOrderId="pair")
    assert found["orders"] == response["result"]["orders"]
    assert error_of(await client.call("orderList.place.oco", listClientOrderId="pair", **sent)) == (
        400,
        -2010,
    )
    assert len(await client.ok("allOrderLists")) == 1
    await client.ok("order.cancel", symbol="BTCUSDT", orderId=found["orders"][0]["orderId"])
    assert (await client.ok("orderList.status", origClientOrderId="pair"))["listOrderStatus"] == "ALL_DONE"
    assert error_of(await client.call("orderList.cancel", symbol="BTCUSDT", listClientOrderId="pair")) == (
        400,
        -2011,
    )
    assert error_of(await client.call("orderList.status", orderListId=99)) == (400, -2013)
    assert error_of(await client.call("orderList.status")) == (400, -1102)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("not json", (None, 400, -1135)),
        ("[]", (None, 400, -1135)),
        ('{"id":1.5,"method":"ping"}', (None, 400, -1130)),
        ('{"id":"a"}', ("a", 400, -1102)),
        ('{"id":null,"method":"no.such"}', (None, 400, -1130)),
        ('{"id":7,"method":"ping","params":[1]}', (7, 400, -1135)),
        ('{"id":7,"method":"userDataStream.start"}', (7, 410, -1016)),
    ],
)
async def test_frames_that_are_no_requests_are_answered(
    client: VenueClient, text: str, expected: tuple[Any, int, int]
) -> None:
    """Bad JSON, a bad id, no or an unknown method: an error under the id as far as it could be read."""
    await client.socket.send_str(text)
    await client.until(lambda: client.notices)
    notice = client.notices[0]
    assert (notice["id"], notice["status"], notice["error"]["code"]) == expected


async def test_method_names_may_carry_a_version(client: VenueClient) -> None:
    """`v3/ping` is `ping`."""
    assert (await client.send("v3/ping"))["result"] == {}


async def test_numbers_are_signed_as_they_are_written(client: VenueClient) -> None:
    """A quantity sent as a JSON number is signed by its text, trailing zero included."""
    params = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "timestamp": now_ms()}
    payload = {"apiKey": API_KEY, "quantity": "0.010", **params}
    signature = signed({**payload})["signature"]
    body = ",".join(
        f'"{name}":{value if name in {"quantity", "timestamp"} else chr(34) + str(value) + chr(34)}'
        for name, value in {**payload, "signature": signature}.items()
    )
    await client.socket.send_str(f'{{"id":"raw","method":"order.place","params":{{{body}}}}}')
    await client.until(lambda: client.notices)
    assert client.notices[0]["status"] == 200, client.notices[0]


async def test_weights_are_counted_and_success_of_orders_is_free(client: VenueClient) -> None:
    """Connect 2 + subscribe 2 show 4; a placed order adds nothing, a refused one adds 1; the order counts are shown."""
    response = await client.call("userDataStream.subscribe.signature")
    assert response["rateLimits"][-1]["count"] == 4
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "60000"}
    placed = await client.call("order.place", quantity="0.01", **order)
    assert [(limit["rateLimitType"], limit["count"]) for limit in placed["rateLimits"]] == [
        ("ORDERS", 1),
        ("ORDERS", 1),
        ("REQUEST_WEIGHT", 4),
    ]
    refused = await client.call("order.place", quantity="0", **order)
    assert refused["rateLimits"][-1]["count"] == 5


async def test_revoked_session_key_is_told_unasked(client: VenueClient) -> None:
    """After a revocation the next request draws an unsolicited error with id null, and the session has no authority left."""
    await client.send("session.logon", signed({}, ED25519_API_KEY))
    await client.fault("revoke_key", api_key=ED25519_API_KEY)
    refused = await client.send("account.status", {"timestamp": now_ms()})
    assert error_of(refused) == (401, -2015)
    assert client.notices == [
        {
            "id": None,
            "status": 401,
            "error": {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."},
        }
    ]
    assert (await client.send("session.status"))["result"]["apiKey"] is None


async def test_cancel_replace_fails_in_part_and_whole(client: VenueClient) -> None:
    """200 when both succeed, 409 with data when one does, 400 when none; a refused new leg is REJECTED on the stream."""
    await client.subscribe()
    order = await client.place()
    new = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.01"}
    mode = {"cancelReplaceMode": "STOP_ON_FAILURE"}
    both = await client.ok(
        "order.cancelReplace", cancelOrderId=order["orderId"], price="59000", **new, **mode
    )
    assert (both["cancelResult"], both["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    half = await client.call(
        "order.cancelReplace", cancelOrderId=both["newOrderResponse"]["orderId"], price="70000", **new, **mode
    )
    assert error_of(half) == (409, -2021)
    assert half["error"]["data"]["newOrderResponse"] == {
        "code": -2010,
        "msg": "Order would immediately match and take.",
    }
    none = await client.call("order.cancelReplace", cancelOrderId=1, price="59000", **new, **mode)
    assert error_of(none) == (400, -2022)
    assert none["error"]["data"]["newOrderResult"] == "NOT_ATTEMPTED"
    await client.until(lambda: client.reports() and client.reports()[-1]["x"] == "REJECTED")
    assert [report["x"] for report in client.reports()] == ["NEW", "CANCELED", "NEW", "CANCELED", "REJECTED"]


async def test_stream_ends_with_its_connection(sim: BinanceSimulator) -> None:
    """When a client leaves, its subscriptions are forgotten and nothing is kept for it."""
    async with VenueClient(sim) as client:
        await client.subscribe()
    await eventually(lambda: not sim.core.connections)
    assert sim.core.venue.accounts["demo"].subscriptions == []
