"""Coinbase Exchange end to end: simulated venue, gateway, broker, and what a bot is told, also when the venue misbehaves."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import aiohttp
import orjson
import pytest

from fillwire.bus.buckets import PLACEMENTS, Bucket
from fillwire.domain.enums import ConnectionState, Kind, OrderType, Side, Source, TimeInForce
from fillwire.domain.events import OrderEvent
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.venues.coinbase_exchange.auth import signer
from fillwire.venues.coinbase_exchange.requests import cancel_order
from fillwire.venues.coinbase_exchange.venue import CoinbaseExchange
from fillwire.wire.subjects import account_tokens
from support.eventually import eventually
from support.gateway_rig import Rig
from support.gateway_rig import rig as rig_of

# Quicker than usual, within the requests that the venue allows in a second.
QUICK = ReconcilePolicy(
    overlap_s=20.0, deadline_s=5.0, audit_interval_s=4.0, sweep_interval_s=8.0, follow_up_s=(1.0, 4.0)
)
ORDER = OrderRequest(
    client_order_id="bot-1",
    pair="BTC-USD",
    side=Side.BUY,
    type=OrderType.LIMIT,
    quantity=Decimal("0.5"),
    price=Decimal(100),
    time_in_force=TimeInForce.GTC,
)


@asynccontextmanager
async def rig(path: Path, *, query: str = "") -> AsyncIterator[Rig]:
    """Run broker, venue and gateway; `query` goes behind the configured address of the feed."""
    async with rig_of(path, exchange="coinbase", reconciling=QUICK) as it:
        if query:
            exchanges = orjson.loads(it.environ["FILLWIRE_EXCHANGES"])
            (urls,) = exchanges["coinbase"]["environments"].values()
            urls["websocketUrl"] += query
            it.environ["FILLWIRE_EXCHANGES"] = orjson.dumps(exchanges).decode()
            await it.stop()
            await it.start()
        yield it


async def complete(it: Rig, deadline_s: float = 20.0) -> None:
    """Wait until the log has every execution of the venue, each once, in the venue's order, with sums that add up."""
    emitted = await it.executions()
    await eventually(
        lambda: len(it.fills) >= len(emitted), deadline_s, f"{len(emitted)} executions published"
    )
    assert Counter(it.fills) == Counter(emitted)
    sums: dict[str, Decimal] = {}
    for event in await it.logged():
        if event.last_fill is not None:
            sums[event.order_id] = sums.get(event.order_id, Decimal(0)) + event.last_fill.quantity
            assert event.cumulative_quantity == sums[event.order_id], event
    for scope in {event_id.rpartition(":")[0] for event_id in emitted}:
        assert _of(scope, it.fills) == _of(scope, emitted)


def _of(scope: str, event_ids: list[str]) -> list[str]:
    return [event_id for event_id in event_ids if event_id.startswith(f"{scope}:")]


async def ended(it: Rig, order_id: str, deadline_s: float = 20.0) -> OrderEvent:
    """Wait until an order has ended by the log, and return the event that says so."""

    def ends() -> list[OrderEvent]:
        return [event for event in it.orders if event.order_id == order_id and event.kind.is_terminal]

    await eventually(ends, deadline_s, f"the end of {order_id}")
    (event,) = ends()
    return event


async def cancel_elsewhere(it: Rig, order_id: str) -> None:
    """Cancel an order with the account's key, as its owner does on the venue's own pages."""
    (account,) = orjson.loads(it.environ["FILLWIRE_ACCOUNTS"])
    key = signer(account["apiKey"], account["secret"], account["passphrase"])
    request = cancel_order(key, time.time_ns(), order_id, "BTC-USD")
    url = f"{it.simulator.rest_url}{request.target}"
    async with aiohttp.request(request.method, url, headers=dict(request.headers)) as response:
        assert response.status == 200, await response.text()


@pytest.mark.parametrize("query", ["", "?full=false"])
async def test_fills_reach_the_log(tmp_path: Path, query: str) -> None:
    """By either channel: every execution once, in order, by the stream, with no fee that the venue did not say."""
    async with rig(tmp_path, query=query) as it:
        await it.wish("BTC-USD", "ETH-USD")
        await it.receiving()
        await it.emit(80, symbols=["BTC-USD", "ETH-USD"], orders=8)
        await complete(it)
        fills = [event for event in it.orders if event.last_fill is not None]
        assert {event.pair for event in fills} == {"BTC-USD", "ETH-USD"}
        assert {event.source for event in fills} == {Source.STREAM}
        assert {event.last_fill.fee for event in fills if event.last_fill} == {None}
        assert await it.alerts() == []


async def test_fills_during_a_cut_are_recovered_from_the_records(tmp_path: Path) -> None:
    """What was executed while the socket was down comes by REST, once, with the same identities, and has its fee."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USD", "ETH-USD")
        await it.receiving()
        await it.emit(20, symbols=["BTC-USD", "ETH-USD"], orders=4)
        await it.control("faults", {"kind": "connection_refused", "status": 503, "next": 2})
        await it.control("cut", {"user": "demo"})
        await it.emit(60, symbols=["BTC-USD", "ETH-USD"], orders=6)
        await it.receiving()
        await complete(it)
        fills = [event for event in it.orders if event.last_fill is not None]
        assert {event.source for event in fills} == {Source.STREAM, Source.REST}
        rest = [event.last_fill for event in fills if event.last_fill and event.source is Source.REST]
        assert all(fill.fee is not None and fill.fee_currency == "USD" for fill in rest)


async def test_executions_of_a_product_that_nobody_has_named_are_found(tmp_path: Path) -> None:
    """Orders that began and ended while no gateway received, where no bot names the product: the list of orders tells it."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USD")
        await it.receiving()
        await it.emit(4, symbols=["BTC-USD"], orders=1)
        await complete(it)
        await it.stop()
        await it.emit(12, symbols=["SOL-USD", "LTC-USD"], orders=4)
        await it.start()
        await it.receiving()
        await complete(it)
        fills = [event for event in it.orders if event.last_fill is not None]
        assert Counter(event.pair for event in fills) == {"BTC-USD": 4, "SOL-USD": 6, "LTC-USD": 6}


@pytest.mark.parametrize("query", ["", "?full=false"])
async def test_lost_messages_are_missed_and_found(tmp_path: Path, query: str) -> None:
    """By their numbers, or by the contradictions and comparisons that they leave; the records lag meanwhile."""
    async with rig(tmp_path, query=query) as it:
        await it.wish("BTC-USD")
        await it.receiving()
        await it.control("faults", {"kind": "drop", "target": "event", "probability": 0.1})
        await it.emit(100, symbols=["BTC-USD"], orders=10)
        await it.control("faults", method="DELETE")
        emitted = await it.executions()
        await eventually(lambda: set(it.fills) >= set(emitted), 30.0, "all executions published")
        assert Counter(it.fills) == Counter(emitted)
        if not query:
            await complete(it)


async def test_an_order_that_was_open_before_goes_on(tmp_path: Path) -> None:
    """A gateway that meets it mid-life asks for it once, and tells its next fill by the stream."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USD")
        await it.receiving()
        placed = await it.place(ORDER)
        assert (placed.outcome, placed.client_order_id) == (Outcome.ACCEPTED, "bot-1")
        await it.stop()
        await it.start()
        await it.receiving()
        cancelled = await it.cancel(CancelRequest(pair="BTC-USD", client_order_id="bot-1"))
        assert cancelled.outcome is Outcome.ACCEPTED
        event = await ended(it, str(placed.order_id))
        assert (event.kind, event.source, event.client_order_id) == (Kind.CANCELLED, Source.STREAM, "bot-1")


async def test_orders_keep_their_own_ids_over_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The venue tells UUIDs, and the log no longer has the order: a new gateway knows it from the note of its placing."""
    # As in a process of its own, each gateway begins with a venue that has named nothing.
    monkeypatch.setattr("fillwire.gateway.service.venue", lambda _: CoinbaseExchange())
    async with rig(tmp_path) as it:
        await it.wish("BTC-USD")
        await it.receiving()
        placed = await it.place(ORDER)
        await eventually(lambda: it.orders, 10.0, "the order in the log")
        await it.stop()
        await it.bus.request("$JS.API.STREAM.DELETE.ORDERS", b"", 5.0)
        await it.start()
        await it.receiving()
        answer = await it.cancel(CancelRequest(pair="BTC-USD", order_id=placed.order_id))
        assert answer.outcome is Outcome.ACCEPTED
        event = await ended(it, str(placed.order_id))
        assert (event.kind, event.client_order_id) == (Kind.CANCELLED, "bot-1")


async def test_orders_of_bots_are_placed_once_and_go_by_their_own_ids(tmp_path: Path) -> None:
    """The venue knows them by a UUID; asked for twice, an order is placed once; a market order is filled at once."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USD")
        await it.receiving()
        first, again = await it.place(ORDER), await it.place(ORDER)
        assert (first.outcome, again.order_id) == (Outcome.ACCEPTED, first.order_id)
        market = replace(
            ORDER,
            client_order_id="bot-2",
            type=OrderType.MARKET,
            price=None,
            time_in_force=None,
            quantity=Decimal("0.01"),
        )
        placed = await it.place(market)
        event = await ended(it, str(placed.order_id))
        assert (event.kind, event.client_order_id, event.cumulative_quantity) == (
            Kind.FILLED,
            "bot-2",
            Decimal("0.01"),
        )
        refused = await it.place(replace(ORDER, client_order_id="bot-3", quantity=Decimal(10**9)))
        assert refused.outcome is Outcome.REJECTED
        assert refused.reason


async def test_an_order_that_the_venue_has_deleted_is_known_from_the_log(tmp_path: Path) -> None:
    """Cancelled unfilled, it is gone from the venue: asked for again, also at once, it is answered and not placed anew."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USD")
        await it.receiving()
        placed = await it.place(ORDER)
        assert (await it.cancel(CancelRequest(pair="BTC-USD", order_id=placed.order_id))).outcome is (
            Outcome.ACCEPTED
        )
        await ended(it, str(placed.order_id))
        again = await it.place(ORDER)
        assert (again.outcome, again.order_id, again.cumulative_quantity) == (
            Outcome.ACCEPTED,
            placed.order_id,
            Decimal(0),
        )
        assert {event.order_id for event in await it.logged()} == {placed.order_id}


async def noted_before(it: Rig) -> None:
    """Let the note of the order's placing be as old as if an hour had passed."""
    key = f"{account_tokens(it.account)}.{ORDER.client_order_id}"
    await Bucket(it.bus, PLACEMENTS).put(key, f"gateway-0 7 {time.time_ns() - 3_600_000_000_000}".encode())


async def test_an_order_that_was_noted_and_never_sent_is_placed(tmp_path: Path) -> None:
    """A gateway died between the two: neither the venue nor the log has the order, and it is asked for again."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USD")
        await it.receiving()
        await noted_before(it)
        placed = await it.place(ORDER)
        assert (placed.outcome, placed.client_order_id) == (Outcome.ACCEPTED, "bot-1"), placed
        again = await it.place(ORDER)
        assert again.order_id == placed.order_id


async def test_an_order_that_has_ended_long_ago_is_known_from_all_of_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The venue has deleted it, and the ledger of a new gateway does not reach back so far: it is not placed anew."""
    monkeypatch.setattr("fillwire.gateway.recollection._LOG_MARGIN_NS", -3_600_000_000_000)
    async with rig(tmp_path) as it:
        await it.wish("BTC-USD")
        await it.receiving()
        placed = await it.place(ORDER)
        assert (await it.cancel(CancelRequest(pair="BTC-USD", order_id=placed.order_id))).outcome is (
            Outcome.ACCEPTED
        )
        await ended(it, str(placed.order_id))
        await it.stop()
        await it.start()
        await it.receiving()
        await noted_before(it)
        again = await it.place(ORDER)
        assert (again.outcome, again.order_id, again.kind) == (
            Outcome.ACCEPTED,
            placed.order_id,
            Kind.CANCELLED,
        ), again
        stats = await it.control("stats", method="GET")
        assert stats["accounts"]["demo"]["orders"] == 1


async def test_an_order_cancelled_while_nobody_looked_has_its_end(tmp_path: Path) -> None:
    """The venue forgets it: what became of it is inferred, once the records cannot lag behind it any more."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USD")
        await it.receiving()
        placed = await it.place(ORDER)
        await eventually(lambda: it.orders, 10.0, "the order in the log")
        await it.stop()
        await cancel_elsewhere(it, str(placed.order_id))
        await it.control("faults", {"kind": "clock_skew", "milliseconds": 40_000})
        await it.start()
        await it.receiving()
        event = await ended(it, str(placed.order_id), 60.0)
        assert (event.kind, event.source, event.client_order_id) == (
            Kind.CANCELLED,
            Source.INFERRED,
            "bot-1",
        )


async def test_silence_and_a_refused_key_are_noticed(tmp_path: Path) -> None:
    """Five seconds without a heartbeat end a connection; a key that the venue refuses ends the attempts."""
    async with rig(tmp_path) as it:
        await it.wish("BTC-USD")
        await it.receiving()
        await it.control("stall", {"user": "all", "seconds": 60})
        lost = await it.passed(ConnectionState.RECONNECTING, 15.0)
        assert "nothing received for 5 s" in (lost.reason or "")
        await it.receiving()
        await it.control("faults", {"kind": "login_refused"})
        await it.control("cut", {"user": "demo"})
        refused = await it.passed(ConnectionState.AUTH_FAILED)
        assert "Invalid API Key" in (refused.reason or "")
