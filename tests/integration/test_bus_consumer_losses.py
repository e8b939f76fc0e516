"""The pull loop through losses: deliveries, connections and the broker go, and nothing is skipped or repeated."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.consumer import AckPolicy, PullLoop, ensure_consumer
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.server import EmbeddedServer
from support.consuming import Bot, consumer_info, publish_numbers, pull_loop
from support.eventually import eventually

if TYPE_CHECKING:
    from fillwire.bus.messages import Message


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
            await asyncio.sleep(0.01)  # the pace of the load

    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with OrderedPublisher(bus, ack_timeout_s=0.5) as publisher, pull_loop(bus, bot) as loop:
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
    async with pull_loop(bus, bot) as loop:
        await eventually(lambda: loop.reset_count == 1)
        _drop(bus, loop, is_lost)
        await publish_numbers(bus, 0, 100)
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
    async with pull_loop(bus, bot) as loop:
        await eventually(lambda: loop.reset_count == 1)
        _drop(bus, loop, is_lost)
        await publish_numbers(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10, deadline_s=5)
    assert bot.sequences == list(range(1, 11))


async def test_a_first_delivery_that_got_lost_is_noticed(bus: Bus) -> None:
    """What comes behind it is not the beginning, so the loop waits for none of it and has the consumer reset."""
    bot = Bot()
    lost: list[bytes] = []

    def is_lost(data: bytes) -> bool:
        if data == b"0" and not lost:
            lost.append(data)
            return True
        return False

    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_wait_s=30)
    async with pull_loop(bus, bot) as loop:
        await eventually(lambda: loop.reset_count == 1)
        _drop(bus, loop, is_lost)
        await publish_numbers(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10, deadline_s=5)
    assert lost
    assert bot.sequences == list(range(1, 11))


async def test_counts_of_deliveries_are_not_mixed(bus: Bus) -> None:
    """Somebody else has the consumer reset: a number that is due by the old count skips nothing of the new one."""
    held: list[Message] = []
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with pull_loop(bus, held.append) as loop:
        await publish_numbers(bus, 0, 4)
        await eventually(lambda: len(held) == 4)
        for message in held[:3]:
            message.ack()
        await eventually(lambda: len(loop._in_hand.unsettled) == 1)
        receive = loop._subscription.receive  # type: ignore[union-attr]  # it runs
        stored_ns = held[-1].stored_time_ns
        # As the broker sends them when they are in the stream.
        for number, sequence in enumerate(range(4, 11), 1):
            reply = f"$JS.ACK.ORDERS.bot.1.{sequence}.{number}.{stored_ns}.0"
            receive(b"orders.alice.x", reply.encode(), b"%d" % (sequence - 1), b"")
        await publish_numbers(bus, 4, 10)
        await eventually(lambda: len(held) == 14)
    assert [message.sequence for message in held] == list(range(1, 15))


@pytest.mark.parametrize("ack_policy", ["explicit", "all"])
async def test_messages_in_hand_are_not_handed_out_again_after_a_reconnect(
    broker: EmbeddedServer, bus: Bus, ack_policy: AckPolicy
) -> None:
    """A handler that acknowledges later gets each message once; its acknowledgements count after the restart too."""
    held: list[Message] = []
    await publish_numbers(bus, 0, 10)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_policy=ack_policy)
    async with pull_loop(bus, held.append, ack_policy=ack_policy) as loop:
        await eventually(lambda: len(held) == 10)
        for message in held[:3]:
            message.ack()

        async def three_are_done() -> bool:
            return bool((await consumer_info(bus))["ack_floor"]["stream_seq"] == 3)

        await eventually(three_are_done)
        await broker.kill()
        await broker.start()
        await eventually(lambda: loop.repeated_count >= 7)
        for message in held[3:]:
            message.ack()

        async def all_are_done() -> bool:
            info = await consumer_info(bus)
            return (info["ack_floor"]["stream_seq"], info["num_ack_pending"]) == (len(held), 0)

        await eventually(all_are_done)
        await publish_numbers(bus, 10, 2)
        await eventually(lambda: len(held) == 12)
        held[10].ack()
        held[11].ack()
        await eventually(all_are_done)
    assert [message.sequence for message in held] == list(range(1, 13))


async def test_reconnect_is_enough_to_go_on_at_once(bus: Bus) -> None:
    """Pulls end with their connection; the loop does not wait for a missing sign of life to notice."""
    bot = Bot()
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with pull_loop(bus, bot, heartbeat_s=10) as loop:
        await publish_numbers(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10)
        await bus.nc.force_reconnect()
        await eventually(lambda: loop.reset_count == 2, deadline_s=5)
        await publish_numbers(bus, 10, 10)
        await eventually(lambda: len(bot.sequences) == 20, deadline_s=5)
    assert bot.sequences == list(range(1, 21))


@pytest.mark.parametrize("is_acked_before_it_comes_again", [True, False])
async def test_what_was_in_hand_over_a_reset_is_acknowledged_by_the_new_count(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, is_acked_before_it_comes_again: bool
) -> None:
    """By the old one, with a policy of `all`, the broker would ignore whatever comes next until it has counted so far."""
    taken: list[Message] = []
    ahead = 8
    await ensure_consumer(
        bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_policy="all", max_ack_pending=ahead
    )
    async with pull_loop(bus, taken.append, ack_policy="all") as loop:
        await publish_numbers(bus, 0, 5 * ahead)
        for count in range(ahead, 4 * ahead + 1, ahead):  # a good deal is counted
            await eventually(lambda count=count: len(taken) >= count)
            taken[-1].ack()
        await eventually(lambda: len(taken) == 5 * ahead)
        resets = loop.reset_count
        if is_acked_before_it_comes_again:
            reset = loop._consumer.reset

            async def acknowledge_and_reset() -> bool:
                taken[-1].ack()
                return await reset()

            monkeypatch.setattr(loop._consumer, "reset", acknowledge_and_reset)
            loop._mark_stale()
            await eventually(lambda: loop.reset_count > resets)
        else:
            loop._mark_stale()
            await eventually(lambda: loop.repeated_count == ahead)
            taken[-1].ack()
        for count in range(6 * ahead, 9 * ahead + 1, ahead):
            await publish_numbers(bus, count - ahead, ahead)
            await eventually(lambda count=count: len(taken) == count)
            taken[-1].ack()

        async def is_settled() -> bool:
            return int((await consumer_info(bus))["num_ack_pending"]) == 0

        await eventually(is_settled)
    assert [message.data for message in taken] == [b"%d" % number for number in range(9 * ahead)]
