"""Orders on which the log and the venue's records do not agree yet, and when each is asked for next."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal

from fillwire.domain.ledger import KnownOrder, OrderKey
from fillwire.venues.protocol import OrderDoubted

MAX_ORDERS = 50_000
CLAIM_RETRY_S = 0.1
"""Wait before the first repetition of a question for an order of which more is claimed than the records show."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a frame has shown of an order: less than that in the log is not all.

    Attributes:
        executed: base quantity executed.
        has_ended: whether the order has ended.
    """

    executed: Decimal
    has_ended: bool = False

    @classmethod
    def of(cls, doubt: OrderDoubted) -> "Claim | None":
        """Return what a frame has shown, None if it has shown nothing."""
        return None if doubt.executed is None else cls(doubt.executed, doubt.has_ended)

    def with_(self, other: "Claim | None") -> "Claim":
        """Return what both claim."""
        if other is None:
            return self
        return Claim(max(self.executed, other.executed), self.has_ended or other.has_ended)

    def is_met(self, known: KnownOrder | None) -> bool:
        """Return whether the log has all of it; an order that the ledger was not told of ended before it began."""
        if known is None:
            return True
        return known.cumulative >= self.executed and (known.ending is not None or not self.has_ended)


@dataclass(slots=True)
class _Entry:
    """One order: since when it is here, by both clocks, when it is asked for next, and what is claimed of it."""

    first_s: float
    first_ns: int
    due_s: float
    delay_s: float
    claim: Claim | None = None
    asked_s: float | None = None


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

    def add(self, key: OrderKey, after_s: float, claim: Claim | None = None) -> bool:
        """Ask for the order in `after_s` seconds, or when it was to be asked for already; return False if there is no room.

        What is claimed of an order that is here adds to what was; it is asked for anew, though not at every frame.
        """
        entry = self._entries.get(key)
        now_s = self._now_s()
        if entry is None:
            if len(self._entries) >= MAX_ORDERS:
                return False
            delay_s = self._retry_first_s if claim is None else CLAIM_RETRY_S
            self._entries[key] = _Entry(now_s, self._now_ns(), now_s + after_s, delay_s, claim)
        elif claim is not None:
            entry.claim = claim.with_(entry.claim)
            earliest_s = now_s if entry.asked_s is None else entry.asked_s + CLAIM_RETRY_S
            entry.due_s = min(entry.due_s, max(now_s + after_s, earliest_s))
            entry.delay_s = CLAIM_RETRY_S
        return True

    def claim(self, key: OrderKey) -> Claim | None:
        """Return what is claimed of the order, None if nothing is."""
        entry = self._entries.get(key)
        return None if entry is None else entry.claim

    def is_met(self, key: OrderKey, known: KnownOrder | None) -> bool:
        """Return whether the log has all that is claimed of the order."""
        claim = self.claim(key)
        return claim is None or claim.is_met(known)

    def note_asked(self, key: OrderKey) -> None:
        """Note that the order is asked for now."""
        entry = self._entries.get(key)
        if entry is not None:
            entry.asked_s = self._now_s()
            entry.due_s = max(entry.due_s, entry.asked_s + CLAIM_RETRY_S)

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

    def due_claims(self) -> list[OrderKey]:
        """Return the orders of which something is claimed and that it is time to ask for, oldest first."""
        now_s = self._now_s()
        return [key for key, entry in self._entries.items() if entry.claim and entry.due_s <= now_s]

    def next_claim_s(self, but: Collection[OrderKey]) -> float | None:
        """Return when the next order is asked for of which something is claimed, but for some; None if there is none."""
        times = (entry.due_s for key, entry in self._entries.items() if entry.claim and key not in but)
        return min(times, default=None)

    @property
    def next_due_s(self) -> float | None:
        """When the next order is asked for of which nothing is claimed, None if there is none."""
        return min((entry.due_s for entry in self._entries.values() if entry.claim is None), default=None)

    @property
    def oldest_s(self) -> float | None:
        """Since when the oldest is here, by the loop's clock, None if there is none."""
        return min((entry.first_s for entry in self._entries.values()), default=None)

    @property
    def oldest_ns(self) -> int | None:
        """Since when the oldest is here, by the gateway's clock, None if there is none."""
        return min((entry.first_ns for entry in self._entries.values()), default=None)
