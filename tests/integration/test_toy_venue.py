"""A venue added by following `docs/adding-a-venue.md`: its own folders, a line in each registry, and all works for it."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from fillwire.domain.enums import ConnectionState, Kind, OrderType, Side, Source, TimeInForce
from fillwire.domain.events import OrderEvent
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome
from fillwire.gateway.reconcile_policy import ReconcilePolicy
from fillwire.sdk.bot import bot_of
from fillwire.sdk.host import Host
from fillwire.sdk.strategy import Strategy
from fillwire.simulator.registry import SIMULATORS
from fillwire.venues import registry
from support.eventually import eventually
from support.gateway_rig import Rig
from support.gateway_rig import rig as rig_of
from toyx.simulator.server import ToySimulator
from toyx.venue.venue import ToyX

if TYPE_CHECKING:
    from fillwire.simulator.exchange.server import Simulator

QUICK = ReconcilePolicy(overlap_s=20.0, audit_interval_s=2.0, sweep_interval_s=4.0, follow_up_s=(0.5, 2.0))
WEBSOCKET = {
    "connectionTimeout": 5000,
    "heartbeatIntervalMs": 30000,
    "reconnect": {"maxRetries": 10, "initialDelayMs": 10, "maxDelayMs": 200, "backoffMultiplier": 1.5},
}
ORDER = OrderRequest(
    client_order_id="bot-1",
    pair="BTC-USD",
    side=Side.BUY,
    type=OrderType.LIMIT,
    quantity=Decimal("0.5"),
    price=Decimal(60000),
    time_in_force=TimeInForce.GTC,
)


class Bot(Strategy):
    """Keeps what it is told."""

    pairs = ("BTC-USD", "ETH-USD")

    def __init__(self) -> None:
        self.fills: list[OrderEvent] = []

    async def on_fill(self, order: OrderEvent) -> None:
        """Keep an execution."""
        self.fills.append(order)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the venue's line into each of the two registries."""
    toy = ToyX()
    monkeypatch.setattr(registry, "VENUES", {**registry.VENUES, toy.exchange: toy})
    simulators = cast("dict[str, type[Simulator]]", SIMULATORS)
    monkeypatch.setitem(simulators, ToySimulator.exchange, ToySimulator)


@asynccontextmanager
async def running(path: Path, **websocket: object) -> AsyncIterator[tuple[Rig, Bot]]:
    """Run broker, venue, gateway, and a bot on a host of its own."""
    async with (
        rig_of(path, exchange="toyx", reconciling=QUICK, FILLWIRE_WEBSOCKET=WEBSOCKET | websocket) as it,
        Host(it.bus) as host,
    ):
        bot = Bot()
        await host.add(bot_of(bot, it.account))
        await it.receiving()
        yield it, bot


async def told_once(it: Rig, bot: Bot) -> None:
    """Wait until the bot knows every execution of the venue; each it was told once, with sums that add up."""
    emitted = await it.executions()
    await eventually(lambda: len(bot.fills) >= len(emitted), 20.0, f"{len(emitted)} executions told")
    assert Counter(event.event_id for event in bot.fills) == Counter(emitted)
    sums: dict[str, Decimal] = {}
    for event in bot.fills:
        assert event.last_fill is not None
        sums[event.order_id] = sums.get(event.order_id, Decimal(0)) + event.last_fill.quantity
        assert event.cumulative_quantity == sums[event.order_id], event


async def test_fills_reach_a_bot_once(tmp_path: Path) -> None:
    """Every execution by stream, once and in order, also where the venue says it twice; nothing is refused."""
    async with running(tmp_path) as (it, bot):
        await it.control("faults", {"kind": "duplicate", "target": "execution", "probability": 0.3})
        await it.control("faults", {"kind": "extra_fields", "probability": 0.3})
        await it.emit(200, symbols=["BTC/USD", "ETH/USD"], orders=10)
        await told_once(it, bot)
        assert {event.source for event in bot.fills} == {Source.STREAM}
        assert {event.pair for event in bot.fills} == {"BTC-USD", "ETH-USD"}
        assert all(event.last_fill and event.last_fill.fee for event in bot.fills)
        assert (await it.status()).last_event_time_ns is not None
        assert await it.alerts() == []


async def test_what_a_cut_hides_comes_from_the_records(tmp_path: Path) -> None:
    """More than a page of executions while the socket was down: found by REST, under the same identities."""
    async with running(tmp_path) as (it, bot):
        await it.emit(20, symbols=["BTC/USD"], orders=4)
        await it.control("faults", {"kind": "connection_refused", "next": 2})
        await it.control("cut", {"user": "demo"})
        await it.emit(250, symbols=["BTC/USD"], orders=1)
        await it.receiving()
        await told_once(it, bot)
        assert {event.source for event in bot.fills} == {Source.STREAM, Source.REST}


@pytest.mark.parametrize("fault", [{"kind": "drop"}, {"kind": "corrupt", "how": "missing_field"}])
async def test_what_a_frame_does_not_tell_is_asked_for(tmp_path: Path, fault: dict[str, object]) -> None:
    """Lost and spoilt frames leave gaps, which are closed on a connection that goes on."""
    async with running(tmp_path) as (it, bot):
        await it.control("faults", fault | {"target": "execution", "probability": 0.2})
        await it.emit(100, symbols=["BTC/USD"], orders=5)
        await told_once(it, bot)
        assert it.states.count(ConnectionState.CONNECTING) == 1


async def test_an_order_is_placed_once_and_cancelled(tmp_path: Path) -> None:
    """A bot's order exists once however often it is asked for, and its life is told as events."""
    async with running(tmp_path) as (it, _):
        placed = await it.place(ORDER)
        again = await it.place(ORDER)
        assert (placed.outcome, again.outcome) == (Outcome.ACCEPTED, Outcome.ACCEPTED)
        assert placed.order_id == again.order_id
        cancelled = await it.cancel(CancelRequest(pair="BTC-USD", client_order_id="bot-1"))
        assert (cancelled.outcome, cancelled.order_id) == (Outcome.ACCEPTED, placed.order_id)
        await eventually(lambda: len(it.orders) == 2, 10.0, "both steps are told")
        assert [(event.kind, event.client_order_id) for event in it.orders] == [
            (Kind.NEW, "bot-1"),
            (Kind.CANCELLED, "bot-1"),
        ]
        refused = await it.cancel(CancelRequest(pair="BTC-USD", order_id="no-such-order"))
        assert (refused.outcome, "no such order" in (refused.reason or "")) == (Outcome.REJECTED, True)


async def test_an_answer_that_is_lost_places_nothing_twice(tmp_path: Path) -> None:
    """The venue has placed the order and its answer is gone: the order is found by its client order id."""
    async with running(tmp_path) as (it, _):
        await it.control("faults", {"kind": "lost_response", "method": "order.place", "next": 1})
        placed = await it.place(ORDER)
        assert placed.outcome is Outcome.ACCEPTED
        assert len(it.simulator.core.venue.accounts["demo"].open_orders) == 1


async def test_a_refused_key_is_not_tried_again(tmp_path: Path) -> None:
    """The state says so with the venue's reason, after one attempt."""
    async with rig_of(tmp_path, exchange="toyx") as it:
        await it.control("faults", {"kind": "login_refused", "next": 5})
        await it.wish("BTC-USD")
        refused = await it.passed(ConnectionState.AUTH_FAILED)
        assert "no such key" in (refused.reason or "")
        assert it.states.count(ConnectionState.CONNECTING) == 1


async def test_a_silent_connection_is_found(tmp_path: Path) -> None:
    """A venue that answers no ping any more is left within the heartbeat's interval, and nothing is missed."""
    async with running(tmp_path, heartbeatIntervalMs=1500) as (it, bot):
        await it.control("stall", {"user": "all", "seconds": 60, "pings": False})
        await it.emit(20, symbols=["BTC/USD"], orders=2)
        lost = await it.passed(ConnectionState.RECONNECTING)
        assert "not even a pong" in (lost.reason or "")
        await it.receiving()
        await told_once(it, bot)
