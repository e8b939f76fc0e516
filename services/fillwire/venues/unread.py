"""Orders of a venue's records that cannot be read: they take no other order with them, and are looked up by themselves."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from fillwire.domain.ledger import OrderKey
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

Row = Mapping[str, Any]
T = TypeVar("T")

MAX_ORDERS = 10_000


@dataclass(slots=True)
class UnreadOrders:
    """The orders of one account's records that could not be read; those beyond `MAX_ORDERS` are left to the next question.

    Args:
        exchange: whose words they are, for the log.
        key: returns which order a row is of; may raise what reading a document raises.
    """

    exchange: str
    key: Callable[[Row], OrderKey]
    _waiting: dict[OrderKey, None] = field(default_factory=dict)
    _told: dict[OrderKey, None] = field(default_factory=dict)

    def read_each(self, rows: Iterable[Row], read: Callable[[Row], T]) -> list[T | None]:
        """Return what `read` makes of each row; None, and a line in the log, for one that it cannot read.

        Raises:
            ValueError, LookupError, TypeError, AttributeError: a row does not even say which order it is of.
        """
        return [self.read(row, partial(read, row)) for row in rows]

    def read(self, row: Row, read: Callable[[], T]) -> T | None:
        """Return what `read` makes of this row; as `read_each`."""
        try:
            return read()
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            self._note(self.key(row), error)
            return None

    def take(self) -> list[OrderKey]:
        """Return the orders that were not read since this was asked last."""
        keys = list(self._waiting)
        self._waiting.clear()
        return keys

    def _note(self, key: OrderKey, error: Exception) -> None:
        if len(self._waiting) < MAX_ORDERS:
            self._waiting[key] = None
        if key in self._told:
            return
        if len(self._told) >= MAX_ORDERS:
            del self._told[next(iter(self._told))]
        self._told[key] = None
        _log.warning("order_not_read", exchange=self.exchange, symbol=key[0], order_id=key[1], error=error)
