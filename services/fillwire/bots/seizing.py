"""Having a bot alone: what a manager holds of it no host can run."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from functools import partial
from weakref import WeakValueDictionary

from fillwire.bus.holdings import Holdings
from fillwire.domain.errors import BrokerError, FillwireError
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import cancel

_log = get_log(__name__)

_LOOK_EVERY_S = 0.1
_RELEASE_EVERY_S = 1.0


class StillHeld(FillwireError):
    """Somebody else has the bot still; the message says who."""


class Seizing:
    """Takes bots, one request at a time for each.

    Args:
        holdings: of this process.
    """

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._using: set[str] = set()
        self._releasing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to release what was left behind."""
        self._releasing = asyncio.get_running_loop().create_task(self._release_left(), name="release bots")

    async def stop(self) -> None:
        """End that."""
        await cancel(self._releasing)

    @contextlib.asynccontextmanager
    async def alone_with(self, key: str, end_s: float) -> AsyncIterator[None]:
        """Hold a bot inside the block, so that no host can run it.

        Args:
            key: of the bot.
            end_s: the deadline for its host to let go of it, by the monotonic clock.

        Raises:
            StillHeld: it did not.
            BrokerError: no answer.
        """
        async with self._first_in_line(key, end_s):
            self._using.add(key)
            try:
                fence = await self._seize(key, end_s)
                try:
                    yield
                finally:
                    try:
                        await self._holdings.give(key, fence)
                    except BrokerError as error:  # it is released later
                        _log.warning("bot_not_given", key=key, error=error)
            finally:
                self._using.discard(key)

    @contextlib.asynccontextmanager
    async def _first_in_line(self, key: str, end_s: float) -> AsyncIterator[None]:
        """Wait for other requests of this process about the bot: what we hold, we hold for all of them."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        try:
            async with asyncio.timeout(max(0.0, end_s - time.monotonic())):
                await lock.acquire()
        except TimeoutError:
            raise StillHeld("another request about it takes long") from None
        try:
            yield
        finally:
            lock.release()

    async def _seize(self, key: str, end_s: float) -> int:
        while True:
            fence = await self._holdings.take(key)
            if fence is not None:
                return fence
            if time.monotonic() >= end_s:
                holder = self._holdings.holder_of(key)
                raise StillHeld(
                    "the broker does not confirm that this manager lives"
                    if holder is None
                    else f"{holder.kind} {holder.name} still has it"
                )
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _release_left(self) -> None:
        """Let hosts have bots that name us though no request uses them: an answer of the broker was lost."""
        while True:
            await asyncio.sleep(_RELEASE_EVERY_S)
            for key in self._holdings.ours:
                if self._is_left(key):
                    try:
                        await self._holdings.release(key, partial(self._is_left, key))
                    except BrokerError as error:
                        _log.warning("bot_not_released", key=key, error=error)

    def _is_left(self, key: str) -> bool:
        return key not in self._using
