"""Executions that the venue has announced and whose reports are about to come."""

from fillwire.domain.ledger import OrderKey

MAX_ANNOUNCED = 10_000


class Announced:
    """Keeps what was announced until its report has come, or has not in time.

    Args:
        patience_ns: how long a report may take.
    """

    __slots__ = ("_patience_ns", "_waiting")

    def __init__(self, patience_ns: int) -> None:
        self._patience_ns = patience_ns
        self._waiting: dict[tuple[str, str, str], int] = {}  # in the order in which they are due

    def __bool__(self) -> bool:
        """Return whether a report is awaited."""
        return bool(self._waiting)

    def announce(self, key: OrderKey, trade_id: str, now_ns: int) -> None:
        """Note an announcement; one more than `MAX_ANNOUNCED` is passed over, and its loss is found by other means."""
        if len(self._waiting) < MAX_ANNOUNCED:
            self._waiting.setdefault((*key, trade_id), now_ns + self._patience_ns)

    def report(self, key: OrderKey, trade_id: str | None) -> None:
        """Note that a report has come."""
        if trade_id is not None:
            self._waiting.pop((*key, trade_id), None)

    def next_ns(self) -> int | None:
        """Return when the first report is overdue, None if none is awaited."""
        return next(iter(self._waiting.values()), None)

    def overdue(self, now_ns: int) -> list[OrderKey]:
        """Return the orders whose reports have not come in time, each once, and forget them."""
        late = [key for key, due_ns in self._waiting.items() if due_ns <= now_ns]
        for key in late:
            del self._waiting[key]
        return list(dict.fromkeys((symbol, order_id) for symbol, order_id, _ in late))
