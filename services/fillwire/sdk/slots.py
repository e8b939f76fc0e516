"""A bound on what is begun at the same time, where what takes long, or for ever, holds up nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fillwire.runtime.supervision import cancel

Result = TypeVar("Result")


class Turn:
    """One's place among those that begin.

    Args:
        free: the places.
        slot_s: who keeps a place longer than this loses it and goes on without, in seconds.
    """

    def __init__(self, free: asyncio.Semaphore, slot_s: float) -> None:
        self._free = free
        self._slot_s = slot_s
        self._limit: asyncio.TimerHandle | None = None  # while the place is held

    async def take(self) -> None:
        """Wait for a place, first come first served; it must be left."""
        await self._free.acquire()
        self._limit = asyncio.get_running_loop().call_later(self._slot_s, self.leave)

    def leave(self) -> None:
        """Make room for another. Idempotent."""
        limit, self._limit = self._limit, None
        if limit is not None:
            limit.cancel()
            self._free.release()

    async def rest(self, rest_s: float) -> None:
        """Sleep so many seconds, in which others begin; then wait for a place again."""
        self.leave()
        await asyncio.sleep(rest_s)
        await self.take()


class Slots:
    """Lets so many begin at once; the others wait their turn, first come first served.

    Args:
        count: how many.
        slot_s: one that takes longer makes room for others, and goes on, in seconds.
    """

    def __init__(self, count: int, slot_s: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._slot_s = slot_s

    async def run(self, begin: Callable[[Turn], Awaitable[Result]]) -> Result:
        """Return what `begin` returns, called when it is its turn; raise what it raises. Being cancelled cancels it."""
        turn = Turn(self._free, self._slot_s)
        await turn.take()
        beginning = asyncio.ensure_future(begin(turn))
        try:
            await asyncio.wait({beginning})
        except asyncio.CancelledError:
            await cancel(beginning)
            raise
        finally:
            turn.leave()
        return await beginning
