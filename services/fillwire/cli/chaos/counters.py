"""The counter-orders that bots wanted against those that the venue has: each cause has exactly one. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class CounterTally:
    """Counts of one class of fault, in orders.

    Attributes:
        wanted: executions that caused a counter-order.
        once: of these, with exactly one at the venue, which the bot knows of.
        twice: orders beyond the first of a cause.
        never: causes without an order at the venue.
        unknown: causes of which the bot does not know the outcome.
        foreign: orders of the bot that nothing caused.
    """

    wanted: int = 0
    once: int = 0
    twice: int = 0
    never: int = 0
    unknown: int = 0
    foreign: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether each cause has one order, which the bot knows of, and nothing else was placed."""
        return not (self.twice or self.never or self.unknown or self.foreign)

    def add(self, other: "CounterTally") -> None:
        """Add the counts of another."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def to_dict(self) -> dict[str, Any]:
        """Return the counts by name."""
        return asdict(self)


@dataclass(slots=True)
class _Cause:
    """An execution that caused a counter-order: its class of fault, and the names that the order had by the bot's word."""

    label: str
    names: set[str] = field(default_factory=set)
    is_answered: bool = False


class Counters:
    """Counts, as what was wanted, answered and placed comes in.

    Args:
        is_own: says whether a client order id at the venue is the bot's, as far as that can be read from it.
    """

    def __init__(self, is_own: Callable[[str], bool]) -> None:
        self._is_own = is_own
        self._causes: dict[str, _Cause] = {}
        self._placed: Counter[str] = Counter()
        self._label = ""
        self._labels: list[str] = []

    def begin(self, label: str) -> None:
        """Count what is wanted from now on under this class."""
        self._label = label
        if label not in self._labels:
            self._labels.append(label)

    def want(self, event_id: str, name: str) -> None:
        """Take that an execution causes an order of this name at the venue; again, by a later life of the bot."""
        self._causes.setdefault(event_id, _Cause(self._label)).names.add(name)

    def answer(self, event_id: str) -> None:
        """Take that the bot knows its order to be at the venue."""
        self._causes[event_id].is_answered = True

    def place(self, names: Iterable[str]) -> None:
        """Take which orders the venue has besides those of before, by name."""
        self._placed.update(names)

    @property
    def outstanding(self) -> int:
        """How many causes still have no order at the venue, or none that the bot knows of."""
        return sum(not (cause.is_answered and self._count(cause)) for cause in self._causes.values())

    def _count(self, cause: _Cause) -> int:
        return sum(self._placed[name] for name in cause.names)

    def ledger(self) -> dict[str, CounterTally]:
        """Return the counts by class, as they stand; without those in which nothing was wanted."""
        ledger = {label: CounterTally() for label in self._labels}
        caused: set[str] = set()
        for cause in self._causes.values():
            tally, count = ledger[cause.label], self._count(cause)
            caused |= cause.names
            tally.wanted += 1
            tally.once += count == 1 and cause.is_answered
            tally.twice += max(0, count - 1)
            tally.never += count == 0
            tally.unknown += not cause.is_answered
        if self._labels:
            foreign = sum(
                count for name, count in self._placed.items() if name not in caused and self._is_own(name)
            )
            ledger[self._labels[-1]].foreign += foreign
        return {label: tally for label, tally in ledger.items() if tally.wanted or tally.foreign}
