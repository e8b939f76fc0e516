"""Databases for tests of the recorder: an empty one of each kind, and what is in one."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from fillwire.domain.events import OrderEvent
from fillwire.recorder.database import Database
from fillwire.recorder.progress import Position
from fillwire.recorder.writer import Writer
from fillwire.wire.codec import encode_order
from fillwire.wire.headers import MESSAGE_ID
from fillwire.wire.subjects import order_subject


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database: each test runs against SQLite and against PostgreSQL."""
    if request.param == "sqlite":
        yield Database.at(f"sqlite:///{tmp_path}/trades.sqlite")
        return
    server = request.getfixturevalue("postgresql")
    name = f"test_{uuid.uuid4().hex}"
    yield Database.at(server.make_database(name))
    server.drop_database(name)


class Delivered:
    """A message as a stream delivers it, made for a test."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a message is made of
        self,
        sequence: int,
        subject: str,
        data: bytes,
        message_id: str | None,
        stored_time_ns: int = 0,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.sequence = sequence
        self.subject = subject
        self.data = data
        self.stored_time_ns = stored_time_ns
        self.pending_count = 0
        self._headers = dict(headers or {}) | ({} if message_id is None else {MESSAGE_ID: message_id})

    def header(self, name: str) -> str | None:
        """Return a header."""
        return self._headers.get(name)


def delivered(event: OrderEvent, sequence: int, headers: Mapping[str, str] | None = None) -> Delivered:
    """Return an event as the stream would deliver it at a sequence."""
    subject = order_subject(event.account, event.pair, event.kind)
    return Delivered(sequence, subject, encode_order(event), event.event_id, headers=headers)


def opened_writer(database: Database, created_ns: int = 1) -> tuple[Writer, Position]:
    """Return a writer that holds the claim, and where it begins."""
    writer = Writer(database)
    assert writer.open()
    writer.migrate()
    return writer, writer.position("ORDERS") or writer.begin_stream("ORDERS", created_ns)


def record(database: Database, events: Sequence[OrderEvent]) -> None:
    """Record events as a recorder would, behind what is there."""
    writer, position = opened_writer(database)
    try:
        messages = [delivered(event, position.sequence + place) for place, event in enumerate(events, 1)]
        writer.write(position, messages)
    finally:
        writer.close()


def query(database: Database, statement: str) -> list[tuple[Any, ...]]:
    """Return the rows of a statement that writes nothing; a connection that could would want SQLite's file for itself at first."""
    with database.engine(reads_only=True).connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def address_of(database: Database) -> str:
    """Return the address as a person writes it, whichever driver is behind it."""
    return database.url.set(drivername=database.dialect).render_as_string(hide_password=False)
