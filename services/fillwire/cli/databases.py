"""The database as the settings and the command line name it."""

from functools import partial

import click

from fillwire.domain.errors import ConfigError
from fillwire.recorder.database import Database
from fillwire.runtime.settings import Settings, current
from fillwire.runtime.settings.addresses import database_address

database_option = click.option(
    "--database", metavar="URL", help="sqlite:///… or postgresql://…; overrides the settings."
)


def chosen_database(settings: Settings, address: str | None) -> Database:
    """Return the database of the command line, else that of the settings.

    Raises:
        ConfigError: it is no address that the settings would take.
    """
    if address is not None:
        try:
            database_address(address)
        except ValueError as error:
            raise ConfigError(f"--database: {error}") from None
    chosen = settings.recorder
    password = None if chosen.password is None else partial(current, chosen.password)
    return Database.at(address or chosen.database, password)
