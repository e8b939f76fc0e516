"""What comes in floods, alerts and lines of logs, told as people can bear it: the first at once, then seldom, with a count."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

FIRST_QUIET_S = 60.0
LONGEST_QUIET_S = 3600.0


@dataclass(slots=True)
class _Series:
    """Alerts of one kind that go on."""

    quiet_s: float
    timer: asyncio.TimerHandle
    held_back: int = 0
    latest: str = ""


class AlertLimiter:
    """Raises the first alert of a kind at once, and what follows in one alert at the end of each quiet time.

    The quiet time doubles while the kind goes on, up to an hour; a quiet time in which nothing came ends the series,
    and the next alert is a first one again. So a kind costs some thirty alerts on its worst day, and none is kept for
    longer than an hour. Memory is bounded by the number of kinds, which is the caller's closed set.

    Args:
        alert: raises an alert with this reason.
        first_quiet_s: first quiet time, in seconds.
        longest_quiet_s: longest, in seconds.
    """

    def __init__(
        self,
        alert: Callable[[str], None],
        *,
        first_quiet_s: float = FIRST_QUIET_S,
        longest_quiet_s: float = LONGEST_QUIET_S,
    ) -> None:
        self._alert = alert
        self._first_quiet_s = first_quiet_s
        self._longest_quiet_s = longest_quiet_s
        self._series: dict[str, _Series] = {}
        self._loop = asyncio.get_running_loop()

    def raise_(self, kind: str, reason: str) -> None:
        """Raise an alert of a kind, now or with others of its kind later."""
        series = self._series.get(kind)
        if series is None:
            self._alert(reason)
            timer = self._loop.call_later(self._first_quiet_s, self._ring, kind)
            self._series[kind] = _Series(self._first_quiet_s, timer)
        else:
            series.held_back += 1
            series.latest = reason

    def stop(self) -> None:
        """Tell what was held back, and wait for nothing any more."""
        for kind in list(self._series):
            series = self._series.pop(kind)
            series.timer.cancel()
            self._tell(series)

    def _ring(self, kind: str) -> None:
        series = self._series[kind]
        if not series.held_back:
            del self._series[kind]
            return
        self._tell(series)
        series.held_back = 0
        series.quiet_s = min(2 * series.quiet_s, self._longest_quiet_s)
        series.timer = self._loop.call_later(series.quiet_s, self._ring, kind)

    def _tell(self, series: _Series) -> None:
        if series.held_back:
            self._alert(
                f"{series.held_back} more in the last {series.quiet_s:g} s, the latest: {series.latest}"
            )
