"""How much of each order was executed, kept so that what is told again counts once."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fillwire.domain.amounts import total
from fillwire.wire.decimals import decimal_text

_ZERO = Decimal(0)


@dataclass(slots=True)
class Executed:
    """How much of an order was executed."""

    quantity: Decimal = _ZERO
    quote: Decimal = _ZERO

    def add(self, quantity: Decimal, quote: Decimal) -> None:
        """Add an execution."""
        self.quantity = total((self.quantity, quantity))
        self.quote = total((self.quote, quote))

    def document(self) -> list[str]:
        """Return the amounts as JSON can hold them."""
        return [decimal_text(self.quantity), decimal_text(self.quote)]

    @classmethod
    def restored(cls, document: list[str]) -> "Executed":
        """Return what `document` returned."""
        return cls(Decimal(document[0]), Decimal(document[1]))


class KnownOrders:
    """What was executed of orders by their ids: of all that have not ended, and of those that ended last.

    Args:
        ended: so many of those that have ended are known.
    """

    def __init__(self, ended: int) -> None:
        self._most = ended
        self._open: dict[str, Executed] = {}  # as many as the venue lets be open
        self._ended: OrderedDict[str, Executed] = OrderedDict()

    def find(self, client_order_id: str) -> Executed | None:
        """Return what is known of an order, None if nothing is."""
        return self._open.get(client_order_id) or self._ended.get(client_order_id)

    def note_open(self, client_order_id: str, executed: Executed) -> Executed:
        """Know an order until its end is told."""
        self._open[client_order_id] = executed
        return executed

    def note_end(self, client_order_id: str, executed: Executed) -> None:
        """Know an order as one that has ended, the latest."""
        self._open.pop(client_order_id, None)
        self._ended[client_order_id] = executed
        self._ended.move_to_end(client_order_id)
        if len(self._ended) > self._most:
            self._ended.popitem(last=False)

    def document(self) -> dict[str, Any]:
        """Return what is known as JSON can hold it."""
        return {"open": _documents(self._open), "ended": _documents(self._ended)}

    def restore(self, document: Mapping[str, Any]) -> None:
        """Know also what `document` returned."""
        for client_order_id, executed in restored(document.get("open", {})):
            self.note_open(client_order_id, executed)
        for client_order_id, executed in restored(document.get("ended", {})):
            self.note_end(client_order_id, executed)


def _documents(orders: Mapping[str, Executed]) -> dict[str, list[str]]:
    return {client_order_id: executed.document() for client_order_id, executed in orders.items()}


def restored(orders: Mapping[str, list[str]]) -> Iterator[tuple[str, Executed]]:
    """Return orders as a checkpoint has them."""
    for client_order_id, document in orders.items():
        yield client_order_id, Executed.restored(document)
