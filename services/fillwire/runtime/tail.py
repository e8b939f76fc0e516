"""Traces that are kept although the ratio leaves them out: which, why, and what of each has been told."""

from typing import Final, NamedTuple

from fillwire.runtime.fill_traces import HostTrace

ERROR: Final = "error"
SLOW: Final = "slow"
ORDER: Final = "order"
"""A counter-order was rejected, or nobody knows what became of it."""
REMEMBERED: Final = 4_096


class Telling(NamedTuple):
    """What is to be told of a record: why, and whether the steps before it are still untold."""

    reason: str
    tells_gateway: bool
    tells_delivery: bool


class _Found:
    """One trace: why it is kept, whether its gateway's part has been told, and to which bots a delivery."""

    __slots__ = ("deliveries", "is_gateway_told", "reason")

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.is_gateway_told = False
        self.deliveries: set[tuple[str, int]] = set()


class Tail:
    """Decides when a fill's way has ended. What was found goes for all that is told of the event afterwards.

    It remembers the last 4,096 such events. Of an older one a later call is told only if it is slow or fails itself,
    and then with the steps before it once more.

    Args:
        slow_ns: a fill that took longer from venue to bot is slow; None for none.
    """

    def __init__(self, slow_ns: int | None) -> None:
        self._slow_ns = slow_ns
        self._found: dict[str, _Found] = {}

    def note(self, event_id: str, reason: str) -> None:
        """Keep the trace of an event, for the first reason that is found."""
        if event_id not in self._found:
            if len(self._found) >= REMEMBERED:
                del self._found[next(iter(self._found))]
            self._found[event_id] = _Found(reason)

    def reason(self, event_id: str) -> str | None:
        """Return why the event's trace is kept, None if it is not."""
        found = self._found.get(event_id)
        return None if found is None else found.reason

    def is_slow(self, duration_ns: int) -> bool:
        """Return whether a fill that took so long from venue to bot is slow."""
        return self._slow_ns is not None and duration_ns > self._slow_ns

    def telling(self, trace: HostTrace, took_ns: int) -> Telling | None:
        """Return what is to be told of a record that the ratio leaves out, None for nothing.

        Args:
            trace: the record.
            took_ns: its `latency_ns`.
        """
        if trace.error is not None:
            self.note(trace.event_id, ERROR)
        elif self.is_slow(took_ns) and trace.is_first_call:
            self.note(trace.event_id, SLOW)
        elif not self._found:
            return None
        found = self._found.get(trace.event_id)
        if found is None:
            return None
        delivery = trace.bot, trace.delivery
        telling = Telling(found.reason, not found.is_gateway_told, delivery not in found.deliveries)
        found.is_gateway_told = True
        found.deliveries.add(delivery)
        return telling
