"""Until when a venue wants no requests or no new connections from this machine: obeyed by all of its accounts.

A venue counts by address. Who goes on asking after a 429 is banned (418), and who goes on then is banned for longer; so
one account that is told to wait makes all of them wait, whatever it was told by: REST, the handshake, or the socket.
"""

import asyncio
import time
from collections.abc import Callable

from fillwire.domain.enums import Reach
from fillwire.domain.errors import Throttled
from fillwire.runtime.logs import get_log

_log = get_log(__name__)


class Ban:
    """What one environment of a venue has told this machine to wait for. None at first.

    Args:
        venue: name of the exchange.
        now_s: a clock that never steps, in seconds.

    Attributes:
        on_quiet: called with the seconds for which nothing may be asked, when they have become more.
    """

    def __init__(self, venue: str, now_s: Callable[[], float] = time.monotonic) -> None:
        self._venue = venue
        self._now_s = now_s
        self._quiet_until_s = 0.0
        self._connects_from_s = 0.0
        self._reason = ""
        self.on_quiet: list[Callable[[float], None]] = []

    def note(self, error: Throttled) -> None:
        """Take what the venue said; a shorter wait than the one that holds changes nothing."""
        until_s = self._now_s() + error.retry_after_s
        if error.reach is Reach.CONNECTING:
            if until_s > self._connects_from_s:
                self._connects_from_s = until_s
                self._say(error)
        elif error.reach is Reach.MACHINE and until_s > self._quiet_until_s:
            self._quiet_until_s = until_s
            self._say(error)
            for tell in list(self.on_quiet):
                tell(error.retry_after_s)

    def _say(self, error: Throttled) -> None:
        self._reason = error.reason
        _log.warning(
            "venue_wants_quiet",
            exchange=self._venue,
            reach=error.reach,
            seconds=error.retry_after_s,
            error=error,
        )

    @property
    def quiet_s(self) -> float:
        """For how long nothing may be asked, in seconds."""
        return max(0.0, self._quiet_until_s - self._now_s())

    @property
    def connects_in_s(self) -> float:
        """For how long nothing may be dialled, in seconds."""
        return max(self.quiet_s, self._connects_from_s - self._now_s())

    def check(self) -> None:
        """Return if something may be asked.

        Raises:
            Throttled: not yet; with the time that is left and what the venue said.
        """
        left_s = self.quiet_s
        if left_s > 0:
            raise Throttled(self._venue, self._reason, left_s)

    async def wait(self) -> None:
        """Wait until something may be asked."""
        while True:
            left_s = self.quiet_s
            if left_s <= 0:
                return
            await asyncio.sleep(left_s)

    def sentence(self, seconds: float) -> str:
        """Return why somebody waits who has not been told so himself."""
        return f"the venue wants nothing from this machine for {seconds:.0f} s: {self._reason}"
