"""What a person asks of a frame in quarantine, and what became of it."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRequest:
    """A frame to be read again.

    Attributes:
        sequence: of the frame in the stream of refused frames.
    """

    sequence: int


class ReadingOutcome(StrEnum):
    """What became of a second reading: `failed` says nothing about the frame, which may be read again later."""

    READ = "read"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameReading:
    """What a gateway made of a frame that it read again.

    Attributes:
        published_count: events of the frame that were published now.
        known_count: those that the log had already, or that the order has left behind.
        waiting_count: those that wait for earlier executions of their order, which the venue is asked for.
        reason: why the frame is refused again, or why it was not read.
    """

    outcome: ReadingOutcome
    published_count: int = 0
    known_count: int = 0
    waiting_count: int = 0
    reason: str | None = None
