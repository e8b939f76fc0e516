"""Bringing a database to the tables of this version: alembic's migrations, from inside the package."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import Connection

from fillwire.recorder.database import Database
from fillwire.recorder.errors import DatabaseUnusable
from fillwire.recorder.tables import PLACE, REVISION

_DIRECTORY = Path(__file__).parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_DIRECTORY).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def revision_of(connection: Connection) -> str | None:
    """Return the revision of a database, None if it has no tables of ours yet."""
    return MigrationContext.configure(connection).get_current_revision()


def migrate(database: Database, connection: Connection) -> str | None:
    """Bring the tables up to this version, all or nothing; return the revision before if there was anything to do.

    Args:
        database: which, for messages.
        connection: one that may write, outside a transaction.

    Raises:
        DatabaseUnusable: it was made by a newer version of the program.
        DatabaseAway: it cannot be reached or is busy.
    """
    with database.errors(), connection.begin():
        before = revision_of(connection)
        if before != REVISION:
            try:
                command.upgrade(_config(connection), "head")
            except CommandError:
                raise DatabaseUnusable(
                    f"database {database} has revision {before}: expected {REVISION} or an older one, "
                    "it was made by a newer version of Fillwire"
                ) from None
        # No revision of its own: an index changes no table, and an older version goes on working with one more.
        PLACE.create(connection, checkfirst=True)
        return None if before == REVISION else before or "none"
