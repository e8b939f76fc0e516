"""The feed of the simulated Coinbase Advanced Trade: tokens, snapshots, sums in updates, numbers on a connection."""

import asyncio
import time
from collections.abc import AsyncIterator
from decimal import Decimal

import aiohttp
import pytest

from fillwire.simulator import CoinbaseAdvancedSimulator
from fillwire.simulator.coinbase_advanced.feed import FeedConnection, UserStream
from support.coinbase_advanced_client import AdvancedClient


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


async def test_an_order_is_pending_open_queued_for_cancel_and_cancelled(client: AdvancedClient) -> None:
    """Four updates of one order, the last without anything left of it."""
    await client.subscribe()
    order_id = await client.place()
    await client.until(lambda: "OPEN" in client.statuses(order_id))
    results = await client.cancel(order_id)
    assert results == [
        {"success": True, "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON", "order_id": order_id}
    ]
    await client.until(lambda: "CANCELLED" in client.statuses(order_id))
    assert client.statuses(order_id) == ["PENDING", "OPEN", "CANCEL_QUEUED", "CANCELLED"]
    updates = client.updates(order_id)
    assert [order["leaves_quantity"] for order in updates] == ["0.01", "0.01", "0.01", "0"]
    assert updates[-1]["cancel_reason"] == "User requested cancel"
    assert (updates[1]["limit_price"], updates[1]["order_type"]) == ("60000", "Limit")
    assert (updates[1]["post_only"], updates[1]["outstanding_hold_amount"]) == ("false", "600")


async def test_trades_are_gathered_into_sums(client: AdvancedClient) -> None:
    """A market order that takes several levels goes from pending to filled in one step, with sums of all its trades."""
    await client.subscribe()
    order_id = await client.place("market_market_ioc", "SELL", base_size="9")
    await client.until(lambda: "FILLED" in client.statuses(order_id))
    assert client.statuses(order_id) == ["PENDING", "FILLED"]
    filled = client.updates(order_id)[-1]
    caused = await client.executions()
    assert len(caused) > 1
    assert filled["number_of_fills"] == str(len(caused))
    value = sum((Decimal(row["price"]) * Decimal(row["quantity"]) for row in caused), Decimal(0))
    assert Decimal(filled["filled_value"]) == value
    assert Decimal(filled["total_fees"]) == value * Decimal("0.006")
    assert abs(Decimal(filled["avg_price"]) - value / 9) < Decimal("1e-15")
    assert Decimal(filled["total_value_after_fees"]) == value * Decimal("0.994")
    assert (filled["cumulative_quantity"], filled["leaves_quantity"]) == ("9", "0")


async def test_sums_grow_from_update_to_update(
    client: AdvancedClient, sim: CoinbaseAdvancedSimulator
) -> None:
    """Each shows all that was executed until then, and may show several executions more than the last."""
    await client.subscribe()
    order_id = await client.place(base_size="0.1")
    await client.until(lambda: "OPEN" in client.statuses(order_id))
    order = next(iter(sim.core.venue.accounts["demo"].open_orders.values()))

    async def execute(times: int, updates: int) -> None:
        for _ in range(times):
            sim.core.publisher.publish(sim.core.venue.engine.execute_resting(order, 1_000_000))
        await client.until(lambda: len(client.updates(order_id)) == updates)

    await execute(2, updates=3)
    await execute(3, updates=4)
    sums = [(each["status"], each["cumulative_quantity"]) for each in client.updates(order_id)]
    assert sums == [("PENDING", "0"), ("OPEN", "0"), ("OPEN", "0.02"), ("OPEN", "0.05")]


async def test_an_order_is_sometimes_open_with_nothing_left_before_it_is_filled(
    client: AdvancedClient,
) -> None:
    """One order of four shows the race."""
    await client.subscribe()
    order_ids = [await client.place(limit_price="65000") for _ in range(4)]
    await client.until(lambda: all("FILLED" in client.statuses(each) for each in order_ids))
    raced = [
        each
        for each in order_ids
        if any(
            order["status"] == "OPEN" and order["leaves_quantity"] == "0" for order in client.updates(each)
        )
    ]
    assert len(raced) == 1
    assert client.statuses(raced[0])[-2:] == ["OPEN", "FILLED"]


async def test_the_snapshot_has_open_orders_in_batches(
    client: AdvancedClient, sim: CoinbaseAdvancedSimulator
) -> None:
    """Fifty in a message, down to one with fewer; what has ended is not in it."""
    order_ids = [await client.place() for _ in range(25)]
    sim.core.venue.private.clear()  # so many requests in one second are too many
    order_ids += [await client.place() for _ in range(25)]
    await client.cancel(order_ids.pop())
    order_ids.append(await client.place())
    await client.subscribe()
    assert [len(batch) for batch in client.snapshots()] == [50, 0]
    assert [order["order_id"] for order in client.snapshots()[0]] == order_ids
    assert {order["status"] for order in client.snapshots()[0]} == {"OPEN"}


async def test_messages_are_counted_over_all_channels_of_a_connection(client: AdvancedClient) -> None:
    """From 0 by one, heartbeats and acknowledgements too; heartbeats come each second."""
    await client.subscribe("heartbeats")
    await client.subscribe("user")
    order_id = await client.place()
    await client.until(lambda: "OPEN" in client.statuses(order_id))
    beats = len(client.of("heartbeats"))
    began = time.monotonic()
    await client.until(lambda: len(client.of("heartbeats")) >= beats + 2)
    assert 0.9 < time.monotonic() - began < 3
    numbers = [frame["sequence_num"] for frame in client.frames]
    assert numbers == list(range(len(numbers)))
    assert not any("client_id" in frame for frame in client.frames)
    counters = [frame["events"][0]["heartbeat_counter"] for frame in client.of("heartbeats")]
    assert counters == sorted(counters)
    assert isinstance(counters[0], int)


async def test_acknowledgements_list_all_subscriptions(
    client: AdvancedClient, sim: CoinbaseAdvancedSimulator
) -> None:
    """The user's channel is named by the user; after the last there is nothing."""
    await client.subscribe("heartbeats")
    await client.subscribe("user")
    user_id = sim.core.venue.names.user_id(sim.core.venue.accounts["demo"])
    last = client.of("subscriptions")[-1]["events"]
    assert last == [{"subscriptions": {"heartbeats": ["heartbeats"], "user": [user_id]}}]
    for channel in ("user", "heartbeats"):
        await client.wish(channel, "unsubscribe")
    await client.until(lambda: len(client.of("subscriptions")) == 4)
    assert client.of("subscriptions")[-1]["events"] == [{"subscriptions": {}}]
    await client.place()
    await client.subscribe("heartbeats")
    assert client.updates() == []


async def test_data_comes_before_the_acknowledgement_as_often_as_not(sim: CoinbaseAdvancedSimulator) -> None:
    """Over some connections both orders are seen."""
    first = set()
    for _ in range(8):
        sim.core.venue.handshakes.clear()
        async with AdvancedClient(sim) as client:
            await client.subscribe()
            first.add(client.frames[0]["channel"])
    assert first == {"user", "subscriptions"}


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
async def test_both_kinds_of_keys_sign(sim: CoinbaseAdvancedSimulator, algorithm: str) -> None:
    """On the feed and on REST."""
    async with AdvancedClient(sim, algorithm) as client:
        await client.subscribe()
        order_id = await client.place()
        assert (await client.row(order_id))["status"] == "OPEN"


@pytest.mark.parametrize("age_s", [121, -30], ids=["old", "early"])
async def test_a_token_out_of_its_time_is_refused_and_the_socket_stays(
    client: AdvancedClient, age_s: int
) -> None:
    """The error has no number; nothing follows, until a fresh token subscribes."""
    await client.wish("user", jwt=client.token(age_s=age_s))
    await client.until(client.errors)
    assert client.frames == [{"type": "error", "message": "authentication failure"}]
    await client.place()
    assert not client.closed.is_set()
    await client.subscribe()
    assert len(client.snapshots()[0]) == 1


async def test_other_wishes_are_refused(client: AdvancedClient) -> None:
    """No token, a channel in the singular, what is no message; a login that a fault refuses."""
    await client.send({"type": "subscribe", "channel": "user"})
    await client.wish("heartbeat")
    await client.send("{")
    await client.fault("login_refused", user="demo")
    await client.wish("user")
    await client.until(lambda: len(client.errors()) == 4)
    assert [error["message"] for error in client.errors()] == [
        "authentication failure",
        "authentication failure",
        "invalid message",
        "authentication failure",
    ]


async def test_products_of_a_subscription(client: AdvancedClient) -> None:
    """Only their orders are told."""
    other = await client.place()
    await client.subscribe("user", product_ids=["ETH-USD"])
    assert client.snapshots() == [[]]
    await client.cancel(other)
    body = client.order(base_size="0.1", limit_price="3000") | {"product_id": "ETH-USD"}
    answer = await client.ok("POST", "/orders", body)
    order_id = answer["success_response"]["order_id"]
    await client.until(lambda: "OPEN" in client.statuses(order_id))
    assert {order["product_id"] for order in client.updates()} == {"ETH-USD"}


async def test_a_stop_order_is_pending_once(client: AdvancedClient) -> None:
    """It waits for its trigger, and tells that it was triggered."""
    await client.subscribe()
    order_id = await client.place(
        "stop_limit_stop_limit_gtc",
        "SELL",
        limit_price="62000",
        stop_price="63000",
        stop_direction="STOP_DIRECTION_STOP_DOWN",
    )
    await client.until(lambda: "OPEN" in client.statuses(order_id))
    assert client.updates(order_id)[-1]["trigger_status"] == "STOP_PENDING"
    await client.move_price("62900")
    await client.until(lambda: "FILLED" in client.statuses(order_id))
    assert client.statuses(order_id).count("PENDING") == 1
    last = client.updates(order_id)[-1]
    assert (last["trigger_status"], last["order_type"]) == ("STOP_TRIGGERED", "Stop Limit")


async def test_an_edited_order_keeps_its_id(client: AdvancedClient) -> None:
    """The edit is queued, then the order is open at its new price; REST keeps the history."""
    await client.subscribe()
    order_id = await client.place()
    await client.until(lambda: "OPEN" in client.statuses(order_id))
    edit = {"order_id": order_id, "price": "61000", "size": "0.02"}
    assert await client.ok("POST", "/orders/edit", edit) == {"success": True, "errors": []}
    await client.until(lambda: len(client.statuses(order_id)) == 4)
    assert client.statuses(order_id) == ["PENDING", "OPEN", "EDIT_QUEUED", "OPEN"]
    last = client.updates(order_id)[-1]
    assert (last["limit_price"], last["leaves_quantity"]) == ("61000", "0.02")
    assert last["outstanding_hold_amount"] == "1220"
    row = await client.row(order_id)
    assert row["order_configuration"]["limit_limit_gtc"]["limit_price"] == "61000"
    assert [(each["price"], each["size"]) for each in row["edit_history"]] == [("61000", "0.02")]
    for bent in ({"order_id": "nobody"}, {"price": "65000"}, {"size": "x"}, {"price": "0.001"}):
        answer = await client.ok("POST", "/orders/edit", {**edit, **bent})
        assert answer["success"] is False
        assert answer["errors"][0]["edit_failure_reason"]
    assert (await client.row(order_id))["status"] == "OPEN"


async def test_an_order_until_a_date_expires(client: AdvancedClient) -> None:
    """It ends as expired, not as cancelled."""
    await client.subscribe()
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    order_id = await client.place("limit_limit_gtd", end_time=end)
    await client.until(lambda: "EXPIRED" in client.statuses(order_id))
    assert client.updates(order_id)[-1]["end_time"] == end
    assert (await client.row(order_id))["status"] == "EXPIRED"


async def test_who_subscribes_to_nothing_is_disconnected(
    sim: CoinbaseAdvancedSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so is who hears nothing for too long."""
    monkeypatch.setattr(FeedConnection, "first_subscribe_s", 0.2)
    monkeypatch.setattr(FeedConnection, "idle_s", 1.5)
    async with (
        AdvancedClient(sim) as silent,
        AdvancedClient(sim) as idle,
        AdvancedClient(sim) as beating,
    ):
        await idle.subscribe()
        await beating.subscribe("heartbeats")
        await asyncio.wait_for(silent.closed.wait(), 5)
        await asyncio.wait_for(idle.closed.wait(), 8)
        assert not beating.closed.is_set()


async def test_too_many_connections_are_refused(sim: CoinbaseAdvancedSimulator) -> None:
    """Handshakes beyond the limit are answered with 429."""
    sim.core.venue.handshakes.burst = 1
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(sim.websocket_url):
            pass
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(sim.websocket_url)
    assert caught.value.status == 429


async def test_emission_is_gathered_and_told_to_the_last_execution(
    client: AdvancedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Far fewer updates than executions; the sums at the end are all that was caused, emitted when they were sent."""
    monkeypatch.setattr(UserStream, "window_s", 0.2)
    await client.subscribe()
    job = await client.emitted(symbols=["BTC-USD"], orders=2, count=400, rate=0)
    caused = await client.executions()
    order_ids = {row["order_id"] for row in caused}
    await client.until(lambda: all("FILLED" in client.statuses(each) for each in order_ids))
    assert len(caused) == 400
    assert len(client.updates()) < 40
    caused = await client.executions()
    for order_id in order_ids:
        assert client.updates(order_id)[-1]["number_of_fills"] == "200"
    assert all(row["emitted_ns"] > job["started_ns"] + 100_000_000 for row in caused[-10:])
