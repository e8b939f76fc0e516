"""An action that many ask for at the same time, done once for all of them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Coalesced(Generic[Result]):
    """Awaiting it runs the action; whoever comes while it runs shares the next run with all others who do.

    So each gets the result of a run that began after it asked. Being cancelled leaves the run to the others.

    Args:
        act: the action.
    """

    def __init__(self, act: Callable[[], Awaitable[Result]]) -> None:
        self._act = act
        self._running: asyncio.Task[Result] | None = None
        self._next: asyncio.Task[Result] | None = None

    async def __call__(self) -> Result:
        """Return the result; raise what the action raises."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._run_after(self._running))
        return await asyncio.shield(self._next)

    async def _run_after(self, running: asyncio.Task[Result] | None) -> Result:
        if running is not None:
            await asyncio.wait({running})
        self._running, self._next = self._next, None
        try:
            return await self._act()
        finally:
            if self._running is asyncio.current_task():
                self._running = None
