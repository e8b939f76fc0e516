"""What the venue emitted against what each listener was told: lost, doubled, out of order, per class of fault."""

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from itertools import pairwise
from typing import NamedTuple

LOG = "log"
"""The listener that stands for the stream of order events itself."""


class Emitted(NamedTuple):
    """An execution by the venue's own record, in the order of the venue.

    Attributes:
        order: what orders executions among themselves: symbol and order id.
        emitted_ns: when, by the venue's clock.
        price: of the execution, a decimal string without trailing zeros, as `quantity`.
    """

    event_id: str
    order: str
    pair: str
    emitted_ns: int
    price: str
    quantity: str


class Heard(NamedTuple):
    """An execution as a listener was told of it.

    Attributes:
        run: life of the process that was told; a process that died and was started again is another.
        time_ns: when, by the machine's clock.
        price: as it was told, None where the listener does not write it down; as `quantity`.
    """

    event_id: str
    run: str
    time_ns: int
    price: str | None = None
    quantity: str | None = None


@dataclass(slots=True)
class Tally:
    """Counts of one class of fault, all in executions.

    Attributes:
        emitted: by the venue.
        delivered: of these, to every listener that should hear of them.
        lost: of these, not.
        doubled: told again to the same living process, or stored again; each repetition counts.
        out_of_order: told after a later execution of the same order.
        foreign: told or stored, though the venue never emitted it, or to somebody who did not ask for it.
        altered: told with another price or quantity.
        redelivered: told again to a process that was started after the one before had died: no defect, for what a dead
            process has handled nobody knows; see docs/delivery.md.
    """

    emitted: int = 0
    delivered: int = 0
    lost: int = 0
    doubled: int = 0
    out_of_order: int = 0
    foreign: int = 0
    altered: int = 0
    redelivered: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether everything was delivered once, in order, as it was, and nothing else."""
        return not (self.lost or self.doubled or self.out_of_order or self.foreign or self.altered)

    def add(self, other: "Tally") -> None:
        """Add the counts of another."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


@dataclass(slots=True)
class _Listener:
    """What one listener has been told so far.

    Attributes:
        pair: what it listens to, None for everything.
        time_ns: when it was first told, by row; 0 if not yet.
        run: number of the last run that was told, by row.
        latest: row of the last execution told first, by order.
        latest_in_run: row of the last execution told in the present run, by order.
    """

    pair: str | None
    time_ns: "array[int]" = field(default_factory=lambda: array("q"))
    run: "array[int]" = field(default_factory=lambda: array("L"))
    runs: dict[str, int] = field(default_factory=dict)
    present: int = 0
    latest: dict[int, int] = field(default_factory=dict)
    latest_in_run: dict[int, int] = field(default_factory=dict)


class Judge:
    """Counts, as what was emitted and what was told come in. Columns of integers, for a run has a million rows.

    Args:
        listeners: by name, the pair each listens to; None for everything.
    """

    def __init__(self, listeners: Mapping[str, str | None]) -> None:
        self._listeners = {name: _Listener(pair) for name, pair in listeners.items()}
        self._rows: dict[str, int] = {}
        self._orders: dict[str, int] = {}
        self._order_of = array("L")
        self._emitted_ns = array("q")
        self._pairs: list[str] = []
        self._terms: list[tuple[str, str]] = []
        self._known_terms: dict[tuple[str, str], tuple[str, str]] = {}  # few, for many rows
        self._labels: list[str] = []
        self._starts: list[int] = []
        self._tallies: dict[str, Tally] = {}

    @property
    def emitted_count(self) -> int:
        """Executions emitted so far."""
        return len(self._rows)

    def begin(self, label: str) -> None:
        """Count what is emitted from now on under this class."""
        self._labels.append(label)
        self._starts.append(self.emitted_count)
        self._tallies.setdefault(label, Tally())

    def emit(self, executions: Iterable[Emitted]) -> None:
        """Take what the venue emitted next."""
        for execution in executions:
            row = len(self._rows)
            self._rows[execution.event_id] = row
            self._order_of.append(self._orders.setdefault(execution.order, len(self._orders)))
            self._pairs.append(execution.pair)
            self._emitted_ns.append(execution.emitted_ns)
            terms = execution.price, execution.quantity
            self._terms.append(self._known_terms.setdefault(terms, terms))
            for listener in self._listeners.values():
                listener.time_ns.append(0)
                listener.run.append(0)

    def hear(self, name: str, told: Iterable[Heard]) -> None:
        """Take what a listener was told next; the executions must have been taken by `emit`."""
        listener = self._listeners[name]
        for heard in told:
            row = self._rows.get(heard.event_id)
            if row is None or listener.pair not in {None, self._pairs[row]}:
                self._tallies[self._labels[-1]].foreign += 1
                continue
            self._note(listener, row, heard)

    def _note(self, listener: _Listener, row: int, heard: Heard) -> None:
        run = listener.runs.setdefault(heard.run, len(listener.runs) + 1)
        if run != listener.present:
            listener.present = run
            listener.latest_in_run.clear()
        order = self._order_of[row]
        is_first = listener.time_ns[row] == 0
        if listener.run[row] == run:
            self._tally(row).doubled += 1
            return
        if not is_first:
            self._tally(row).redelivered += 1
        if row < listener.latest_in_run.get(order, -1) or (is_first and row < listener.latest.get(order, -1)):
            self._tally(row).out_of_order += 1
        listener.latest_in_run[order] = max(row, listener.latest_in_run.get(order, -1))
        listener.run[row] = run
        if is_first:
            listener.time_ns[row] = max(1, heard.time_ns)
            listener.latest[order] = max(row, listener.latest.get(order, -1))
        if heard.price is not None and (heard.price, heard.quantity) != self._terms[row]:
            self._tally(row).altered += 1

    def _tally(self, row: int) -> Tally:
        return self._tallies[self._labels[bisect_right(self._starts, row) - 1]]

    def missing_count(self, name: str, since_row: int = 0) -> int:
        """Return how many executions from a row on the listener has not been told of."""
        listener = self._listeners[name]
        return sum(
            listener.time_ns[row] == 0 and listener.pair in {None, self._pairs[row]}
            for row in range(since_row, self.emitted_count)
        )

    def last_told_ns(self, since_row: int, until_row: int) -> int | None:
        """Return when the last of these executions had been told to every listener but the log; None if there are none.

        Executions that were lost are left out: they are counted, not timed.
        """
        times = [
            listener.time_ns[row]
            for name, listener in self._listeners.items()
            if name != LOG
            for row in range(since_row, until_row)
        ]
        return max(times, default=None) or None

    def longest_wait_ns(self, name: str, since_row: int, until_row: int) -> int | None:
        """Return the longest time from emitting one of these to telling the listener of it; None if it heard of none."""
        told_ns = self._listeners[name].time_ns
        return max(
            (told_ns[row] - self._emitted_ns[row] for row in range(since_row, until_row) if told_ns[row]),
            default=None,
        )

    def ledger(self) -> dict[str, Tally]:
        """Return the counts by class, as they stand."""
        ledger = {label: Tally(**tally.to_dict()) for label, tally in self._tallies.items()}
        bounds = pairwise([*self._starts, self.emitted_count])
        for label, (start, end) in zip(self._labels, bounds, strict=True):
            tally = ledger[label]
            tally.emitted += end - start
            for row in range(start, end):
                if all(
                    listener.time_ns[row] or listener.pair not in {None, self._pairs[row]}
                    for listener in self._listeners.values()
                ):
                    tally.delivered += 1
                else:
                    tally.lost += 1
        return ledger
