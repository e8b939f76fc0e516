"""Deadlines of a protocol: what is to be done when, without a clock."""

import heapq
from collections.abc import Callable

Action = Callable[[int], None]
"""Called with the current time, in nanoseconds since the epoch."""


class Timers:
    """Actions by due time. One that has become pointless is not removed: it looks and does nothing."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Action]] = []
        self._count = 0

    def at(self, due_ns: int, action: Action) -> None:
        """Have `action` called at `due_ns` or as soon after it as the driver calls."""
        self._count += 1  # keeps equal times in order of asking, and actions from being compared
        heapq.heappush(self._heap, (due_ns, self._count, action))

    def run(self, now_ns: int) -> None:
        """Call what is due at `now_ns`, in order of time."""
        heap = self._heap
        while heap and heap[0][0] <= now_ns:
            heapq.heappop(heap)[2](now_ns)

    @property
    def next_ns(self) -> int | None:
        """When the next action is due, None if there is none."""
        return self._heap[0][0] if self._heap else None
