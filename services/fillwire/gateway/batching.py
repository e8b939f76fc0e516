"""Alike questions that are asked at one time, answered by one asking."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from fillwire.runtime.supervision import cancel

K = TypeVar("K")
V = TypeVar("V")


class Batches(Generic[K, V]):
    """Asks once for all who want the same while an earlier asking is under way.

    Who asks gets an answer to a question that began after: one that began before may lack what was done in between.

    Args:
        ask: asks; what it raises, all who wait for it are raised.
    """

    def __init__(self, ask: Callable[[K], Awaitable[V]]) -> None:
        self._ask = ask
        self._running: dict[K, asyncio.Task[V]] = {}
        self._next: dict[K, asyncio.Task[V]] = {}

    async def get(self, key: K) -> V:
        """Return the answer; being cancelled lets the others wait on."""
        batch = self._next.get(key)
        if batch is None:
            batch = asyncio.get_running_loop().create_task(self._run(key, self._running.get(key)))
            batch.add_done_callback(_heard)
            self._next[key] = batch
        return await asyncio.shield(batch)

    async def stop(self) -> None:
        """Ask no more; who waits is cancelled."""
        await cancel(*self._next.values(), *self._running.values())
        self._next.clear()
        self._running.clear()

    async def _run(self, key: K, before: asyncio.Task[V] | None) -> V:
        if before is not None:
            await asyncio.wait({before})
        batch = self._running[key] = self._next.pop(key)  # nobody joins any more
        try:
            return await self._ask(key)
        finally:
            if self._running.get(key) is batch:
                del self._running[key]


def _heard(batch: asyncio.Task[V]) -> None:
    """Take the error of a batch for which nobody waits any more."""
    if not batch.cancelled():
        batch.exception()
