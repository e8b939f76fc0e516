"""One recorder per database at a time: a claim that ends with the process or the connection that holds it."""

import fcntl
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, text

from fillwire.recorder.database import Database
from fillwire.recorder.errors import DatabaseAway

_ADVISORY_KEY = 0x66696C6C77697265  # "fillwire"


class Claim:
    """The right to record into a database.

    In SQLite it is a lock on a file beside the database, in PostgreSQL an advisory lock of the connection that writes.
    Neither outlives its holder, and neither can be left behind.

    Args:
        database: which.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file: IO[bytes] | None = None
        self._is_locked = False  # by the connection

    def take(self, connection: Connection) -> bool:
        """Take it, unless somebody else has it; return whether it is held.

        Args:
            connection: the one that will write.

        Raises:
            DatabaseAway: it cannot be asked for.
        """
        path = self._database.path
        if path is None:
            with self._database.errors(), connection.begin():
                statement = text("SELECT pg_try_advisory_lock(:key)").bindparams(key=_ADVISORY_KEY)
                self._is_locked = bool(connection.execute(statement).scalar_one())
                return self._is_locked
        return self._file is not None or self._lock(path.with_name(f"{path.name}.claim"))

    def drop(self, connection: Connection | None) -> None:
        """Give it up, so that the next one has it at once: the server ends a connection some time after it was closed.

        Args:
            connection: the one that wrote, None if it is gone, and the claim with it.

        Raises:
            SQLAlchemyError: the connection is broken, and the claim goes with it.
        """
        file, self._file = self._file, None
        if file is not None:
            file.close()
        is_locked, self._is_locked = self._is_locked, False
        if is_locked and connection is not None:
            connection.rollback()
            with connection.begin():
                connection.execute(text("SELECT pg_advisory_unlock_all()"))  # however often it was taken

    def _lock(self, path: Path) -> bool:
        try:
            file = path.open("ab")
        except OSError as error:
            raise DatabaseAway(f"database {self._database}: cannot open {path}: {error.strerror}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        except OSError as error:
            file.close()
            raise DatabaseAway(f"database {self._database}: cannot lock {path}: {error.strerror}") from None
        self._file = file
        return True
