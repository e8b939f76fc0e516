"""How a database stands: how far the stream is recorded, what is missing, what could not be read."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from fillwire.recorder.progress import Gap
from fillwire.recorder.tables import gaps, streams, unreadable

_SHOWN = 100


@dataclass(frozen=True, slots=True)
class RecordedStream:
    """One stream that was read; the fields are the columns of `streams`, see docs/recorder.md."""

    id: int
    name: str
    created_ns: int
    begun_ns: int
    sequence: int
    message_id: str | None
    stored_ns: int | None
    recorded_count: int
    repeated_count: int
    unreadable_count: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that could not be read: where it stands in the database, and why."""

    stream_id: int
    sequence: int
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class RecorderStatus:
    """How a database stands.

    Attributes:
        streams: all that were ever read, the newest last.
        gaps: what they did not hold any more, by the id of the stream; the newest hundred.
        unreadable: messages that are kept as they were; the newest hundred.
    """

    streams: list[RecordedStream]
    gaps: list[tuple[int, Gap]]
    unreadable: list[Kept]


def read_status(connection: Connection) -> RecorderStatus:
    """Return how a database stands."""
    g, u = gaps.c, unreadable.c
    missing = (
        select(g.stream_id, g.first_sequence, g.last_sequence, g.reason).order_by(g.id.desc()).limit(_SHOWN)
    )
    kept = (
        select(u.stream_id, u.sequence, u.subject, u.reason)
        .order_by(u.stream_id.desc(), u.sequence.desc())
        .limit(_SHOWN)
    )
    return RecorderStatus(
        [RecordedStream(*row) for row in connection.execute(select(streams).order_by(streams.c.id))],
        [(row[0], Gap(*row[1:])) for row in connection.execute(missing)],
        [Kept(*row) for row in connection.execute(kept)],
    )
