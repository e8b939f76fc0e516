"""Limits of so many requests per second with a burst, counted per key or address."""

import time
from collections.abc import Callable


class TokenBuckets:
    """One bucket per name: it holds `burst` requests and refills at `per_second`.

    Args:
        per_second: requests per second that may go on for ever.
        burst: requests that may come at once.
        now_ns: returns the time in nanoseconds, by a clock that goes on whatever is done to the venue's.
    """

    def __init__(self, per_second: float, burst: int, now_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self.per_second = per_second
        self.burst = burst
        self._now_ns = now_ns
        self._buckets: dict[str, tuple[float, int]] = {}

    def take(self, name: str) -> bool:
        """Return whether one more request may pass; one that may not costs nothing."""
        left = self.left(name)
        if left < 1:
            return False
        self._buckets[name] = (left - 1, self._now_ns())
        return True

    def left(self, name: str) -> float:
        """Return how many requests may pass now."""
        tokens, at_ns = self._buckets.get(name, (float(self.burst), 0))
        return min(self.burst, tokens + (self._now_ns() - at_ns) * self.per_second / 1_000_000_000)

    def clear(self) -> None:
        """Forget what has been used."""
        self._buckets.clear()
