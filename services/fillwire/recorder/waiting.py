"""Waiting for what is away, a little longer each time, and saying so: at once and then seldom."""

import asyncio
import time
from random import Random

from fillwire.recorder.tail import TailLost
from fillwire.runtime.backoff import Backoff
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

_SAID_AGAIN_S = 30.0


class Waiting:
    """The pauses between attempts, until one succeeds.

    Args:
        about: what the lines of the log say beside the error.
    """

    def __init__(self, **about: str) -> None:
        self._about = about
        self._backoff = Backoff(
            initial_delay_s=0.2,
            max_delay_s=10.0,
            multiplier=2.0,
            max_retries=None,
            random=Random(),  # noqa: S311 - spreads attempts, protects nothing
        )
        self._trouble_s: float | None = None  # since when nothing is recorded
        self._said_s = 0.0

    async def pause(self, stopping: "asyncio.Future[str]", error: Exception) -> None:
        """Wait before the next attempt, or until asked to stop."""
        now_s = time.monotonic()
        is_told = isinstance(error, TailLost)  # by the bus
        if not is_told and (self._trouble_s is None or now_s - self._said_s > _SAID_AGAIN_S):
            self._trouble_s = self._trouble_s or now_s
            self._said_s = now_s
            _log.error("recorder_waits", since_s=round(now_s - self._trouble_s), error=error, **self._about)
        await asyncio.wait({stopping}, timeout=self._backoff.next_delay_s())

    def end(self) -> None:
        """Note that an attempt succeeded."""
        self._backoff.reset()
        if self._trouble_s is not None:
            _log.info("recorder_goes_on", after_s=round(time.monotonic() - self._trouble_s, 1), **self._about)
            self._trouble_s = None
