"""Messages on the local disk, in the order in which they were written, for what the memory cannot hold.

SQLite with a write-ahead log, written by a thread of its own in batches: what a batch has committed survives `kill -9` of
this process. A power cut may cost the last moments (`synchronous=NORMAL`); the venue's records have them.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

import orjson

from fillwire.bus.asides import Aside, aside_path, move_aside
from fillwire.bus.encoding import STORED_NS
from fillwire.domain.errors import ConfigError, PublishError
from fillwire.runtime.logs import get_log

_log = get_log(__name__)
_T = TypeVar("_T")

_FILES_MAX = 64  # processes that share a directory
_ROW_BYTES = 64  # what a row takes beside its texts
_RETRY_S = 1.0
_UNWRITTEN_MAX = 100_000
_SUFFIX = ".journal"
# Beyond the mark at which reading stops, for what was read already.
_RESERVE_BYTES_MAX = 8 << 20

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL, subject TEXT NOT NULL, message_id TEXT NOT NULL,
    headers BLOB NOT NULL, body BLOB NOT NULL, since_ns INTEGER NOT NULL, size INTEGER NOT NULL
)
"""


class Entry(NamedTuple):
    """One message of the journal; the fields are those of `OrderedPublisher.submit`."""

    number: int
    key: str
    subject: str
    message_id: str
    headers: Mapping[str, str]
    body: bytes
    since_ns: int

    @property
    def size(self) -> int:
        """What it takes of the journal's bounds, in bytes."""
        texts = len(self.key) + len(self.subject) + len(self.message_id)
        return texts + len(self.body) + sum(map(len, self.headers.values())) + _ROW_BYTES


class Journal:
    """A file of messages. Make it with `Journal.open`; all calls belong to the thread of the loop.

    Attributes:
        last_number: number of the newest message, 0 before the first.
        count: messages that it holds.
        size_bytes: their size. The file is some percent larger, and shrinks when the journal is empty.
        asides: files that were put beside it, oldest first.
        on_change: called when messages were removed, or when writing began or ceased to fail.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._full_bytes = max_bytes - min(max_bytes // 4, _RESERVE_BYTES_MAX)
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._database: sqlite3.Connection | None = None
        self._unwritten: list[Entry] = []
        self._writing: asyncio.Future[None] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._aside: Path | None = None  # where it was put, since it could not be read
        self.failure: Exception | None = None
        self.last_number = 0
        self.count = 0
        self.size_bytes = 0
        self.asides: list[Aside] = []
        self.on_change: Callable[[], None] = _nobody

    @classmethod
    async def open(cls, directory: Path, name: str, max_bytes: int) -> Self:
        """Open the first file of this name in the directory that no other process has open, or make one.

        One that cannot be read is put aside, and another made in its place: the venue's records have what was in it.

        Args:
            directory: made if absent.
            name: what the file's name begins with.
            max_bytes: the messages it holds take no more than this.

        Raises:
            ConfigError: the directory cannot be used.
        """
        asides: list[Aside] = []
        for number in range(1, _FILES_MAX + 1):
            path = directory / f"{name}-{number}{_SUFFIX}"
            journal = await cls._open(path, max_bytes, asides) or await cls._open(path, max_bytes, asides)
            if journal is not None:
                journal.asides = asides
                if journal.count:
                    _log.warning("journal_found", path=str(path), events=journal.count)
                return journal
        raise ConfigError(
            f"journal directory {directory} holds {_FILES_MAX} files in use: expected a free one"
        )

    @classmethod
    async def _open(cls, path: Path, max_bytes: int, asides: list[Aside]) -> Self | None:
        """Open a file; return None if another process has it, or if it was damaged and is put aside now."""
        journal = cls(path, max_bytes)
        try:
            await journal._run(journal._connect)
        except (OSError, sqlite3.Error) as error:
            journal._thread.shutdown()
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                return None
            aside = journal._aside
            if aside is None:
                raise ConfigError(f"journal at {path} cannot be used: {error}") from error
            _log.error("journal_damaged", path=str(path), kept=str(aside), error=error)
            asides.append(Aside(aside, f"the journal {path} cannot be read: {error}; it is kept as {aside}"))
            return None
        return journal

    async def close(self, deadline_s: float = 10.0) -> int:
        """Write what is not written yet and close the file; return how many messages could not be written."""
        self._is_closed = True
        if self._retry is not None:
            self._retry.cancel()
        try:
            async with asyncio.timeout(deadline_s):
                while self._unwritten or self._writing is not None:
                    self._write()
                    writing = self._writing
                    if writing is not None:
                        await asyncio.wait({writing})
                    if self.failure is not None:
                        break
                await self._run(self._disconnect)
        except TimeoutError:
            _log.error("journal_not_closed", path=str(self._path), events=len(self._unwritten))
        finally:
            self._thread.shutdown(wait=False)
        return len(self._unwritten)

    # -- state

    @property
    def is_full(self) -> bool:
        """Whether reading should stop: little room is left, or the disk is slow or takes nothing."""
        return (
            self.failure is not None
            or self.size_bytes >= self._full_bytes
            or len(self._unwritten) >= _UNWRITTEN_MAX
        )

    # -- in and out

    def append(self, entry: Entry) -> int:
        """Take a message and return its number; it is on the disk a moment later, in the order of these calls.

        Args:
            entry: the message; its number is given here.

        Raises:
            PublishError: there is no room at all.
        """
        size = entry.size
        if self.size_bytes + size > self._max_bytes:
            reason = f"the journal holds {self.size_bytes} bytes: expected room for {size} more"
            raise PublishError(entry.subject, entry.message_id, reason)
        self.last_number += 1
        self.count += 1
        self.size_bytes += size
        self._unwritten.append(entry._replace(number=self.last_number))
        if self._writing is None and self._retry is None:
            self._write()
        return self.last_number

    async def read(self, after: int, limit: int) -> list[Entry]:
        """Return the oldest messages with larger numbers than `after`.

        Raises:
            OSError: the disk fails; so does sqlite3.Error.
        """
        while True:
            entries = await self._run(partial(self._select, after, limit))
            if entries:
                return entries
            if self._writing is None:  # what is not on the disk is at hand, even if the disk takes nothing
                return [entry for entry in self._unwritten if entry.number > after][:limit]
            await asyncio.wait({self._writing})

    async def remove(self, through: int) -> None:
        """Forget the messages up to this number.

        Raises:
            OSError: the disk fails; so does sqlite3.Error.
        """
        dropped = [entry for entry in self._unwritten if entry.number <= through]
        if dropped:
            self._unwritten = self._unwritten[len(dropped) :]
            self.count -= len(dropped)
            self.size_bytes -= sum(entry.size for entry in dropped)
        count, size_bytes = await self._run(partial(self._delete, through))
        self.count -= count
        self.size_bytes -= size_bytes
        if count or dropped:
            self.on_change()

    async def put_aside(self, before_ns: int, through: int) -> int:
        """Move messages that may have been stored, and dropped again, into a file beside this one; return how many.

        Args:
            before_ns: those whose `since_ns` is before this.
            through: up to this number.

        Raises:
            OSError: the disk fails; so does sqlite3.Error.
        """
        aside = aside_path(self._path, ".expired")
        count, size_bytes = await self._run(partial(self._split, before_ns, through, aside))
        if count:
            self.count -= count
            self.size_bytes -= size_bytes
            _log.error("journal_expired", path=str(self._path), events=count, kept=str(aside))
            reason = (
                f"{count} events in the journal {self._path} are older than what the log still holds, which cannot say "
                f"any more whether it had them: they are not published, and kept as {aside}"
            )
            self.asides.append(Aside(aside, reason))
            self.on_change()
        return count

    # -- writing

    def _write(self) -> None:
        self._retry = None
        if self._unwritten and self._writing is None:
            batch, self._unwritten = self._unwritten, []
            self._writing = self._loop.run_in_executor(self._thread, self._insert, batch)
            self._writing.add_done_callback(lambda done: self._written(done, batch))

    def _written(self, done: "asyncio.Future[None]", batch: list[Entry]) -> None:
        self._writing = None
        failure = done.exception()
        if failure is None:
            if self.failure is not None:
                self.failure = None
                _log.info("journal_written_again", path=str(self._path))
            self._write()
            self.on_change()
            return
        self._unwritten = batch + self._unwritten
        if self.failure is None:
            _log.error(
                "journal_not_written", path=str(self._path), events=len(self._unwritten), error=failure
            )
            self.failure = failure if isinstance(failure, Exception) else OSError(str(failure))
            self.on_change()
        if not self._is_closed:
            self._retry = self._loop.call_later(_RETRY_S, self._write)

    async def _run(self, work: Callable[[], _T]) -> _T:
        return await self._loop.run_in_executor(self._thread, work)

    # -- in the thread

    def _connect(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        database = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=NORMAL")
            database.execute(f"PRAGMA journal_size_limit={_RESERVE_BYTES_MAX}")
            database.execute(_SCHEMA)
            row = database.execute(
                "SELECT COUNT(*), COALESCE(SUM(size), 0), COALESCE(MAX(number), 0) FROM messages"
            ).fetchone()
        except BaseException as error:
            try:
                is_damaged = not isinstance(error, sqlite3.OperationalError)
                if isinstance(error, sqlite3.DatabaseError) and is_damaged:
                    # Before it is closed, for that deletes what does not stand in the file itself yet.
                    self._aside = move_aside(self._path, ".damaged")
            finally:
                database.close()
            raise
        self._database = database
        self.count, self.size_bytes, self.last_number = row

    def _disconnect(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open_database(self) -> sqlite3.Connection:
        if self._database is None:
            raise OSError("the journal is closed")
        return self._database

    def _insert(self, batch: list[Entry]) -> None:
        database = self._open_database()
        with database:
            database.execute("BEGIN")
            database.executemany(
                "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (*entry[:4], orjson.dumps(dict(entry.headers)), entry.body, entry.since_ns, entry.size)
                    for entry in batch
                ),
            )

    def _select(self, after: int, limit: int) -> list[Entry]:
        rows = self._open_database().execute(
            "SELECT number, key, subject, message_id, headers, body, since_ns FROM messages"
            " WHERE number > ? ORDER BY number LIMIT ?",
            (after, limit),
        )
        return [
            Entry(number, key, subject, message_id, orjson.loads(headers), body, since_ns)
            for number, key, subject, message_id, headers, body, since_ns in rows
        ]

    def _delete(self, through: int) -> tuple[int, int]:
        database = self._open_database()
        with database:
            database.execute("BEGIN")
            count, size_bytes = database.execute(
                "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM messages WHERE number <= ?", (through,)
            ).fetchone()
            database.execute("DELETE FROM messages WHERE number <= ?", (through,))
        if count and database.execute("SELECT 1 FROM messages LIMIT 1").fetchone() is None:
            database.execute("VACUUM")  # of an empty file: quick, and gives the disk back
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count, size_bytes

    def _split(self, before_ns: int, through: int, aside: Path) -> tuple[int, int]:
        database = self._open_database()
        chosen = "FROM main.messages WHERE number <= ? AND since_ns > ? AND since_ns < ?"
        bounds = (through, STORED_NS, before_ns)
        count, size_bytes = database.execute(
            f"SELECT COUNT(*), COALESCE(SUM(size), 0) {chosen}",
            bounds,
        ).fetchone()
        if count:
            database.execute("ATTACH ? AS aside", (str(aside),))
            try:
                database.execute(_SCHEMA.replace("messages", "aside.messages"))
                # Each by itself, the copy first: after a crash in between it is made once more.
                database.execute(
                    f"INSERT INTO aside.messages SELECT * {chosen}",
                    bounds,
                )
                database.execute(f"DELETE {chosen}", bounds)
            finally:
                database.execute("DETACH aside")
        return count, size_bytes


def _nobody() -> None:
    """Tell nobody yet."""
