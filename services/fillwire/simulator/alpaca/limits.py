"""How many requests a key may make: so many in each minute of the clock."""

from fillwire.simulator.alpaca.refusals import Refusal
from fillwire.simulator.exchange.clock import VenueClock

_MINUTE_S = 60


class Limits:
    """Counts the requests of each key.

    Args:
        requests_per_minute: how many a key may make.
        clock: the venue's.
    """

    def __init__(self, requests_per_minute: int, clock: VenueClock) -> None:
        self._maximum = requests_per_minute
        self._clock = clock
        self._used: dict[str, tuple[int, int]] = {}  # minute and requests in it, by key

    def _now(self, api_key: str) -> tuple[int, int]:
        minute = self._clock.now_us() // 1_000_000 // _MINUTE_S
        known, used = self._used.get(api_key, (minute, 0))
        return minute, used if known == minute else 0

    def charge(self, api_key: str) -> None:
        """Count a request.

        Raises:
            Refusal: the key has made all that it may in this minute.
        """
        minute, used = self._now(api_key)
        self._used[api_key] = (minute, used + 1)
        if used >= self._maximum:
            raise Refusal(429, 42910000, "rate limit exceeded")

    def headers(self, api_key: str) -> dict[str, str]:
        """Return the headers that tell how many requests are left, and until when."""
        minute, used = self._now(api_key)
        return {
            "X-RateLimit-Limit": str(self._maximum),
            "X-RateLimit-Remaining": str(max(0, self._maximum - used)),
            "X-RateLimit-Reset": str((minute + 1) * _MINUTE_S),
        }
