"""Making consumers: once, where they are told to begin, and as they were asked for."""

import time

import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.consumer import StartAtSequence, StartAtTime, ensure_consumer
from fillwire.bus.messages import Message
from fillwire.bus.resuming import place_behind
from fillwire.domain.errors import ConfigError
from support.consuming import Bot, consumer_info, publish_numbers, pull_loop
from support.eventually import eventually


async def test_consumer_is_made_once_and_keeps_its_position(bus: Bus) -> None:
    """Asking again changes what differs and nothing else."""
    await publish_numbers(bus, 0, 10)
    state = await ensure_consumer(bus, "ORDERS", "bot", ["orders.alice.>"], deliver="all")
    assert (state.was_created, state.pending_count, state.acknowledged_sequence) == (True, 10, 0)
    bot = Bot()
    async with pull_loop(bus, bot):
        await eventually(lambda: len(bot.sequences) == 10)
    created = (await consumer_info(bus))["created"]
    state = await ensure_consumer(
        bus, "ORDERS", "bot", ["orders.alice.>", "orders.bob.>"], deliver="new", max_ack_pending=7
    )
    assert (state.was_created, state.pending_count, state.acknowledged_sequence) == (False, 0, 10)
    info = await consumer_info(bus)
    assert info["created"] == created
    assert info["config"]["filter_subjects"] == ["orders.alice.>", "orders.bob.>"]
    assert info["config"]["max_ack_pending"] == 7
    state = await ensure_consumer(bus, "ORDERS", "bot", ["orders.bob.>"])
    assert (await consumer_info(bus))["config"]["filter_subject"] == "orders.bob.>"


async def test_what_follows_an_event_is_told_by_time_where_its_sequence_means_another(bus: Bus) -> None:
    """The stream has lost its end, or is younger than the event; else its sequence says it."""
    await publish_numbers(bus, 0, 10)
    now_ns = time.time_ns()
    before_ns = now_ns - 3_600_000_000_000
    assert await place_behind(bus, "ORDERS", 10, now_ns) == StartAtSequence(11)
    assert await place_behind(bus, "ORDERS", 11, now_ns) == StartAtTime(now_ns + 1)
    assert await place_behind(bus, "ORDERS", 10, before_ns) == StartAtTime(before_ns + 1)


async def test_consumer_begins_where_it_is_told(bus: Bus) -> None:
    """At the end, at the beginning, at a sequence, at a time to the nanosecond, with the last of each subject."""
    await publish_numbers(bus, 0, 10)
    stored = await bus.js.get_msg("ORDERS", seq=6)
    assert stored.time is not None
    bot = Bot()
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    times: dict[int, int] = {}

    async def note(message: Message) -> None:
        times[message.sequence] = message.stored_time_ns
        await bot(message)

    async with pull_loop(bus, note):
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
    config = (await consumer_info(bus))["config"]
    assert (config["ack_policy"], config["mem_storage"], config["inactive_threshold"]) == (
        "none",
        True,
        60 * 10**9,
    )
