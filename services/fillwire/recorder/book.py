"""`TradeBook`: what can be asked of recorded trades, from a program or a notebook."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, tzinfo
from types import TracebackType
from typing import Self

from sqlalchemy import Connection, inspect

from fillwire.recorder.database import Database
from fillwire.recorder.errors import DatabaseAway, DatabaseUnusable
from fillwire.recorder.reports import (
    BY_BOT_AND_PAIR,
    By,
    Fees,
    Group,
    Position,
    Profit,
    fees_of,
    positions_of,
    profit_of,
)
from fillwire.recorder.running import RunningProfit
from fillwire.recorder.status import RecorderStatus, read_status
from fillwire.recorder.tables import REVISION
from fillwire.recorder.trades import (
    Page,
    PageMark,
    Trade,
    TradeFilter,
    count_executions,
    read_all,
    read_page,
)

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

    def count(self, chosen: TradeFilter = _EVERYTHING) -> int:
        """Return how many executions are recorded, inferred ones that were superseded included."""
        with self._reading() as connection:
            return count_executions(connection, chosen)

    def trades(self, chosen: TradeFilter = _EVERYTHING) -> Iterator[Trade]:
        """Yield trades, oldest first, as many as there are, a few thousand in memory at a time."""
        with self._reading() as connection:
            yield from read_all(connection, chosen)

    def profit(
        self,
        chosen: TradeFilter = _EVERYTHING,
        *,
        by: Sequence[By] = BY_BOT_AND_PAIR,
        zone: tzinfo = UTC,
        across_bots: bool = False,
        shorts: bool = False,
    ) -> list[tuple[Group, Profit]]:
        """Return realised profit by first in, first out; see `reports.profit_of` for the arguments.

        All trades since the beginning are read, whatever bounds of time are chosen: what is sold today was bought before.
        """
        wanted = replace(chosen, bot=None if across_bots else chosen.bot, since_ns=None)
        return profit_of(
            self.trades(wanted),
            counts=chosen.includes,
            by=by,
            zone=zone,
            across_bots=across_bots,
            shorts=shorts,
        )

    def catch_up(self, running: RunningProfit) -> None:
        """Have a profit that is kept take into account what was recorded since it did so before."""
        with self._reading() as connection:
            running.catch_up(connection, time.time_ns())

    def fees(
        self, chosen: TradeFilter = _EVERYTHING, *, by: Sequence[By] = (), zone: tzinfo = UTC
    ) -> list[tuple[Group, Fees]]:
        """Return fees by currency; see `reports.fees_of`."""
        return fees_of(self.trades(chosen), by=by, zone=zone)

    def positions(
        self, chosen: TradeFilter = _EVERYTHING, *, across_bots: bool = False, shorts: bool = False
    ) -> list[Position]:
        """Return what is held by the recorded trades; see `reports.positions_of`."""
        return positions_of(
            self.trades(replace(chosen, since_ns=None)), across_bots=across_bots, shorts=shorts
        )

    def status(self) -> RecorderStatus:
        """Return how far the stream is recorded, what is missing, and what could not be read."""
        with self._reading() as connection:
            return read_status(connection)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        path = self._database.path
        if path is not None and not path.exists():
            raise DatabaseAway(
                f"database {self._database}: expected a file, found none; `fillwire recorder` makes it"
            )
        with self._database.errors(), self._engine.connect() as connection:
            self._require_tables(connection)
            yield connection

    def _require_tables(self, connection: Connection) -> None:
        """Check that the tables are those of this version; alembic, which could tell as well, is slow to import."""
        found = None
        if inspect(connection).has_table("alembic_version"):
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        if found != REVISION:
            raise DatabaseUnusable(
                f"database {self._database} has revision {found or 'none'}: expected {REVISION}; "
                "`fillwire recorder` of this version makes it so"
            )
