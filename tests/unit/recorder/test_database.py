"""The address of a database: what serves, what is said of what does not, and that a password is never shown."""

import logging

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.recorder.database import Database
from fillwire.runtime.settings import load_settings

SECRET = "hunter2-and-more"


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("sqlite:///trades.sqlite", "sqlite:///trades.sqlite"),
        ("sqlite:////var/lib/trades.sqlite", "sqlite:////var/lib/trades.sqlite"),
        ("postgresql://alice@db:5433/trades", "postgresql://alice@db:5433/trades"),
        (f"postgresql://alice:{SECRET}@db/trades", "postgresql://alice:***@db/trades"),
        (f"postgres://alice:{SECRET}@db/trades", "postgresql://alice:***@db/trades"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, shown: str) -> None:
    """Whichever driver is behind it, people read the address that they wrote."""
    database = Database.at(address)
    assert str(database) == shown
    assert SECRET not in f"{database} {database!r}"


def test_a_password_from_the_settings_reaches_the_driver_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is a reference in the file or a variable, and hidden wherever the database is named."""
    monkeypatch.setenv("FILLWIRE_RECORDER__DATABASE", "postgresql://alice@db/trades")
    monkeypatch.setenv("FILLWIRE_RECORDER__PASSWORD", SECRET)
    settings = load_settings()
    assert settings.recorder.password is not None
    database = Database.at(settings.recorder.database, settings.recorder.password.get_secret_value())
    assert database.url.password == SECRET
    logging.getLogger("test").warning("recording into %s", database)
    assert SECRET not in f"{settings!r} {database} {database!r} {caplog.text}"
    assert str(database) == "postgresql://alice:***@db/trades"


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("sqlite://", "found one of SQLite without a path"),
        ("sqlite:///:memory:", "found one of SQLite without a path"),
        ("postgresql://db", "found one without a name"),
        (f"mysql://alice:{SECRET}@db/trades", "found one that begins with mysql:"),
        (SECRET, "found something else"),
    ],
)
def test_an_address_that_does_not_serve(address: str, found: str) -> None:
    """One sentence says what was expected and what was found."""
    with pytest.raises(ConfigError) as error:
        Database.at(address)
    sentence = str(error.value)
    assert sentence.startswith("database address: expected sqlite:///path/to/file or postgresql://")
    assert sentence.endswith(found)
    assert SECRET not in sentence
