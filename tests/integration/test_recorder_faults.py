"""The recorder as a process, killed and deprived: what is in the database is always what the stream says, and once."""

import asyncio
import random
import signal
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.recorder.database import Database
from support.databases import query
from support.eventually import eventually
from support.order_events import order_life
from support.postgresql import PostgreSQLServer
from support.processes import Process
from support.publishing import publish
from support.recording import recorded_ids, recorder_process, recording, stream_ids
from support.small_disk import fill_disk, small_disk

KILLS = 6


async def pour(bus: Bus, orders: int, begin: int = 0) -> None:
    """Publish four events of each of so many orders."""
    for first in range(begin, begin + orders, 25):
        events = [
            event
            for order in range(first, min(first + 25, begin + orders))
            for event in order_life(str(order), "0.1", "0.3", "0.5")
        ]
        await publish(bus, *events)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [1, 2])
async def test_kills_at_any_moment_neither_lose_nor_double(
    tmp_path: Path, broker: EmbeddedServer, bus: Bus, database: Database, seed: int
) -> None:
    """Killed again and again while events pour in, the recorder ends with exactly the stream, each event once."""
    chance = random.Random(seed)
    pouring = asyncio.create_task(pour(bus, 1500))
    for _ in range(KILLS):
        async with recorder_process(database, broker.url, tmp_path) as process:
            await process.said('"ready"')
            seen = len(recorded_ids(database))
            target = seen + chance.randrange(1, 400)
            await eventually(
                lambda target=target: pouring.done() or len(recorded_ids(database)) >= target, 30
            )
            await asyncio.sleep(chance.random() / 50)  # where in a batch it strikes is chance, by design
            assert await process.end(signal.SIGKILL) == -signal.SIGKILL
    await pouring
    async with recorder_process(database, broker.url, tmp_path) as process:
        await process.said('"ready"')
        stream = await stream_ids(bus)
        await eventually(lambda: len(recorded_ids(database)) >= len(stream), 30)
        assert await process.end() == 0
    assert len(stream) == 6000
    assert recorded_ids(database) == stream
    ((sequence, recorded, repeated, unreadable),) = query(
        database, "SELECT sequence, recorded_count, repeated_count, unreadable_count FROM streams"
    )
    assert (sequence, recorded, repeated, unreadable) == (6000, 6000, 0, 0)


@pytest.mark.slow
async def test_a_killed_recorder_leaves_its_place_to_one_that_waits(
    tmp_path: Path, broker: EmbeddedServer, bus: Bus, database: Database
) -> None:
    """Of two processes one records; when it is killed, the other goes on, and nothing is doubled."""
    async with recorder_process(database, broker.url, tmp_path) as first:
        await first.said('"ready"')
        async with recorder_process(database, broker.url, tmp_path) as second:
            await eventually(lambda: said(second, "another one records into it"))
            await pour(bus, 50)
            await eventually(lambda: len(recorded_ids(database)) == 200)
            assert second.lines == []
            await first.end(signal.SIGKILL)
            await second.said('"ready"')
            await pour(bus, 50, begin=50)
            await eventually(lambda: recorded_ids_count(database) == 400)
            assert await second.end() == 0
    assert recorded_ids(database) == await stream_ids(bus)
    assert query(database, "SELECT repeated_count FROM streams") == [(0,)]


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_database_that_is_stopped_is_waited_for(
    tmp_path: Path, broker: EmbeddedServer, bus: Bus, own_postgresql: PostgreSQLServer
) -> None:
    """While PostgreSQL is away the recorder says so and keeps nothing; when it is back, nothing is missing or doubled."""
    database = Database.at(own_postgresql.make_database("trades"))
    async with recorder_process(database, broker.url, tmp_path) as process:
        await process.said('"ready"')
        await pour(bus, 50)
        await eventually(lambda: recorded_ids_count(database) == 200)
        await asyncio.to_thread(own_postgresql.stop)
        await pour(bus, 500, begin=50)
        await eventually(lambda: said(process, "recorder_waits"))
        await asyncio.to_thread(own_postgresql.start)
        await eventually(lambda: recorded_ids_count(database) == 2200, 60)
        assert said(process, "recorder_goes_on")
        assert await process.end() == 0
    assert recorded_ids(database) == await stream_ids(bus)
    assert query(database, "SELECT repeated_count FROM streams") == [(0,)]


async def test_a_database_that_is_away_at_the_start_is_waited_for(
    tmp_path: Path, broker: EmbeddedServer, bus: Bus, own_postgresql: PostgreSQLServer
) -> None:
    """A recorder that starts before its database begins when that is there."""
    database = Database.at(own_postgresql.make_database("trades"))
    await asyncio.to_thread(own_postgresql.stop)
    await pour(bus, 1)
    async with recorder_process(database, broker.url, tmp_path) as process:
        await eventually(lambda: said(process, "recorder_waits"))
        await asyncio.to_thread(own_postgresql.start)
        await process.said('"ready"')
        await eventually(lambda: recorded_ids_count(database) == 4, 30)


async def test_a_locked_file_is_waited_for(
    tmp_path: Path, bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    """A SQLite file that another program keeps locked is named, and recorded into when it is free."""
    database = Database.at(f"sqlite:///{tmp_path}/trades.sqlite")
    await pour(bus, 1)
    async with recording(bus, database) as recorder:
        await eventually(lambda: recorder.recorded_count == 4)
        other = sqlite3.connect(tmp_path / "trades.sqlite", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await pour(bus, 1, begin=1)
        await eventually(lambda: "database is locked" in caplog.text, 20)
        other.execute("ROLLBACK")
        other.close()
        await eventually(lambda: recorder.recorded_count == 8, 20)
    assert recorded_ids(database) == await stream_ids(bus)


async def test_a_full_disk_is_waited_for(tmp_path: Path, bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    """A disk without room is named; when there is room again, nothing is missing or doubled."""
    async with small_disk(tmp_path / "disk", mib=4) as disk:
        database = Database.at(f"sqlite:///{disk}/trades.sqlite")
        async with recording(bus, database) as recorder:
            await pour(bus, 1)
            await eventually(lambda: recorder.recorded_count == 4)
            fill_disk(disk / "filler")
            await pour(bus, 300, begin=1)
            await eventually(lambda: "disk is full" in caplog.text or "disk I/O error" in caplog.text, 20)
            await asyncio.to_thread((disk / "filler").unlink)
            await eventually(lambda: recorder.recorded_count == 1204, 20)
        assert recorded_ids(database) == await stream_ids(bus)
        assert query(database, "SELECT repeated_count FROM streams") == [(0,)]


async def test_a_file_that_is_no_database_ends_the_recorder(tmp_path: Path, broker: EmbeddedServer) -> None:
    """It is left as it is, and one sentence says which it is."""
    path = tmp_path / "trades.sqlite"
    path.write_bytes(b"these are my notes, not a database\n" * 100)
    async with recorder_process(Database.at(f"sqlite:///{path}"), broker.url, tmp_path) as process:
        assert await process.ended() == 1
    assert "file is not a database: expected a sound one" in process.errors[-1]
    assert path.read_bytes().startswith(b"these are my notes")


def said(process: Process, text: str) -> bool:
    """Return whether a process has logged something."""
    return any(text in line for line in process.errors)


def recorded_ids_count(database: Database) -> int:
    """Return how many events are recorded, 0 while the database is away."""
    try:
        return len(recorded_ids(database))
    except DBAPIError as error:
        if "connect" in str(error) or "starting up" in str(error) or "shutting down" in str(error):
            return 0
        raise
