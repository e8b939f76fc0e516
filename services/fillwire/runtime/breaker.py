"""A circuit breaker: after some failures in a row nobody may try for a while, then one may, and its result decides.

    closed ──failures in a row──▶ open ──time──▶ half open ──success──▶ closed
                                   ▲                  └──failure──▶ open

Pure: the time is passed in, and how long it stays open is said by whoever reports the failure.
"""

import math

from fillwire.domain.enums import BreakerState


class Breaker:
    """Decides who may try. Every admission is answered by `succeeded`, `failed` or `abandoned`, with its ticket.

    Not thread-safe.

    Args:
        failures: failures in a row that open it, at least 1; None for a breaker that only `trip` opens.
    """

    __slots__ = ("_failed", "_limit", "_open_until_s", "_probe", "_series", "_tickets")

    def __init__(self, failures: int | None) -> None:
        if failures is not None and failures < 1:
            raise ValueError(f"failures {failures}: expected at least 1")
        self._limit = failures
        self._failed = 0
        self._open_until_s: float | None = None  # None while closed
        self._probe: int | None = None
        self._tickets = 0
        self._series = (
            0  # the last ticket given out before it opened: who holds one of those is not heard any more
        )

    @property
    def failed_count(self) -> int:
        """Failures since the last success."""
        return self._failed

    def state(self, now_s: float) -> BreakerState:
        """Return where it is; an open one whose time has passed is half open."""
        if self._open_until_s is None:
            return BreakerState.CLOSED
        if self._probe is None and now_s < self._open_until_s:
            return BreakerState.OPEN
        return BreakerState.HALF_OPEN

    def wait_s(self, now_s: float) -> float:
        """Return how long nobody is admitted, in seconds: infinite while one tries and the others wait for it."""
        if self._open_until_s is None:
            return 0.0
        if self._probe is not None:
            return math.inf
        return max(0.0, self._open_until_s - now_s)

    def admit(self, now_s: float) -> int | None:
        """Return a ticket for one attempt, None if there may be none now."""
        if self.wait_s(now_s) > 0:
            return None
        self._tickets += 1
        if self._open_until_s is not None:
            self._probe = self._tickets
        return self._tickets

    def admits(self, ticket: int) -> bool:
        """Return whether an attempt admitted earlier, but not begun yet, may still begin."""
        return ticket > self._series

    def succeeded(self, _ticket: int) -> None:
        """Close it. An attempt from before it opened counts as well: what succeeds, works. May be told early or twice."""
        self._failed = 0
        self._open_until_s = None
        self._probe = None

    def failed(self, ticket: int, now_s: float, open_s: float) -> bool:
        """Count a failure, and return whether that has opened it.

        Args:
            ticket: of the attempt; one from before it opened tells nothing new.
            now_s: now.
            open_s: for how long it stays open, if it opens.
        """
        if ticket <= self._series:
            return False
        if self._open_until_s is not None and ticket != self._probe:
            return False
        self._failed += 1
        if self._probe is None and (self._limit is None or self._failed < self._limit):
            return False
        self.trip(now_s, open_s)
        return True

    def abandoned(self, ticket: int) -> None:
        """Note that an attempt told nothing: the next one may try in its place."""
        if ticket == self._probe:
            self._probe = None

    def trip(self, now_s: float, open_s: float) -> None:
        """Open it whatever was counted, for `open_s` seconds from now."""
        self._open_until_s = now_s + open_s
        self._probe = None
        self._series = self._tickets
