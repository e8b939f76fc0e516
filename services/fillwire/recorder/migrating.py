"""Bringing a database to the tables of this version: alembic's migrations, from inside the package."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from fillwire.recorder.database import Database
from fillwire.recorder.errors import DatabaseUnusable

_DIRECTORY = Path(__file__).parent / "migrations"


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_DIRECTORY).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    """Return the revision that this version of the program expects."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


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
        if before == newest_revision():
            return None
        try:
            command.upgrade(_config(connection), "head")
        except CommandError:
            raise DatabaseUnusable(
                f"database {database} has revision {before}: expected {newest_revision()} or an older one, "
                "it was made by a newer version of Fillwire"
            ) from None
        return before or "none"


def require_current(database: Database, connection: Connection) -> None:
    """Check that the tables are those of this version.

    Raises:
        DatabaseUnusable: they are not, or there are none.
    """
    found = revision_of(connection)
    if found != newest_revision():
        raise DatabaseUnusable(
            f"database {database} has revision {found or 'none'}: expected {newest_revision()}; "
            "`fillwire recorder` of this version makes it so"
        )
