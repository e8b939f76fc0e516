"""Client order ids at Coinbase Exchange, which takes UUIDs only, and ours, which are any text.

An id that is a UUID is taken as it is. Any other has a UUID derived from it, always the same, so that an order that may
have been placed is found again by whoever asks. There is no way back from the UUID: what was derived is remembered, and what other
processes and earlier starts derived is told by who reads their notes.
"""

import uuid
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMESPACE = uuid.UUID("6d0f6bd1-3c1a-5c0e-8a57-0f2b8a4f7f10")  # ours alone; it must never change
_MAX_KEPT = 20_000


def venue_id(client_order_id: str) -> str:
    """Return the id by which the venue knows the order that we know as `client_order_id`."""
    try:
        return str(uuid.UUID(client_order_id))
    except ValueError:
        return str(uuid.uuid5(_NAMESPACE, client_order_id))


class ClientOrderIds:
    """The ids that this account's orders were given, by those that they have at the venue; the oldest are forgotten."""

    def __init__(self) -> None:
        self._ours: OrderedDict[str, str] = OrderedDict()
        self._shown: set[str] = set()
        self.on_name: list[Callable[[str, str], None]] = []

    def name(self, client_order_id: str) -> str:
        """Return the venue's id for ours, and remember whose it is."""
        name = venue_id(client_order_id)
        if name != client_order_id and name not in self._ours:
            self._ours[name] = client_order_id
            if len(self._ours) > _MAX_KEPT:
                self._shown.discard(self._ours.popitem(last=False)[1])
            for tell in self.on_name:
                tell(name, client_order_id)
        return name

    def ours(self, name: str | None) -> str | None:
        """Return our id for the venue's: the venue's own where none of ours is known."""
        if not name:
            return None
        ours = self._ours.get(name)
        if ours is None:
            return name
        self._shown.add(ours)
        return ours

    def take_shown(self) -> list[str]:
        """Return our ids of the orders that the venue has shown since the last call."""
        shown, self._shown = self._shown, set()
        return list(shown)

    def items(self) -> list[tuple[str, str]]:
        """Return the venue's id and ours of each that is remembered."""
        return list(self._ours.items())
