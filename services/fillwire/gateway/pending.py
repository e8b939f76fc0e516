"""Orders on which the log and the venue's records do not agree yet, and when each is asked for next."""

from collections.abc import Callable
from dataclasses import dataclass

from fillwire.domain.ledger import OrderKey

MAX_ORDERS = 50_000


@dataclass(slots=True)
class _Entry:
    """One order: since when it is here, by both clocks, and when it is asked for next."""

    first_s: float
    first_ns: int
    due_s: float
    delay_s: float


class Pending:
    """The orders of one account that are not settled; at most `MAX_ORDERS`.

    Args:
        now_s: the loop's clock, in seconds.
        now_ns: the gateway's clock, in nanoseconds since the epoch.
        retry_first_s: wait before the first repetition of a question, which doubles.
        retry_max_s: longest wait between two.
    """

    def __init__(
        self, now_s: Callable[[], float], now_ns: Callable[[], int], retry_first_s: float, retry_max_s: float
    ) -> None:
        self._now_s = now_s
        self._now_ns = now_ns
        self._retry_first_s = retry_first_s
        self._retry_max_s = retry_max_s
        self._entries: dict[OrderKey, _Entry] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._entries)

    def __contains__(self, key: OrderKey) -> bool:
        """Return whether the order is here."""
        return key in self._entries

    @property
    def keys(self) -> list[OrderKey]:
        """The orders, oldest first."""
        return list(self._entries)

    def __str__(self) -> str:
        """Return how many there are and which the first are, for a person."""
        names = ", ".join(f"{symbol} {order_id}" for symbol, order_id in self.keys[:5])
        return f"{len(self)} orders, such as {names}" if names else "no order"

    def add(self, key: OrderKey, after_s: float) -> bool:
        """Ask for the order in `after_s` seconds, or when it was to be asked for already; return False if there is no room."""
        if key in self._entries:
            return True
        if len(self._entries) >= MAX_ORDERS:
            return False
        now_s = self._now_s()
        self._entries[key] = _Entry(now_s, self._now_ns(), now_s + after_s, self._retry_first_s)
        return True

    def discard(self, key: OrderKey) -> None:
        """Note that the order is settled, whether it was here or not."""
        self._entries.pop(key, None)

    def postpone(self, key: OrderKey) -> None:
        """Note that the order was asked for in vain."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.due_s = self._now_s() + entry.delay_s
            entry.delay_s = min(entry.delay_s * 2, self._retry_max_s)

    def is_due(self, key: OrderKey) -> bool:
        """Return whether it is time to ask for the order."""
        entry = self._entries.get(key)
        return entry is not None and entry.due_s <= self._now_s()

    @property
    def next_due_s(self) -> float | None:
        """When the next order is asked for, None if there is none."""
        return min((entry.due_s for entry in self._entries.values()), default=None)

    @property
    def oldest_s(self) -> float | None:
        """Since when the oldest is here, by the loop's clock, None if there is none."""
        return min((entry.first_s for entry in self._entries.values()), default=None)

    @property
    def oldest_ns(self) -> int | None:
        """Since when the oldest is here, by the gateway's clock, None if there is none."""
        return min((entry.first_ns for entry in self._entries.values()), default=None)
