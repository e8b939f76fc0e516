"""An event loop whose time stands still while there is work and jumps to the next timer when there is none."""

import asyncio
from typing import Any


class JumpingLoop(asyncio.SelectorEventLoop):
    """Runs timers in order without waiting for them: the same work gives the same course, however busy the machine is.

    `asyncio.sleep` takes no time here: it moves the clock, when everything that was due before has been done.
    """

    _scheduled: list[asyncio.TimerHandle]
    _ready: Any

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0

    def time(self) -> float:
        """Return the time of the timer that was reached last."""
        return self._now_s

    def _run_once(self) -> None:
        due = [handle.when() for handle in self._scheduled if not handle.cancelled()]
        if not self._ready and due:
            self._now_s = max(self._now_s, min(due))
        super()._run_once()  # type: ignore[misc] # not in the stubs
