"""Positions in the bucket: the consumer by which a bot reads alone goes no further than its key, and brings nothing again."""

import asyncio

import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.durables import delete_consumer
from fillwire.domain.errors import BrokerError
from fillwire.sdk import bucket_places
from fillwire.sdk.bucket_places import BucketPlace
from fillwire.sdk.host import Host
from fillwire.sdk.marks import AHEAD
from support.eventually import eventually
from support.listeners import Listener, bot, bot_there, durables, fills, numbers, pair_of, running, seated
from support.positions import IN_BUCKET, is_written
from support.publishing import publish

pytestmark = [pytest.mark.usefixtures("positions"), IN_BUCKET]


def refuse_writes(
    host: Host, name: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[BucketPlace, asyncio.Event]:
    """Have the bucket take nothing of where alice's bot is until the event is set; return the bot's place, and that."""
    place = bot_there(host, name).claim
    assert isinstance(place, BucketPlace)
    takes = asyncio.Event()
    write = place._positions.write

    async def refuse(*arguments: object, **options: object) -> int:
        if not takes.is_set():
            raise BrokerError("maximum bytes exceeded")
        return await write(*arguments, **options)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(place._positions, "write", refuse)
    return place, takes


async def test_what_is_not_written_is_not_sent_on(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bucket that takes nothing stops a bot that reads alone after as many events as a crash may repeat, and it is said."""
    listener = Listener("first")
    async with running(bus, listener) as host:
        place, takes = refuse_writes(host, "first", monkeypatch)
        await publish(bus, *fills(1, 3 * AHEAD))
        await eventually(lambda: len(listener.told) == AHEAD)
        consumer = (await durables(bus))[place._alone]
        assert consumer == {"delivered": AHEAD, "acknowledged": 0}
        takes.set()
        await eventually(lambda: listener.told == numbers(1, 3 * AHEAD))
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert [record.getMessage() for record in warnings] == ["position_not_written"]


async def test_a_bot_that_sits_leaves_no_consumer_behind(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the broker does not answer, it is asked again: left where it is, the consumer would tell all of it again."""
    first, second = pair_of("first", "second")
    answers = asyncio.Event()

    async def refuse(at: Bus, stream: str, name: str) -> bool:
        if not answers.is_set():
            answers.set()
            raise BrokerError("no answer")
        return await delete_consumer(at, stream, name)

    monkeypatch.setattr(bucket_places, "delete_consumer", refuse)
    async with running(bus, first) as host:
        await publish(bus, *fills(1, 3))
        await eventually(lambda: first.told == numbers(1, 3))
        await host.add(bot(second))
        await eventually(lambda: len(seated(host)) == 2)
        assert answers.is_set()
        place = bot_there(host, "first").claim
        assert isinstance(place, BucketPlace)
        assert place._alone not in await durables(bus)


async def test_a_bot_that_leaves_a_seat_which_it_could_not_tell_of_reads_on_from_there(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The consumer by which it read before stands where it was, and would bring what the bot was told at its seat."""
    first, second = pair_of("first", "second")
    async with running(bus, first) as host:
        await publish(bus, *fills(1, 3))
        await eventually(lambda: is_written(bus, 3))
        place, takes = refuse_writes(host, "first", monkeypatch)
        await host.add(bot(second))
        await eventually(lambda: bot_there(host, "first").intake._seat is not None)
        await publish(bus, *fills(4, 6))
        await eventually(lambda: first.told == numbers(1, 6))
        await bot_there(host, "first").hold()
        takes.set()

        async def stands_behind_all() -> bool:
            return (await durables(bus)).get(place._alone) == {"delivered": 0, "acknowledged": 6}

        await eventually(stands_behind_all)
