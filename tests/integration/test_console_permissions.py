"""The console under exactly the rights that `fillwire users` names for it, at a server that enforces them."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner

from fillwire.bots.service import ManagerService
from fillwire.bus.buckets import ensure_buckets
from fillwire.bus.connection import Bus, Credentials
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.cli import main
from fillwire.cli.console import sections
from fillwire.domain.enums import ConnectionState
from fillwire.runtime.settings import RecorderSettings, Settings
from support.asides import keep_frame, keep_letter
from support.broker import ConnectBus
from support.console import ADMIN_TOKEN, ALICE_TOKEN, Stream, Visitor, console, visitor
from support.eventually import eventually
from support.listeners import Listener, running
from support.managed_bots import managed_bots
from support.order_events import ALICE, connection_event, order_event
from support.publishing import publish, publish_connection


def named() -> str:
    """Return the rights as the command prints them, in the server's own language."""
    done = CliRunner().invoke(main, ("users", "rights", "console", "--directory", "nowhere"))
    assert done.exit_code == 0, done.output
    return done.stdout.strip().removeprefix("{").removesuffix("}")


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A broker with a login for everything and one for the console."""
    config = (
        "authorization { users = [\n{ user: operator, password: o }\n"
        f"{{ user: console, password: c, {named()} }}\n] }}"
    )
    async with EmbeddedServer(tmp_path / "broker", extra_config=config) as server:
        yield server


async def what_is_shown(connect: ConnectBus, operator: Bus, alice: Visitor, streams: list[Stream]) -> None:
    """Fills of before and of now, connections, and the way of a fill to the end of a callback."""
    listener = Listener("alone")
    async with running(await connect("host"), listener):
        event = order_event(order_id="2", received_time_ns=time.time_ns())
        await publish(operator, event)
        await publish_connection(operator, connection_event(ConnectionState.RECEIVING))
        for stream in streams:
            await eventually(
                lambda stream=stream: [event["order_id"] for event in stream.events] == ["1", "2"]
            )
            await eventually(lambda stream=stream: len(stream.accounts) == 1)
        await eventually(lambda: listener.told == ["2"])
        time_ms = event.received_time_ns // 10**6
        status, way = await alice.get(f"/api/way?id={event.event_id}&pair=BTC-USDT&time_ms={time_ms}")
        assert (status, way["calls"]) == (200, 1)

        async def is_listed() -> bool:
            return [bot["bot"] for bot in (await alice.get("/api/bots"))[1].get("bots", [])] == ["alone"]

        await eventually(is_listed)


async def what_is_done(connect: ConnectBus, tmp_path: Path, alice: Visitor, admin: Visitor) -> None:
    """Bots turned, a letter replayed and one discarded, a frame read and decided."""
    async with (
        managed_bots(connect, tmp_path / "bots") as bots,
        ManagerService(await connect("service"), bots.manager),
    ):
        await bots.host("h1")
        await bots.manager.create("alice", bots.creation("grid"))
        for visitor in (alice, admin):
            listed = (await visitor.get("/api/bots"))[1]["bots"]
            assert [bot["bot"] for bot in listed if bot["is_managed"]] == ["grid"]
        for verb in ("pause", "resume", "stop", "start"):
            assert (await alice.post(f"/api/bots/alice/grid/{verb}"))[0] == 200
        assert (await alice.get("/api/letters"))[1]["count"] == 2
        assert (await alice.get("/api/letters/1"))[1]["event"]["order_id"] == "7"
        assert (await alice.post("/api/letters/1/replay"))[1]["outcome"] == "done"
        assert (await admin.post("/api/letters/2/discard"))[1]["outcome"] == "done"
        assert (await alice.get("/api/letters"))[1]["count"] == 0
    assert (await alice.get("/api/frames"))[1]["count"] == 1
    assert "surprise" in (await alice.get("/api/frames/1"))[1]["frame"]
    assert "no gateway holds" in (await alice.post("/api/frames/1/replay"))[1]["reason"]
    assert (await alice.post("/api/frames/1/discard"))[1]["outcome"] == "done"


async def test_the_console_works_with_the_rights_that_are_named_and_no_others(
    guarded: EmbeddedServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Everything that it shows and does, for a user and an administrator; the server refuses it nothing."""
    async with AsyncExitStack() as stack:

        async def connect(name: str = "test", **_: object) -> Bus:
            credentials = Credentials(user="operator", password="o")
            return await stack.enter_async_context(
                await Bus.connect(guarded.url, name=name, credentials=credentials)
            )

        operator = await connect()
        await ensure_streams(operator)
        await ensure_buckets(operator)
        bus = await stack.enter_async_context(
            await Bus.connect(
                guarded.url,
                name="console",
                credentials=Credentials(user="console", password="c"),
                inbox_prefix="_INBOX_console",
            )
        )
        await publish(operator, order_event(order_id="1"))
        await keep_letter(operator, "grid", order_event(order_id="7"))
        await keep_letter(operator, "grid", order_event(order_id="8"))
        await keep_frame(operator, ALICE, b'{"e":"surprise"}')
        settings = Settings(recorder=RecorderSettings(database=f"sqlite:///{tmp_path}/trades.sqlite"))
        made = await stack.enter_async_context(console(bus, sections(bus, settings)))
        alice = await stack.enter_async_context(visitor(made, ALICE_TOKEN))
        admin = await stack.enter_async_context(visitor(made, ADMIN_TOKEN))
        streams = [await alice.listen(), await admin.listen()]
        await what_is_shown(connect, operator, alice, streams)
        await what_is_done(connect, tmp_path, alice, admin)
    refused = [record for record in caplog.records if record.message == "broker_permission_missing"]
    assert refused == []


async def test_what_a_console_has_no_right_to_it_cannot_do(guarded: EmbeddedServer) -> None:
    """Neither ask a gateway for orders, nor write states, wishes, leases or bots, nor change a stream."""
    async with (
        await Bus.connect(
            guarded.url, name="operator", credentials=Credentials(user="operator", password="o")
        ) as operator,
        await Bus.connect(
            guarded.url,
            name="console",
            credentials=Credentials(user="console", password="c"),
            inbox_prefix="_INBOX_console",
        ) as bus,
    ):
        await ensure_streams(operator)
        await ensure_buckets(operator)
        heard: list[str] = []
        subscription = await operator.subscribe(">", lambda message: heard.append(message.subject))
        assert await operator.is_healthy()  # a round trip: the subscription is in place
        for subject in (
            "commands.alice.binance.live.place",
            "bots.alice.create",
            "bots.alice.execute_order",
            "bots.alice.remove",
            "connections.alice.binance.live",
            "dlq.alice.grid",
            "$KV.BOTS.alice.grid",
            "$KV.LEASES.alice.binance.live",
            "$KV.DESIRED.alice.binance.live.host",
            "$JS.API.STREAM.DELETE.ORDERS",
            "$JS.API.STREAM.PURGE.ORDERS",
            "$JS.API.STREAM.UPDATE.ORDERS",
            "$JS.API.CONSUMER.CREATE.ALERTS.reader.alerts.>",
            "hosts.alive.1",
        ):
            await bus.publish(subject, b"{}")
        await bus.publish("calls.alice", b"{}")  # what it may, sent last
        await eventually(lambda: "calls.alice" in heard)
        assert heard == ["calls.alice"]
        await subscription.unsubscribe()
