"""Puts one account's order events in order: once each, per order as the venue made them, whatever way they come.

take ──▶ buffer (while the account catches up) ──▶ ledger ──▶ publish
                                                    ├──▶ wait behind a gap of its order, until that is closed
                                                    └──▶ drop what was published, keep what contradicts
"""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from fillwire.domain.enums import Kind
from fillwire.domain.ledger import Conflict, Duplicate, Gap, Ledger, OrderKey, Publish, Stale
from fillwire.runtime.logs import get_log
from fillwire.venues.records import OrderReport

_log = get_log(__name__)

MAX_BUFFERED = 20_000
MAX_WAITING = 10_000
_FILL = b'"last_fill":{'
_PRICE = b',"price":"'
_QUOTE = b',"quote":'
_TERMINAL = frozenset(str(kind) for kind in Kind if kind.is_terminal)


class Arrival(NamedTuple):
    """An order event as it arrived: see `Publication.publish`."""

    report: OrderReport
    parsed_ns: int
    frame_bytes: int


def content_of(report: OrderReport) -> int:
    """Return a digest of what two reports of one execution must agree in: its price and its quantity.

    Not the rest of it: a venue may tell the fee only in its records, and name the trade there in another way.
    """
    if report.last_quantity is None:
        return 0
    json = report.json
    start = json.find(_PRICE, json.find(_FILL))
    return hash(json[start : json.find(_QUOTE, start)])


class Sequencer:
    """Decides by the ledger what becomes of each event.

    Args:
        ledger: what is known of the account's orders.
        publish: publishes an event; returns whether it was taken.
        contradict: keeps an event that contradicts what was published, with the reason.
        on_gap: told that executions of an order are missing; again with each further event behind the gap.
        on_doubt: told of an order whose state should be looked up.
        max_buffered: events kept while the account catches up; one more, and they take their way early.
        max_waiting: events that may wait behind gaps, over all orders. One more is dropped and counted: whoever
            closes the gap has it from the venue's records.

    Attributes:
        counts: events by what became of them.
    """

    def __init__(  # noqa: PLR0913 - whom it serves, and two bounds
        self,
        ledger: Ledger,
        publish: Callable[[OrderReport, int, int], bool],
        contradict: Callable[[OrderReport, str], None],
        on_gap: Callable[[Gap], None],
        on_doubt: Callable[[OrderKey], None],
        *,
        max_buffered: int = MAX_BUFFERED,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self.ledger = ledger
        self.counts: Counter[str] = Counter()
        self._apply = ledger.apply
        self._publish = publish
        self._contradict = contradict
        self._on_gap = on_gap
        self._on_doubt = on_doubt
        self._max_buffered = max_buffered
        self._max_waiting = max_waiting
        self._buffer: list[Arrival] | None = None
        self._waiting: dict[OrderKey, list[Arrival]] = {}
        self._waiting_count = 0

    # -- in

    def take(self, report: OrderReport, parsed_ns: int, frame_bytes: int) -> None:
        """Take an event of the stream."""
        if self._buffer is None:
            self.settle(Arrival(report, parsed_ns, frame_bytes))
        else:
            self._buffer.append(Arrival(report, parsed_ns, frame_bytes))
            if len(self._buffer) > self._max_buffered:
                _log.warning("catch_up_buffer_full", events=len(self._buffer))
                self.release()

    def settle(self, arrival: Arrival) -> None:
        """Take an event past the buffer: one of the venue's records, or one whose time has come."""
        report = arrival.report
        verdict = self._apply(report, content_of(report))
        if verdict.__class__ is Publish:
            self._send(arrival)
            if self._waiting:
                self._retry((report.symbol, report.order_id))
            if verdict.is_late:
                self.counts["late"] += 1
                self._on_doubt((report.symbol, report.order_id))
            return
        match verdict:
            case Gap():
                self._wait(verdict, arrival)
            case Duplicate():
                self.counts["duplicate"] += 1
            case Stale(reason):
                self.counts["stale"] += 1
                _log.debug("event_stale", event_id=report.event_id, reason=reason)
            case Conflict(reason):
                self.counts["conflict"] += 1
                self._contradict(report, reason)
            case Publish():
                raise AssertionError("handled above, where it is quicker")

    def _send(self, arrival: Arrival) -> None:
        report = arrival.report
        if not self._publish(*arrival):
            key = (report.symbol, report.order_id)
            self.ledger.forget(key)  # the ledger must not believe what nobody has
            self._on_doubt(key)

    # -- the buffer

    def hold(self) -> None:
        """Keep what the stream brings until `release`."""
        if self._buffer is None:
            self._buffer = []

    def release(self) -> None:
        """Let what was kept take its way, per order in the venue's order; live from here on."""
        kept, self._buffer = self._buffer, None
        orders: dict[OrderKey, list[Arrival]] = {}
        for arrival in kept or ():
            orders.setdefault((arrival.report.symbol, arrival.report.order_id), []).append(arrival)
        for arrivals in orders.values():
            for arrival in sorted(arrivals, key=_place):
                self.settle(arrival)

    @property
    def buffered_symbols(self) -> set[str]:
        """Symbols of the events that are kept."""
        return {arrival.report.symbol for arrival in self._buffer or ()}

    # -- behind gaps

    @property
    def waiting_orders(self) -> list[OrderKey]:
        """The orders of which events wait behind a gap."""
        return list(self._waiting)

    def is_waiting(self, key: OrderKey) -> bool:
        """Return whether events of the order wait behind a gap."""
        return key in self._waiting

    def retry(self, key: OrderKey) -> None:
        """Try again what waits behind a gap of the order: the ledger has learned of it elsewhere."""
        self._retry(key)

    def _wait(self, gap: Gap, arrival: Arrival) -> None:
        self.counts["gap"] += 1
        if self._waiting_count < self._max_waiting:
            self._waiting.setdefault(gap.order, []).append(arrival)
            self._waiting_count += 1
        else:
            self.counts["dropped_behind_gap"] += 1
        self._on_gap(gap)

    def _retry(self, key: OrderKey) -> None:
        """Try again what waits behind a gap of the order, now that an event of it was published."""
        arrivals = self._waiting.pop(key, None)
        if arrivals is None:
            return
        self._waiting_count -= len(arrivals)
        for arrival in sorted(arrivals, key=_place):
            self.settle(arrival)


def _place(arrival: Arrival) -> tuple[Decimal, int]:
    """Return where an event belongs among those of its order: executions before what follows them, the end last."""
    report = arrival.report
    if report.last_quantity is not None:
        return Decimal(report.cumulative_quantity), 0
    return Decimal(report.cumulative_quantity), 2 if report.kind in _TERMINAL else 1
