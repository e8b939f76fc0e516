"""Bots of a tenant, in the tenant's account: everything that a bot does works there, by what the account imports."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from fillwire.bots.client import BotClient
from fillwire.bus import api
from fillwire.bus.buckets import DESIRED, STATUS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.lookup import newest_message
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder
from fillwire.bus.tenants import API_PREFIX
from fillwire.cli.users.registry import Kind
from fillwire.domain.bots import BotAnswer, BotOutcome
from fillwire.domain.enums import ConnectionState, Side
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.domain.orders import Outcome, TradeOrder
from fillwire.sdk.bot import bot_of
from fillwire.sdk.clerk import Checkpoint
from fillwire.sdk.host import Host
from fillwire.sdk.orders import Orders
from fillwire.sdk.strategy import Strategy
from fillwire.wire.bots import encode_bot
from fillwire.wire.codec import encode_connection
from fillwire.wire.commands import decode_order_request, encode_command
from support.eventually import eventually
from support.listeners import QUICK, Listener, fills, pair_of
from support.order_events import ALICE, connection_event, order_event
from support.processes import python
from support.publishing import publish
from support.tenancy import Tenancy, tenancy


@pytest.fixture
async def alices(tmp_path: Path) -> AsyncIterator[Tenancy]:
    """Alice has an account, and so has bob."""
    async with tenancy(tmp_path, {"alice": Kind.TENANT, "bob": Kind.TENANT}) as made:
        yield made


async def test_bots_of_a_process_share_a_reading_and_resume(alices: Tenancy) -> None:
    """Each bot gets every fill once and in order, through a restart, a bot that leaves, and one that is slow."""
    system = await alices.connect("control")
    listeners = pair_of("one", "two")
    bus = await alices.connect("alice")
    async with Host(bus, retry=QUICK) as host:
        running = [await host.add(bot_of(listener, ALICE)) for listener in listeners]
        await publish(system, *fills(1, 50))
        await eventually(lambda: all(len(listener.told) == 50 for listener in listeners), 20)
        await eventually(lambda: all(bot.intake.is_seated for bot in running), 20)
        await host.remove(running[1].bot)
        await publish(system, *fills(51, 60))
        await eventually(lambda: len(listeners[0].told) == 60, 20)
    await eventually(lambda: _is_nothing_wanted(system))
    async with Host(bus, retry=QUICK) as host:
        for listener in listeners:
            await host.add(bot_of(listener, ALICE))
        await publish(system, *fills(61, 70))
        await eventually(lambda: all(len(listener.told) == 70 for listener in listeners), 20)
    assert listeners[0].told == listeners[1].told == [str(number) for number in range(1, 71)]
    streams = [
        (await api.call(system, f"STREAM.INFO.{name}"))["state"] for name in ("ORDERS", "ORDERS-alice")
    ]
    assert streams[0]["consumer_count"] <= 2  # the mirrors' own: no bot's
    assert streams[1]["consumer_count"] >= 2


async def test_a_bot_that_names_another_user_is_told_nothing(alices: Tenancy) -> None:
    """It listens to an empty part of its own account, and nobody is asked to connect for it."""
    system, bus = await alices.connect("control"), await alices.connect("bob")
    listener, own = Listener("spy"), Listener("own")
    bobs = fills(2, 2, account=type(ALICE)("bob", "binance", "live"))
    async with Host(bus, retry=QUICK) as host:
        await host.add(bot_of(own, bobs[0].account))
        await host.add(bot_of(listener, ALICE))
        await publish(system, *fills(1, 1), *bobs)
        await eventually(lambda: own.told == ["2"])
        await eventually(lambda: _wanting(system))
        assert await _wanting(system) == ["bob"]
    assert listener.told == []


async def _is_nothing_wanted(bus: Bus) -> bool:
    return not await _wanting(bus)


async def _wanting(bus: Bus) -> list[str]:
    return [key.partition(".")[0] for key in await Bucket(bus, DESIRED).keys()]


class Trader(Strategy):
    """Orders when it is told of a fill, keeps a checkpoint, and cannot handle one order."""

    name = "trader"
    pairs = ("BTC-USDT",)

    def __init__(self) -> None:
        self.answers: list[TradeOrder] = []
        self.states: list[ConnectionState] = []
        self.kept: Checkpoint | None = None

    def on_websocket_connected(self, event: ConnectionEvent) -> None:
        """Note it."""
        self.states.append(event.state)

    def on_websocket_disconnected(self, event: ConnectionEvent) -> None:
        """Note it."""
        self.states.append(event.state)

    async def on_fill(self, order: OrderEvent) -> None:
        """Order, and keep where we are."""
        if order.order_id == "13":
            raise ValueError("thirteen")
        self.answers.append(await self.place_order("BTC-USDT", Side.SELL, "1", price="70000"))
        await self.save_checkpoint(7, b"state")
        self.kept = await self.load_checkpoint()


async def test_a_bot_orders_keeps_its_state_hears_of_the_connection_and_leaves_dead_letters(
    alices: Tenancy,
) -> None:
    """Each by the system's own streams and gateways, which see it as of any other bot."""
    system = await alices.connect("control")
    asked: list[str] = []

    async def gateway(message: Message) -> bytes:
        asked.append(message.subject)
        request = decode_order_request(message.data)
        return encode_command(
            TradeOrder(outcome=Outcome.ACCEPTED, client_order_id=request.client_order_id, pair=request.pair)
        )

    responder = await Responder.start(system, "commands.alice.binance.live.*", gateway)
    bucket = Bucket(system, STATUS)
    up = connection_event(ConnectionState.RECEIVING)
    await bucket.put("alice.binance.live", encode_connection(up))
    trader = Trader()
    bus = await alices.connect("alice")
    async with Host(bus, retry=QUICK, fast_lane=True) as host:
        await host.add(bot_of(trader, ALICE))
        await eventually(lambda: trader.states == [ConnectionState.RECEIVING])
        await eventually(lambda: _wanting(system))
        await publish(system, *fills(1, 1), *fills(13, 13))
        await eventually(lambda: trader.kept == Checkpoint(7, b"state"))
        assert [answer.outcome for answer in trader.answers] == [Outcome.ACCEPTED]
        assert asked == ["commands.alice.binance.live.place_order"]
        await eventually(lambda: _is_kept(system, "DLQ", "dlq.alice.trader"))
        await eventually(lambda: _is_kept(system, "ALERTS", "alerts.alice.>"))
        down = connection_event(
            ConnectionState.RECONNECTING, previous=ConnectionState.RECEIVING, time_ns=up.time_ns + 1
        )
        await system.publish("connections.alice.binance.live", encode_connection(down))
        await eventually(lambda: trader.states[-1] is ConnectionState.RECONNECTING)
    await responder.stop()


async def _is_kept(bus: Bus, stream: str, subject: str) -> bool:
    return await newest_message(bus, stream, subject) is not None


async def test_the_classes_for_programs_take_a_tenants_credentials(alices: Tenancy) -> None:
    """`Orders` listens and asks, `BotClient` asks the manager; the prefix comes with the credentials."""
    system = await alices.connect("control")

    async def manager(_: Message) -> bytes:
        return encode_bot(BotAnswer(outcome=BotOutcome.DONE, reason=None))

    responder = await Responder.start(system, "bots.*.*", manager)
    listener = Listener()
    async with Orders(alices.broker.url, user="alice", credentials=alices.credentials("alice")) as orders:
        await orders.subscribe_to_order_fills("BTC-USDT", listener)
        assert not await orders.is_websocket_connected()
        await publish(system, order_event(order_id="1"))
        await eventually(lambda: listener.told == ["1"])
    async with BotClient(alices.broker.url, user="alice", credentials=alices.credentials("alice")) as bots:
        assert list(await bots.list()) == []
    await responder.stop()


BOT = """\
from fillwire import Strategy

class First(Strategy):
    pairs = ["BTC-USDT"]

    async def on_order_filled(self, order):
        print("first", order.order_id, flush=True)
"""


async def test_fillwire_run_in_a_tenants_account(alices: Tenancy, tmp_path: Path) -> None:
    """The settings name the seed and the prefix; while its secret is rotated it misses nothing."""
    system = await alices.connect("control")
    path = tmp_path / "bot.py"
    path.write_text(BOT)
    environ = {
        "FILLWIRE_NATS__URL": alices.broker.url,
        "FILLWIRE_NATS__NKEY_FILE": str(alices.seed_path("alice")),
        "FILLWIRE_NATS__API_PREFIX": API_PREFIX,
    }
    async with python("-m", "fillwire", "run", path, "--user", "alice", environ=environ) as process:
        await process.said('"ready"')
        await publish(system, order_event(order_id="1"))
        await process.said("first 1")
        alices.rotate("alice", overlap=timedelta(hours=1))
        await publish(system, order_event(order_id="2"))
        await process.said("first 2")
        assert await process.end() == 0
        assert orjson.loads(process.lines[0])["bots"] == ["first"]
