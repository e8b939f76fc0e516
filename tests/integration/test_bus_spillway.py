"""Publisher and journal together against a real broker: what the memory cannot hold is stored once and in order."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.journal import Entry, Journal
from fillwire.bus.log import read_stream
from fillwire.bus.lookup import stored_message
from fillwire.bus.publisher import OrderedPublisher, PublishOutcome
from fillwire.bus.retention import held_since_ns
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.spillway import Spillway
from fillwire.domain.errors import PublishError
from support.eventually import eventually
from support.small_disk import ruin_journals

SUBJECT = "orders.alice.binance.live.BTC-USDT.filled"
CAPACITY = 200
ORDERS = 7
DAY_NS = 86_400 * 10**9


@asynccontextmanager
async def _spillway(
    bus: Bus, path: Path, *, max_bytes: int = 1 << 24, close_s: float = 20.0
) -> AsyncIterator[tuple[Spillway, OrderedPublisher, Journal]]:
    journal = await Journal.open(path, "binance", max_bytes)
    publisher = await OrderedPublisher(bus, capacity=CAPACITY, ack_timeout_s=0.5).start()
    spillway = Spillway(
        publisher,
        journal,
        lambda subject: not subject.startswith("connections."),
        partial(held_since_ns, bus, "ORDERS"),
    )
    spillway.start()
    try:
        yield spillway, publisher, journal
    finally:
        await spillway.close(close_s)


def _submit(publisher: OrderedPublisher, numbers: range, told: list[PublishOutcome] | None = None) -> None:
    for number in numbers:
        publisher.submit(
            f"{number % ORDERS}",
            SUBJECT,
            b"%d" % number,
            f"id-{number}",
            {"Number": f"{number}"},
            None if told is None else told.append,
        )


async def _stored(bus: Bus) -> list[int]:
    numbers: list[int] = []

    def take(message: object) -> None:
        numbers.append(int(message.data))  # type: ignore[attr-defined]  # a message
        assert message.header("Number") in {message.data.decode(), None}  # type: ignore[attr-defined]  # a message

    await read_stream(bus, "ORDERS", "orders.>", "all", take)
    return numbers


def _assert_once_in_order(numbers: list[int], count: int) -> None:
    assert sorted(numbers) == list(range(count))
    for order in range(ORDERS):
        of_order = [number for number in numbers if number % ORDERS == order]
        assert of_order == sorted(of_order)


async def test_a_full_memory_spills_and_everything_is_stored_once_in_order(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """Ten times what the memory holds comes while the broker is down: nothing is refused, nothing lost, order is kept."""
    told: list[PublishOutcome] = []
    spilling: list[bool] = []
    async with _spillway(bus, tmp_path) as (spillway, publisher, journal):
        spillway.on_spilling = spilling.append
        await broker.kill()
        for start in range(0, 2000, 100):
            _submit(publisher, range(start, start + 100), told)
            await asyncio.sleep(0)
        assert spillway.is_spilling
        assert not spillway.is_full
        assert journal.count == 2000
        assert publisher.queued_count + publisher.in_flight_count == CAPACITY
        await broker.start()
        async with asyncio.timeout(30):
            await spillway.stored()
        _submit(publisher, range(2000, 2100), told)
        assert await publisher.flush(20) == 0
        await eventually(lambda: journal.count == 0, what="the journal shortened")
        assert spilling == [True, False]
        assert spillway.spilled_count == 2000 - CAPACITY
        assert len(told) == CAPACITY + 100  # who was told that it was spilled hears no more of it
        assert all(outcome.error is None for outcome in told)
    _assert_once_in_order(await _stored(bus), 2100)


async def test_events_keep_their_order_while_the_journal_empties(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """Events that come while older ones are still in the journal wait behind them, through another outage too."""
    number = 0
    async with _spillway(bus, tmp_path) as (spillway, publisher, _):

        async def pour() -> None:
            nonlocal number
            while True:
                _submit(publisher, range(number, number + 50))
                number += 50
                await asyncio.sleep(0.005)  # the pace of the load

        pouring = asyncio.create_task(pour())
        for _ in range(2):
            await broker.kill()
            spilled = spillway.spilled_count
            await eventually(lambda spilled=spilled: spillway.spilled_count > spilled + 500)
            await broker.start()
            acknowledged = publisher.acknowledged_count
            await eventually(lambda seen=acknowledged: publisher.acknowledged_count > seen + 300)
        pouring.cancel()
        async with asyncio.timeout(30):
            await spillway.stored()
        assert await publisher.flush(20) == 0
    _assert_once_in_order(await _stored(bus), number)


async def test_closing_without_broker_keeps_everything_for_the_next_start(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """What the memory holds at the end is written, spilled or not; the next owner publishes it before anything new."""
    for count in (50, 500):  # less than the memory holds, and more
        begin = 0 if count == 50 else 50
        async with _spillway(bus, tmp_path, close_s=0.1) as (_, publisher, _):
            await broker.kill()
            _submit(publisher, range(begin, begin + count))
        await broker.start()
        async with _spillway(bus, tmp_path) as (spillway, _, journal):
            assert journal.count == count
            async with asyncio.timeout(30):
                await spillway.stored()
    _assert_once_in_order(await _stored(bus), 550)


async def test_what_the_next_owner_reads_comes_after_what_it_found(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """New events of an order do not overtake those that were left in the journal."""
    async with _spillway(bus, tmp_path, close_s=0.1) as (_, publisher, _):
        await broker.kill()
        _submit(publisher, range(1000))
    await broker.start()
    async with _spillway(bus, tmp_path) as (spillway, publisher, _):
        _submit(publisher, range(1000, 1200))
        async with asyncio.timeout(30):
            await spillway.stored()
    _assert_once_in_order(await _stored(bus), 1200)


async def test_full_memory_and_full_journal_stop_reading(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """When both are full the caller is to stop, is refused beyond that, and is called when there is room."""
    rooms: list[bool] = []
    async with _spillway(bus, tmp_path, max_bytes=1 << 20) as (spillway, publisher, journal):
        spillway.on_room(lambda: rooms.append(spillway.is_full))
        await broker.kill()
        number = 0
        while not spillway.is_full:
            _submit(publisher, range(number, number + 1))
            number += 1
        assert number > 10 * CAPACITY
        taken = publisher.submitted_count + spillway.spilled_count
        with pytest.raises(PublishError):
            _submit(publisher, range(number, 10 * number))
        number += publisher.submitted_count + spillway.spilled_count - taken
        await broker.start()
        await eventually(lambda: rooms, 30.0, "told of room")
        assert rooms[0] is False
        async with asyncio.timeout(30):
            await spillway.stored()
        await eventually(lambda: journal.count == 0)
    _assert_once_in_order(await _stored(bus), number)


async def test_what_may_not_wait_overtakes(bus: Bus, tmp_path: Path) -> None:
    """A message of the moment takes no way through the journal: it is stored while the others still wait."""
    config = (await api.call(bus, "STREAM.INFO.ORDERS"))["config"]
    await api.call(bus, "STREAM.UPDATE.ORDERS", config | {"discard": "new", "max_msgs": 10})
    told: list[PublishOutcome] = []
    async with _spillway(bus, tmp_path) as (spillway, publisher, journal):
        _submit(publisher, range(5 * CAPACITY))
        assert publisher.submit("state", "connections.a.b.c", b"{}", "state", None, told.append)
        await eventually(lambda: told, what="stored")
        assert told[0].error is None
        assert spillway.is_spilling
        assert journal.count <= 5 * CAPACITY
        await api.call(bus, "STREAM.UPDATE.ORDERS", config)
        async with asyncio.timeout(30):
            await spillway.stored()
    _assert_once_in_order(await _stored(bus), 5 * CAPACITY)


async def test_what_the_log_may_have_forgotten_is_not_published(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """A journal is found after a month: what the log cannot have dropped yet is published, the rest put aside and told."""
    now_ns = time.time_ns()
    left = await Journal.open(tmp_path, "binance", 1 << 24)
    for number, days in enumerate((40, 31, 29, 31, 1, 0)):
        left.append(Entry(0, "a", SUBJECT, f"id-{number}", {}, b"%d" % number, now_ns - days * DAY_NS))
    assert await left.close() == 0
    await broker.kill()
    async with _spillway(bus, tmp_path) as (spillway, publisher, journal):
        publisher.submit(
            "a", SUBJECT, b"6", "id-6", since_ns=now_ns - 40 * DAY_NS
        )  # read now, whatever its age
        await eventually(lambda: spillway.longest_wait_s > 0, what="the broker asked in vain")
        await broker.start()
        async with asyncio.timeout(30):
            await spillway.stored()
        assert spillway.longest_wait_s == 0
        [aside] = journal.asides
        assert aside.reason.startswith("3 events in the journal")
    assert await _stored(bus) == [2, 4, 5, 6]


async def test_a_journal_of_which_all_is_put_aside_is_empty(bus: Bus, tmp_path: Path) -> None:
    """Nothing is left to publish: spilling ends, and what comes next goes its ordinary way."""
    left = await Journal.open(tmp_path, "binance", 1 << 24)
    left.append(Entry(0, "a", SUBJECT, "id-0", {}, b"0", time.time_ns() - 31 * DAY_NS))
    assert await left.close() == 0
    async with _spillway(bus, tmp_path) as (spillway, publisher, journal):
        async with asyncio.timeout(10):
            await spillway.stored()
        assert (journal.count, spillway.is_spilling) == (0, False)
        assert publisher.submit("a", SUBJECT, b"1", "id-1")
        assert await publisher.flush(10) == 0
    assert await _stored(bus) == [1]


async def test_a_full_stream_reaches_back_to_its_first_message(bus: Bus) -> None:
    """A log that makes room for new events holds less than its age allows; one that had room holds all of that age."""
    config = (await api.call(bus, "STREAM.INFO.ORDERS"))["config"]
    await api.call(
        bus,
        "STREAM.UPDATE.ORDERS",
        config | {"max_bytes": 1_000_000, "max_msg_size": 10_000, "max_age": DAY_NS},
    )
    minute_ns = 60 * 10**9
    async with OrderedPublisher(bus) as publisher:
        for number in range(300):
            publisher.submit("a", SUBJECT, bytes(5_000), f"id-{number}")
            if number == 100:
                assert await publisher.flush(10) == 0
                by_age_ns = time.time_ns() - DAY_NS + minute_ns
                assert abs(await held_since_ns(bus, "ORDERS") - by_age_ns) < minute_ns / 2
        assert await publisher.flush(10) == 0
    state = (await api.call(bus, "STREAM.INFO.ORDERS"))["state"]
    assert state["first_seq"] > 1
    first = await stored_message(bus, "ORDERS", state["first_seq"])
    assert first is not None
    assert await held_since_ns(bus, "ORDERS") == first.stored_time_ns + minute_ns


async def test_a_journal_that_cannot_be_read_is_noticed(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """Its blocks on the disk go bad while events are in it: it says since when and why, and the next start puts it aside."""
    async with _spillway(bus, tmp_path, close_s=0.1) as (spillway, publisher, journal):
        await broker.kill()
        for number in range(3000):
            publisher.submit(
                f"{number % ORDERS}", SUBJECT, b"%d" % number, f"id-{number}", {"Filler": "x" * 2000}
            )
        # All is on the disk then, and more than is kept of it in memory.
        await journal.read(journal.last_number - 1, 1)
        ruin_journals(tmp_path)
        await broker.start()
        await eventually(lambda: spillway.longest_wait_s > 0.5, 20.0, "noticed")
        assert "malformed" in str(spillway.trouble)
    async with _spillway(bus, tmp_path) as (_, _, journal):
        assert (journal.count, len(journal.asides)) == (0, 1)
