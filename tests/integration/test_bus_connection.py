"""The connection against a real broker: made in time or refused in a sentence, rebuilt, closed without remains."""

import asyncio
import io
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import uvloop

from fillwire.bus.connection import Bus
from fillwire.bus.credentials import Credentials
from fillwire.bus.errors import NoResponder, RequestTimedOut
from fillwire.bus.messages import Message
from fillwire.bus.responder import Responder
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.runtime.ports import free_ports
from support.broker import ConnectBus
from support.eventually import eventually
from support.hanging import hang
from support.hearing import Collector, keep
from support.logged import logged

__all__ = ["logged"]


class Meeting:
    """Cancels who waits for a request's answer in the moment in which it comes, before that one has heard of it."""

    def __init__(self, answer: asyncio.Future[object], asking: asyncio.Task[bytes]) -> None:
        self._answer = answer
        self._asking = asking

    def cancelled(self) -> bool:
        """Return whether nobody waits any more."""
        return self._answer.cancelled()

    def done(self) -> bool:
        """Return whether the answer has come."""
        return self._answer.done()

    def set_result(self, result: object) -> None:
        """Bring the answer."""
        self._answer.set_result(result)
        self._asking.cancel()


# ---- connecting


async def test_absent_broker_is_one_sentence_within_the_deadline() -> None:
    """The error names the url and what was expected; nothing of the attempt is left."""
    url = f"nats://secret:word@127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(
        BrokerError, match=r"no broker answers at nats://\*\*\*@.*expected a NATS server within 0.5 s"
    ) as caught:
        await asyncio.wait_for(Bus.connect(url, name="test", deadline_s=0.5), 5)
    assert "word" not in str(caught.value)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_peer_that_says_nothing_is_no_broker() -> None:
    """A port that accepts and stays silent does not hang the caller."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"nats://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(BrokerError, match="no broker answers"):
            await asyncio.wait_for(Bus.connect(url, name="test", deadline_s=0.5), 5)


async def test_broker_that_starts_late_is_waited_for(tmp_path: Path) -> None:
    """Services and broker may start in any order."""
    port = free_ports(1)[0]
    connecting = asyncio.create_task(Bus.connect(f"nats://127.0.0.1:{port}", name="test", deadline_s=20))
    async with EmbeddedServer(tmp_path, port=port), await asyncio.wait_for(connecting, 20) as bus:
        assert await bus.is_healthy()


@pytest.mark.parametrize("url", ["nats://", "http://127.0.0.1:1", "nats://a:b:c", ""])
async def test_url_that_cannot_be_used_is_a_configuration_error(url: str) -> None:
    """A malformed url is no reason to wait for the deadline."""
    with pytest.raises(ConfigError, match="expected"):
        await asyncio.wait_for(Bus.connect(url, name="test", deadline_s=20), 5)


async def test_credentials_are_used_and_wrong_ones_refused_at_once(tmp_path: Path) -> None:
    """Trying again with what was refused cannot help, so the deadline is not waited for; a function is asked each time."""
    config = 'authorization { user: "gateway", password: "right" }'
    async with EmbeddedServer(tmp_path, extra_config=config) as server:
        good = Credentials(user="gateway", password=lambda: "right")
        async with await Bus.connect(server.url, name="test", credentials=good) as bus:
            assert await bus.is_healthy()
        bad = Credentials(user="gateway", password="wrong")
        with pytest.raises(BrokerError, match="refuses the credentials of test"):
            await asyncio.wait_for(Bus.connect(server.url, name="test", credentials=bad, deadline_s=60), 5)


# ---- requests


@pytest.mark.parametrize("loop", [uvloop.new_event_loop, asyncio.SelectorEventLoop])
def test_what_waits_for_a_socket_that_broke_does_not_keep_the_client_from_closing(
    tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Each loop and each version of Python takes what is written there in its own way."""

    async def close_broken() -> None:
        async with EmbeddedServer(tmp_path / "broker") as server:
            bus = await Bus.connect(server.url, name="test")
            client = bus._client
            client.abort()
            client._pending.append(b"PING\r\n")
            client._pending_data_size += 6
            await client._flush_pending()
            await bus.close()
            assert client.own_tasks() == set()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(close_broken(), 30))


async def test_request_tells_nobody_there_from_no_answer(bus: Bus) -> None:
    """One means: certainly not carried out; the other: unknown."""
    with pytest.raises(NoResponder, match="nobody answers on commands"):
        await bus.request("commands.x", b"", 5)
    await bus.subscribe("commands.y", keep([]))
    with pytest.raises(RequestTimedOut, match=r"no answer on commands\.y within 0\.1 s"):
        await bus.request("commands.y", b"", 0.1)


async def test_cancellation_that_meets_the_answer_is_not_lost(bus: Bus) -> None:
    """A task cancelled in the very turn in which its answer arrives is cancelled, and does not go on."""
    gate = asyncio.Event()

    async def handle(_: Message) -> bytes:
        await gate.wait()
        return b"answer"

    responder = await Responder.start(bus, "commands.x", handle)
    asking = asyncio.create_task(bus.request("commands.x", b"", 5))
    await eventually(lambda: responder._tasks)
    waiting: Any = bus.nc._resp_map
    ((token, answer),) = waiting.items()
    waiting[token] = Meeting(answer, asking)
    gate.set()
    await asyncio.wait({asking}, timeout=5)
    assert asking.cancelled()
    await responder.stop()


async def test_responder_answers_many_at_once(bus: Bus) -> None:
    """A slow request does not hold up the others, and no more run than allowed."""
    running, most = 0, 0
    gate = asyncio.Event()

    async def handle(message: Message) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await gate.wait()
        running -= 1
        return message.data + b"!"

    responder = await Responder.start(bus, "commands.alice.*", handle, concurrency=4, backlog=100)
    asking = [asyncio.create_task(bus.request("commands.alice.place", b"%d" % n, 10)) for n in range(20)]
    await eventually(lambda: running == 4 and len(responder._waiting) == 16)
    gate.set()
    assert await asyncio.gather(*asking) == [b"%d!" % n for n in range(20)]
    assert (most, responder.answered_count) == (4, 20)
    await responder.stop()


async def test_responder_that_is_overloaded_says_so(bus: Bus) -> None:
    """A request beyond the backlog gets the owner's answer at once."""
    gate = asyncio.Event()

    async def handle(_: Message) -> bytes:
        await gate.wait()
        return b"done"

    responder = await Responder.start(
        bus, "commands.x", handle, concurrency=1, backlog=1, overloaded=lambda _: b"busy"
    )
    accepted = [asyncio.create_task(bus.request("commands.x", b"", 10)) for _ in range(2)]
    await eventually(lambda: len(responder._waiting) == 1)
    assert await bus.request("commands.x", b"", 5) == b"busy"
    gate.set()
    assert await asyncio.gather(*accepted) == [b"done", b"done"]
    await responder.stop()
    assert responder.refused_count == 1


async def test_responder_does_not_answer_into_a_stream(bus: Bus) -> None:
    """A reply subject that is no inbox is somebody's attempt to forge an event."""
    asked: list[bytes] = []

    async def handle(message: Message) -> bytes:
        asked.append(message.data)
        return b"forged"

    responder = await Responder.start(bus, "commands.x", handle)
    await bus.nc.publish("commands.x", b"bad", reply="orders.bob.binance.live.BTC-USDT.filled")
    assert await bus.request("commands.x", b"good", 5) == b"forged"
    assert asked == [b"good"]
    assert (await bus.js.stream_info("ORDERS")).state.messages == 0
    assert responder.refused_count == 1
    await responder.stop()


async def test_a_flood_of_requests_that_are_not_answered_fills_no_log(bus: Bus, logged: io.StringIO) -> None:
    """One line tells of the first, another at the end how many more there were; so of those that failed here."""

    async def handle(_: Message) -> bytes:
        raise ValueError("a bug")

    def said(event: str) -> list[str]:
        lines = map(orjson.loads, logged.getvalue().splitlines())
        return [line["reason"] for line in lines if line["event"] == event]

    responder = await Responder.start(bus, "commands.x", handle)
    for number in range(200):
        await bus.nc.publish("commands.x", b"bad", reply=f"orders.bob.{number}")
        await bus.nc.publish("commands.x", b"bad", reply=bus.new_inbox())
    await eventually(lambda: responder.refused_count == responder.failed_count == 200)
    assert len(said("request_refused")) == len(said("request_failed")) == 1
    await responder.stop()
    for event in ("request_refused", "request_failed"):
        assert [reason.split()[0] for reason in said(event)[1:]] == ["199"]


async def test_failing_handler_is_counted_and_the_next_request_answered(bus: Bus) -> None:
    """An error in one request is no answer, and no end of the responder."""

    async def handle(message: Message) -> bytes:
        if message.data == b"bad":
            raise ValueError("a bug")
        return b"ok"

    responder = await Responder.start(bus, "commands.x", handle)
    with pytest.raises(RequestTimedOut):
        await bus.request("commands.x", b"bad", 0.2)
    assert await bus.request("commands.x", b"good", 5) == b"ok"
    assert responder.failed_count == 1
    await responder.stop()


async def test_responder_finishes_what_it_accepted_before_it_stops(bus: Bus) -> None:
    """Stop waits for running requests until its deadline and cancels the rest."""
    gate, begun = asyncio.Event(), asyncio.Event()

    async def handle(message: Message) -> bytes:
        begun.set()
        if message.data == b"slow":
            await hang()
        await gate.wait()
        return b"done"

    responder = await Responder.start(bus, "commands.x", handle)
    quick = asyncio.create_task(bus.request("commands.x", b"quick", 10))
    slow = asyncio.create_task(bus.request("commands.x", b"slow", 2))
    await eventually(lambda: len(responder._tasks) == 2)
    gate.set()
    await responder.stop(deadline_s=0.3)
    assert await quick == b"done"
    assert not responder._tasks
    with pytest.raises(BrokerError):
        await slow


# ---- subscriptions


async def test_subscription_keeps_order_with_both_kinds_of_handler(bus: Bus) -> None:
    """A coroutine function and a plain one see the same messages in the same order, beside the client's own."""
    slow, plain = Collector(), list[bytes]()

    async def handle(message: Message) -> None:
        await asyncio.sleep(0)
        slow.bodies.append(message.data)

    await bus.subscribe("connections.>", handle)
    await bus.subscribe("connections.*", keep(plain))
    expected = [b"%d" % number for number in range(500)]
    for body in expected:
        await bus.publish("connections.a", body)
    await eventually(lambda: len(slow.bodies) == len(plain) == 500)
    assert slow.bodies == plain == expected


async def test_queue_group_shares_messages(bus: Bus, connect_bus: ConnectBus) -> None:
    """Each message reaches one member."""
    other = await connect_bus("other")
    first, second = list[bytes](), list[bytes]()
    await bus.subscribe("commands.>", keep(first), queue="gw")
    await other.subscribe("commands.>", keep(second), queue="gw")
    assert await other.is_healthy()
    for number in range(200):
        await bus.publish("commands.a", b"%d" % number)
    await eventually(lambda: len(first) + len(second) == 200)
    assert first
    assert second


async def test_slow_subscriber_drops_beyond_its_capacity_and_counts(bus: Bus) -> None:
    """A core subscription cannot slow its publisher; memory stays bounded and the loss is known."""
    gate, received = asyncio.Event(), list[bytes]()

    async def handle(message: Message) -> None:
        await gate.wait()
        received.append(message.data)

    subscription = await bus.subscribe("connections.>", handle, capacity=10)
    await bus.publish("connections.a", b"in hand")
    await eventually(lambda: subscription.inbox is not None and subscription.inbox.is_busy)
    for number in range(50):
        await bus.publish("connections.a", b"%d" % number)
    await eventually(lambda: subscription.dropped_count == 40)
    gate.set()
    await eventually(lambda: received == [b"in hand", *(b"%d" % number for number in range(10))])


async def test_unsubscribed_handler_hears_nothing_more(bus: Bus) -> None:
    """After unsubscribe nothing is delivered, and a second call does nothing."""
    heard: list[bytes] = []
    subscription = await bus.subscribe("connections.>", keep(heard))
    await bus.publish("connections.a", b"1")
    await eventually(lambda: heard == [b"1"])
    await subscription.unsubscribe()
    await subscription.unsubscribe()
    await bus.publish("connections.a", b"2")
    assert await bus.is_healthy()
    assert heard == [b"1"]


@pytest.mark.parametrize("subject", ["", "a b", "a\r\nPUB x 0"])
async def test_malformed_subject_is_refused(bus: Bus, subject: str) -> None:
    """What would break the protocol is an error of the caller, not of the connection."""
    with pytest.raises(BrokerError):
        await bus.subscribe(subject, keep([]))
    with pytest.raises(BrokerError):
        await bus.publish(subject, b"")
    with pytest.raises(BrokerError):
        await bus.request(subject, b"", 1)
    assert await bus.is_healthy()


# ---- the end


async def test_close_finishes_what_has_arrived_and_leaves_no_task(connect_bus: ConnectBus, bus: Bus) -> None:
    """Handlers get to the end of their queue; then neither tasks nor sockets remain."""
    closing = await connect_bus("closing")
    before = {task for task in asyncio.all_tasks() if "closing" not in task.get_name()}
    gate, received = asyncio.Event(), list[bytes]()

    async def handle(message: Message) -> None:
        await gate.wait()
        received.append(message.data)

    subscription = await closing.subscribe("connections.>", handle)
    assert await closing.is_healthy()
    for number in range(10):
        await bus.publish("connections.a", b"%d" % number)
    await eventually(lambda: subscription.inbox is not None and len(subscription.inbox) == 9)
    ending = asyncio.create_task(closing.close())
    asyncio.get_running_loop().call_soon(gate.set)
    await ending
    assert len(received) == 10
    assert asyncio.all_tasks() <= before | {asyncio.current_task()}
    with pytest.raises(BrokerError):
        await closing.publish("connections.a")
    with pytest.raises(BrokerError):
        await closing.subscribe("connections.a", keep([]))
    await closing.close()


@pytest.mark.parametrize("away_s", [0.0, 0.1, 0.2, 0.21, 0.22, 0.23, 0.24, 0.4])
async def test_close_during_an_outage_ends_the_reconnecting(
    broker: EmbeddedServer, connect_bus: ConnectBus, away_s: float
) -> None:
    """Shutting down while the broker is away is quick and leaves no task, whatever the reconnect was just doing."""
    bus = await connect_bus()
    await bus.subscribe("connections.>", Collector())
    await broker.kill()
    await eventually(lambda: not bus.is_connected)
    await asyncio.sleep(away_s)  # not to wait for something, but to meet the reconnect at another point
    await asyncio.wait_for(bus.close(), 3)
    assert asyncio.all_tasks() == {asyncio.current_task()}
