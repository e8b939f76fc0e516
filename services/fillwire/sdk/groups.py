"""Bots of a process that listen to the same subjects share a reading of the log as soon as there are two of them."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine

from fillwire.bus import api
from fillwire.bus.errors import ApiRefused
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.runtime.logs import get_log
from fillwire.sdk.shared import SharedReading

_log = get_log(__name__)

SHARED_FROM = 2  # bots; one alone reads by its own durable
_REFUSED_FOR_S = 60.0


class Group:
    """The bots that listen to one set of subjects, and their reading.

    Args:
        make: makes the reading, not started yet.

    Attributes:
        is_shared: set while there are enough bots to share.
    """

    def __init__(self, make: Callable[[], SharedReading]) -> None:
        self._make = make
        self._count = 0
        self._reading: SharedReading | None = None
        self._lock = asyncio.Lock()
        self._refused_until_s = 0.0
        self._owed: set[asyncio.Task[None]] = set()
        self.is_shared = asyncio.Event()

    def enter(self) -> None:
        """Count one more bot."""
        self._count += 1
        if self._count >= SHARED_FROM:
            self.is_shared.set()

    def leave(self) -> bool:
        """Count one bot less; return whether it was the last, after which the group is to be closed."""
        self._count -= 1
        if self._count < SHARED_FROM:
            self.is_shared.clear()
        return not self._count

    def owe(self, work: Coroutine[None, None, None]) -> None:
        """Have something done that the reading waits for, as soon as it can be, and at the latest until it ends."""
        task = asyncio.get_running_loop().create_task(work, name="owed to a shared reading")
        self._owed.add(task)
        task.add_done_callback(self._owed.discard)

    async def close(self) -> None:
        """End the reading."""
        owed = list(self._owed)
        for task in owed:
            task.cancel()
        await asyncio.gather(*owed, return_exceptions=True)
        reading, self._reading = self._reading, None
        if reading is not None:
            await reading.stop()

    async def reading(self) -> SharedReading | None:
        """Return the reading, started; None while there are not enough bots, or where the broker does not allow one.

        Raises:
            ConfigError: there is no such stream.
        """
        loop = asyncio.get_running_loop()
        async with self._lock:
            if self._reading is None and self.is_shared.is_set() and loop.time() >= self._refused_until_s:
                reading = self._make()
                try:
                    self._reading = await reading.start()
                except (BrokerError, ConfigError) as error:
                    cause = error.__cause__
                    if isinstance(cause, ApiRefused) and cause.error_code == api.STREAM_NOT_FOUND:
                        raise
                    # Where a bot's own durable is allowed and this one is not, each bot reads for itself.
                    _log.warning("shared_reading_refused", durable=reading.durable, error=error)
                    self._refused_until_s = loop.time() + _REFUSED_FOR_S
                    with contextlib.suppress(BrokerError):
                        await reading.stop()
            return self._reading
