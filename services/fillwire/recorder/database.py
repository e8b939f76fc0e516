"""Which database: its address, how it is opened, and how errors of it are said. SQLite by default, PostgreSQL by URL."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool

from fillwire.domain.errors import ConfigError
from fillwire.recorder.errors import translated
from fillwire.recorder.tables import POSTGRESQL, SQLITE

_EXPECTED = "expected sqlite:///path/to/file or postgresql://user@host/name"
_BUSY_S = 5.0
_POSTGRESQL_OPTIONS = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # of a server that says nothing more, in milliseconds
    "application_name": "fillwire",
}
_STATEMENT_TIMEOUT_MS = 60_000

Password = str | Callable[[], str]
"""A value, or a quick function that returns it, called at every connect so that one that was replaced is picked up."""


@dataclass(frozen=True, slots=True)
class Database:
    """The address of a database. Make it with `Database.at`."""

    url: URL
    password: Callable[[], str] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def at(cls, address: str, password: Password | None = None) -> Self:
        """Return the database at an address.

        Args:
            address: `sqlite:///relative/path`, `sqlite:////absolute/path` or `postgresql://user@host:port/name`.
            password: of PostgreSQL, if it does not stand in the address.

        Raises:
            ConfigError: it is no such address; the message does not show it, for it may hold a password.
        """
        try:
            url = make_url(address)
        except (ArgumentError, ValueError):
            raise ConfigError(f"database address: {_EXPECTED}, found something else") from None
        match url.get_backend_name():
            case "sqlite":
                if not url.database or url.database == ":memory:":
                    raise ConfigError(f"database address: {_EXPECTED}, found one of SQLite without a path")
                return cls(url.set(drivername="sqlite+pysqlite"))
            case "postgresql" | "postgres":
                if not url.database:
                    raise ConfigError(f"database address: {_EXPECTED}, found one without a name")
                url = url.set(drivername="postgresql+psycopg")
                if callable(password):
                    return cls(url, password)
                return cls(url if password is None else url.set(password=password))
            case name:
                raise ConfigError(f"database address: {_EXPECTED}, found one that begins with {name}:")

    def __str__(self) -> str:
        """Return the address as it may be shown."""
        return self.url.set(drivername=self.dialect).render_as_string(hide_password=True)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self.url.get_backend_name()

    @property
    def path(self) -> Path | None:
        """The file of SQLite, None elsewhere."""
        return Path(self.url.database or "") if self.dialect == SQLITE else None

    def engine(self, *, reads_only: bool = False) -> Engine:
        """Return an engine that opens a connection whenever one is asked for.

        Args:
            reads_only: its connections cannot write.
        """
        if self.dialect == POSTGRESQL:
            return _postgresql_engine(self.url, self.password, reads_only=reads_only)
        return _sqlite_engine(self.url, reads_only=reads_only)

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Raise what an error of the database inside the block means.

        Raises:
            DatabaseAway: it cannot be reached or is busy.
            DatabaseUnusable: it is damaged.
            RowRefused: it does not take a value.
        """
        try:
            yield
        except DBAPIError as error:
            # Not chained: the statement's values are nobody's business.
            raise translated(error, str(self)) from None


def _sqlite_engine(url: URL, *, reads_only: bool) -> Engine:
    if reads_only:
        url = url.set(database=f"file:{quote(url.database or '')}", query={"mode": "rw", "uri": "true"})
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": _BUSY_S})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where SQLAlchemy says so, tables included
        if reads_only:
            connection.execute("PRAGMA query_only=ON")
            return
        # What a power cut takes of the last moments it takes together with the cursor: it is read from the stream again.
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "cache_size=-32768"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    return engine


def _postgresql_engine(url: URL, password: Callable[[], str] | None, *, reads_only: bool) -> Engine:
    options = [f"-c statement_timeout={_STATEMENT_TIMEOUT_MS}"]
    if reads_only:
        options.append("-c default_transaction_read_only=on")
    else:  # as with SQLite: the cursor is lost with what it stands for
        options.append("-c synchronous_commit=off")
    arguments = _POSTGRESQL_OPTIONS | {"options": " ".join(options)}
    # What the address says for itself wins.
    arguments = {name: value for name, value in arguments.items() if name not in url.query}
    engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
    if password is not None:

        @event.listens_for(engine, "do_connect")
        def log_in(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
            parameters["password"] = password()

    return engine
