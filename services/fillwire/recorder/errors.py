"""What can go wrong with the database."""

import sqlite3

from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
)

from fillwire.domain.errors import Disposition, FillwireError
from fillwire.runtime.redaction import printable, redacted_text

_HOPELESS = {  # by SQLite's own code: the file is no database, or a damaged one
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CORRUPT,
}


class DatabaseAway(FillwireError):
    """The database cannot be reached, takes nothing, or is busy; later it may."""

    disposition = Disposition.RETRY


class DatabaseUnusable(FillwireError):
    """The database is none, damaged, or of a version that this program does not know: a person must act."""

    disposition = Disposition.STOP


class Displaced(FillwireError):
    """Somebody else has written where this recorder believed to be the only one."""

    disposition = Disposition.RETRY


class RowRefused(FillwireError):
    """The database refuses a value, such as a text that holds the null character."""

    disposition = Disposition.QUARANTINE


def translated(error: DBAPIError, shown: str) -> FillwireError:
    """Return what an error of the database means.

    Args:
        error: as SQLAlchemy raised it.
        shown: the database, without its password.
    """
    sentence = _sentence(error)
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    if code in _HOPELESS:
        return DatabaseUnusable(f"database {shown}: {sentence}: expected a sound one")
    if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError | InternalError):
        return DatabaseAway(f"database {shown}: {sentence}")
    if isinstance(error, DataError | IntegrityError):
        return RowRefused(f"database {shown}: {sentence}")
    # No right to the tables, or others than ours: no event is to blame, and waiting does not help.
    return DatabaseUnusable(
        f"database {shown}: {sentence}: expected tables as the migrations make them, and the right to them"
    )


def _sentence(error: DBAPIError) -> str:
    lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
    return printable(redacted_text(lines[0]))
