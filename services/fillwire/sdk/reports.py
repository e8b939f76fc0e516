"""Says what the bots of this host do, in the bucket of observed states: at each change, and again before it expires."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from fillwire.bus.buckets import Bucket
from fillwire.domain.bots import BotStatus
from fillwire.domain.errors import BrokerError
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import Supervisor, cancel
from fillwire.wire.bots import encode_bot

_log = get_log(__name__)

_LIFETIMES = 3  # reports in one lifetime: two may be missed
_COUNTED_S = 1.0  # what others do is not to wait longer for how far behind one is
_RETRY_S = 1.0  # doubled each time, up to the time between two reports: a login may lack the right to write

Count = Callable[[str], Awaitable[int | None]]
"""Returns how many events a bot has not handled yet, by its key; None if that is not known."""


class Reports:
    """Writes what the host says of its bots.

    Args:
        bucket: of observed states.
        every_s: between two reports of a bot that does what it did, in seconds.
        count: asked at each of these, and at each change that does not say it; for a second at most.
    """

    def __init__(self, bucket: Bucket, every_s: float, count: Count) -> None:
        self._bucket = bucket
        self._every_s = every_s
        self._count = count
        self._statuses: dict[str, BotStatus] = {}
        self._is_new: dict[str, bool] = {}  # in the order of their changes: whether they are to be counted
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin to write."""
        self._task = supervisor.spawn(self._run(), "reports")

    async def stop(self) -> None:
        """End; what was said expires."""
        await cancel(self._task)

    def say(self, status: BotStatus) -> None:
        """Have this written as soon as can be."""
        self._statuses[status.key] = status
        self._is_new[status.key] = status.waiting_count is None  # who says what a bot does need not know it
        self._wake.set()

    async def say_last(self, status: BotStatus) -> None:
        """Write this now, and nothing more of the bot; if the broker does not answer, what was said before expires."""
        self.forget(status.key)
        try:
            await self._write(status)
        except BrokerError as error:
            _log.warning("bot_status_not_written", bot=status.bot, error=error)

    async def take_back(self, key: str) -> None:
        """Have nothing said of a bot any more; if the broker does not answer, what was said before expires."""
        self.forget(key)
        try:
            await self._bucket.delete(key)
        except BrokerError as error:
            _log.warning("bot_status_not_taken_back", key=key, error=error)

    def forget(self, key: str) -> None:
        """Say nothing more of a bot."""
        self._statuses.pop(key, None)
        self._is_new.pop(key, None)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        again_s = loop.time() + self._every_s
        retry_s = _RETRY_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(again_s):
                    await self._wake.wait()
            self._wake.clear()
            if loop.time() >= again_s:
                again_s = loop.time() + self._every_s
                self._is_new |= dict.fromkeys(self._statuses, True)
            try:
                await self._write_new()
                retry_s = _RETRY_S
            except BrokerError as error:
                _log.warning("bot_status_not_written", error=error)
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, max(_RETRY_S, self._every_s))
                self._wake.set()

    async def _write_new(self) -> None:
        is_silent = False
        while self._is_new:
            key, is_to_be_counted = next(iter(self._is_new.items()))
            status = told = self._statuses[key]
            if is_to_be_counted:
                waiting_count = None
                if not is_silent:
                    try:
                        async with asyncio.timeout(_COUNTED_S):
                            waiting_count = await self._count(key)
                    except TimeoutError:
                        is_silent = True  # of the next one it would not say it either
                told = replace(status, waiting_count=waiting_count)
                if self._statuses.get(key) is not status:  # something else was said meanwhile
                    continue
            await self._write(told)
            if self._statuses.get(key) is status:
                self._is_new.pop(key, None)

    async def _write(self, status: BotStatus) -> None:
        value = encode_bot(replace(status, time_ns=time.time_ns()))
        await self._bucket.put(status.key, value, ttl_s=self._every_s * _LIFETIMES)
