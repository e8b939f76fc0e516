"""The feed of the simulated Coinbase Exchange: signatures, acknowledgements, own and everybody's messages."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from fillwire.simulator import CoinbaseExchangeSimulator
from fillwire.simulator.coinbase_exchange.feed import FeedConnection
from support.coinbase_exchange_client import ExchangeClient, proof

ORDER_MEMBERS = ("order_id", "maker_order_id", "taker_order_id")


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


async def test_a_resting_order_and_its_cancel(client: ExchangeClient) -> None:
    """An order is received and opened at one time and cancelled with what is left of it; the cancel has no reason."""
    await client.subscribe("user")
    placed = await client.place(client_oid="496ffbba-7dae-4864-f7e8-a5bf52c6d0e2")
    assert await client.cancel(placed["id"]) == placed["id"]
    await client.until(lambda: client.of("done"))
    received, opened, done = client.events()
    assert [frame["type"] for frame in (received, opened, done)] == ["received", "open", "done"]
    assert received["client_oid"] == "496ffbba-7dae-4864-f7e8-a5bf52c6d0e2"
    assert (received["order_type"], received["size"], received["price"]) == ("limit", "0.01", "60000")
    assert opened["remaining_size"] == "0.01"
    assert opened["time"] == received["time"]
    assert (done["reason"], done["remaining_size"], done["price"]) == ("canceled", "0.01", "60000")
    assert "cancel_reason" not in done
    assert {frame["user_id"] for frame in client.events()} == {received["user_id"]}
    assert len(received["user_id"]) == 24
    assert {frame["order_id"] for frame in client.events()} == {placed["id"]}


async def test_a_taker_hears_match_and_done_and_the_makers_side(client: ExchangeClient) -> None:
    """A market purchase is received with the funds it may cost at most, matched against sellers, and done."""
    await client.subscribe("user")
    placed = await client.place(size="0.5", price=None)
    await client.until(lambda: client.of("done"))
    assert client.steps(placed["id"]) == ["received", *["match"] * len(client.of("match")), "done"]
    received = client.of("received")[0]
    assert received["order_type"] == "market"
    assert "price" not in received
    assert float(received["funds"]) > 30_000
    for match in client.of("match"):
        assert (match["side"], match["taker_order_id"]) == ("sell", placed["id"])
        assert match["taker_user_id"] == match["user_id"]
        assert match["taker_fee_rate"] == "0.004"
        assert "maker_user_id" not in match
    done = client.of("done")[0]
    assert done["reason"] == "filled"
    assert not {"price", "remaining_size"} & done.keys()
    assert len({frame["time"] for frame in client.events()}) == 1
    sequences = [frame["sequence"] for frame in client.events()]
    assert sequences == sorted(sequences)


async def test_a_maker_is_filled_when_the_market_comes(client: ExchangeClient) -> None:
    """The maker's match carries its own side and rate, and names no taker account."""
    await client.subscribe("user")
    placed = await client.place(size="0.02", price="63000")
    await client.move_price("62000")
    await client.until(lambda: client.of("done"))
    assert client.steps(placed["id"]) == ["received", "open", "match", "done"]
    match = client.of("match")[0]
    assert (match["side"], match["maker_order_id"], match["size"]) == ("buy", placed["id"], "0.02")
    assert match["maker_user_id"] == match["user_id"]
    assert not {"taker_user_id", "taker_fee_rate"} & match.keys()


async def test_full_shows_everybody_without_a_gap(sim: CoinbaseExchangeSimulator) -> None:
    """On `full` the sequence has no gap and only own messages name a user; `user` sees those alone, with gaps."""
    async with ExchangeClient(sim) as full, ExchangeClient(sim) as user:
        await full.subscribe("full")
        await user.subscribe("user")
        placed = await full.place(size="0.3", price=None)
        await full.move_price("63000")
        resting = await full.place(price="62000")
        await full.cancel(resting["id"])
        await full.until(lambda: "done" in full.steps(resting["id"]))
        await user.until(lambda: "done" in user.steps(resting["id"]))
    sequences = [frame["sequence"] for frame in full.events()]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    own = [frame for frame in full.events() if "user_id" in frame]
    assert own == user.events()
    mine = {placed["id"], resting["id"]}
    assert all(any(frame.get(name) in mine for name in ORDER_MEMBERS) for frame in own)
    strangers = [frame for frame in full.events() if "user_id" not in frame]
    assert len(strangers) > 20
    assert not any("client_oid" in frame or "cancel_reason" in frame for frame in strangers)
    gaps = [b["sequence"] - a["sequence"] for a, b in itertools.pairwise(own)]
    assert max(gaps) > 1


async def test_every_order_on_full_begins_and_ends_once(sim: CoinbaseExchangeSimulator) -> None:
    """Also strangers that trade with scripted orders are received before their match and done after it."""
    async with ExchangeClient(sim) as full:
        await full.subscribe("full")
        await full.emitted(symbols=["BTC-USD"], orders=2, count=6)
        await full.until(lambda: len(full.of("match")) == 6 and len(full.of("done")) >= 8)
    for match in full.of("match"):
        assert full.steps(match["taker_order_id"]) == ["received", "match", "done"]
    trade_ids = [match["trade_id"] for match in full.of("match")]
    assert trade_ids == list(range(trade_ids[0], trade_ids[0] + 6))
    sequences = [frame["sequence"] for frame in full.events()]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))


async def test_acknowledgements_are_cumulative(client: ExchangeClient) -> None:
    """Each lists all that the connection is subscribed to, down to nothing."""
    await client.subscribe("user", products=("BTC-USD", "ETH-USD"))
    acknowledged = await client.subscribe({"name": "heartbeat", "product_ids": ["BTC-USD"]})
    assert [channel["name"] for channel in acknowledged["channels"]] == ["user", "heartbeat"]
    await client.send({"type": "unsubscribe", "channels": ["user", "heartbeat"]})
    await client.until(lambda: len(client.of("subscriptions")) == 3)
    assert client.of("subscriptions")[-1] == {"type": "subscriptions", "product_ids": [], "channels": []}
    await client.place()
    await client.send({"type": "unsubscribe"})
    await client.until(lambda: client.of("error"))
    assert client.of("error")[0]["reason"] == "No channels provided"
    assert client.events() == []


@pytest.mark.parametrize(
    ("bent", "reason"),
    [
        ({"key": "nobody"}, "Invalid API Key"),
        ({"passphrase": "wrong"}, "Invalid Passphrase"),
        ({"signature": "AAAA"}, "invalid signature"),
        ({"timestamp": "1700000000"}, "request timestamp expired"),
    ],
)
async def test_a_bad_signature_is_told_and_the_connection_ends(
    client: ExchangeClient, bent: dict[str, str], reason: str
) -> None:
    """The error's reason is JSON in a string; the close follows."""
    await client.send(
        {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["user"], **proof(), **bent}
    )
    await asyncio.wait_for(client.closed.wait(), 10)
    assert client.frames == [
        {"type": "error", "message": "Authentication Failed", "reason": f'{{"message":"{reason}"}}'}
    ]


async def test_who_does_not_sign_hears_nothing_of_his_own(client: ExchangeClient) -> None:
    """An unsigned `user` is acknowledged and silent, also after a signature that comes too late; `full` is refused."""
    await client.subscribe("user", signs=False)
    await client.subscribe("user")
    placed = await client.place()
    await client.send({"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["full"]})
    await client.until(lambda: client.of("error"))
    assert client.of("error")[0]["message"] == "Failed to subscribe"
    await client.cancel(placed["id"])
    await client.subscribe("heartbeat", signs=False)
    assert client.events() == []


async def test_heartbeats_come_each_second_with_the_last_trade(client: ExchangeClient) -> None:
    """They tell sequence and last trade of each product."""
    began = time.monotonic()
    await client.subscribe("heartbeat", products=("BTC-USD", "ETH-USD"), signs=False)
    await client.place(size="0.1", price=None)
    await client.until(lambda: len(client.of("heartbeat")) >= 6)
    assert 1.5 < time.monotonic() - began < 6
    beats = [frame for frame in client.of("heartbeat") if frame["product_id"] == "BTC-USD"]
    last_trade = (await client.fills(product_id="BTC-USD"))[0]["trade_id"]
    assert beats[-1]["last_trade_id"] == last_trade
    assert beats[-1]["sequence"] > beats[0]["sequence"]


async def test_matches_begin_with_the_last_one(client: ExchangeClient) -> None:
    """The public channel replays the latest trade under another type, and names nobody."""
    await client.place(size="0.1", price=None)
    await client.subscribe("matches", signs=False)
    await client.until(lambda: client.of("last_match"))
    await client.place(size="0.1", price=None)
    await client.until(lambda: client.of("match"))
    assert client.of("match")[0]["trade_id"] == client.of("last_match")[0]["trade_id"] + 1
    assert not any("user_id" in frame for frame in client.frames)


async def test_who_subscribes_to_nothing_is_disconnected(
    sim: CoinbaseExchangeSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first subscription must come within seconds; later the connection stays."""
    monkeypatch.setattr(FeedConnection, "first_subscribe_s", 0.2)
    async with ExchangeClient(sim) as silent, ExchangeClient(sim) as talking:
        await talking.subscribe("heartbeat", signs=False)
        await asyncio.wait_for(silent.closed.wait(), 5)
        await talking.until(lambda: len(talking.of("heartbeat")) >= 2)
        assert not talking.closed.is_set()


async def test_an_idle_connection_is_disconnected(
    sim: CoinbaseExchangeSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `user` channel without traffic dies, one with heartbeats lives."""
    monkeypatch.setattr(FeedConnection, "idle_s", 1.5)
    async with ExchangeClient(sim) as idle, ExchangeClient(sim) as beating:
        await idle.subscribe("user")
        await beating.subscribe("user", "heartbeat")
        await asyncio.wait_for(idle.closed.wait(), 8)
        assert not beating.closed.is_set()


async def test_self_trade_prevention_decrements_and_cancels(client: ExchangeClient) -> None:
    """The smaller order is cancelled with its reason, the larger one changed, and nothing is traded."""
    await client.subscribe("user")
    smaller = await client.place(side="sell", size="0.01", price="64000")
    larger = await client.place(side="buy", size="0.03", price="64000")
    await client.until(lambda: "open" in client.steps(larger["id"]))
    assert client.steps(smaller["id"]) == ["received", "open", "done"]
    assert client.steps(larger["id"]) == ["received", "change", "open"]
    done = client.of("done")[0]
    assert (done["reason"], done["remaining_size"]) == ("canceled", "0.01")
    assert done["cancel_reason"] == "102:Self Trade Prevention"
    change = client.of("change")[0]
    assert (change["reason"], change["old_size"], change["new_size"]) == ("STP", "0.03", "0.02")
    assert client.of("open")[-1]["remaining_size"] == "0.02"
    assert client.of("match") == []
    assert (await client.ok("GET", f"/orders/{larger['id']}"))["size"] == "0.02"


@pytest.mark.parametrize(
    ("stp", "ended"), [("co", "maker"), ("cn", "taker"), ("cb", "both")], ids=["oldest", "newest", "both"]
)
async def test_other_modes_of_self_trade_prevention(client: ExchangeClient, stp: str, ended: str) -> None:
    """The taker's mode says whose order is cancelled."""
    await client.subscribe("user")
    maker = await client.place(side="sell", size="0.02", price="64000")
    taker = await client.place(side="buy", size="0.01", price="64000", stp=stp)
    await client.until(lambda: client.of("done"))
    orders = {"maker": maker["id"], "taker": taker["id"]}
    done = {name for name, order_id in orders.items() if "done" in client.steps(order_id)}
    assert done == ({"maker", "taker"} if ended == "both" else {ended})
    assert client.of("match") == []


async def test_a_stop_order_activates_and_triggers(client: ExchangeClient) -> None:
    """It is told to its owner without a sequence, and received when the price comes."""
    await client.subscribe("user")
    stop = await client.place(
        side="sell", size="0.01", price="62000", stop="loss", stop_price="63000", client_oid=None
    )
    await client.until(lambda: client.of("activate"))
    activate = client.of("activate")[0]
    assert (activate["stop_type"], activate["stop_price"], activate["size"]) == ("loss", "63000", "0.01")
    assert "sequence" not in activate
    assert (await client.ok("GET", f"/orders/{stop['id']}"))["status"] == "active"
    await client.move_price("62900")
    await client.until(lambda: "done" in client.steps(stop["id"]))
    steps = client.steps(stop["id"])
    assert steps[:2] == ["activate", "received"]
    assert steps[-2:] == ["match", "done"]


async def test_a_modified_order_keeps_its_id(client: ExchangeClient) -> None:
    """The change tells old and new price and size, and the order trades at the new ones."""
    await client.subscribe("user")
    order = await client.place(size="0.02", price="60000")
    await client.control("POST", "modify", {"order_id": order["id"], "price": "63000", "size": "0.03"})
    await client.until(lambda: client.of("change"))
    change = client.of("change")[0]
    assert change["reason"] == "modify_order"
    assert (change["old_price"], change["new_price"]) == ("60000", "63000")
    assert (change["old_size"], change["new_size"]) == ("0.02", "0.03")
    row = await client.ok("GET", f"/orders/{order['id']}")
    assert (row["price"], row["size"]) == ("63000", "0.03")
    held = {each["currency"]: each["hold"] for each in await client.ok("GET", "/accounts")}
    assert held["USD"] == "1890"
    await client.move_price("62000")
    await client.until(lambda: client.of("done"))
    assert client.steps(order["id"]) == ["received", "open", "change", "match", "done"]
    assert client.of("match")[0]["size"] == "0.03"


async def test_what_cannot_rest_is_cancelled_with_a_reason(client: ExchangeClient) -> None:
    """The rest of an order that may not rest ends by its time in force."""
    await client.subscribe("user")
    order = await client.place(price="60000", time_in_force="IOC")
    await client.until(lambda: client.of("done"))
    assert client.steps(order["id"]) == ["received", "done"]
    assert client.of("done")[0]["cancel_reason"] == "101:Time In Force"


async def test_an_order_until_a_time_expires(client: ExchangeClient, sim: CoinbaseExchangeSimulator) -> None:
    """GTT ends by time in force, a minute later by the venue's clock."""
    await client.subscribe("user")
    order = await client.place(time_in_force="GTT", cancel_after="min")
    row = await client.ok("GET", f"/orders/{order['id']}")
    assert row["time_in_force"] == "GTT"
    assert row["expire_time"] > row["created_at"]
    account = sim.core.venue.accounts["demo"]
    engine_order = next(iter(account.open_orders.values()))
    sim.core.expiries.watch(engine_order, sim.core.venue.clock.now_us() + 50_000, "TIME_IS_UP")
    await client.until(lambda: client.of("done"))
    assert client.of("done")[0]["cancel_reason"] == "101:Time In Force"


async def test_an_eleventh_subscription_is_refused(sim: CoinbaseExchangeSimulator) -> None:
    """Ten connections may hear of one product on one channel; another product is free."""
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(ExchangeClient(sim)) for _ in range(11)]
        for client in clients[:10]:
            await client.subscribe("user")
        last = clients[10]
        await last.send({"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["user"], **proof()})
        await last.until(lambda: last.of("error"))
        assert last.of("error")[0]["message"] == "Failed to subscribe"
        await last.subscribe("user", products=("ETH-USD",))


async def test_too_many_connections_are_refused(sim: CoinbaseExchangeSimulator) -> None:
    """Handshakes beyond the limit are refused with 429, and are noted."""
    sim.core.venue.handshakes.burst = 1
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(sim.websocket_url):
            pass
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(sim.websocket_url)
    assert caught.value.status == 429
    statuses: list[Any] = [status for _time, status in sim.core.handshakes]
    assert statuses == [101, 429]
