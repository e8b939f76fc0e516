"""A consumer that goes under its loop: it is made again, or found again, and the loop goes on where it was."""

from pathlib import Path

import pytest

from fillwire.bus import api, resetting
from fillwire.bus.connection import Bus
from fillwire.bus.consumer import PullLoop, StartAtSequence, delete_consumer, ensure_consumer
from fillwire.bus.credentials import Credentials
from fillwire.bus.errors import ApiRefused
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.domain.errors import ConfigError
from support.consuming import Bot, publish_numbers, pull_loop
from support.eventually import eventually

_DELETE_FAILED = 10051  # the broker's number for a deletion that ended halfway


async def _delete(bus: Bus) -> None:
    """Delete the consumer that a loop reads."""
    try:
        assert await delete_consumer(bus, "ORDERS", "bot")
    except ApiRefused as error:  # its owner made it again while the broker was still removing its files
        if error.error_code != _DELETE_FAILED:
            raise


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

    async with pull_loop(bus, bot, on_missing=make_again):
        await publish_numbers(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10)
        await _delete(bus)
        assert not await delete_consumer(bus, "ORDERS", "nobody")
        await publish_numbers(bus, 10, 10)
        await eventually(lambda: len(bot.sequences) == 20)
    assert bot.sequences == list(range(1, 21))


async def test_consumer_made_again_is_read_from_its_first_message(bus: Bus) -> None:
    """Its first message was given to somebody else, or is counted on from the consumer before: it is asked for again."""
    bot = Bot()

    async def make_again() -> None:
        start = StartAtSequence(len(bot.sequences) + 1)
        await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver=start)
        somebody = bus.new_inbox()
        given = await bus.nc.subscribe(somebody)
        await bus.nc.publish("$JS.API.CONSUMER.MSG.NEXT.ORDERS.bot", b'{"batch": 1}', reply=somebody)
        await given.next_msg(5)

    await publish_numbers(bus, 0, 5)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with pull_loop(bus, bot, on_missing=make_again):
        await eventually(lambda: len(bot.sequences) == 5)
        await _delete(bus)
        await publish_numbers(bus, 5, 10)
        await eventually(lambda: len(bot.sequences) == 15)
    assert bot.sequences == list(range(1, 16))


async def test_owner_that_fails_to_make_the_consumer_again_is_asked_again(bus: Bus) -> None:
    """Neither a configuration error nor a bug in `on_missing` ends the loop."""
    bot = Bot()
    failures: list[Exception] = [ValueError("a bug"), ConfigError("no such stream, for a moment")]

    async def make_again() -> None:
        if failures:
            raise failures.pop()
        await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")

    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with pull_loop(bus, bot, on_missing=make_again):
        await _delete(bus)
        await publish_numbers(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10)
    assert not failures


async def test_consumer_made_again_by_somebody_else_is_found(bus: Bus) -> None:
    """Without `on_missing` the loop waits, and repeats nothing that it handed out."""
    bot = Bot()
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
    async with pull_loop(bus, bot):
        await publish_numbers(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10)
        await _delete(bus)
        await publish_numbers(bus, 10, 10)
        await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
        await eventually(lambda: len(bot.sequences) == 20)
    assert bot.sequences == list(range(1, 21))


async def test_consumer_in_memory_is_made_again_after_a_restart(broker: EmbeddedServer, bus: Bus) -> None:
    """Its position went with the broker; the owner knows where it was."""
    bot = Bot()

    async def make_again() -> None:
        start = StartAtSequence(len(bot.sequences) + 1)
        await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver=start, is_in_memory=True)

    async with pull_loop(bus, bot, on_missing=make_again):
        await publish_numbers(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10)
        await broker.kill()
        await broker.start()
        await publish_numbers(bus, 10, 10)
        await eventually(lambda: len(bot.sequences) == 20)
    assert bot.sequences == list(range(1, 21))


async def test_log_that_began_anew_is_not_taken_for_repetitions(bus: Bus) -> None:
    """When the stream is made again its sequences begin at 1: those are new messages, and are handed out."""
    bot = Bot()

    async def make_again() -> None:
        await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")

    async with pull_loop(bus, bot, on_missing=make_again):
        await publish_numbers(bus, 0, 10)
        await eventually(lambda: len(bot.sequences) == 10)
        await api.call(bus, "STREAM.DELETE.ORDERS")
        await ensure_streams(bus)
        await publish_numbers(bus, 100, 5)
        await eventually(lambda: len(bot.bodies) == 15)
    assert bot.bodies[10:] == [b"%d" % number for number in range(100, 105)]
    assert bot.sequences[10:] == [1, 2, 3, 4, 5]


async def test_without_the_right_to_reset_messages_come_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that does not allow the reset gets a warning in our log, and the bot gets its fills."""
    monkeypatch.setattr(resetting, "_RESET_TIMEOUT_S", 0.2)
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
            async with pull_loop(mine, bot):
                await publish_numbers(control, 0, 10)
                await eventually(lambda: len(bot.sequences) == 10)
    assert bot.sequences == list(range(1, 11))
