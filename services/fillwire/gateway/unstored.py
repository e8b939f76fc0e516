"""Which events of one account the broker does not have yet, and from when on they would have to be fetched again.

A successor begins a little before the newest event in the log. An event that is stored late, while newer ones of other
orders pass it, would lie before that: so it is told since when something is missing, for as long as it waits.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

_S = 1_000_000_000
# Half of what a successor goes back before the newest event in the log: the other half is for the telling.
LATE_NS = 60 * _S
# The broker stores an event in milliseconds. What waits for longer waits for something.
PATIENCE_NS = 5 * _S
_SPAN_NS = 10 * _S


class Spilled(Protocol):
    """What the memory had no room for; see `bus.spillway`."""

    @property
    def newest_number(self) -> int:
        """Number of the newest message that was spilled."""

    @property
    def stored_through(self) -> int:
        """Number up to which every message is stored."""

    async def stored(self) -> None:
        """Wait until everything that was spilled by now is stored."""


@dataclass(slots=True)
class _Span:
    """Spilled events of a few seconds: when the first was taken, the earliest time of one, the last one's number."""

    taken_ns: int
    since_ns: int
    number: int


@dataclass(slots=True)
class _Wait:
    """Somebody who waits for all events up to a number, of which so many are not stored."""

    number: int
    count: int
    done: asyncio.Future[None]


class Unstored:
    """Counts one account's events out and in. `take` and `settle` are run once per event.

    Args:
        spilled: what the publisher had no room for; None if there is no such place.
        now_ns: the gateway's clock, in nanoseconds since the epoch.
    """

    def __init__(self, spilled: Spilled | None, now_ns: Callable[[], int] = time.time_ns) -> None:
        self._spilled = spilled
        self._now_ns = now_ns
        self._number = 0
        self._memory: dict[int, tuple[int, int]] = {}  # by number: when it was taken, since when it may exist
        self._spans: deque[_Span] = deque()
        self._waits: list[_Wait] = []

    def take(self, taken_ns: int, since_ns: int) -> int:
        """Note an event that is on its way and return its number.

        Args:
            taken_ns: when the gateway had it.
            since_ns: when it happened; both by the gateway's clock.
        """
        number = self._number = self._number + 1
        self._memory[number] = taken_ns, since_ns
        return number

    def settle(self, number: int) -> None:
        """Note that an event is stored, or will never be."""
        del self._memory[number]
        if self._waits:
            self._tell(number)

    def spill(self, taken_ns: int, since_ns: int) -> None:
        """Note an event that was spilled, of whose end nobody is told."""
        if self._spilled is None:
            raise AssertionError("an event can be spilled only where there is a place for it")
        number = self._spilled.newest_number
        last = self._spans[-1] if self._spans else None
        if last is None or taken_ns - last.taken_ns > _SPAN_NS:
            self._spans.append(_Span(taken_ns, since_ns, number))
        else:
            last.since_ns = min(last.since_ns, since_ns)
            last.number = number

    def overdue_since_ns(self) -> int | None:
        """Return when the earliest event happened that should have been stored long ago; None if there is none.

        It happened more than a minute ago, and was taken some seconds ago. Looks at all that waits: not for each event.
        """
        now_ns = self._now_ns()
        self._forget_stored()
        waiting = [*self._memory.values(), *((span.taken_ns, span.since_ns) for span in self._spans)]
        return min(
            (
                since_ns
                for taken_ns, since_ns in waiting
                if since_ns < now_ns - LATE_NS and taken_ns < now_ns - PATIENCE_NS
            ),
            default=None,
        )

    async def stored(self) -> None:
        """Wait until the broker has everything that was taken by now; what is taken later is not waited for."""
        if self._memory:
            wait = _Wait(self._number, len(self._memory), asyncio.get_running_loop().create_future())
            self._waits.append(wait)
            try:
                await wait.done
            finally:
                self._waits.remove(wait)
        self._forget_stored()
        if self._spilled is not None and self._spans:
            await self._spilled.stored()

    def _tell(self, number: int) -> None:
        for wait in self._waits:
            if number <= wait.number:
                wait.count -= 1
                if not wait.count and not wait.done.done():
                    wait.done.set_result(None)

    def _forget_stored(self) -> None:
        while self._spilled is not None and self._spans:
            if self._spans[0].number > self._spilled.stored_through:
                return
            self._spans.popleft()
