"""Consumers and the pull loop against a real broker: in order, none skipped, none repeated."""

import asyncio

import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.consumer import PullLoop, ensure_consumer
from fillwire.bus.messages import Message
from support.broker import ConnectBus
from support.consuming import Bot, consumer_info, publish_numbers, pull_loop
from support.eventually import eventually
from support.hanging import hang


@pytest.mark.parametrize("is_plain", [False, True])
async def test_messages_come_in_order_and_once(bus: Bus, is_plain: bool) -> None:
    """What was stored before the start and what comes later is handed over in order; all is acknowledged."""
    bot = Bot()

    def plain(message: Message) -> None:
        bot.sequences.append(message.sequence)
        message.ack()

    await publish_numbers(bus, 0, 1000)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.alice.>"], deliver="all")
    async with pull_loop(bus, plain if is_plain else bot, batch=64) as loop:
        await eventually(lambda: len(bot.sequences) == 1000)
        await publish_numbers(bus, 1000, 500)
        await eventually(lambda: len(bot.sequences) == 1500)
        assert bot.sequences == list(range(1, 1501))
        assert (loop.delivered_count, loop.repeated_count) == (1500, 0)
        assert loop.waiting_count == 0

        async def is_done() -> bool:
            info = await consumer_info(bus)
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

    await publish_numbers(bus, 0, 2000)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with pull_loop(bus, handle, batch=100) as loop:
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
            await hang()
        await first(message)

    await publish_numbers(bus, 0, 10)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with pull_loop(bus, until_third) as loop:
        await third_reached.wait()
        assert not await loop.stop(deadline_s=0.1)
    await publish_numbers(bus, 10, 5)
    async with pull_loop(await connect_bus("other"), second):
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

    await publish_numbers(bus, 0, 10)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with pull_loop(bus, handle) as loop:
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


async def test_slow_handler_causes_no_redelivery(bus: Bus) -> None:
    """Neither the message in hand nor those that wait are delivered again, however long the handler takes."""
    bot = Bot()
    counts: list[int] = []

    async def handle(message: Message) -> None:
        if not counts:
            await asyncio.sleep(2.5)  # it takes five times the wait for an acknowledgement: that is the case
        counts.append(message.delivery_count)
        await bot(message)

    await publish_numbers(bus, 0, 20)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_wait_s=0.5)
    async with pull_loop(bus, handle, ack_wait_s=0.5) as loop:
        await eventually(lambda: len(counts) == 20)
        assert loop.repeated_count == 0
        assert (await consumer_info(bus))["num_redelivered"] == 0
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

    await publish_numbers(bus, 0, 5)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_wait_s=0.5)
    async with pull_loop(bus, plain if is_plain else awaited, ack_wait_s=0.5):
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

    await publish_numbers(bus, 0, 2)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with pull_loop(bus, handle):
        await eventually(lambda: bot.sequences == [2, 1])


async def test_acknowledging_all_ends_what_came_before(bus: Bus) -> None:
    """With the policy `all` one acknowledgement serves many messages, and none of them is reported in progress."""
    taken: list[Message] = []
    await publish_numbers(bus, 0, 50)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_policy="all")
    async with pull_loop(bus, taken.append, ack_policy="all") as loop:
        await eventually(lambda: len(taken) == 50)
        taken[39].ack()
        assert sorted(loop._in_hand.unsettled) == list(range(41, 51))

        async def forty_are_done() -> bool:
            return bool((await consumer_info(bus))["ack_floor"]["stream_seq"] == 40)

        await eventually(forty_are_done)


async def test_shared_consumer_is_divided_between_loops(bus: Bus, connect_bus: ConnectBus) -> None:
    """Loops that are not exclusive leave each other's deliveries alone."""
    first, second = Bot(), Bot()
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with (
        pull_loop(bus, first, batch=4, is_exclusive=False),
        pull_loop(await connect_bus("other"), second, batch=4, is_exclusive=False),
    ):
        await publish_numbers(bus, 0, 200)
        await eventually(lambda: len(first.sequences) + len(second.sequences) == 200)
    assert sorted(first.sequences + second.sequences) == list(range(1, 201))
    assert first.sequences
    assert second.sequences
