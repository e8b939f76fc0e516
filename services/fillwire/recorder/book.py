"""`TradeBook`: what can be asked of recorded trades, from a program or a notebook."""

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from fillwire.recorder.database import Database
from fillwire.recorder.errors import DatabaseAway
from fillwire.recorder.migrating import require_current
from fillwire.recorder.trades import Page, PageMark, Trade, TradeFilter, read_all, read_page

_EVERYTHING = TradeFilter()


def open_trades(address: str, password: str | None = None) -> "TradeBook":
    """Return the trades of a database.

    Args:
        address: `sqlite:///path/to/file` or `postgresql://user@host:port/name`.
        password: of PostgreSQL, unless it stands in the address or in libpq's own places.

    Raises:
        ConfigError: it is no such address.
    """
    return TradeBook(Database.at(address, password))


class TradeBook:
    """Reads a database that a recorder writes, while it writes. A context manager; not to be shared by threads.

    Its methods raise `DatabaseAway` where the database cannot be reached and `DatabaseUnusable` where its tables are not
    those of this version.

    Args:
        database: which.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine = database.engine(reads_only=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database. Idempotent."""
        self._engine.dispose()

    def page(
        self, chosen: TradeFilter = _EVERYTHING, *, limit: int = 100, after: PageMark | None = None
    ) -> Page:
        """Return trades, newest first.

        Args:
            chosen: which.
            limit: at most so many.
            after: `next` of the page before; None for the first.
        """
        with self._reading() as connection:
            return read_page(connection, chosen, limit, after)

    def trades(self, chosen: TradeFilter = _EVERYTHING) -> Iterator[Trade]:
        """Yield trades, oldest first, as many as there are, a few thousand in memory at a time."""
        with self._reading() as connection:
            yield from read_all(connection, chosen)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        path = self._database.path
        if path is not None and not path.exists():
            raise DatabaseAway(
                f"database {self._database}: expected a file, found none; `fillwire recorder` makes it"
            )
        with self._database.errors(), self._engine.connect() as connection:
            require_current(self._database, connection)
            yield connection
