"""Faults of the simulated Coinbase Advanced Trade through the common control API."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from fillwire.simulator import CoinbaseAdvancedSimulator
from support.coinbase_advanced_client import AdvancedClient


@pytest.fixture
async def sim() -> AsyncIterator[CoinbaseAdvancedSimulator]:
    """Return a running simulator with the demo account, whose fills REST shows at once."""
    async with CoinbaseAdvancedSimulator() as simulator:
        simulator.core.venue.set_fill_lag(0)
        yield simulator


@pytest.fixture
async def client(sim: CoinbaseAdvancedSimulator) -> AsyncIterator[AdvancedClient]:
    """Return a client that hears of its orders and of heartbeats."""
    async with AdvancedClient(sim) as connected:
        await connected.subscribe("heartbeats")
        await connected.subscribe("user")
        yield connected


async def fill(client: AdvancedClient) -> str:
    """Let an order be filled by the market; returns its id once the venue has it."""
    return await client.place("market_market_ioc", base_size="0.01")


async def test_a_dropped_update_leaves_a_gap_in_the_numbers(client: AdvancedClient) -> None:
    """The execution is in the venue's record and on REST; the connection's numbers show that something is missing."""
    await client.fault("drop", target="execution", user="demo")
    order_id = await fill(client)
    beats = len(client.of("heartbeats"))
    await client.until(lambda: len(client.of("heartbeats")) >= beats + 2)
    assert client.statuses(order_id) == ["PENDING"]
    numbers = [frame["sequence_num"] for frame in client.frames]
    missing = set(range(numbers[-1])) - set(numbers)
    assert len(missing) == 1
    assert [row["order_id"] for row in await client.executions()] == [order_id]
    assert len(await client.fills(order_ids=order_id)) == 1


async def test_duplicated_and_delayed_frames(client: AdvancedClient) -> None:
    """An update comes twice under the same number; a delayed one still comes."""
    await client.fault("duplicate", target="execution")
    doubled = await fill(client)
    await client.until(lambda: client.statuses(doubled).count("FILLED") == 2)
    await client.fault("delay", target="execution", seconds=0.3)
    delayed = await fill(client)
    await client.until(lambda: "FILLED" in client.statuses(delayed))


async def test_reordered_frames(client: AdvancedClient) -> None:
    """A later update comes first, with the higher number."""
    await client.fault("reorder", target="update")
    order_id = await client.place()
    await client.until(lambda: len(client.statuses(order_id)) == 2)
    assert client.statuses(order_id) == ["OPEN", "PENDING"]
    numbers = [frame["sequence_num"] for frame in client.of("user")][-2:]
    assert numbers[0] > numbers[1]


@pytest.mark.parametrize("how", ["truncated", "not_json"])
async def test_frames_that_are_no_json(client: AdvancedClient, how: str) -> None:
    """The connection goes on after them."""
    await client.fault("corrupt", target="execution", how=how)
    await fill(client)
    await client.until(lambda: client.bad_frames)
    heard = await fill(client)
    await client.until(lambda: "FILLED" in client.statuses(heard))


async def test_frames_that_are_wrong(client: AdvancedClient) -> None:
    """Members missing, of another type, negative, unheard of, or of a channel that nobody knows."""
    for how in ("missing_field", "wrong_type", "bad_quantity"):
        await client.fault("corrupt", target="execution", how=how)
        seen = len(client.of("user"))
        await fill(client)
        await client.until(lambda seen=seen: len(client.of("user")) == seen + 2)  # type: ignore[misc]  # bound per round
    missing, typed, negative = (client.of("user")[position] for position in (-5, -3, -1))
    assert "order_id" not in missing["events"][0]["orders"][0]
    assert isinstance(typed["sequence_num"], str)
    assert negative["events"][0]["orders"][0]["cumulative_quantity"] == "-1"
    await client.fault("unknown_value", target="execution")
    unknown = await fill(client)
    await client.until(lambda: client.statuses(unknown) == ["PENDING", "UNHEARD_OF"])
    await client.fault("extra_fields", target="execution")
    extra = await fill(client)
    await client.until(lambda: "FILLED" in client.statuses(extra))
    assert client.of("user")[-1]["zz"] == {"new": [1, "é"]}
    await client.fault("unknown_event", target="execution")
    await fill(client)
    await client.until(lambda: client.of("something_new"))


@pytest.mark.parametrize("how", ["abort", "close", "mid_frame"])
async def test_sockets_are_cut(client: AdvancedClient, how: str) -> None:
    """Without a close frame, with one, or within a frame; what ended meanwhile is in no later snapshot."""
    order_id = await client.place(limit_price="63000")
    await client.control("POST", "cut", {"user": "demo", "how": how})
    await asyncio.wait_for(client.closed.wait(), 10)
    await client.move_price("62000")
    assert (await client.row(order_id))["status"] == "FILLED"


async def test_a_reconnected_client_does_not_see_what_ended(
    client: AdvancedClient, sim: CoinbaseAdvancedSimulator
) -> None:
    """The snapshot has open orders only, and the numbers begin anew."""
    order_id = await client.place(limit_price="63000")
    await client.control("POST", "cut", {"user": "demo"})
    await asyncio.wait_for(client.closed.wait(), 10)
    await client.move_price("62000")
    async with AdvancedClient(sim) as again:
        await again.subscribe()
        assert again.snapshots() == [[]]
        assert {frame["sequence_num"] for frame in again.frames} == {0, 1}
    assert [row["order_id"] for row in await client.executions()] == [order_id]


async def test_a_stalled_connection_beats_and_says_nothing(client: AdvancedClient) -> None:
    """With `what` events the heartbeats go on, and their numbers show what was lost."""
    await client.control("POST", "stall", {"user": "demo", "seconds": 1.5, "what": "events"})
    lost = await fill(client)
    beats = len(client.of("heartbeats"))
    await client.until(lambda: len(client.of("heartbeats")) >= beats + 3)
    assert client.statuses(lost) == []
    numbers = [frame["sequence_num"] for frame in client.frames]
    assert set(range(numbers[-1])) - set(numbers)


async def test_requests_fail_on_demand(client: AdvancedClient) -> None:
    """By status, with the venue's body or a proxy's page, before anything happens."""
    await client.fault("request_error", status=429, method="fills", api="rest")
    status, body, _headers = await client.request("GET", "/orders/historical/fills")
    assert (status, body["errors"][0]["id"]) == (429, "rate_limit_exceeded")
    await client.fault("request_error", status=503, method="order.cancel")
    order_id = await client.place()
    status, _body, headers = await client.request("POST", "/orders/batch_cancel", {"order_ids": [order_id]})
    assert (status, headers["Content-Type"]) == (503, "text/html")
    assert (await client.row(order_id))["status"] == "OPEN"
    await client.fault("request_error", status=500)
    status, body, _headers = await client.request("GET", "/accounts")
    assert (status, body["error"]) == (500, "INTERNAL")


async def test_lost_responses_leave_what_was_done(client: AdvancedClient) -> None:
    """A timeout of the proxy, or a connection that ends: the cancel is queued, the order rests all the same."""
    order_id = await client.place()
    await client.fault("lost_response", method="order.cancel")
    status, _body, _headers = await client.request("POST", "/orders/batch_cancel", {"order_ids": [order_id]})
    assert status == 504
    await client.until(lambda: "CANCELLED" in client.statuses(order_id))
    await client.fault("lost_response", method="order.place", answer="none")
    body = client.order()
    with pytest.raises(aiohttp.ClientError):
        await client.request("POST", "/orders", body)
    again = await client.ok("POST", "/orders", body)
    opened = await client.ok("GET", "/orders/historical/batch", query={"order_status": "OPEN"})
    assert [row["order_id"] for row in opened["orders"]] == [again["success_response"]["order_id"]]


async def test_keys_and_handshakes_are_refused(
    client: AdvancedClient, sim: CoinbaseAdvancedSimulator
) -> None:
    """A revoked key on REST and on the feed, and a handshake with 503."""
    await client.fault("revoke_key", user="demo")
    status, body, _headers = await client.request("GET", "/accounts")
    assert (status, body) == (401, "Unauthorized")
    async with AdvancedClient(sim) as other:
        await other.wish("user")
        await other.until(other.errors)
    await client.fault("restore_key", user="demo")
    assert await client.ok("GET", "/accounts")
    await client.fault("connection_refused")
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        async with AdvancedClient(sim):
            pass
    assert caught.value.status == 503


async def test_subscriptions_are_delayed_failed_and_unanswered(sim: CoinbaseAdvancedSimulator) -> None:
    """Each wish asks the faults."""
    async with AdvancedClient(sim) as client:
        await client.fault("request_delay", method="subscribe", seconds=0.2)
        await client.fault("request_error", method="subscribe", message="try later")
        await client.wish("user")
        await client.until(client.errors)
        assert client.errors()[0]["message"] == "try later"
        await client.fault("lost_response", method="subscribe")
        await client.wish("user")
        await client.until(client.snapshots)
        await client.subscribe("heartbeats")
        assert len(client.of("subscriptions")) == 1


async def test_a_wipe_forgets_everything(client: AdvancedClient) -> None:
    """Orders and executions; then trading goes on."""
    await fill(client)
    await client.control("POST", "wipe")
    assert await client.executions() == []
    assert (await client.ok("GET", "/orders/historical/batch"))["orders"] == []
    again = await fill(client)
    await client.until(lambda: "FILLED" in client.statuses(again))
    assert client.updates(again)[-1]["number_of_fills"] == "1"
