"""Tells people once that an exchange's clock and this machine's differ: latencies are wrong then, and orders may be refused."""

from collections.abc import Callable

from fillwire.gateway.reference import SUSPICIOUS_OFFSET_NS

_NS = 1_000_000_000


class ClockWatch:
    """Hears of each measurement of one environment's clock.

    Args:
        alert: tells people, and returns whether there is anybody to tell.
    """

    def __init__(self, alert: Callable[[str], bool]) -> None:
        self._alert = alert
        self._is_told = False

    def note(self, offset_ns: int) -> None:
        """Take a measurement: venue clock minus ours. What was told is told again after the clocks had agreed."""
        if abs(offset_ns) > SUSPICIOUS_OFFSET_NS:
            if not self._is_told:
                self._is_told = self._alert(
                    f"the exchange's clock is {offset_ns / _NS:+.3f} s from this machine's: set this machine's clock"
                )
        elif abs(offset_ns) < SUSPICIOUS_OFFSET_NS // 2:
            self._is_told = False
