"""Putting many rows into `order_events` at the price of few: the driver's own ways, beneath SQLAlchemy's.

`docs/benchmarks.md` compares them with SQLAlchemy's. Both leave rows alone whose identity is stored.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from fillwire.recorder.rows import COLUMNS, Row
from fillwire.recorder.tables import SQLITE

_NAMES = ", ".join(COLUMNS)
_SQLITE_INSERT = (
    f"INSERT INTO order_events ({_NAMES}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608 - names of our own columns
    "ON CONFLICT (event_id) DO NOTHING"
)
_MAKE_INCOMING = text(
    "CREATE TEMPORARY TABLE IF NOT EXISTS incoming (LIKE order_events INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
)
_COPY = f"COPY incoming ({_NAMES}) FROM STDIN"
_MOVE = text(
    f"INSERT INTO order_events ({_NAMES}) SELECT {_NAMES} FROM incoming ON CONFLICT (event_id) DO NOTHING"  # noqa: S608 - as above
)


def prepare(connection: Connection) -> None:
    """Make what inserting needs on a connection; inside a transaction."""
    if connection.dialect.name != SQLITE:
        connection.execute(_MAKE_INCOMING)


def insert_new(connection: Connection, rows: Sequence[Row]) -> int:
    """Insert the rows whose identity is not stored, inside a transaction; return how many there were."""
    if not rows:
        return 0
    if connection.dialect.name == SQLITE:
        cursor = connection.exec_driver_sql(_SQLITE_INSERT, list(rows))
        return int(cursor.rowcount)
    _copy(connection, rows)
    return int(connection.execute(_MOVE).rowcount)


def _copy(connection: Connection, rows: Sequence[Row]) -> None:
    driver: Any = connection.connection.driver_connection
    dialect: Any = connection.dialect
    try:
        with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(row)
    except dialect.dbapi.Error as error:  # beneath SQLAlchemy, which would have said it so
        raise DBAPIError.instance(
            None,
            None,
            error,
            dialect.dbapi.Error,
            dialect=dialect,
            connection_invalidated=dialect.is_disconnect(error, driver, None),
        ) from error
