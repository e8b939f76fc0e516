"""Messages that were sent and have not been answered; they are given back when no answer can be hoped for."""

import asyncio
from collections.abc import Callable

from fillwire.bus.connection import Bus
from fillwire.bus.encoding import Outgoing


class Flight:
    """What one publisher has in flight. The publisher keeps `by_token` and `size_bytes` itself, for speed.

    Args:
        bus: the connection; without it nobody is given back for want of an answer.
        timeout_s: so long an answer may take.
        give_back: given the messages that are to be sent again, in the order in which they were sent.

    Attributes:
        by_token: the messages, oldest send first.
        size_bytes: the size of their commands.
        timer: set while it looks for answers that are overdue.
    """

    def __init__(self, bus: Bus, timeout_s: float, give_back: Callable[[list[Outgoing]], None]) -> None:
        self._bus = bus
        self._timeout_s = timeout_s
        self._give_back = give_back
        self._loop = asyncio.get_running_loop()
        self.timer: asyncio.TimerHandle | None = None
        self.by_token: dict[bytes, Outgoing] = {}
        self.size_bytes = 0

    def watch(self) -> None:
        """Look for answers that are overdue from now on, until nothing is in flight; to be called without a timer."""
        self.timer = self._loop.call_later(self._timeout_s / 4, self._sweep)

    def longest_wait_s(self, others: list[Outgoing]) -> float:
        """For how long the first that was sent of these and of `others` has waited, in seconds; 0.0 if none was sent."""
        waiting = [*self.by_token.values(), *others]
        first = min((outgoing.first_sent_at for outgoing in waiting if outgoing.send_count), default=None)
        return 0.0 if first is None else self._loop.time() - first

    async def end(self) -> None:
        """Give back everything: after a reconnect every answer that was on the way is lost."""
        self._take(list(self.by_token.values()))

    def clear(self) -> None:
        """Forget what is in flight."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.by_token.clear()
        self.size_bytes = 0

    def _sweep(self) -> None:
        self.timer = None
        if self.by_token:
            self.watch()
        if self._bus.is_connected:
            limit = self._loop.time() - self._timeout_s
            self._take([outgoing for outgoing in self.by_token.values() if outgoing.sent_at <= limit])

    def _take(self, overdue: list[Outgoing]) -> None:
        for outgoing in overdue:
            del self.by_token[outgoing.token]
            self.size_bytes -= len(outgoing.command)
        self._give_back(overdue)
