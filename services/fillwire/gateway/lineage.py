"""Which events of an order came before: their traces are linked to the next one's."""

from typing import Final

from fillwire.runtime.fill_traces import Ancestor

ORDERS: Final = 10_000
EVENTS: Final = 4


class Lineage:
    """Remembers the last events of each order of an account: 4 of each, of the 10,000 orders that were met last.

    Only ids are kept, some 260 bytes per event. When there are too many orders,
    those that have been known for longest are forgotten; what such an order does later begins a new line.
    """

    __slots__ = ("_orders",)

    def __init__(self) -> None:
        self._orders: dict[str, tuple[Ancestor, ...]] = {}

    def append(self, order: str, event: Ancestor) -> tuple[Ancestor, ...]:
        """Note an event of an order, and return those before it, the oldest first."""
        earlier = self._orders.get(order)
        if earlier is None:
            if len(self._orders) >= ORDERS:
                del self._orders[next(iter(self._orders))]
            self._orders[order] = (event,)
            return ()
        if event in earlier:  # published once more: it is not its own ancestor
            return earlier[: earlier.index(event)]
        self._orders[order] = (*earlier[1 - EVENTS :], event)
        return earlier
