"""How far a stream is recorded, what it did not hold any more, and what became of a batch of its messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fillwire.recorder.rows import Received, Unreadable


@dataclass(frozen=True, slots=True)
class Position:
    """How far a stream is recorded.

    Attributes:
        stream_id: of the stream in the database.
        name: of the stream at the broker.
        created_ns: when it was made there.
        sequence: everything up to this one is recorded.
        message_id: of the message there; None if it had none, or nothing is recorded yet.
    """

    stream_id: int
    name: str
    created_ns: int
    sequence: int
    message_id: str | None


class Gap(NamedTuple):
    """What the stream does not hold any more, both ends included."""

    first_sequence: int
    last_sequence: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of a batch of messages.

    Attributes:
        position: after it.
        recorded_count: events that are new.
        repeated_count: events that were there already.
        unreadable: what was kept as it is.
        gaps: what the stream did not hold any more.
    """

    position: Position
    recorded_count: int = 0
    repeated_count: int = 0
    unreadable: tuple[Unreadable, ...] = ()
    gaps: tuple[Gap, ...] = ()


def holes_in(position: Position, messages: Sequence[Received]) -> list[Gap]:
    """Return what the stream left out between messages that follow each other in it."""
    holes: list[Gap] = []
    expected = position.sequence + 1
    for message in messages:
        if message.sequence > expected:
            holes.append(Gap(expected, message.sequence - 1, "the stream did not hold them any more"))
        expected = message.sequence + 1
    return holes
