"""Faults on demand, seen from a client: each does what it says, to whom it says, as often as it says."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from fillwire.simulator import BinanceSimulator, SimulatorSettings
from support.eventually import eventually
from support.venue_client import VenueClient, signed

EMISSION: dict[str, Any] = {
    "symbols": ["BTCUSDT"],
    "orders": 1,
    "count": 6,
    "quantity": "0.001",
    "positions": False,
}


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


def trade_ids(client: VenueClient) -> list[int]:
    """Return the ids of the trades that have arrived."""
    return [report["t"] for report in client.reports() if report["x"] == "TRADE"]


async def emitted_ids(client: VenueClient) -> list[int]:
    """Return the ids of the trades that the venue has made, in its order."""
    ledger = await client.control("GET", "executions", user="demo")
    return [row[2] for row in ledger["rows"]]


async def finish(client: VenueClient) -> None:
    """Wait until everything written so far has arrived: a response comes after it."""
    await client.send("ping")


async def test_dropped_frames_never_arrive(client: VenueClient) -> None:
    """The next two executions are lost; the ledger still has them."""
    await client.fault("drop", next=2, target="execution")
    await client.emitted(**EMISSION)
    await finish(client)
    assert trade_ids(client) == (await emitted_ids(client))[2:]
    assert [rule["hits"] for rule in await client.control("GET", "faults")] == [2]


async def test_duplicated_frames_arrive_again(client: VenueClient) -> None:
    """The next execution comes three times."""
    await client.fault("duplicate", next=1, copies=2, target="execution")
    await client.emitted(**EMISSION)
    await finish(client)
    ids = await emitted_ids(client)
    assert trade_ids(client) == [ids[0]] * 2 + ids


async def test_reordered_frames_swap_with_their_successor(client: VenueClient) -> None:
    """The first execution comes after the second."""
    await client.fault("reorder", next=1, target="execution")
    await client.emitted(**EMISSION)
    await finish(client)
    ids = await emitted_ids(client)
    assert trade_ids(client) == [ids[1], ids[0], *ids[2:]]


async def test_reordered_last_frame_is_not_kept_for_ever(client: VenueClient) -> None:
    """A frame without successor is sent after a moment."""
    await client.fault("reorder", next=1, target="execution")
    await client.emitted(**EMISSION | {"count": 1})
    await client.until(lambda: trade_ids(client))


async def test_delayed_frames_keep_their_order(client: VenueClient) -> None:
    """A delay holds back what comes after it, too."""
    await client.fault("delay", next=1, seconds=0.2, target="execution")
    start = time.monotonic()
    await client.emitted(**EMISSION)
    await client.until(lambda: len(trade_ids(client)) == 6)
    assert time.monotonic() - start >= 0.2
    assert trade_ids(client) == await emitted_ids(client)


@pytest.mark.parametrize(
    "how", ["truncated", "not_json", "missing_field", "wrong_type", "bad_quantity", "duplicate_key"]
)
async def test_corrupted_frames_are_no_good_reports(client: VenueClient, how: str) -> None:
    """Each corruption breaks exactly one frame, in the way it is named."""
    await client.fault("corrupt", next=1, how=how, target="execution")
    await client.emitted(**EMISSION)
    await finish(client)
    good = trade_ids(client)
    ids = await emitted_ids(client)
    if how in {"truncated", "not_json"}:
        assert len(client.bad_frames) == 1
        assert good == ids[1:]
        return
    broken = client.reports()[1]
    assert {
        "missing_field": "i" not in broken,
        "wrong_type": isinstance(broken.get("i"), str),
        "bad_quantity": broken["l"].startswith("-"),
        "duplicate_key": broken["z"] == "0.00000001",
    }[how]


async def test_new_things_of_the_venue_are_valid_json(client: VenueClient) -> None:
    """Unknown events come beside the real ones; unknown values and extra fields inside them."""
    await client.fault("unknown_event", next=1, target="execution")
    await client.emitted(**EMISSION | {"count": 1})
    await client.fault("unknown_value", next=1, target="execution", field="X")
    await client.emitted(**EMISSION | {"count": 1})
    await client.fault("extra_fields", next=1, target="execution")
    await client.emitted(**EMISSION | {"count": 1})
    await finish(client)
    assert client.bad_frames == []
    names = [frame["event"]["e"] for frame in client.events]
    assert names.count("somethingNew") == 1
    trades = [report for report in client.reports() if report["x"] == "TRADE"]
    assert [report["X"] for report in trades] == ["FILLED", "UNHEARD_OF", "FILLED"]
    assert trades[2]["zz"] == {"new": [1, "\u00e9"]}


async def test_faults_by_probability_follow_the_seed() -> None:
    """The same seed drops the same frames; a share of them near the probability."""
    seen = []
    for _ in range(2):
        async with BinanceSimulator(SimulatorSettings(seed=42)) as sim, VenueClient(sim) as client:
            await client.subscribe()
            await client.fault("drop", probability=0.3, target="execution")
            await client.emitted(**EMISSION | {"count": 200})
            await finish(client)
            ids = await emitted_ids(client)
            seen.append([ids.index(trade) for trade in trade_ids(client)])
    assert seen[0] == seen[1]
    assert 110 < len(seen[0]) < 170


async def test_faults_may_strike_one_user_only(sim: BinanceSimulator, client: VenueClient) -> None:
    """A rule for a user that does not exist is refused; one for demo strikes demo."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sim.rest_url}/sim/faults", json={"kind": "drop", "user": "nobody"}) as response,
    ):
        assert response.status == 400
        assert "unknown user 'nobody'" in (await response.json())["error"]
    fault = await client.fault("drop", user="demo", next=1, target="execution")
    assert fault["user"] == "demo"
    await client.emitted(**EMISSION)
    await finish(client)
    assert len(trade_ids(client)) == 5


async def test_lost_response_of_an_executed_order(client: VenueClient) -> None:
    """-1007 says nothing about the order, which exists; an answer of none leaves the request hanging."""
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    await client.fault("lost_response", next=1, method="order.place")
    response = await client.call("order.place", newClientOrderId="lost", **order)
    assert (response["status"], response["error"]["code"]) == (504, -1007)
    row = await client.ok("order.status", symbol="BTCUSDT", origClientOrderId="lost")
    assert row["status"] == "FILLED"
    await client.fault("lost_response", next=1, answer="none")
    body = {
        "id": "unanswered",
        "method": "order.place",
        "params": signed({**order, "newClientOrderId": "mute"}),
    }
    await client.socket.send_json(body)
    await client.until(lambda: [r["c"] for r in client.reports()].count("mute") == 2)
    await finish(client)
    assert client.notices == []
    await client.fault("lost_response", next=1)
    status, document, _ = await client.rest("POST", "/api/v3/order", order, newClientOrderId="rest")
    assert (status, document["code"]) == (504, -1007)
    assert (await client.rest("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="rest"))[0] == 200


async def test_events_may_overtake_the_response(client: VenueClient) -> None:
    """With the fault the events of a request come before its response."""
    await client.fault("event_first", next=1)
    client.log.clear()
    await client.place()
    await finish(client)
    assert client.log[:3] == ["event", "event", "response"]


async def test_queries_lag_behind_the_engine(client: VenueClient) -> None:
    """An order is unknown to queries at first, then NEW although it has filled, then filled with its trade."""
    await client.fault("query_lag", seconds=0.4)
    order = await client.place(price="63000")
    named = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    early = await client.call("order.status", **named)
    assert early["error"]["code"] == -2013

    async def is_shown() -> bool:
        return bool((await client.call("order.status", **named))["status"] == 200)

    await eventually(is_shown)
    await client.control("POST", "price", {"symbol": "BTCUSDT", "price": "62000"})
    await client.until(lambda: trade_ids(client))
    states: list[tuple[str, int]] = []
    async with asyncio.timeout(5):
        while not states or states[-1] != ("FILLED", 1):
            response = await client.call("order.status", **named)
            trades = await client.ok("myTrades", **named)
            if response["status"] == 200 and (response["result"]["status"], len(trades)) not in states:
                states.append((response["result"]["status"], len(trades)))
            await asyncio.sleep(0.01)
    assert states[0] == ("NEW", 0)
    await client.control("DELETE", "faults")
    assert (await client.ok("order.status", **named))["status"] == "FILLED"


async def test_requests_fail_and_wait_on_demand(client: VenueClient) -> None:
    """An error for the next call of one method, on one API; a delay for another."""
    await client.fault("request_error", next=1, method="myTrades", api="rest", status=503, code=-1008)
    assert (await client.ok("myTrades", symbol="BTCUSDT")) == []
    status, body, _ = await client.rest("GET", "/api/v3/myTrades", symbol="BTCUSDT")
    assert (status, body["code"]) == (503, -1008)
    assert (await client.rest("GET", "/api/v3/myTrades", symbol="BTCUSDT"))[0] == 200
    await client.fault("request_error", next=1, method="order.place")
    refused = await client.call(
        "order.place", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01", newClientOrderId="never"
    )
    assert refused["status"] == 500
    unknown = await client.call("order.status", symbol="BTCUSDT", origClientOrderId="never")
    assert unknown["error"]["code"] == -2013


async def test_delayed_request_holds_up_no_other(client: VenueClient) -> None:
    """While one request waits, the next on the same socket is answered; over REST it waits likewise."""
    await client.fault("request_delay", next=2, method="account.status", seconds=0.2)
    start = time.monotonic()
    slow = asyncio.create_task(client.ok("account.status"))
    await client.send("ping")
    await client.send("ping")
    assert not slow.done()
    await slow
    assert time.monotonic() - start >= 0.2
    assert (await client.rest("GET", "/api/v3/account"))[0] == 200
    assert time.monotonic() - start >= 0.4


async def test_session_methods_fail_on_demand_too(client: VenueClient) -> None:
    """The probe of a session can be made to fail like any request."""
    await client.fault("request_error", next=1, method="session.status", status=503, code=-1001)
    refused = await client.send("session.status")
    assert (refused["status"], refused["error"]["code"]) == (503, -1001)
    assert (await client.send("session.status"))["status"] == 200


async def test_demanded_throttling_says_when_to_retry(client: VenueClient) -> None:
    """429 carries Retry-After over REST, and retryAfter as a time over the WebSocket API."""
    await client.fault("request_error", next=2, method="account.status", status=429, retry_after_s=7)
    status, body, headers = await client.rest("GET", "/api/v3/account")
    assert (status, body["code"], headers["Retry-After"]) == (429, -1003, "7")
    response = await client.call("account.status")
    data = response["error"]["data"]
    assert (response["status"], data["retryAfter"] - data["serverTime"]) == (429, 7_000)


async def test_banned_address_is_cut_off(client: VenueClient) -> None:
    """A ban closes the sockets and answers everything with 418; the control API stays."""
    await client.fault("ban", seconds=60)
    async with asyncio.timeout(5):
        await client.closed.wait()
    status, body = await client.get("/api/v3/ping")
    assert (status, body["code"]) == (418, -1003)
    await client.control("GET", "health")


async def test_request_that_waited_too_long_is_refused(client: VenueClient) -> None:
    """The window is checked again before the engine acts: a delayed order outside of it is not placed."""
    await client.fault("request_delay", next=1, method="order.place", seconds=0.3)
    response = await client.call(
        "order.place", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01", recvWindow="200"
    )
    assert response["error"]["code"] == -1021
    assert client.reports() == []


async def test_logins_and_connections_are_refused_on_demand(
    sim: BinanceSimulator, client: VenueClient
) -> None:
    """A refused login is -2015, a refused connection HTTP 503, each as often as asked; a revoked key until restored."""
    async with VenueClient(sim) as other:
        await client.fault("login_refused", next=1)
        refused = await other.call("userDataStream.subscribe.signature")
        assert (refused["status"], refused["error"]["code"]) == (401, -2015)
        assert await other.subscribe() == 0
    await client.fault("connection_refused", next=1)
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(sim.websocket_url)
        assert caught.value.status == 503
        await (await session.ws_connect(sim.websocket_url)).close()
    await client.fault("revoke_key", user="demo")
    assert (await client.call("account.status"))["error"]["code"] == -2015
    await client.fault("restore_key", user="demo")
    await client.ok("account.status")


async def test_clock_runs_ahead_on_demand(client: VenueClient) -> None:
    """A skewed clock shows in time and events, and refuses honest clients."""
    await client.fault("clock_skew", milliseconds=7_000)
    assert (await client.send("time"))["result"]["serverTime"] - time.time() * 1_000 > 6_000
    assert (await client.call("account.status"))["error"]["code"] == -1021


async def test_silent_connection_loses_what_it_did_not_say(client: VenueClient) -> None:
    """While stalled nothing comes, and what was not said is lost; with retain it comes at the end."""
    await client.control("POST", "stall", {"user": "demo", "seconds": 0.3})
    await client.emitted(**EMISSION)
    assert trade_ids(client) == []
    async with asyncio.timeout(5):
        while not trade_ids(client):
            await client.emitted(**EMISSION | {"count": 1})
    lost = set(await emitted_ids(client)) - set(trade_ids(client))
    assert len(lost) >= 6
    await client.control("POST", "stall", {"user": "demo", "seconds": 0.2, "retain": True, "what": "events"})
    before = len(trade_ids(client))
    await client.emitted(**EMISSION)
    await client.send("ping")  # responses go on
    assert len(trade_ids(client)) == before
    await client.until(lambda: len(trade_ids(client)) == before + 6)


@pytest.mark.parametrize("how", ["abort", "close", "mid_frame"])
async def test_connections_are_cut_on_demand(sim: BinanceSimulator, client: VenueClient, how: str) -> None:
    """However a connection is cut, the client sees its end and the venue forgets its subscription."""
    assert await client.control("POST", "cut", {"user": "demo", "how": how}) == {"connections": 1}
    async with asyncio.timeout(5):
        await client.closed.wait()
    await eventually(lambda: not sim.core.connections)
    assert (client.socket.close_code == 1001) == (how == "close")
    assert sim.core.venue.accounts["demo"].subscriptions == []


async def test_shutdown_is_announced_on_the_connection(client: VenueClient) -> None:
    """The event serverShutdown has no subscription id, and the connection closes after the given time."""
    await client.control("POST", "shutdown_notice", {"seconds": 0.1})
    await client.until(lambda: client.notices)
    assert json.dumps(client.notices[0]).startswith('{"event": {"e": "serverShutdown", "E": ')
    async with asyncio.timeout(5):
        await client.closed.wait()


async def test_subscription_is_terminated_unasked(client: VenueClient) -> None:
    """The event eventStreamTerminated comes, the subscription is gone, the connection stays."""
    assert await client.control("POST", "terminate", {"user": "demo"}) == {"subscriptions": 1}
    await client.until(lambda: client.events)
    assert client.events[-1]["event"]["e"] == "eventStreamTerminated"
    assert (await client.send("session.status"))["result"]["userDataStream"] is False
    assert await client.subscribe() == 1


async def test_wiped_venue_begins_to_count_anew(client: VenueClient) -> None:
    """After a wipe orders and trades are gone, balances are as at the start, ids restart, and subscriptions go on."""
    first = await client.place()
    await client.emitted(**EMISSION)
    await client.control("POST", "wipe")
    assert await client.ok("openOrders.status") == []
    assert await client.ok("myTrades", symbol="BTCUSDT") == []
    account = await client.ok("account.status", omitZeroBalances="true")
    assert {row["free"] for row in account["balances"] if row["asset"] == "USDT"} == {"1000000000.00000000"}
    seen = len(client.reports())
    second = await client.place()
    await client.until(lambda: len(client.reports()) > seen)
    assert abs(second["orderId"] - first["orderId"]) < 2_000_000


async def test_one_rule_is_removed_by_its_number(client: VenueClient) -> None:
    """`DELETE /sim/faults/<id>` ends one rule, tells its hits, and leaves the others; an unknown number is a mistake."""
    drop = await client.fault("drop", probability=1.0, target="execution")
    double = await client.fault("duplicate", probability=1.0, target="execution")
    assert await client.control("DELETE", f"faults/{drop['id']}") == drop | {"hits": 0}
    assert [rule["id"] for rule in await client.control("GET", "faults")] == [double["id"]]
    await client.emitted(**EMISSION)
    await finish(client)
    emitted = await emitted_ids(client)
    assert trade_ids(client) == [number for number in emitted for _ in range(2)]
    assert (await client.control("DELETE", f"faults/{double['id']}"))["hits"] == len(emitted)
    with pytest.raises(AssertionError, match="unknown fault"):
        await client.control("DELETE", f"faults/{drop['id']}")
