"""What goes wrong in a rehearsal: by chance from a seed, or next, because a test says so."""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """One thing that can go wrong."""

    LOST_REQUEST = "lost_request"
    """A request never reaches the venue, and nobody answers: the outcome is unknown."""
    LOST_ANSWER = "lost_answer"
    """A request is carried out, and its answer is lost: the outcome is unknown."""
    REJECTED = "rejected"
    """An order is refused, though nothing is wrong with it."""
    UNANSWERED = "unanswered"
    """Nobody answers a question for an order, or for the open ones."""
    EARLY_EVENTS = "early_events"
    """The log has the events of an order before its placement is answered."""
    LATE_EVENTS = "late_events"
    """The events of an order reach the log later than those of others; each order's own stay in order."""
    REPEATED = "repeated"
    """A callback is called again for the same event, as after an exception at its end."""
    CRASHED = "crashed"
    """The bot's process dies: at a request before it is sent or after it is carried out, or between two events."""
    LOG_AWAY = "log_away"
    """The log cannot be read, or a checkpoint not be kept: the broker is away for a moment."""


class Crashed(BaseException):
    """The bot's process has died; no `except Exception` of a strategy catches it."""


@dataclass(slots=True)
class Faults:
    """Chances of each fault, and those that are certain to come next.

    Attributes:
        seed: of all chances; one seed gives the same course again.
        chances: probability on each occasion, by fault; what is not named does not happen by chance.
        redelivered: so many events at most, of those that were handled last, come again after a crash.
    """

    seed: int = 0
    chances: dict[Fault, float] = field(default_factory=dict)
    redelivered: int = 0
    _random: Random = field(init=False, repr=False)
    _next: deque[Fault] = field(default_factory=deque, init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311 - a course that can be had again is the point

    def next(self, *faults: Fault | str) -> None:
        """Have these happen, each on its next occasion and in this order among those of one kind."""
        self._next.extend(Fault(fault) for fault in faults)

    def stop(self) -> None:
        """From now on nothing goes wrong."""
        self.chances = {}
        self._next.clear()

    def strikes(self, fault: Fault) -> bool:
        """Return whether a fault happens on this occasion."""
        if fault in self._next:
            self._next.remove(fault)
            return True
        chance = self.chances.get(fault, 0.0)
        return chance > 0 and self._random.random() < chance

    def below(self, count: int) -> int:
        """Return a number from 0 up to, and without, `count`."""
        return self._random.randrange(count)
