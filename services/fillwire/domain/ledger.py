"""What is known of one account's orders, and the verdict on each further report: the guard of once and in order.

Per order, the quantity executed so far equals the sum of the executions that were published. A report that fits is
published; one that was published is a duplicate; one that builds on executions that nobody has seen waits behind a gap;
one that would take an order back is stale; one that contradicts what was published is a conflict.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from fillwire.domain.amounts import difference
from fillwire.domain.enums import Kind

OrderKey = tuple[str, str]
"""Symbol and order id: ids are counters per symbol."""

MAX_OPEN = 20_000
MAX_ENDED = 20_000
MAX_EVENTS = 100_000

_ENDINGS = {str(kind): kind for kind in Kind if kind.is_terminal}
_ZERO = Decimal(0)


class Report(Protocol):
    """What the ledger reads of an order event; amounts are decimal strings."""

    @property
    def symbol(self) -> str:
        """The venue's spelling."""

    @property
    def order_id(self) -> str:
        """The venue's order id."""

    @property
    def event_id(self) -> str:
        """Identity of the event."""

    @property
    def kind(self) -> str:
        """What happened to the order."""

    @property
    def client_order_id(self) -> str | None:
        """The order's own client id."""

    @property
    def cumulative_quantity(self) -> str:
        """Base quantity executed so far."""

    @property
    def last_quantity(self) -> str | None:
        """Base quantity of this execution; None if the event is none."""

    @property
    def trade_id(self) -> str | None:
        """The venue's trade id; None if the event is no execution."""


@dataclass(frozen=True, slots=True)
class Publish:
    """It fits: publish it. `is_late`: an execution of an order that had ended, real until the venue's records deny it."""

    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Duplicate:
    """It was published before."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Executions of the order are missing between what is known and what the report builds on.

    Attributes:
        order: which order.
        known: quantity that the published executions add up to.
        missing: quantity of the executions that were not seen.
    """

    order: OrderKey
    known: Decimal
    missing: Decimal


@dataclass(frozen=True, slots=True)
class Stale:
    """It tells of a state that the order has left behind; an execution is never stale."""

    reason: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """It contradicts what was published; a person should see it."""

    reason: str


Verdict = Publish | Duplicate | Gap | Stale | Conflict

_PUBLISH = Publish()
_PUBLISH_LATE = Publish(is_late=True)
_DUPLICATE = Duplicate()


@dataclass(slots=True, eq=False)
class _Order:
    """One order.

    Attributes:
        cumulative: sum of the executions published.
        ending: how it ended, None while it is open.
        seen: content of each event published, by event id.
        has_forgotten: whether `seen` is no longer complete.
        last: the last report, while nothing is executed and the order is open.
    """

    cumulative: Decimal = _ZERO
    ending: Kind | None = None
    client_order_id: str | None = None
    last_trade_id: str | None = None
    seen: dict[str, int] = field(default_factory=dict)
    has_forgotten: bool = False
    last: Report | None = None


@dataclass(frozen=True, slots=True)
class KnownOrder:
    """What the ledger knows of an order.

    Attributes:
        key: symbol and order id.
        cumulative: sum of the executions published.
        ending: how it ended, None while it is believed open.
        client_order_id: the order's own client id, where an event has said it.
        last_trade_id: the execution that made up `cumulative`, None where it is not known.
        has_forgotten: whether executions are published of which the identity is no longer known.
        last: the last report, while nothing is executed and the order is open: what it was, should the venue forget it.
    """

    key: OrderKey
    cumulative: Decimal
    ending: Kind | None
    client_order_id: str | None
    last_trade_id: str | None
    has_forgotten: bool = False
    last: Report | None = field(default=None, repr=False, compare=False)


class Ledger:
    """The orders of one account. Pure: what it says follows from what it was told.

    Memory is bounded. Beyond the bounds ended orders are forgotten first, oldest end first; then the events, and last
    the open orders themselves, least recently changed first. An order forgotten is met again as an unknown one: its
    next execution shows a gap, which is repaired from the venue's records. An event forgotten of an order that is still
    known is recognised by the quantity it claims, for all of that is accounted for.

    Args:
        max_open: open orders kept.
        max_ended: ended orders kept.
        max_events: identities of events kept, over all orders; about 250 bytes each.

    Attributes:
        evicted_open: open orders forgotten so far.
        evicted_ended: ended orders forgotten so far.
        forgotten_events: identities forgotten of orders that are still known.
    """

    def __init__(
        self, *, max_open: int = MAX_OPEN, max_ended: int = MAX_ENDED, max_events: int = MAX_EVENTS
    ) -> None:
        self._max_open = max_open
        self._max_ended = max_ended
        self._max_events = max_events
        self._open: OrderedDict[OrderKey, _Order] = OrderedDict()  # least recently changed first
        self._ended: OrderedDict[OrderKey, _Order] = OrderedDict()  # oldest end first
        self._events = 0
        self.evicted_open = 0
        self.evicted_ended = 0
        self.forgotten_events = 0

    # -- what is asked

    def __len__(self) -> int:
        """Return how many orders are known."""
        return len(self._open) + len(self._ended)

    @property
    def event_count(self) -> int:
        """How many identities are kept."""
        return self._events

    def get(self, key: OrderKey) -> KnownOrder | None:
        """Return what is known of an order, None if nothing is."""
        order = self._find(key)
        return None if order is None else _known(key, order)

    def named(self, symbol: str, client_order_id: str) -> KnownOrder | None:
        """Return the order of a symbol that changed last under this client order id, None if none is known."""
        for orders in (self._open, self._ended):
            for key, order in reversed(orders.items()):
                if key[0] == symbol and order.client_order_id == client_order_id:
                    return _known(key, order)
        return None

    def open_orders(self) -> Iterator[KnownOrder]:
        """Return the orders believed open, least recently changed first."""
        return (_known(key, order) for key, order in list(self._open.items()))

    def symbols(self) -> set[str]:
        """Return the symbols of all orders that are known."""
        return {symbol for symbol, _ in (*self._open, *self._ended)}

    def has(self, key: OrderKey, event_id: str) -> bool:
        """Return whether the event is known to be published."""
        order = self._find(key)
        return order is not None and event_id in order.seen

    def _find(self, key: OrderKey) -> _Order | None:
        order = self._open.get(key)
        return self._ended.get(key) if order is None else order

    # -- what is told

    def apply(self, report: Report, content: int = 0) -> Verdict:
        """Return what is to become of a report; one to publish counts as published from here on.

        Args:
            report: the report.
            content: a digest of what two reports of one execution must agree in.
        """
        key = (report.symbol, report.order_id)
        order = self._open.get(key)
        if order is None:
            order = self._ended.get(key)
        event_id = report.event_id
        if order is None:
            known = _ZERO
        else:
            seen = order.seen.get(event_id)
            if seen is not None:
                return _DUPLICATE if seen == content else Conflict("one identity with two contents")
            known = order.cumulative
        cumulative = Decimal(report.cumulative_quantity)
        last = report.last_quantity
        if last is None:
            verdict = _judge_state(key, order, report.kind, cumulative)
        else:
            before = difference(cumulative, Decimal(last))
            if before == known:
                verdict = _PUBLISH if order is None or order.ending is None else _PUBLISH_LATE
            elif before > known:
                verdict = Gap(key, known, difference(before, known))
            elif order is not None and order.has_forgotten and cumulative <= known:
                verdict = _DUPLICATE
            else:
                verdict = Conflict(
                    f"an unknown execution claims the quantity up to {cumulative}, of which {known} is accounted for"
                )
        if verdict.__class__ is Publish:
            self._note(key, order, report, event_id, cumulative, content)
        return verdict

    def restore(self, report: Report, content: int = 0) -> None:
        """Take a report that is known to be published: one from the log, in the log's order."""
        key = (report.symbol, report.order_id)
        order = self._find(key)
        if order is None or report.event_id not in order.seen:
            self._note(key, order, report, report.event_id, Decimal(report.cumulative_quantity), content)

    def adopt(self, key: OrderKey, cumulative: Decimal, client_order_id: str | None = None) -> None:
        """Take an open order whose executions up to `cumulative` are not to be published: they were, or lie before
        the time from which on the account is followed. Does nothing to an order that is known.
        """  # noqa: D205 - one sentence needs two lines
        if self._find(key) is None:
            self._open[key] = _Order(cumulative, client_order_id=client_order_id, has_forgotten=True)
            self._shrink()

    def forget(self, key: OrderKey) -> None:
        """Forget an order, so that its next report is met as one of an unknown order."""
        order = self._open.pop(key, None) or self._ended.pop(key, None)
        if order is not None:
            self._events -= len(order.seen)

    def _note(  # noqa: PLR0913, PLR0917 - what `apply` has read already
        self,
        key: OrderKey,
        order: _Order | None,
        report: Report,
        event_id: str,
        cumulative: Decimal,
        content: int,
    ) -> None:
        if order is None:
            order = self._open[key] = _Order(client_order_id=report.client_order_id)
            if cumulative and report.last_quantity != report.cumulative_quantity:
                order.has_forgotten = True  # the log begins in the middle of the order's life
        order.seen[event_id] = content
        self._events += 1
        if cumulative >= order.cumulative:
            order.cumulative = cumulative
            order.last_trade_id = report.trade_id or order.last_trade_id
        ending = _ENDINGS.get(report.kind)
        if order.ending is None:
            if ending is None:
                self._open.move_to_end(key)
            else:
                order.ending = ending
                del self._open[key]
                self._ended[key] = order
        order.last = None if order.cumulative or order.ending is not None else report
        if (
            self._events > self._max_events
            or len(self._ended) > self._max_ended
            or len(self._open) > self._max_open
        ):
            self._shrink()

    # -- what is forgotten

    def _shrink(self) -> None:
        while self._ended and (len(self._ended) > self._max_ended or self._events > self._max_events):
            _, order = self._ended.popitem(last=False)
            self._events -= len(order.seen)
            self.evicted_ended += 1
        while len(self._open) > self._max_open:
            _, order = self._open.popitem(last=False)
            self._events -= len(order.seen)
            self.evicted_open += 1
        if self._events > self._max_events:  # a quarter at once, so that this is not done for every event
            for order in self._open.values():
                self.forgotten_events += len(order.seen)
                self._events -= len(order.seen)
                order.seen.clear()
                order.has_forgotten = True
                if self._events <= self._max_events * 3 // 4:
                    break


def _known(key: OrderKey, order: _Order) -> KnownOrder:
    return KnownOrder(
        key,
        order.cumulative,
        order.ending,
        order.client_order_id,
        order.last_trade_id,
        order.has_forgotten,
        order.last,
    )


def _judge_state(key: OrderKey, order: _Order | None, kind: str, cumulative: Decimal) -> Verdict:
    """Return the verdict on a report that is no execution."""
    known = _ZERO if order is None else order.cumulative
    if cumulative > known:
        return Gap(key, known, difference(cumulative, known))
    ending = _ENDINGS.get(kind)
    if cumulative < known:
        if ending is None:
            return Stale(f"{kind} at {cumulative} executed, {known} is published")
        return Conflict(f"{kind} at {cumulative} executed, {known} is published")
    if order is None or order.ending is None:
        return _PUBLISH
    if ending is None:
        return Stale(f"{kind} of an order that has ended as {order.ending}")
    return (
        _DUPLICATE
        if ending is order.ending
        else Conflict(f"{kind} of an order that has ended as {order.ending}")
    )
