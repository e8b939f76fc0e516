"""Messages that the stream does not take at the moment: each waits out a backoff of its own."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count

from fillwire.bus.encoding import Outgoing

BACKOFF_MAX_S = 0.5


class Parking:
    """Holds messages until their time has come. As many as the publisher has in flight, and so bounded by its window.

    Args:
        release: given the messages whose time has come, in that order.
    """

    def __init__(self, release: Callable[[list[Outgoing]], None]) -> None:
        self._release = release
        self._loop = asyncio.get_running_loop()
        self._heap: list[tuple[float, int, Outgoing]] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def parked(self) -> list[Outgoing]:
        """The messages that wait."""
        return [outgoing for _, _, outgoing in self._heap]

    def park(self, outgoing: Outgoing) -> None:
        """Keep a message for as long as its delay says, and double the delay for the next time."""
        delay_s = outgoing.delay_s
        outgoing.delay_s = min(delay_s * 2, BACKOFF_MAX_S)
        heapq.heappush(self._heap, (self._loop.time() + delay_s, next(self._numbers), outgoing))
        self._arm()

    def clear(self) -> None:
        """Forget what waits."""
        self._heap.clear()
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._heap[0][0], self._let_go) if self._heap else None

    def _let_go(self) -> None:
        now = self._loop.time()
        due: list[Outgoing] = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap)[2])
        self._arm()
        self._release(due)
