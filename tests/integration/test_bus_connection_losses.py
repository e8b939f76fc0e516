"""What becomes of a connection whose broker is lost, hangs, takes nothing or hangs up."""

import asyncio
import contextlib
import io
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fillwire.bus import connection
from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.errors import BrokerError
from fillwire.runtime.ports import free_ports
from support.broker_proxy import TcpProxy
from support.eventually import eventually
from support.hearing import Collector, keep
from support.logged import logged

__all__ = ["logged"]


async def test_reconnect_restores_subscriptions_and_is_told(broker: EmbeddedServer, bus: Bus) -> None:
    """After kill -9 and restart, subscriptions hear again; the loss and the return are told."""
    heard, told = list[bytes](), list[str]()
    await bus.subscribe("connections.>", keep(heard))

    async def failing() -> None:
        raise ValueError("a bug in a callback")

    async def returned() -> None:
        told.append("returned")

    bus.on_disconnected(lambda: told.append("lost"))
    bus.on_reconnected(failing)
    bus.on_reconnected(returned)
    await broker.kill()
    await eventually(lambda: told == ["lost"])
    assert not await bus.is_healthy(0.2)
    await broker.start()
    await eventually(lambda: told == ["lost", "returned"])
    await bus.publish("connections.a", b"after")
    await eventually(lambda: heard == [b"after"])
    bus.off_reconnected(returned)
    bus.off_reconnected(returned)


async def test_client_that_closed_for_good_is_replaced(bus: Bus) -> None:
    """A fatal error of the server ends nats-py's client; the bus makes another one and sets everything up on it."""
    heard, told = list[bytes](), asyncio.Event()
    await bus.subscribe("connections.>", keep(heard))
    collector = Collector()
    await bus.subscribe("connections.>", collector)

    async def returned() -> None:
        told.set()

    bus.on_reconnected(returned)
    before = bus.nc
    # The broker reads it whole, says so and closes; of a longer one a reset may be all that is heard.
    bus.write(b"BOGUS\r\n")
    await asyncio.wait_for(told.wait(), 20)
    assert before.is_closed
    assert bus.nc is not before
    await bus.publish("connections.a", b"after")
    await eventually(lambda: heard == collector.bodies == [b"after"])


def _state(thread: Path) -> str:
    return (thread / "stat").read_text().rsplit(")", 1)[1].split()[0]


async def test_health_check_that_gives_up_does_not_deafen_the_connection(
    broker: EmbeddedServer, bus: Bus
) -> None:
    """A broker that hangs for a moment is unhealthy then, and heard again afterwards."""
    assert broker.pid is not None
    threads = Path(f"/proc/{broker.pid}/task")
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        # The signal reaches one thread after another: one that still runs would answer.
        await eventually(lambda: all(_state(thread) == "T" for thread in threads.iterdir()))
        assert not await bus.is_healthy(0.2)
    finally:
        os.kill(broker.pid, signal.SIGCONT)
    await eventually(bus.is_healthy)


class Recorder(TcpProxy):
    """Stands before a broker and keeps what clients send."""

    sent = b""

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            await self._flows.wait()
            self.sent += data
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError

    async def _return(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await super()._forward(reader, writer)


@asynccontextmanager
async def recorded(broker: EmbeddedServer) -> AsyncIterator[Recorder]:
    """Run a recorder before a broker inside the block."""
    recorder = Recorder(broker.url)
    await recorder.listen()
    try:
        yield recorder
    finally:
        await recorder.cut()


async def test_round_trip_goes_behind_all_that_was_sent_before(broker: EmbeddedServer) -> None:
    """Whoever has subscribed, published and then had an answer knows that the broker has it, whichever way it was sent."""
    async with recorded(broker) as recorder, await Bus.connect(recorder.url, name="test") as bus:
        assert await bus.is_healthy()
        before = len(recorder.sent)
        await bus.subscribe("first.>", keep([]))
        await bus.publish("second", b"x")
        bus.write(b"PUB third 1\r\nx\r\n")
        assert await bus.is_healthy()
        lines = recorder.sent[before:].split(b"\r\n")
        operations = [line.split()[:2] for line in lines if line not in {b"x", b""}]
        assert operations == [[b"SUB", b"first.>"], [b"PUB", b"second"], [b"PUB", b"third"], [b"PING"]]


async def test_round_trip_that_was_given_up_is_not_made_on_the_next_connection(
    broker: EmbeddedServer, logged: io.StringIO
) -> None:
    """Its answer would pass for that to a later one: what is published meanwhile is sent there, and it is not."""
    block = bytes(256 << 10)
    async with recorded(broker) as recorder, await Bus.connect(recorder.url, name="test") as bus:

        async def is_blocked() -> bool:
            await bus.publish("filling", block)
            return int(bus.nc.pending_data_size) > 2 * len(block)

        recorder.stall()
        await eventually(is_blocked)
        assert not await bus.is_healthy(0.05)
        await recorder.cut()
        recorder.sent = b""
        recorder.flow()
        await recorder.listen()
        await eventually(lambda: "broker_reconnected" in logged.getvalue())
        assert recorder.sent.count(block) >= 1
        assert recorder.sent.count(b"PING\r\n") == 2  # of the login, and behind all that was waiting


async def test_broker_that_takes_nothing_is_given_up_however_much_waits_for_it(
    broker: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than the client keeps: who sends waits for room, but not who looks whether the broker is there."""
    monkeypatch.setattr(connection, "PENDING_BYTES", 1 << 20)
    monkeypatch.setattr(connection, "PING_INTERVAL_S", 0.5)
    async with recorded(broker) as recorder, await Bus.connect(recorder.url, name="test") as bus:

        async def ask() -> None:
            while bus.is_connected:
                with contextlib.suppress(BrokerError):
                    await bus.request("somebody", bytes(512 << 10), 0.1)

        recorder.stall()
        asking = [asyncio.create_task(ask()) for _ in range(20)]
        await eventually(lambda: int(bus.nc.pending_data_size) > 1 << 20)
        assert not await asyncio.wait_for(bus.is_healthy(0.1), 5)
        await eventually(lambda: not bus.is_connected)
        await asyncio.wait_for(asyncio.gather(*asking), 20)


async def test_who_waits_for_room_can_be_cancelled(
    broker: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client below would take the cancellation for the room."""
    monkeypatch.setattr(connection, "PENDING_BYTES", 1 << 20)
    async with recorded(broker) as recorder, await Bus.connect(recorder.url, name="test") as bus:

        async def publish() -> None:
            while True:
                await bus.publish("anywhere", bytes(512 << 10))

        recorder.stall()
        publishing = {asyncio.create_task(publish()) for _ in range(20)}
        await eventually(lambda: int(bus.nc.pending_data_size) > 2 << 20)
        for task in publishing:
            task.cancel()
        _, waiting = await asyncio.wait(publishing, timeout=3)
        assert not waiting


class HangsUp(TcpProxy):
    """Stands before a broker and ends connections when somebody logs in, as long as it is to."""

    is_hanging_up = True
    count = 0

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_hanging_up:
            await super()._relay(reader, writer)
            return
        self.count += 1
        writer.write(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1048576,"headers":true}\r\n')
        await reader.readline()
        writer.close()


async def test_broker_that_ends_the_connection_at_the_login_is_tried_again_at_a_pace(
    broker: EmbeddedServer,
) -> None:
    """Until the deadline, then it is said; and the same when a connection is lost."""
    proxy = HangsUp(broker.url)
    await proxy.listen()
    with pytest.raises(BrokerError, match="last attempt: the broker ended the connection instead of taking"):
        await Bus.connect(proxy.url, name="test", deadline_s=1.0)
    assert 2 <= proxy.count <= 8
    proxy.is_hanging_up = False
    async with await Bus.connect(proxy.url, name="test") as bus:
        await proxy.cut()
        proxy.is_hanging_up, proxy.count = True, 0
        await proxy.listen()
        await eventually(lambda: proxy.count > 2)
        proxy.is_hanging_up = False
        await eventually(bus.is_healthy)
        running = [task.get_coro() for task in asyncio.all_tasks()]
        assert [getattr(work, "__name__", "") for work in running].count("_ping_interval") == 1
    await proxy.cut()


@pytest.mark.filterwarnings(
    "ignore:parameter 'timeout' of type 'float' is deprecated"
)  # the client's own use
async def test_what_is_written_to_a_web_socket_is_sent_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not with the next question whether the broker is there."""
    monkeypatch.setattr(connection, "PING_INTERVAL_S", 3_600)
    (port,) = free_ports(1)
    web = f'websocket {{ listen: "127.0.0.1:{port}", no_tls: true }}'
    async with (
        EmbeddedServer(tmp_path, extra_config=web),
        await Bus.connect(f"ws://127.0.0.1:{port}", name="test") as bus,
    ):
        heard = list[bytes]()
        await bus.subscribe("a", keep(heard))
        assert await bus.is_healthy()
        for number in range(3):
            bus.write(b"PUB a 1\r\n%d\r\n" % number)
            await eventually(lambda: len(heard) > number)  # noqa: B023 - looked at before it changes
        assert heard == [b"0", b"1", b"2"]
