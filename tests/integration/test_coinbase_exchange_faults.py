"""Faults of the simulated Coinbase Exchange through the common control API."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from fillwire.simulator import CoinbaseExchangeSimulator
from support.coinbase_exchange_client import ExchangeClient


@pytest.fixture
async def sim() -> AsyncIterator[CoinbaseExchangeSimulator]:
    """Return a running simulator with the demo account."""
    async with CoinbaseExchangeSimulator() as simulator:
        yield simulator


@pytest.fixture
async def client(sim: CoinbaseExchangeSimulator) -> AsyncIterator[ExchangeClient]:
    """Return a client that hears of its orders on BTC-USD."""
    async with ExchangeClient(sim) as connected:
        await connected.subscribe("user", "heartbeat")
        yield connected


async def fill(client: ExchangeClient, price: str = "63000") -> str:
    """Let an order rest and the market fill it; returns its id."""
    placed = await client.place(price=price)
    await client.move_price("62000")
    await client.move_price("64000")
    order_id: str = placed["id"]
    return order_id


async def test_a_dropped_match_is_still_an_execution(client: ExchangeClient) -> None:
    """The venue's record and REST have it; the feed does not."""
    await client.fault("drop", target="execution", user="demo")
    order_id = await fill(client)
    await client.until(lambda: "done" in client.steps(order_id))
    assert client.steps(order_id) == ["received", "open", "done"]
    assert [row["order_id"] for row in await client.executions()] == [order_id]
    assert len(await client.fills(order_id=order_id)) == 1


async def test_duplicated_and_reordered_frames(client: ExchangeClient) -> None:
    """A match comes twice; another comes after its order is done."""
    await client.fault("duplicate", target="match")
    doubled = await fill(client)
    await client.until(lambda: "done" in client.steps(doubled))
    assert client.steps(doubled) == ["received", "open", "match", "match", "done"]
    await client.fault("reorder", target="execution")
    swapped = await fill(client)
    await client.until(lambda: "match" in client.steps(swapped))
    assert client.steps(swapped) == ["received", "open", "done", "match"]


async def test_delayed_frames_keep_their_order(client: ExchangeClient) -> None:
    """What follows a delayed frame waits for it."""
    await client.fault("delay", target="match", seconds=0.3)
    order_id = await fill(client)
    await client.until(lambda: "done" in client.steps(order_id))
    assert client.steps(order_id) == ["received", "open", "match", "done"]


@pytest.mark.parametrize("how", ["truncated", "not_json"])
async def test_frames_that_are_no_json(client: ExchangeClient, how: str) -> None:
    """The connection goes on after them."""
    await client.fault("corrupt", target="execution", how=how)
    order_id = await fill(client)
    await client.until(lambda: "done" in client.steps(order_id))
    assert len(client.bad_frames) == 1
    assert "match" not in client.steps(order_id)


async def test_frames_that_are_wrong(client: ExchangeClient) -> None:
    """Members missing, of another type, negative, or unheard of."""
    for how in ("missing_field", "wrong_type", "bad_quantity"):
        await client.fault("corrupt", target="execution", how=how)
        await fill(client)
    await client.fault("unknown_value", target="execution")
    await fill(client)
    await client.fault("extra_fields", target="execution")
    await fill(client)
    await client.until(lambda: len(client.of("match")) == 5)
    missing, typed, negative, unknown, extra = client.of("match")
    assert "product_id" not in missing
    assert isinstance(typed["sequence"], str)
    assert negative["size"] == "-1"
    assert unknown["side"] == "unheard_of"
    assert extra["zz"] == {"new": [1, "é"]}


async def test_an_unknown_event_comes_beside_the_real_one(client: ExchangeClient) -> None:
    """Clients are to ignore it."""
    await client.fault("unknown_event", target="execution")
    order_id = await fill(client)
    await client.until(lambda: "done" in client.steps(order_id))
    assert len(client.of("something_new")) == 1
    assert client.steps(order_id) == ["received", "open", "match", "done"]


@pytest.mark.parametrize("how", ["abort", "close", "mid_frame"])
async def test_sockets_are_cut(client: ExchangeClient, how: str) -> None:
    """Without a close frame, with one, or within a frame; the venue goes on."""
    order = await client.place(price="63000")
    await client.control("POST", "cut", {"user": "demo", "how": how})
    await asyncio.wait_for(client.closed.wait(), 10)
    await client.move_price("62000")
    assert [row["order_id"] for row in await client.executions()] == [order["id"]]


async def test_a_stalled_connection_says_nothing_or_beats_only(client: ExchangeClient) -> None:
    """Events are lost while it is stalled; with `what` events the heartbeats go on."""
    await client.control("POST", "stall", {"user": "demo", "seconds": 1.5, "what": "events"})
    lost = await fill(client)
    beats = len(client.of("heartbeat"))
    await client.until(lambda: len(client.of("heartbeat")) >= beats + 3)
    assert client.steps(lost) == []
    heard = await fill(client)
    await client.until(lambda: "done" in client.steps(heard))


async def test_requests_fail_on_demand(client: ExchangeClient) -> None:
    """By status, with the venue's message or a proxy's page, before anything happens."""
    await client.fault("request_error", status=429, method="fills", api="rest")
    status, body, _headers = await client.request("GET", "/fills", query={"product_id": "BTC-USD"})
    assert (status, body) == (429, {"message": "Private rate limit exceeded"})
    await client.fault("request_error", status=502, method="order.place", api="rest")
    order = {"type": "limit", "side": "buy", "product_id": "BTC-USD", "size": "0.01", "price": "60000"}
    status, body, headers = await client.request("POST", "/orders", order)
    assert (status, headers["Content-Type"]) == (502, "text/html")
    assert await client.ok("GET", "/orders") == []
    stats = await client.control("GET", "stats")
    assert stats["answered"]["rest 502"] == 1


async def test_lost_responses_leave_the_order(client: ExchangeClient) -> None:
    """A timeout of the proxy or a connection that ends: the order rests all the same."""
    order = {"type": "limit", "side": "buy", "product_id": "BTC-USD", "size": "0.01", "price": "60000"}
    await client.fault("lost_response", method="order.place")
    status, _body, _headers = await client.request("POST", "/orders", order)
    assert status == 504
    await client.fault("lost_response", method="order.place", answer="none")
    with pytest.raises(aiohttp.ClientError):
        await client.request("POST", "/orders", order)
    await client.until(lambda: len(client.of("open")) == 2)
    assert len(await client.ok("GET", "/orders")) == 2


async def test_logins_and_keys_are_refused(sim: CoinbaseExchangeSimulator, client: ExchangeClient) -> None:
    """Once by a fault, and as long as the key is revoked."""
    await client.fault("login_refused", user="demo")
    async with ExchangeClient(sim) as other:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await other.subscribe("user")
        assert other.of("error")[0]["reason"] == '{"message":"Invalid API Key"}'
    await client.fault("revoke_key", user="demo")
    status, body, _headers = await client.request("GET", "/orders")
    assert (status, body) == (401, {"message": "Invalid API Key"})
    await client.fault("restore_key", user="demo")
    assert await client.ok("GET", "/orders") == []


async def test_handshakes_are_refused(sim: CoinbaseExchangeSimulator, client: ExchangeClient) -> None:
    """With 503 unless another status is asked for."""
    await client.fault("connection_refused")
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        async with ExchangeClient(sim):
            pass
    assert caught.value.status == 503


async def test_emission_tells_every_execution(client: ExchangeClient) -> None:
    """As many matches as were asked for, each caused, each emitted when it says."""
    job = await client.emitted(symbols=["BTC-USD"], orders=3, count=50, rate=0)
    assert (job["state"], job["emitted"]) == ("done", 50)
    await client.until(lambda: len(client.of("match")) == 50)
    caused = await client.executions()
    heard = {(frame["maker_order_id"], frame["trade_id"]) for frame in client.of("match")}
    assert heard == {(row["order_id"], row["trade_id"]) for row in caused}
    assert all(row["emitted_ns"] > job["started_ns"] for row in caused)
    assert len([frame for frame in client.of("done") if frame["reason"] == "filled"]) == 3


async def test_a_wipe_forgets_everything(client: ExchangeClient) -> None:
    """Orders, executions and what was about to be told; then trading goes on."""
    await fill(client)
    await client.control("POST", "wipe")
    assert await client.executions() == []
    assert await client.ok("GET", "/orders", query={"status": "all"}) == []
    again = await fill(client)
    await client.until(lambda: "done" in client.steps(again))
