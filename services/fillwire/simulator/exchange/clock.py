"""The venue's clock: the machine's, shifted on demand."""

import time

MILLISECONDS = 1_000
"""Divisor from microseconds for connections that speak milliseconds."""
MICROSECONDS = 1
"""Divisor from microseconds for connections that speak microseconds."""


class VenueClock:
    """Venue time since the epoch.

    Attributes:
        skew_ns: venue clock minus machine clock, in nanoseconds; may be changed while running.
    """

    def __init__(self, skew_ms: int = 0) -> None:
        self.skew_ns = skew_ms * 1_000_000

    def now_ns(self) -> int:
        """Return nanoseconds since the epoch by the venue's clock."""
        return time.time_ns() + self.skew_ns

    def now_us(self) -> int:
        """Return microseconds since the epoch by the venue's clock."""
        return (time.time_ns() + self.skew_ns) // 1_000
