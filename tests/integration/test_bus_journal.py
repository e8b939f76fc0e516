"""The journal on a real disk: what it has committed is there after a crash, in order, bounded, one owner at a time."""

import contextlib
import os
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fillwire.bus.encoding import STORED_NS
from fillwire.bus.journal import Entry, Journal
from fillwire.domain.errors import ConfigError, PublishError
from support.eventually import eventually
from support.processes import python
from support.small_disk import fill_disk, small_disk

MIB = 1 << 20
WRITER = """
import asyncio, sys
from pathlib import Path
from fillwire.bus.journal import Entry, Journal

async def main():
    journal = await Journal.open(Path(sys.argv[1]), "binance", 1 << 24)
    number = 0
    while True:
        journal.append(Entry(0, "a", "orders.x", f"id-{number}", {}, b"x" * 100, 7))
        number += 1
        await asyncio.sleep(0.0002)  # the pace of the load
        if number % 100 == 0:
            print(number, flush=True)

asyncio.run(main())
"""


@asynccontextmanager
async def _journal(path: Path, max_bytes: int = MIB) -> AsyncIterator[Journal]:
    journal = await Journal.open(path, "binance", max_bytes)
    try:
        yield journal
    finally:
        await journal.close()


def _entry(name: str, body: bytes = b"{}") -> Entry:
    return Entry(0, "order", "orders.alice.x", name, {"Fillwire-Stamps": "1,2,3"}, body, 1_700_000_000)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.iterdir())


async def _names(journal: Journal, after: int = 0) -> list[str]:
    return [entry.message_id for entry in await journal.read(after, 100_000)]


async def test_messages_come_back_as_they_were_in_order(tmp_path: Path) -> None:
    """What was appended is read in that order, from any number on, with everything that it had."""
    async with _journal(tmp_path) as journal:
        numbers = [journal.append(_entry(f"id-{number}")) for number in range(500)]
        assert numbers == list(range(1, 501))
        assert await journal.read(3, 2) == [
            _entry("id-3")._replace(number=4),
            _entry("id-4")._replace(number=5),
        ]
        await journal.remove(400)
        assert await _names(journal) == [f"id-{number}" for number in range(400, 500)]
        assert (journal.count, journal.size_bytes) == (
            100,
            sum(_entry(f"id-{n}").size for n in range(400, 500)),
        )


async def test_it_is_there_after_a_kill(tmp_path: Path) -> None:
    """A process is killed while it writes: the next owner finds a beginning of what it wrote, without a hole."""
    async with python("-c", WRITER, tmp_path) as writer:
        await writer.said("400")
        await writer.end(signal.SIGKILL)
    async with _journal(tmp_path, 1 << 24) as journal:
        names = await _names(journal)
        assert len(names) >= 300
        assert names == [f"id-{number}" for number in range(len(names))]
        assert journal.count == len(names)
        assert journal.append(_entry("next")) == len(names) + 1


async def test_each_process_has_a_file_of_its_own(tmp_path: Path) -> None:
    """Two gateways of one exchange on one machine do not share a journal; the first that starts again has the first."""
    async with _journal(tmp_path) as first:
        first.append(_entry("of the first"))
        async with _journal(tmp_path) as second:
            assert second.count == 0
            second.append(_entry("of the second"))
    async with _journal(tmp_path) as again:
        assert await _names(again) == ["of the first"]


async def test_it_is_bounded_and_says_so(tmp_path: Path) -> None:
    """It is full before it refuses, so that what was read has room; when messages are removed there is room again."""
    changes: list[bool] = []
    async with _journal(tmp_path) as journal:
        journal.on_change = lambda: changes.append(journal.is_full)
        while not journal.is_full:
            journal.append(_entry("x", bytes(10_000)))
        assert journal.size_bytes < MIB * 0.8
        while journal.size_bytes < MIB - 11_000:
            journal.append(_entry("x", bytes(10_000)))
        with pytest.raises(
            PublishError, match=r"^event x not published on orders.alice.x: the journal holds \d+ bytes"
        ):
            journal.append(_entry("x", bytes(11_000)))
        await journal.remove(journal.last_number)
        assert (journal.is_full, journal.count, journal.size_bytes, changes[-1]) == (False, 0, 0, False)


async def test_the_disk_is_given_back_when_it_is_empty(tmp_path: Path) -> None:
    """After an outage the file is as small as before."""
    async with _journal(tmp_path, 1 << 24) as journal:
        for _ in range(1000):
            journal.append(_entry("x", os.urandom(10_000)))
        await _names(journal)
        await journal.remove(journal.last_number)
        assert _size(tmp_path) < 100_000


async def test_damaged_files_are_put_aside_each_by_itself(tmp_path: Path) -> None:
    """A file that is no journal keeps no gateway from starting; it and the next such stay for a person, with their parts."""
    kept: list[Path] = []
    for name in ("first", "second"):
        for part in ("", "-wal", "-shm"):
            (tmp_path / f"binance-1.journal{part}").write_text(f"{name}{part} is no database at all " * 100)
        async with _journal(tmp_path) as journal:
            journal.append(_entry("new"))
            assert await _names(journal) == ["new"]
            [aside] = journal.asides
            assert "binance-1.journal cannot be read: file is not a database" in aside.reason
            assert str(aside.path) in aside.reason
            kept.append(aside.path)
        assert (
            tmp_path / "binance-1.journal"
        ).exists()  # what takes its place is what the next start opens first
        async with _journal(tmp_path) as journal:
            assert (await _names(journal), journal.asides) == (["new"], [])
    for path, name in zip(kept, ("first", "second"), strict=True):
        assert path.match("binance-1.20*Z*.damaged")
        for part in ("", "-wal", "-shm"):
            assert path.with_name(path.name + part).read_text().startswith(f"{name}{part} is no database")


async def test_what_is_too_old_is_put_aside_whole(tmp_path: Path) -> None:
    """Messages from before a time leave for a file of their own; those found stored, the younger and the later stay."""
    async with _journal(tmp_path) as journal:
        for number, since_ns in enumerate((100, STORED_NS, 300, 199, 200)):
            journal.append(_entry(f"id-{number}")._replace(since_ns=since_ns))
        later = journal.last_number
        journal.append(_entry("later")._replace(since_ns=100))
        await _names(journal)
        assert await journal.put_aside(200, later) == 2
        assert await _names(journal) == ["id-1", "id-2", "id-4", "later"]
        assert (journal.count, journal.size_bytes) == (
            4,
            3 * _entry("id-1").size + _entry("later").size,
        )
        assert await journal.put_aside(200, later) == 0
        [aside] = journal.asides
        assert aside.reason.startswith("2 events in the journal")
        assert aside.path.match("binance-1.20*Z.expired")
    with contextlib.closing(sqlite3.connect(aside.path)) as database:
        rows = database.execute("SELECT message_id, subject, body, since_ns FROM messages ORDER BY number")
        found = rows.fetchall()
    assert found == [("id-0", "orders.alice.x", b"{}", 100), ("id-3", "orders.alice.x", b"{}", 199)]
    async with _journal(tmp_path) as journal:
        assert await _names(journal) == ["id-1", "id-2", "id-4", "later"]


async def test_a_directory_that_cannot_be_used_is_a_bad_setting(tmp_path: Path) -> None:
    """A file where the directory should be is said so at the start."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^journal at .*file/binance-1.journal cannot be used"):
        await Journal.open(tmp_path / "file", "binance", MIB)


async def test_a_full_disk_stops_reading_and_is_left_behind(tmp_path: Path) -> None:
    """The disk takes nothing: full at once, nothing forgotten, everything readable; with room all of it is written."""
    async with small_disk(tmp_path / "disk", mib=4) as disk:
        filler = disk / "filler"
        journal = await Journal.open(disk, "binance", 64 * MIB)
        journal.append(_entry("first"))
        assert await _names(journal) == ["first"]
        fill_disk(filler)
        for number in range(50):
            journal.append(_entry(f"id-{number}", os.urandom(20_000)))
        await eventually(lambda: journal.failure is not None)
        assert journal.is_full
        assert len(await _names(journal)) == 1
        assert await _names(journal, 1) == [f"id-{number}" for number in range(50)]
        filler.unlink()
        await eventually(lambda: journal.failure is None)
        assert not journal.is_full
        assert len(await _names(journal)) == 51
        assert await journal.close() == 0
