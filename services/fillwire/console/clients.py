"""One page that listens: what waits for it is bounded, and one that is too slow is told and begins anew."""

import asyncio
from collections import deque
from typing import Final

from fillwire.console.facts import Facts

CAPACITY: Final = 2_000


class Client:
    """What waits for one page.

    Order events wait in order, and if there is no room for another, all are dropped: the page is then given the state of
    things afresh and told how many it has not seen. Of everything else only the newest state waits.

    Args:
        capacity: order events that wait at most.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._events: deque[Facts] = deque()
        self._accounts: dict[str, Facts] = {}
        self._changed: set[str] = set()
        self._broker: bool | None = None
        self._is_stale = True  # the first thing that a page is given is the state of things
        self._has_begun = False  # whether it was given that once
        self._dropped_count = 0
        self.lost_count = 0  # order events that the page was not given, since it was opened
        self.wake = asyncio.Event()

    def put_event(self, event: Facts) -> None:
        """Queue an order event."""
        if self._is_stale:
            self._drop(int(self._has_begun))
        elif len(self._events) >= self._capacity:
            self._drop(len(self._events) + 1)
            self._forget()
        else:
            self._events.append(event)
        self.wake.set()

    def _drop(self, count: int) -> None:
        self._dropped_count += count
        self.lost_count += count

    def put_account(self, key: str, facts: Facts) -> None:
        """Queue the newest state of an account."""
        if not self._is_stale:
            self._accounts[key] = facts
        self.wake.set()

    def put_changed(self, what: str) -> None:
        """Queue that something can be asked for anew, such as `bots`."""
        self._changed.add(what)
        self.wake.set()

    def put_broker(self, *, is_connected: bool) -> None:
        """Queue whether the console reaches the broker."""
        self._broker = is_connected
        self.wake.set()

    def begin_anew(self) -> None:
        """Have the page given the state of things once more."""
        self._forget()
        self.wake.set()

    def _forget(self) -> None:
        self._is_stale = True
        self._events.clear()
        self._accounts.clear()

    def take(self) -> tuple[int | None, list[tuple[str, Facts | list[Facts]]]]:
        """Return what waits, as names and contents of messages, and forget it.

        Before it the page must be given the state of things if the first value is no None: it counts the events
        that the page will not see.
        """
        self.wake.clear()
        fresh: int | None = None
        if self._is_stale:
            fresh, self._dropped_count = self._dropped_count, 0
            self._is_stale, self._has_begun = False, True
        waiting: list[tuple[str, Facts | list[Facts]]] = []
        if self._broker is not None:
            waiting.append(("broker", {"is_connected": self._broker}))
        if self._accounts:
            waiting.append(("accounts", list(self._accounts.values())))
        if self._events:
            waiting.append(("events", list(self._events)))
        if self._changed:
            waiting.append(("changed", {"what": sorted(self._changed)}))
        self._broker = None
        self._accounts.clear()
        self._events.clear()
        self._changed.clear()
        return fresh, waiting
