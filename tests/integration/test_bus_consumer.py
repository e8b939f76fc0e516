"""Consumers and the pull loop against a real broker: in order, none skipped, none repeated, through every loss."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fillwire.bus import api, consumer
from fillwire.bus.connection import Bus
from fillwire.bus.consumer import (
    AckPolicy,
    PullLoop,
    StartAtSequence,
    StartAtTime,
    delete_consumer,
    ensure_consumer,
)
from fillwire.bus.credentials import Credentials
from fillwire.bus.messages import Message
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.domain.errors import ConfigError
from support.broker import ConnectBus
from support.eventually import eventually


class Bot:
    """A handler that keeps what it was given and acknowledges it."""

    def __init__(self) -> None:
        self.sequences: list[int] = []
        self.bodies: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        """Keep and acknowledge."""
        self.sequences.append(message.sequence)
        self.bodies.append(message.data)
        message.ack()


async def _publish(bus: Bus, first: int, count: int) -> None:
    async with OrderedPublisher(bus) as publisher:
        for number in range(first, first + count):
            publisher.submit("key", "orders.alice.x", b"%d" % number, f"id-{number}")
        assert await publisher.flush(20) == 0


async def _info(bus: Bus, durable: str = "bot") -> dict[str, Any]:
    return await api.call(bus, f"CONSUMER.INFO.ORDERS.{durable}")


@asynccontextmanager
async def _loop(bus: Bus, handle: Any, **options: Any) -> AsyncIterator[PullLoop]:
    options = {"heartbeat_s": 0.3} | options
    async with PullLoop(bus, "ORDERS", "bot", handle, **options) as loop:
        yield loop


def _drop(bus: Bus, loop: PullLoop, is_lost: Callable[[bytes], bool]) -> None:
    """Lose deliveries on their way to the loop, as a broken connection does."""
    subscription = loop._subscription
    assert subscription is not None
    assert subscription.sid is not None
    receive = subscription.receive

    def lossy(subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        if not (reply and is_lost(data)):
            receive(subject, reply, data, headers)

    bus._client.direct[subscription.sid] = lossy


# ---- handing over


@pytest.mark.parametrize("is_plain", [False, True])
async def test_messages_come_in_order_and_once(bus: Bus, is_plain: bool) -> None:
    """What was stored before the start and what comes later is handed over in order; all is acknowledged."""
    bot = Bot()

    def plain(message: Message) -> None:
        bot.sequences.append(message.sequence)
        message.ack()

    await _publish(bus, 0, 1000)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.alice.>"], deliver="all")
    async with _loop(bus, plain if is_plain else bot, batch=64) as loop:
        await eventually(lambda: len(bot.sequences) == 1000)
        await _publish(bus, 1000, 500)
        await eventually(lambda: len(bot.sequences) == 1500)
        assert bot.sequences == list(range(1, 1501))
        assert (loop.delivered_count, loop.repeated_count) == (1500, 0)
        assert loop.waiting_count == 0

        async def is_done() -> bool:
            info = await _info(bus)
            return (info["ack_floor"]["stream_seq"], info["num_ack_pending"]) == (1500, 0)

        await eventually(is_done)


async def test_slow_handler_bounds_what_waits_here(bus: Bus) -> None:
    """The broker keeps what the handler has not come to; little more than a batch waits in this process."""
    gate = asyncio.Event()
    taken = 0

    async def handle(message: Message) -> None:
        nonlocal taken
        taken += 1
        await gate.wait()
        message.ack()

    await _publish(bus, 0, 2000)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with _loop(bus, handle, batch=100) as loop:
        most = 0
        await eventually(lambda: loop.waiting_count >= 99)
        gate.set()
        while taken < 2000:
            most = max(most, loop.waiting_count)
            await asyncio.sleep(0)
        assert most <= 150


async def test_later_loop_begins_with_the_first_unacknowledged_message(
    bus: Bus, connect_bus: ConnectBus
) -> None:
    """A stopped loop hands nothing more out; the next one, in another process, begins right there, before newer ones."""
    first, second = Bot(), Bot()
    third_reached = asyncio.Event()

    async def until_third(message: Message) -> None:
        if message.sequence == 3:
            third_reached.set()
            await asyncio.sleep(600)
        await first(message)

    await _publish(bus, 0, 10)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with _loop(bus, until_third) as loop:
        await third_reached.wait()
        assert not await loop.stop(deadline_s=0.1)
    await _publish(bus, 10, 5)
    async with _loop(await connect_bus("other"), second):
        await eventually(lambda: len(second.sequences) == 13)
    assert first.sequences == [1, 2]
    assert second.sequences == list(range(3, 16))


async def test_stop_lets_the_message_in_hand_finish(bus: Bus) -> None:
    """What is being handled is done, what waits is left."""
    begun, gate = asyncio.Event(), asyncio.Event()
    done: list[int] = []

    async def handle(message: Message) -> None:
        begun.set()
        await gate.wait()
        done.append(message.sequence)
        message.ack()

    await _publish(bus, 0, 10)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with _loop(bus, handle) as loop:
        await begun.wait()
        stopping = asyncio.create_task(loop.stop())
        await asyncio.sleep(0)
        gate.set()
        assert await stopping
    assert done == [1]


async def test_stopped_loop_leaves_no_task(bus: Bus) -> None:
    """Stop ends everything that start began."""
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"])
    await bus.request("$JS.API.INFO", b"", 5)  # the client makes its task for answers at the first request
    before = asyncio.all_tasks()
    loop = await PullLoop(bus, "ORDERS", "bot", Bot()).start()
    assert asyncio.all_tasks() > before
    await loop.stop()
    await loop.stop()
    assert asyncio.all_tasks() == before


# ---- losing things


async def test_order_survives_kill_and_restart_of_the_broker(broker: EmbeddedServer, bus: Bus) -> None:
    """Killed twice while events pour in, the bot still sees each event once and in order, soon after the restart."""
    bot = Bot()
    number = 0

    async def pour() -> None:
        nonlocal number
        while True:
            for _ in range(20):
                publisher.submit(
                    "key" if number % 2 else "yek", "orders.alice.x", b"%d" % number, f"id-{number}"
                )
                number += 1
            await asyncio.sleep(0.01)

    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with OrderedPublisher(bus, ack_timeout_s=0.5) as publisher, _loop(bus, bot) as loop:
        pouring = asyncio.create_task(pour())
        for _ in range(2):
            seen = len(bot.sequences)
            await eventually(lambda seen=seen: len(bot.sequences) > seen + 100)
            await broker.kill()
            await broker.start()
        pouring.cancel()
        assert await publisher.flush(20) == 0
        await eventually(lambda: len(bot.sequences) == number)
        assert loop.reset_count >= 3
    assert bot.sequences == list(range(1, number + 1))


async def test_delivery_that_got_lost_is_asked_for_before_newer_ones_are_handled(bus: Bus) -> None:
    """A missing delivery number makes the loop go back; nothing behind the gap is handed out before what is in it."""
    bot = Bot()
    lost: list[bytes] = []

    def is_lost(data: bytes) -> bool:
        if data in (b"5", b"6", b"7") and lost.count(data) == 0:
            lost.append(data)
            return True
        return False

    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with _loop(bus, bot) as loop:
        await eventually(lambda: loop.reset_count == 1)
        _drop(bus, loop, is_lost)
        await _publish(bus, 0, 100)
        await eventually(lambda: len(bot.sequences) == 100)
        assert loop.reset_count == 2
    assert lost == [b"5", b"6", b"7"]
    assert bot.sequences == list(range(1, 101))


async def test_last_deliveries_that_got_lost_are_noticed_by_the_heartbeat(bus: Bus) -> None:
    """Without anything behind it a loss shows in the broker's sign of life, long before the acknowledgement wait."""
    bot = Bot()
    lost: list[bytes] = []

    def is_lost(data: bytes) -> bool:
        if data in (b"8", b"9") and lost.count(data) == 0:
            lost.append(data)
            return True
        return False

    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_wait_s=30)
    async with _loop(bus, bot) as loop:
        await eventually(lambda: loop.reset_count == 1)
        _drop(bus, loop, is_lost)
        await _publish(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10, deadline_s=5)
    assert bot.sequences == list(range(1, 11))


@pytest.mark.parametrize("ack_policy", ["explicit", "all"])
async def test_messages_in_hand_are_not_handed_out_again_after_a_reconnect(
    broker: EmbeddedServer, bus: Bus, ack_policy: AckPolicy
) -> None:
    """A handler that acknowledges later gets each message once; its acknowledgements count after the restart too."""
    held: list[Message] = []
    await _publish(bus, 0, 10)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_policy=ack_policy)
    async with _loop(bus, held.append, ack_policy=ack_policy) as loop:
        await eventually(lambda: len(held) == 10)
        for message in held[:3]:
            message.ack()

        async def three_are_done() -> bool:
            return bool((await _info(bus))["ack_floor"]["stream_seq"] == 3)

        await eventually(three_are_done)
        await broker.kill()
        await broker.start()
        await eventually(lambda: loop.repeated_count >= 7)
        for message in held[3:]:
            message.ack()

        async def all_are_done() -> bool:
            info = await _info(bus)
            return (info["ack_floor"]["stream_seq"], info["num_ack_pending"]) == (len(held), 0)

        await eventually(all_are_done)
        await _publish(bus, 10, 2)
        await eventually(lambda: len(held) == 12)
        held[10].ack()
        held[11].ack()
        await eventually(all_are_done)
    assert [message.sequence for message in held] == list(range(1, 13))


async def test_reconnect_is_enough_to_go_on_at_once(bus: Bus) -> None:
    """Pulls end with their connection; the loop does not wait for a missing sign of life to notice."""
    bot = Bot()
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with _loop(bus, bot, heartbeat_s=10) as loop:
        await _publish(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10)
        await bus.nc.force_reconnect()
        await eventually(lambda: loop.reset_count == 2, deadline_s=5)
        await _publish(bus, 10, 10)
        await eventually(lambda: len(bot.sequences) == 20, deadline_s=5)
    assert bot.sequences == list(range(1, 21))


async def test_slow_handler_causes_no_redelivery(bus: Bus) -> None:
    """Neither the message in hand nor those that wait are delivered again, however long the handler takes."""
    bot = Bot()
    counts: list[int] = []

    async def handle(message: Message) -> None:
        if not counts:
            # Not to wait for something: a handler that takes five times the wait for an acknowledgement is the case.
            await asyncio.sleep(2.5)
        counts.append(message.delivery_count)
        await bot(message)

    await _publish(bus, 0, 20)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_wait_s=0.5)
    async with _loop(bus, handle, ack_wait_s=0.5) as loop:
        await eventually(lambda: len(counts) == 20)
        assert loop.repeated_count == 0
        assert (await _info(bus))["num_redelivered"] == 0
    assert counts == [1] * 20
    assert bot.sequences == list(range(1, 21))


@pytest.mark.parametrize("is_plain", [False, True])
async def test_message_whose_handler_raised_comes_again(bus: Bus, is_plain: bool) -> None:
    """It is delivered after the acknowledgement wait, behind others; nobody else is held up, nobody else is repeated."""
    bot = Bot()
    failures: list[int] = []

    def plain(message: Message) -> None:
        if message.sequence == 2 and not failures:
            failures.append(message.sequence)
            raise ValueError("a bug in a strategy")
        bot.sequences.append(message.sequence)
        message.ack()

    async def awaited(message: Message) -> None:
        plain(message)

    await _publish(bus, 0, 5)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_wait_s=0.5)
    async with _loop(bus, plain if is_plain else awaited, ack_wait_s=0.5):
        await eventually(lambda: len(bot.sequences) == 5)
    assert bot.sequences == [1, 3, 4, 5, 2]


async def test_message_sent_back_comes_again(bus: Bus) -> None:
    """A negative acknowledgement is no end of the message."""
    bot = Bot()
    returned: list[int] = []

    async def handle(message: Message) -> None:
        if message.sequence == 1 and not returned:
            returned.append(1)
            message.negative_ack(0.2)
        else:
            await bot(message)

    await _publish(bus, 0, 2)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with _loop(bus, handle):
        await eventually(lambda: bot.sequences == [2, 1])


async def test_acknowledging_all_ends_what_came_before(bus: Bus) -> None:
    """With the policy `all` one acknowledgement serves many messages, and none of them is reported in progress."""
    taken: list[Message] = []
    await _publish(bus, 0, 50)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_policy="all")
    async with _loop(bus, taken.append, ack_policy="all") as loop:
        await eventually(lambda: len(taken) == 50)
        taken[39].ack()
        assert sorted(loop._unsettled) == list(range(41, 51))

        async def forty_are_done() -> bool:
            return bool((await _info(bus))["ack_floor"]["stream_seq"] == 40)

        await eventually(forty_are_done)


async def test_shared_consumer_is_divided_between_loops(bus: Bus, connect_bus: ConnectBus) -> None:
    """Loops that are not exclusive leave each other's deliveries alone."""
    first, second = Bot(), Bot()
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with (
        _loop(bus, first, batch=4, is_exclusive=False),
        _loop(await connect_bus("other"), second, batch=4, is_exclusive=False),
    ):
        await _publish(bus, 0, 200)
        await eventually(lambda: len(first.sequences) + len(second.sequences) == 200)
    assert sorted(first.sequences + second.sequences) == list(range(1, 201))
    assert first.sequences
    assert second.sequences


# ---- a consumer that goes


async def test_missing_consumer_is_an_error_at_the_start(bus: Bus) -> None:
    """A name that does not exist is not waited for."""
    with pytest.raises(ConfigError, match="consumer nobody of stream ORDERS not found"):
        await PullLoop(bus, "ORDERS", "nobody", Bot()).start()


async def test_deleted_consumer_is_made_again_by_its_owner(bus: Bus) -> None:
    """`on_missing` is awaited, and the loop goes on where the new consumer begins."""
    bot = Bot()

    async def make_again() -> None:
        await ensure_consumer(
            bus, "ORDERS", "bot", ["orders.>"], deliver=StartAtSequence(len(bot.sequences) + 1)
        )

    async with _loop(bus, bot, on_missing=make_again):
        await _publish(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10)
        assert await delete_consumer(bus, "ORDERS", "bot")
        assert not await delete_consumer(bus, "ORDERS", "nobody")
        await _publish(bus, 10, 10)
        await eventually(lambda: len(bot.sequences) == 20)
    assert bot.sequences == list(range(1, 21))


async def test_owner_that_fails_to_make_the_consumer_again_is_asked_again(bus: Bus) -> None:
    """Neither a configuration error nor a bug in `on_missing` ends the loop."""
    bot = Bot()
    failures: list[Exception] = [ValueError("a bug"), ConfigError("no such stream, for a moment")]

    async def make_again() -> None:
        if failures:
            raise failures.pop()
        await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")

    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with _loop(bus, bot, on_missing=make_again):
        await delete_consumer(bus, "ORDERS", "bot")
        await _publish(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10)
    assert not failures


async def test_consumer_made_again_by_somebody_else_is_found(bus: Bus) -> None:
    """Without `on_missing` the loop waits, and repeats nothing that it handed out."""
    bot = Bot()
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with _loop(bus, bot):
        await _publish(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10)
        await delete_consumer(bus, "ORDERS", "bot")
        await _publish(bus, 10, 10)
        await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
        await eventually(lambda: len(bot.sequences) == 20)
    assert bot.sequences == list(range(1, 21))


async def test_consumer_in_memory_is_made_again_after_a_restart(broker: EmbeddedServer, bus: Bus) -> None:
    """Its position went with the broker; the owner knows where it was."""
    bot = Bot()

    async def make_again() -> None:
        start = StartAtSequence(len(bot.sequences) + 1)
        await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver=start, is_in_memory=True)

    async with _loop(bus, bot, on_missing=make_again):
        await _publish(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10)
        await broker.kill()
        await broker.start()
        await _publish(bus, 10, 10)
        await eventually(lambda: len(bot.sequences) == 20)
    assert bot.sequences == list(range(1, 21))


async def test_log_that_began_anew_is_not_taken_for_repetitions(bus: Bus) -> None:
    """When the stream is made again its sequences begin at 1: those are new messages, and are handed out."""
    bot = Bot()

    async def make_again() -> None:
        await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")

    async with _loop(bus, bot, on_missing=make_again):
        await _publish(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10)
        await api.call(bus, "STREAM.DELETE.ORDERS")
        await ensure_streams(bus)
        await _publish(bus, 100, 5)
        await eventually(lambda: len(bot.bodies) == 15)
    assert bot.bodies[10:] == [b"%d" % number for number in range(100, 105)]
    assert bot.sequences[10:] == [1, 2, 3, 4, 5]


async def test_without_the_right_to_reset_messages_come_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that does not allow the reset gets a warning in our log, and the bot gets its fills."""
    monkeypatch.setattr(consumer, "_RESET_TIMEOUT_S", 0.2)
    users = (
        "authorization { users = [ { user: control, password: c }, { user: bot, password: b,"
        ' permissions { publish { deny: ["$JS.API.CONSUMER.RESET.>"] } } } ] }'
    )
    bot = Bot()
    async with EmbeddedServer(tmp_path, extra_config=users) as server:
        control = await Bus.connect(
            server.url, name="control", credentials=Credentials(user="control", password="c")
        )
        mine = await Bus.connect(server.url, name="bot", credentials=Credentials(user="bot", password="b"))
        async with control, mine:
            await ensure_streams(control)
            await ensure_consumer(control, "ORDERS", "bot", ["orders.>"], deliver="all")
            async with _loop(mine, bot):
                await _publish(control, 0, 10)
                await eventually(lambda: len(bot.sequences) == 10)
    assert bot.sequences == list(range(1, 11))


# ---- making consumers


async def test_consumer_is_made_once_and_keeps_its_position(bus: Bus) -> None:
    """Asking again changes what differs and nothing else."""
    await _publish(bus, 0, 10)
    state = await ensure_consumer(bus, "ORDERS", "bot", ["orders.alice.>"], deliver="all")
    assert (state.was_created, state.pending_count, state.acknowledged_sequence) == (True, 10, 0)
    bot = Bot()
    async with _loop(bus, bot):
        await eventually(lambda: len(bot.sequences) == 10)
    created = (await _info(bus))["created"]
    state = await ensure_consumer(
        bus, "ORDERS", "bot", ["orders.alice.>", "orders.bob.>"], deliver="new", max_ack_pending=7
    )
    assert (state.was_created, state.pending_count, state.acknowledged_sequence) == (False, 0, 10)
    info = await _info(bus)
    assert info["created"] == created
    assert info["config"]["filter_subjects"] == ["orders.alice.>", "orders.bob.>"]
    assert info["config"]["max_ack_pending"] == 7
    state = await ensure_consumer(bus, "ORDERS", "bot", ["orders.bob.>"])
    assert (await _info(bus))["config"]["filter_subject"] == "orders.bob.>"


async def test_consumer_begins_where_it_is_told(bus: Bus) -> None:
    """At the end, at the beginning, at a sequence, at a time to the nanosecond, with the last of each subject."""
    await _publish(bus, 0, 10)
    stored = await bus.js.get_msg("ORDERS", seq=6)
    assert stored.time is not None
    bot = Bot()
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    times: dict[int, int] = {}

    async def note(message: Message) -> None:
        times[message.sequence] = message.stored_time_ns
        await bot(message)

    async with _loop(bus, note):
        await eventually(lambda: len(times) == 10)
    for name, deliver, pending in (
        ("new", "new", 0),
        ("all", "all", 10),
        ("last", "last_per_subject", 1),
        ("sequence", StartAtSequence(8), 3),
        ("time", StartAtTime(times[6]), 5),
        ("after", StartAtTime(times[6] + 1), 4),
        ("future", StartAtTime(time.time_ns() + 3600 * 10**9), 0),
    ):
        state = await ensure_consumer(bus, "ORDERS", name, ["orders.>"], deliver=deliver)  # type: ignore[arg-type]  # a literal in a tuple
        assert state.pending_count == pending, name


async def test_consumer_that_cannot_be_changed_is_a_configuration_error(bus: Bus) -> None:
    """The acknowledgement policy is fixed; the error says so in the broker's words."""
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], ack_policy="all")
    with pytest.raises(ConfigError, match="consumer bot of stream ORDERS cannot be made so"):
        await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], ack_policy="explicit")
    with pytest.raises(ConfigError, match="stream not found"):
        await ensure_consumer(bus, "NOWHERE", "bot", ["orders.>"])


async def test_settings_of_a_consumer_reach_the_broker(bus: Bus) -> None:
    """Memory, inactivity and no acknowledgements are as asked for, and asking twice changes nothing."""

    async def ask() -> bool:
        state = await ensure_consumer(
            bus, "ORDERS", "bot", ["orders.>"], ack_policy="none", is_in_memory=True, inactive_threshold_s=60
        )
        return state.was_created

    assert [await ask(), await ask()] == [True, False]
    config = (await _info(bus))["config"]
    assert (config["ack_policy"], config["mem_storage"], config["inactive_threshold"]) == (
        "none",
        True,
        60 * 10**9,
    )
