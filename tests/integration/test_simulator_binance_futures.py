"""The simulated Binance USD-M Futures over real sockets: its keys, its streams, its REST API."""

import asyncio
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from fillwire.simulator.binance_futures.listen_keys import LIFE_S
from fillwire.simulator.binance_futures.server import BinanceFuturesSimulator
from fillwire.simulator.settings import AccountSettings, KeySettings, SimulatorSettings, SymbolSettings
from support.binance_keys import API_KEY, HMAC_SECRET
from support.eventually import eventually

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}


class Client:
    """A client of the demo account that keeps what its stream says."""

    def __init__(self, sim: BinanceFuturesSimulator, http: aiohttp.ClientSession) -> None:
        self.sim = sim
        self.http = http
        self.frames: list[Any] = []

    async def call(self, method: str, path: str, *, signs: bool = True, **params: Any) -> tuple[int, Any]:
        """Send a request with the account's key, signed unless said otherwise; return status and document."""
        if signs:
            params["timestamp"] = time.time_ns() // 10**6
        query = urlencode(params)
        if signs:
            query += (
                f"&signature={hmac.new(HMAC_SECRET.encode(), query.encode(), hashlib.sha256).hexdigest()}"
            )
        url = f"{self.sim.rest_url}/fapi/v1/{path}?{query}"
        async with self.http.request(method, url, headers={"X-MBX-APIKEY": API_KEY}) as response:
            return response.status, await response.json()

    async def key(self, method: str = "POST") -> str:
        """Return the account's listenKey."""
        status, document = await self.call(method, "listenKey", signs=False)
        assert status == 200, document
        return str(document["listenKey"])

    async def place(self, **changed: Any) -> tuple[int, Any]:
        """Place an order."""
        return await self.call("POST", "order", **({**ORDER, "price": "60000"} | changed))

    async def control(self, path: str, body: dict[str, object]) -> Any:
        """Call the control API."""
        async with self.http.post(f"{self.sim.rest_url}/sim/{path}", json=body) as response:
            return await response.json()

    @asynccontextmanager
    async def listening(self, path: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Keep what is said on a stream."""
        url = f"{self.sim.rest_url.replace('http', 'ws', 1)}{path}"
        async with self.http.ws_connect(url) as socket:
            task = asyncio.create_task(self._listen(socket))
            await eventually(lambda: bool(self.sim.core.connections), what="a connection")
            yield socket
            task.cancel()

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            self.frames.append(message.json())

    def events(self, name: str) -> list[Any]:
        """Return the events of one name."""
        return [frame for frame in self.frames if frame.get("e") == name]


@asynccontextmanager
async def client(settings: SimulatorSettings | None = None) -> AsyncIterator[Client]:
    """Return a client of a running simulator."""
    async with BinanceFuturesSimulator(settings) as sim, aiohttp.ClientSession() as http:
        yield Client(sim, http)


async def test_all_who_listen_to_an_account_share_a_key() -> None:
    """POST gives the key that there is; PUT keeps it alive; a DELETE silences everybody; then PUT finds none."""
    async with client() as it:
        key = await it.key()
        assert await it.key() == await it.key("PUT") == key
        async with it.listening(f"/private/ws/{key}"), it.listening(f"/private/ws?listenKey={key}"):
            await eventually(lambda: len(it.sim.core.venue.accounts["demo"].subscriptions) == 2)
            await it.place()
            await eventually(lambda: len(it.events("ORDER_TRADE_UPDATE")) == 2)
            assert (await it.call("DELETE", "listenKey", signs=False))[0] == 200
            assert it.sim.core.venue.accounts["demo"].subscriptions == []
            status, refusal = await it.call("PUT", "listenKey", signs=False)
            assert (status, refusal["code"]) == (400, -1125)
        assert await it.key() != key


async def test_a_key_ends_after_an_hour_unless_it_is_kept_alive() -> None:
    """Its streams are told so once, and stand in silence from then on."""
    async with client() as it:
        key = await it.key()
        async with it.listening(f"/private/ws/{key}"):
            await eventually(lambda: bool(it.sim.core.venue.accounts["demo"].subscriptions))
            it.sim.core.venue.clock.skew_ns += (LIFE_S - 10) * 10**9
            assert await it.key("PUT") == key
            it.sim.core.venue.clock.skew_ns += (LIFE_S - 10) * 10**9
            assert it.sim.core.venue.listen_keys.overdue() == []
            it.sim.core.venue.clock.skew_ns += 20 * 10**9
            await eventually(lambda: bool(it.events("listenKeyExpired")), what="the notice")
            assert it.events("listenKeyExpired")[0]["listenKey"] == key
            assert len(it.sim.core.connections) == 1
            assert it.sim.core.venue.accounts["demo"].subscriptions == []


async def test_an_unknown_key_leads_to_silence() -> None:
    """The connection stands, and nothing is said on it."""
    async with client() as it, it.listening("/private/ws/nothing"):
        assert (await it.place())[0] == 200
        await it.control("expire_key", {"user": "all"})
        assert it.frames == []


async def test_a_combined_stream_is_wrapped_and_answers_what_it_has() -> None:
    """Each event stands under the name of its stream."""
    async with client() as it:
        key = await it.key()
        async with it.listening(f"/private/stream?listenKey={key}") as socket:
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
            await it.place()
            await eventually(lambda: len(it.frames) >= 2)
        assert it.frames[0] == {"result": [key], "id": 3}
        assert it.frames[1]["stream"] == key
        assert it.frames[1]["data"]["o"]["x"] == "NEW"


async def test_an_execution_is_announced_reported_and_booked() -> None:
    """TRADE_LITE, then the report with the same ids, then balance and position; a cancel keeps the order's own id."""
    async with client() as it:
        async with it.listening(f"/private/ws/{await it.key()}"):
            await eventually(lambda: bool(it.sim.core.venue.accounts["demo"].subscriptions))
            _, resting = await it.place(newClientOrderId="mine")
            await it.call("DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine")
            await it.place(type="MARKET", side="SELL", quantity="0.5", price="0", timeInForce="")
            status, taker = await it.call(
                "POST", "order", symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.5"
            )
            assert (status, taker["status"]) == (200, "NEW")  # ACK: as it was accepted
            await eventually(lambda: bool(it.events("ACCOUNT_UPDATE")))
        cancelled = [event["o"] for event in it.events("ORDER_TRADE_UPDATE") if event["o"]["x"] == "CANCELED"]
        assert [(o["c"], o["i"]) for o in cancelled] == [("mine", resting["orderId"])]
        names = [frame["e"] for frame in it.frames[-3:]]
        assert names == ["TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE"]
        lite, report, booked = it.frames[-3:]
        trade = report["o"]
        assert (lite["s"], lite["i"], lite["t"]) == (trade["s"], trade["i"], trade["t"])
        assert trade["i"] > 2**53
        assert (trade["X"], trade["z"], trade["ap"], trade["L"]) == ("FILLED", "0.5", trade["L"], lite["L"])
        assert booked["a"]["P"][0]["pa"] == "-0.5"
        _, (row,) = await it.call("GET", "userTrades", symbol="BTCUSDT", orderId=trade["i"])
        assert (row["id"], row["price"], row["qty"]) == (trade["t"], trade["L"], "0.5")
        assert row["commission"] == trade["n"]


async def test_a_maker_may_be_paid() -> None:
    """With a negative rate the commission is negative, on the stream and in the records."""
    account = AccountSettings(
        user="demo", keys=(KeySettings(api_key=API_KEY, secret=HMAC_SECRET),), maker_rate="-0.0001"
    )
    async with client(SimulatorSettings(accounts=(account,))) as it:
        async with it.listening(f"/private/ws/{await it.key()}"):
            await eventually(lambda: bool(it.sim.core.venue.accounts["demo"].subscriptions))
            await it.place()
            await it.control("price", {"symbol": "BTCUSDT", "price": "59000"})
            await eventually(lambda: bool(it.events("TRADE_LITE")))
            await eventually(lambda: it.events("ORDER_TRADE_UPDATE")[-1]["o"]["x"] == "TRADE")
        assert it.events("ORDER_TRADE_UPDATE")[-1]["o"]["n"] == "-0.06"
        _, (row,) = await it.call("GET", "userTrades", symbol="BTCUSDT")
        assert row["commission"] == "-0.06"


async def test_an_order_that_would_meet_its_own_account_expires_in_the_match() -> None:
    """Self-trade prevention shows as EXPIRED with a reason, and no execution."""
    async with client() as it:
        async with it.listening(f"/private/ws/{await it.key()}"):
            await eventually(lambda: bool(it.sim.core.venue.accounts["demo"].subscriptions))
            _, maker = await it.place(price="64000")
            await it.place(side="SELL", price="64000", selfTradePreventionMode="EXPIRE_MAKER")
            await eventually(lambda: any(e["o"]["x"] == "EXPIRED" for e in it.events("ORDER_TRADE_UPDATE")))
        (expired,) = [e["o"] for e in it.events("ORDER_TRADE_UPDATE") if e["o"]["x"] == "EXPIRED"]
        assert (expired["i"], expired["X"], expired["er"]) == (maker["orderId"], "EXPIRED_IN_MATCH", "1")
        assert (expired["l"], expired["t"]) == ("0", 0)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"type": "STOP_MARKET", "stopPrice": "1"}, -4120),
        ({"timeInForce": "GTX", "price": "70000"}, -5022),
        ({"timeInForce": "DAY"}, -1115),
        ({"quantity": "0.0001"}, -4003),
        ({"quantity": "0.0105"}, -1111),
        ({"price": "60000.05"}, -1111),
        ({"price": "64000001"}, -4002),
        ({"price": "100", "quantity": "0.001"}, -4164),
        ({"positionSide": "LONG"}, -4061),
        ({"symbol": "NOPE"}, -1121),
        ({"quantity": "900000"}, -2019),
    ],
)
async def test_an_order_that_cannot_be_is_refused(changed: dict[str, Any], code: int) -> None:
    """With the venue's own code."""
    async with client() as it:
        status, refusal = await it.place(**changed)
        assert (status, refusal["code"]) == (400, code)


@pytest.mark.parametrize(("changed", "code"), [({"price": "60000.3"}, -4014), ({"quantity": "0.012"}, -4023)])
async def test_steps_that_are_no_power_of_ten_are_kept(changed: dict[str, Any], code: int) -> None:
    """A value with no more decimals than the step has, and between its multiples, has a code of its own."""
    symbol = SymbolSettings(
        symbol="BTCUSDT", base="BTC", quote="USDT", price="64000", tick="0.5", step="0.005"
    )
    async with client(SimulatorSettings(symbols=(symbol,))) as it:
        status, refusal = await it.place(**changed)
        assert (status, refusal["code"]) == (400, code)


async def test_a_client_id_of_an_open_order_is_refused() -> None:
    """As a duplicate; when the order has ended, the id is free again."""
    async with client() as it:
        assert (await it.place(newClientOrderId="mine"))[0] == 200
        assert (await it.place(newClientOrderId="mine"))[1]["code"] == -4116
        await it.call("DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine")
        status, refusal = await it.call("DELETE", "order", symbol="BTCUSDT", origClientOrderId="mine")
        assert (status, refusal["code"]) == (400, -2011)
        assert (await it.place(newClientOrderId="mine"))[0] == 200
        _, rows = await it.call("GET", "openOrders", symbol="BTCUSDT")
        assert [(row["clientOrderId"], row["status"]) for row in rows] == [("mine", "NEW")]
        assert (await it.call("GET", "order", symbol="BTCUSDT", orderId=1))[1]["code"] == -2013


async def test_windows_are_of_seven_days() -> None:
    """A longer one is refused; `fromId` stands alone."""
    async with client() as it:
        day_ms = 86_400_000
        for path in ("userTrades", "allOrders"):
            assert (await it.call("GET", path, symbol="BTCUSDT", startTime=day_ms, endTime=8 * day_ms))[
                0
            ] == 200
            status, refusal = await it.call(
                "GET", path, symbol="BTCUSDT", startTime=day_ms, endTime=8 * day_ms + 1
            )
            assert (status, refusal["code"]) == (400, -4166)
        _, refusal = await it.call("GET", "userTrades", symbol="BTCUSDT", fromId=1, startTime=day_ms)
        assert refusal["code"] == -1128


async def test_contracts_are_shown_with_their_kind_and_the_limits_of_the_venue() -> None:
    """A perpetual and a quarterly contract of the same assets; 2400 weight in a minute."""
    symbols = tuple(
        SymbolSettings(symbol=name, base="BTC", quote="USDT", price="64000", tick="0.1", step="0.001")
        for name in ("BTCUSDT", "BTCUSDT_260327")
    )
    async with client(SimulatorSettings(symbols=symbols)) as it:
        _, document = await it.call("GET", "exchangeInfo", signs=False)
        kinds = [(row["symbol"], row["pair"], row["contractType"]) for row in document["symbols"]]
        assert kinds == [
            ("BTCUSDT", "BTCUSDT", "PERPETUAL"),
            ("BTCUSDT_260327", "BTCUSDT", "CURRENT_QUARTER"),
        ]
        limits = {(row["rateLimitType"], row["interval"]): row["limit"] for row in document["rateLimits"]}
        assert limits == {
            ("REQUEST_WEIGHT", "MINUTE"): 2400,
            ("ORDERS", "SECOND"): 300,
            ("ORDERS", "MINUTE"): 1200,
        }


async def test_a_listen_key_needs_an_api_key() -> None:
    """An unknown or revoked one is refused, without a signature to check."""
    async with client() as it:
        await it.control("faults", {"kind": "revoke_key", "user": "demo"})
        status, refusal = await it.call("POST", "listenKey", signs=False)
        assert (status, refusal["code"]) == (401, -2015)


async def test_an_account_that_may_not_trade_places_nothing() -> None:
    """Its configuration says so, and orders are refused with the venue's code."""
    async with BinanceFuturesSimulator() as sim, aiohttp.ClientSession() as http:
        client = Client(sim, http)
        await client.control("faults", {"kind": "block_trading", "user": "demo"})
        assert await client.place() == (400, {"code": -4088, "msg": "User can not place order currently."})
        status, configuration = await client.call("GET", "accountConfig")
        assert (status, configuration["canTrade"]) == (200, False)
        await client.control("faults", {"kind": "allow_trading", "user": "demo"})
        assert (await client.place())[0] == 200
