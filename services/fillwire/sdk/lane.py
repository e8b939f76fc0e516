"""Which events a bot may be told of from a live copy, before its durable delivers them.

The subjects of a stream are ordinary subjects, so a plain subscription has every event at the moment of publishing, also
while the stream's leader changes. But it may miss, repeat and, between publishers, reorder. The durable misses nothing
and is in order. A live copy is therefore used only where it is proven to be the next event of its order, and dropped
otherwise, for the durable brings it:

- the order is known: its last handled event is remembered, or the event is the order's first (`new`);
- nothing executed is missing: cumulative quantity minus this execution is what was cumulated before.

What this cannot see is a missing step that executes nothing and does not end the order, an amendment. Therefore the lane
is open only while the connection has been up without a break and the durable has since delivered everything stored before.
"""

from decimal import Context, Decimal
from typing import TypeAlias

from fillwire.domain.enums import Kind
from fillwire.domain.events import OrderEvent

_ORDERS_CAPACITY = 8192
_AHEAD_CAPACITY = 4096
_EXACT = Context(prec=200)  # of our own, since a strategy may set the precision of its thread

OrderKey: TypeAlias = tuple[str, str]


class Lane:
    """The lane of one bot, hence of one account.

    Attributes:
        is_open: whether the connection has been up since the durable caught up.
    """

    def __init__(
        self, *, orders_capacity: int = _ORDERS_CAPACITY, ahead_capacity: int = _AHEAD_CAPACITY
    ) -> None:
        self.is_open = False
        self._orders_capacity = orders_capacity
        self._ahead_capacity = ahead_capacity
        self._cumulative: dict[OrderKey, Decimal] = {}  # after the last handled event, oldest order first
        self._ahead: set[str] = set()  # events handled from a live copy, which the durable has yet to deliver
        self._failed: dict[
            str, int
        ] = {}  # events that a callback could not handle: how many callbacks had returned
        self._held: dict[OrderKey, str] = {}  # orders with such an event: nothing passes it

    def admits(self, event: OrderEvent) -> bool:
        """Return whether the event is proven to be the next of its order."""
        if not self.is_open or len(self._ahead) + len(self._failed) >= self._ahead_capacity:
            return False
        key = _key(event)
        if key in self._held:
            return False
        before = self._cumulative.get(key)
        if before is None:
            return event.kind is Kind.NEW and event.cumulative_quantity == 0
        executed = _EXACT.subtract(event.cumulative_quantity, before)
        if event.last_fill is None:
            return executed == 0 and event.kind is not Kind.NEW
        return executed == event.last_fill.quantity

    def note_live(self, event: OrderEvent) -> None:
        """Remember that the event was handled from its live copy."""
        self._ahead.add(event.event_id)
        self._remember(event)

    def note_failed(self, event: OrderEvent, returned: int) -> None:
        """Remember that a callback raised on the live copy, and how many had returned before it."""
        self._failed[event.event_id] = returned
        self._held[_key(event)] = event.event_id

    def confirm(self, event_id: str) -> bool:
        """Return whether the event that the durable delivers was handled from its live copy; it is no longer ahead."""
        if event_id in self._ahead:
            self._ahead.remove(event_id)
            return True
        return False

    def returned_callbacks(self, event_id: str) -> int:
        """Return how many callbacks had already returned on the event's live copy."""
        return self._failed.get(event_id, 0)

    def note_durable(self, event: OrderEvent) -> None:
        """Remember that the event was handled, or given up, as the durable delivered it."""
        key = _key(event)
        if self._failed.pop(event.event_id, None) is not None and self._held.get(key) == event.event_id:
            del self._held[key]
        self._remember(event)

    def _remember(self, event: OrderEvent) -> None:
        key = _key(event)
        self._cumulative.pop(key, None)
        if event.kind.is_terminal:
            return
        self._cumulative[key] = event.cumulative_quantity
        if len(self._cumulative) > self._orders_capacity:
            del self._cumulative[next(iter(self._cumulative))]  # from now on told by the durable alone


def _key(event: OrderEvent) -> OrderKey:
    return event.symbol, event.order_id
