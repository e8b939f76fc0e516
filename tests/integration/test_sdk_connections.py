"""What bots and programs learn of the connections to venues."""

import asyncio
import time
from typing import Any

import pytest

from fillwire.bus.buckets import STATUS, Bucket
from fillwire.bus.connection import Bus
from fillwire.domain.enums import ConnectionState
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.sdk.bot import bot_of
from fillwire.sdk.connections import Connections
from fillwire.sdk.host import Host
from fillwire.sdk.strategy import Strategy
from fillwire.wire.subjects import account_tokens
from support.eventually import eventually
from support.order_events import ALICE, connection_event, order_event
from support.positions import durable_claim
from support.publishing import publish, publish_connection

RECEIVING, LOST = ConnectionState.RECEIVING, ConnectionState.RECONNECTING


class Observer(Strategy):
    """Notes what it is told, in order."""

    pairs = ("BTC-USDT",)

    def __init__(self, name: str = "observer") -> None:
        self.name = name
        self.told: list[str] = []

    def on_start(self) -> None:
        """Note it."""
        self.told.append("start")

    def on_fill(self, order: OrderEvent) -> None:
        """Note it."""
        self.told.append(f"fill {order.order_id}")

    async def on_websocket_connected(self, connection: ConnectionEvent) -> None:
        """Note it."""
        self.told.append(f"connected {connection.exchange}")

    async def on_websocket_disconnected(self, connection: ConnectionEvent) -> None:
        """Note it."""
        self.told.append(f"disconnected {connection.state}")

    def on_websocket_error(self, connection: ConnectionEvent) -> None:
        """Note it."""
        self.told.append(f"error {connection.reason}")


async def test_a_bot_is_told_of_the_connection_as_it_changes(bus: Bus) -> None:
    """Connected, lost with its reason, connected again; a repeated state and a late one are not told."""
    observer = Observer()
    start = time.time_ns()
    async with Host(bus) as host:
        await host.add(bot_of(observer, ALICE))
        lost = connection_event(LOST, reason="closed by the venue", time_ns=start + 2)
        for event in (
            connection_event(ConnectionState.CONNECTING, time_ns=start),
            connection_event(RECEIVING, time_ns=start + 1),
            lost,
            lost,
            connection_event(RECEIVING, time_ns=start + 1),
            connection_event(LOST, reason="closed by the venue", previous=LOST, time_ns=start + 3),
            connection_event(RECEIVING, time_ns=start + 4),
        ):
            await publish_connection(bus, event)
        await eventually(lambda: len(observer.told) >= 5)
    assert observer.told == [
        "start",
        "connected binance",
        "error closed by the venue",
        "disconnected reconnecting",
        "connected binance",
    ]


async def test_a_bot_that_starts_late_is_told_of_the_state_of_now(bus: Bus) -> None:
    """The bucket knows the state for those who were not there; every bot of the account is told, after on_start."""
    await publish_connection(bus, connection_event(RECEIVING, time_ns=time.time_ns()))
    first, second = Observer("first"), Observer("second")
    async with Host(bus) as host:
        await host.add(bot_of(first, ALICE))
        await host.add(bot_of(second, ALICE))
        await eventually(lambda: len(first.told) == len(second.told) == 2)
    assert first.told == second.told == ["start", "connected binance"]


async def test_a_gateway_that_goes_silent_is_told_as_a_lost_connection(bus: Bus) -> None:
    """When the state expires with its gateway, live detection is gone, and the bot must know."""
    observer = Observer()
    async with Host(bus) as host:
        await host.add(bot_of(observer, ALICE))
        await publish_connection(bus, connection_event(RECEIVING, time_ns=time.time_ns()), ttl_s=1)
        await eventually(lambda: len(observer.told) == 4)
        last = host.connections.last(ALICE)
        assert last is not None
        assert not last.is_connected
    assert observer.told[2:] == ["error gateway gateway-1 has gone silent", "disconnected disconnected"]


async def test_an_account_is_followed_no_longer_than_a_bot_needs_it(bus: Bus) -> None:
    """The last bot to leave ends the watch; the state is then asked for."""
    observer = Observer()
    async with Host(bus) as host:
        bot = bot_of(observer, ALICE)
        await host.add(bot)
        await host.remove(bot)
        await publish_connection(bus, connection_event(RECEIVING, time_ns=time.time_ns()))
        assert host.connections.last(ALICE) is None
        asked = await host.connections.ask(ALICE)
        assert asked is not None
        assert asked.is_connected
        await Bucket(bus, STATUS).delete(account_tokens(ALICE))
        assert await host.connections.ask(ALICE) is None
    assert observer.told == ["start"]


async def test_reconciled_is_told_when_everything_missed_has_been_handled(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bot has handled what was published before the connection came back, however slow it is."""
    holds = {"1": asyncio.Event(), "300": asyncio.Event()}

    class Reconciles(Observer):
        async def on_fill(self, order: OrderEvent) -> None:  # type: ignore[override]  # async where the base is plain
            if order.order_id in holds:
                await holds[order.order_id].wait()
            super().on_fill(order)

        def on_reconciled(self, connection: ConnectionEvent) -> None:
            self.told.append(f"reconciled {connection.exchange}")

    observer = Reconciles()
    async with Host(bus) as host:
        running = await host.add(bot_of(observer, ALICE))
        await publish(bus, *(order_event(order_id=str(number), trade=number) for number in range(1, 901)))
        await publish_connection(bus, connection_event(RECEIVING, time_ns=time.time_ns()))
        await eventually(lambda: running._catching_up is not None)
        for _ in range(3):  # it has asked where the bot is: 256 events on the way, the others not yet
            assert (await durable_claim(running).info())["num_pending"] == 900 - 256
        holds["1"].set()
        await eventually(lambda: observer.told[-1] == "fill 299")
        asked = 0
        ask = durable_claim(running).info

        async def ask_counted() -> dict[str, Any]:
            nonlocal asked
            asked += 1
            return await ask()

        monkeypatch.setattr(running.claim, "info", ask_counted)
        await eventually(lambda: asked >= 4, what="asked again where the bot is: nothing must come of it")
        assert observer.told[-1] == "fill 299"
        holds["300"].set()
        await eventually(lambda: "reconciled binance" in observer.told)
    assert observer.told[-1] == "reconciled binance"
    assert [what for what in observer.told if what.startswith("fill")] == [f"fill {n}" for n in range(1, 901)]


async def test_who_joined_one_that_gave_up_is_told_all_the_same(bus: Bus) -> None:
    """The first to follow an account is cancelled before the broker has answered: those who came meanwhile follow it still."""
    connections = Connections(bus)
    told: list[ConnectionEvent] = []
    first = asyncio.create_task(connections.follow(ALICE, lambda *_: None))
    second = asyncio.create_task(connections.follow(ALICE, lambda event, _: told.append(event)))
    await asyncio.sleep(0)  # both have begun
    first.cancel()
    await second
    await publish_connection(bus, connection_event(RECEIVING, time_ns=time.time_ns()))
    await eventually(lambda: told)
    assert first.cancelled()
    assert connections.last(ALICE) == told[-1]


async def test_garbage_on_the_connection_subject_is_survived(bus: Bus) -> None:
    """What cannot be read is logged, and the next event is told."""
    observer = Observer()
    async with Host(bus) as host:
        await host.add(bot_of(observer, ALICE))
        await bus.publish(f"connections.{account_tokens(ALICE)}", b"no json")
        await publish_connection(bus, connection_event(RECEIVING, time_ns=time.time_ns()))
        await eventually(lambda: observer.told == ["start", "connected binance"])
