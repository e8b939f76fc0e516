"""A bound on what is begun at the same time, where what takes long, or for ever, holds up nobody."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fillwire.runtime.supervision import cancel

Result = TypeVar("Result")


class Slots:
    """Lets so many begin at once; the others wait their turn, first come first served.

    Args:
        count: how many.
        slot_s: one that takes longer makes room for others, and goes on, in seconds.
    """

    def __init__(self, count: int, slot_s: float) -> None:
        self._free = asyncio.Semaphore(count)
        self._slot_s = slot_s

    async def run(self, begin: Callable[[], Awaitable[Result]]) -> Result:
        """Return what `begin` returns, called when it is its turn; raise what it raises. Being cancelled cancels it."""
        async with self._free:
            beginning = asyncio.ensure_future(begin())
            try:
                await asyncio.wait({beginning}, timeout=self._slot_s)
            except asyncio.CancelledError:
                await cancel(beginning)
                raise
        return await beginning
