"""What a venue lets one machine ask of its records in a minute, kept by waiting."""

import asyncio
import time
from collections.abc import Callable

# The rest is left to orders, to other programs on the machine, and to the error of our own count.
_SHARE = 0.6
_MINUTE_S = 60


class WeightBudget:
    """The weight of questions to one environment; shared by all its accounts, for the venue counts by machine.

    The venue's minutes are those of the clock. Its own count, in its answers, corrects ours. Where the venue counts by
    the second, a bucket of tokens paces the questions, too.

    Args:
        per_minute: what the venue allows, as far as is known.
        now_s: the wall clock, in seconds since the epoch.
        pace: what it allows in a second and at once, None where it does not count so.
    """

    def __init__(
        self,
        per_minute: int,
        now_s: Callable[[], float] = time.time,
        pace: tuple[int, int] | None = None,
    ) -> None:
        self._limit = int(per_minute * _SHARE)
        self._now_s = now_s
        self._minute = 0
        self._used = 0
        self._pace = None if pace is None else (pace[0] * _SHARE, pace[1] * _SHARE)
        self._tokens = 0.0 if self._pace is None else self._pace[1]
        self._filled_s = now_s()

    async def spend(self, weight: int, share: float = 1.0) -> None:
        """Wait until `weight` may be asked, the next minute at the latest, and count it.

        Args:
            weight: what the question costs.
            share: how much of the budget may be used when it is asked; what can wait leaves some to what cannot.
        """
        while True:
            now_s = self._now_s()
            self._turn(now_s)
            if self._used and self._used + weight > self._limit * share:
                await asyncio.sleep((self._minute + 1) * _MINUTE_S - now_s + 0.05)
                continue
            wait_s = self._wait_s(weight, now_s)
            if not wait_s:
                self._used += weight
                self._tokens -= weight
                return
            await asyncio.sleep(wait_s)

    def _wait_s(self, weight: int, now_s: float) -> float:
        """Return how long the bucket needs until it holds `weight`, or all it can hold; 0 if it does."""
        if self._pace is None:
            return 0.0
        per_second, burst = self._pace
        self._tokens = min(burst, self._tokens + max(0.0, now_s - self._filled_s) * per_second)
        self._filled_s = now_s
        return max(0.0, min(weight, burst) - self._tokens) / per_second

    @property
    def headroom(self) -> float:
        """Which share of this minute's budget is left, from 0 to 1."""
        self._turn(self._now_s())
        return max(0.0, 1 - self._used / self._limit) if self._limit else 0.0

    def use_limit(self, per_minute: int) -> None:
        """Allow our share of this from now on: the venue has said it."""
        self._limit = int(per_minute * _SHARE)

    def count(self, weight: int) -> None:
        """Count what is asked without waiting for its turn."""
        self._turn(self._now_s())
        self._used += weight
        self._tokens -= weight

    def note(self, used: int) -> None:
        """Take what the venue says was used in this minute."""
        self._turn(self._now_s())
        self._used = max(self._used, used)

    def _turn(self, now_s: float) -> None:
        minute = int(now_s // _MINUTE_S)
        if minute != self._minute:
            self._minute, self._used = minute, 0
