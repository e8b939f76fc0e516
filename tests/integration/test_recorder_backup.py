"""A copy of the recorder's database, made with the database's own means while it is written, is as good as the database."""

import asyncio
import contextlib
import sqlite3
import uuid
from pathlib import Path

import pytest

from fillwire.bus.backups import make_backup, read_backup, restore_backup
from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.recorder.database import Database
from support.databases import address_of
from support.eventually import eventually
from support.order_events import order_life
from support.postgresql import postgresql_home
from support.processes import program
from support.publishing import publish
from support.recording import recorded_ids, recording, stream_ids


async def copied(database: Database, request: pytest.FixtureRequest, directory: Path) -> Database:
    """Return another database that has what this one had, as docs/operations.md has it made."""
    if database.path is not None:
        copy = directory / "copy.sqlite"
        await asyncio.to_thread(copy_file, database.path, copy)
        return Database.at(f"sqlite:///{copy}")
    another = request.getfixturevalue("postgresql").make_database(f"copy_{uuid.uuid4().hex}")
    home = postgresql_home()
    assert home is not None
    dump = directory / "trades.dump"
    for tool, *arguments in (
        ("pg_dump", "--format=custom", f"--file={dump}", address_of(database)),
        ("pg_restore", "--exit-on-error", f"--dbname={another}", dump),
    ):
        async with program(home / "bin" / str(tool), *arguments) as process:
            assert await process.ended(60) == 0, process.errors
    return Database.at(another)


def copy_file(path: Path, copy: Path) -> None:
    """Copy as `.backup` of the shell does."""
    with (
        contextlib.closing(sqlite3.connect(path)) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)


async def test_a_copy_that_is_behind_is_brought_up_from_the_log(
    bus: Bus, database: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Made in the middle of writing, it holds the events up to its position, and a recorder goes on behind that."""
    async with recording(bus, database) as recorder:
        await publish(bus, *order_life("1", "0.1", "0.3", "0.5"))
        await eventually(lambda: recorder.recorded_count == 4)
        publishing = asyncio.create_task(publish(bus, *order_life("2", *(f"0.{n}" for n in range(1, 10)))))
        copy = await copied(database, request, tmp_path)
        await publishing
        await publish(bus, *order_life("3", "0.1"))
        expected = await stream_ids(bus)
        await eventually(lambda: recorded_ids(database) == expected)
    had = recorded_ids(copy)
    assert had == expected[: len(had)]
    assert 4 <= len(had) < len(expected)
    async with recording(bus, copy) as recorder:
        await eventually(lambda: recorder.recorded_count == len(expected) - len(had))
        assert recorded_ids(copy) == expected


async def test_a_lost_database_is_made_anew_from_a_restored_log(
    bus: Bus, database: Database, tmp_path: Path
) -> None:
    """Broker and database gone, a backup of the streams has all that the log had; and it is known as another stream."""
    await publish(bus, *order_life("1", "0.1", "0.3", "0.5"))
    expected = await stream_ids(bus)
    await make_backup(bus, tmp_path / "backup", "0.1.0")

    async def nothing() -> None:
        pass

    async with (
        EmbeddedServer(tmp_path / "another") as server,
        await Bus.connect(server.url, name="another") as other,
    ):
        await restore_backup(other, read_backup(tmp_path / "backup"), 1, nothing)
        async with recording(other, database) as recorder:
            await eventually(lambda: recorded_ids(database) == expected)
            await publish(other, *order_life("2", "0.1"))
            await eventually(lambda: recorder.recorded_count == 6)
