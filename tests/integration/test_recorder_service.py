"""The recorder follows the stream of a real broker into a database, whatever becomes of either."""

import asyncio

import pytest
from sqlalchemy import text

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.recorder.database import Database
from fillwire.recorder.service import Recorder
from fillwire.recorder.tail import Tail
from fillwire.runtime.lifecycle import Stop
from support.databases import query
from support.eventually import eventually
from support.order_events import order_life
from support.publishing import publish
from support.recording import recorded_ids, recording, stream_ids


def life(order: int) -> list[str]:
    """Return the identities of what `order_life` makes of three executions."""
    return [f"binance:live:alice:BTCUSDT:{order}:{step}" for step in ("~new", "1", "2", "3")]


async def publish_orders(bus: Bus, *orders: int) -> None:
    """Store four events of each order."""
    for order in orders:
        await publish(bus, *order_life(str(order), "0.1", "0.3", "0.5"))


async def test_what_was_there_and_what_comes_is_recorded_once(bus: Bus, database: Database) -> None:
    """The whole stream is in the database, in its order; a later recorder goes on where the first ended."""
    await publish_orders(bus, 1, 2)
    async with recording(bus, database):
        await eventually(lambda: recorded_ids(database) == life(1) + life(2))
        await publish_orders(bus, 3)
        await eventually(lambda: recorded_ids(database) == life(1) + life(2) + life(3))
    await publish_orders(bus, 4)
    async with recording(bus, database) as recorder:
        await eventually(lambda: recorder.recorded_count == 4)
    assert recorded_ids(database) == await stream_ids(bus)
    assert query(database, "SELECT recorded_count, repeated_count FROM streams") == [(16, 0)]


async def test_a_second_recorder_waits_until_the_first_has_gone(bus: Bus, database: Database) -> None:
    """Two recorders of one database record everything once: one writes, and the other goes on when it ends."""
    async with recording(bus, database) as first:
        await publish_orders(bus, 1)
        await eventually(lambda: first.recorded_count == 4)
        async with recording(bus, database) as waiting:
            await publish_orders(bus, 2)
            await eventually(lambda: first.recorded_count == 8)
            assert waiting.recorded_count == 0
    async with recording(bus, database) as next_one:
        await publish_orders(bus, 3)
        await eventually(lambda: next_one.recorded_count == 4)
    assert query(database, "SELECT recorded_count, repeated_count FROM streams") == [(12, 0)]


async def test_a_stream_made_anew_is_noticed_while_it_is_read(bus: Bus, database: Database) -> None:
    """A stream that was deleted and made again is read from its beginning, and what is recorded stays."""
    async with recording(bus, database) as recorder:
        await publish_orders(bus, 1)
        await eventually(lambda: recorder.recorded_count == 4)
        await api.call(bus, "STREAM.DELETE.ORDERS")
        await ensure_streams(bus)
        await publish_orders(bus, 1, 2)
        await eventually(lambda: recorded_ids(database) == life(1) + life(2), 20)
    assert query(database, "SELECT id, sequence, repeated_count FROM streams ORDER BY id") == [
        (1, 4, 0),
        (2, 8, 4),
    ]


async def test_a_stream_with_another_past_is_noticed_at_the_start(bus: Bus, database: Database) -> None:
    """A broker that lost the end of its stream and wrote something else there is read again from the beginning."""
    await publish_orders(bus, 1)
    async with recording(bus, database) as recorder:
        await eventually(lambda: recorder.recorded_count == 4)
    ((created_ns,),) = query(database, "SELECT created_ns FROM streams")
    with database.engine().begin() as connection:
        # As if what the broker lost had been recorded from these places.
        connection.execute(text("UPDATE streams SET message_id = 'binance:live:alice:BTCUSDT:0:3'"))
        connection.execute(text("DELETE FROM order_events WHERE trade_id = '2'"))
    new, first, second, third = life(1)
    async with recording(bus, database):
        await eventually(lambda: recorded_ids(database) == [new, first, third, second])
    assert query(database, "SELECT created_ns, sequence FROM streams ORDER BY id") == [
        (created_ns, 4),
        (created_ns, 4),
    ]


async def test_what_the_stream_has_dropped_is_said_and_noted(
    bus: Bus, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """A recorder that was away for too long notes which sequences it never saw, and goes on behind them."""
    await publish_orders(bus, 1)
    async with recording(bus, database) as recorder:
        await eventually(lambda: recorder.recorded_count == 4)
    await publish_orders(bus, 2, 3)
    config = (await api.call(bus, "STREAM.INFO.ORDERS"))["config"]
    await api.call(bus, "STREAM.UPDATE.ORDERS", config | {"max_msgs": 3})
    async with recording(bus, database):
        await eventually(lambda: recorded_ids(database) == life(1) + life(3)[1:])
    assert query(database, "SELECT first_sequence, last_sequence FROM gaps") == [(5, 9)]
    assert "order_events_missing" in caplog.text


async def test_a_stream_that_has_dropped_everything_is_noticed(bus: Bus, database: Database) -> None:
    """Also if nothing follows that would show it, the recorder notes at its start what it never saw."""
    await publish_orders(bus, 1)
    config = (await api.call(bus, "STREAM.INFO.ORDERS"))["config"]
    second = {"max_age": 10**9, "duplicate_window": 10**9}
    await api.call(bus, "STREAM.UPDATE.ORDERS", config | second)

    async def is_empty() -> bool:
        return not (await api.call(bus, "STREAM.INFO.ORDERS"))["state"]["messages"]

    await eventually(is_empty, 20)
    ready: list[int] = []
    stop = Stop()
    recorder = Recorder(bus, database, on_ready=lambda position: ready.append(position.sequence))
    task = asyncio.create_task(recorder.run(stop))
    await eventually(lambda: ready == [4])
    stop.request("seen")
    await task
    assert query(database, "SELECT first_sequence, last_sequence FROM gaps") == [(1, 4)]


async def test_rebuilding_repairs_what_is_there_and_fills_what_is_not(bus: Bus, database: Database) -> None:
    """Reading the stream again restores rows that were lost or altered, and doubles none; twice is as once."""
    await publish_orders(bus, 1, 2, 3)
    async with recording(bus, database) as recorder:
        await eventually(lambda: recorder.recorded_count == 12)
    before = query(database, "SELECT * FROM order_events ORDER BY event_id")
    with database.engine().begin() as connection:
        connection.execute(text("DELETE FROM order_events WHERE order_id = '2'"))
        connection.execute(text("UPDATE order_events SET fee = '99', bot = 'x' WHERE order_id = '3'"))
    for _ in range(2):
        await Recorder(bus, database).rebuild(Stop())
        assert query(database, "SELECT * FROM order_events ORDER BY event_id") == before
    assert query(database, "SELECT sequence FROM streams") == [(12,)]


async def test_a_broker_that_restarts_costs_nothing(
    bus: Bus, broker: EmbeddedServer, database: Database
) -> None:
    """After the broker was killed and started again, everything is recorded, and once."""
    async with recording(bus, database) as recorder:
        await publish_orders(bus, 1)
        await eventually(lambda: recorder.recorded_count == 4)
        await broker.kill()
        await broker.start()
        await eventually(bus.is_healthy)
        await publish_orders(bus, 2)
        await eventually(lambda: recorded_ids(database) == life(1) + life(2), 30)
    assert query(database, "SELECT recorded_count, repeated_count FROM streams") == [(8, 0)]


@pytest.mark.parametrize("bound", [{"capacity": 10}, {"capacity_bytes": 5_000}], ids=["messages", "bytes"])
async def test_what_nobody_takes_waits_at_the_broker(bus: Bus, bound: dict[str, int]) -> None:
    """A reader that is not read from asks for no more than it may hold; then everything comes, in order."""
    await publish_orders(bus, *range(500))
    tail = Tail(bus, "ORDERS", "orders.>", **bound)
    await tail.start(0)
    try:
        await eventually(lambda: tail._is_full)
        (consumer,) = (await api.call(bus, "CONSUMER.LIST.ORDERS"))["consumers"]
        assert len(tail._waiting) <= 10
        assert consumer["num_pending"] >= 1_000
        taken: list[int] = []
        while len(taken) < 2_000:
            taken += [message.sequence for message in await tail.take(7)]
        assert taken == list(range(1, 2_001))
    finally:
        await tail.stop()


async def test_a_flood_of_what_cannot_be_read_is_kept_and_not_said_one_by_one(
    bus: Bus, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """All of it is in the database, some of it in the log, and the count of the rest."""
    for _ in range(300):
        await bus.publish("orders.alice.binance.live.BTC-USDT.filled", b"{")
    await publish_orders(bus, 1)
    async with recording(bus, database):
        await eventually(lambda: recorded_ids(database) == life(1))
    assert query(database, "SELECT count(*) FROM unreadable") == [(300,)]
    said = [record.message for record in caplog.records]
    assert said.count("order_event_not_recorded") < 150
    assert "order_events_not_recorded" in said
