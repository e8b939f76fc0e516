"""Up to where events are handled, written to a bucket: the first at once, then at a bounded pace.

An event is acknowledged to the consumer that brought it only when that is written. A consumer sends no more than `AHEAD`
events that are not acknowledged, so this is what a crash can have told twice; when it is quiet, one event.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from fillwire.bus.messages import Message
from fillwire.domain.errors import BrokerError
from fillwire.runtime.logs import get_log
from fillwire.sdk.positions import KEPT_FOR_S, Position, PositionBucket, reading_position_key

_log = get_log(__name__)

AHEAD: Final = 64  # events that are on the way or handled and not written
PACE_S: Final = 0.1  # between two writings, unless half as many are handled sooner
_RETRY_S: Final = 0.25
_CLOSE_DEADLINE_S: Final = 2.0

Write = Callable[[Message], Awaitable[bool]]
"""Writes that a message and all before it are handled; returns False if that is another's to say by now."""


class Mark:
    """Acknowledges messages when it is written that they are handled.

    Args:
        write: writes it.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._noted: Message | None = None  # the newest that is handled, not yet written
        self._written_number = 0  # of its delivery, that was written last
        self._is_due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def acknowledge(self, message: Message) -> None:
        """Note that the message and all before it are handled."""
        self._noted = message
        if abs(message.delivery_number - self._written_number) >= AHEAD // 2:
            self._is_due.set()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="mark")

    async def stop(self, deadline_s: float = 0.0) -> None:
        """Write no more; what is noted may still be written, for so long."""
        task = self._task
        if task is None:
            return
        self._is_due.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                await asyncio.shield(task)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        self._task = None

    async def _run(self) -> None:
        while self._noted is not None:
            if not await self._write_noted():
                break
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PACE_S):
                    await self._is_due.wait()
        self._task = None

    async def _write_noted(self) -> bool:
        message: Message | None = None
        has_warned = False
        while True:
            message, self._noted = self._noted or message, None
            if message is None:
                return True
            self._is_due.clear()
            try:
                is_ours = await self._write(message)
            except BrokerError as error:
                if not has_warned:  # the bot will be told of few more events until it is
                    has_warned = True
                    _log.warning("position_not_written", error=error)
                await asyncio.sleep(_RETRY_S)
                continue
            if is_ours:
                self._written_number = message.delivery_number
                message.ack()
            return is_ours


class ReadingMark:
    """Says in the bucket up to where every bot of a shared reading has handled its events.

    Args:
        positions: the bucket.
        user: whose events are read.
        reading: its name, which no other process uses.
    """

    def __init__(self, positions: PositionBucket, user: str, reading: str) -> None:
        self._positions = positions
        self._key = reading_position_key(user, reading)
        self._mark = Mark(self._write)
        self.acknowledge = self._mark.acknowledge

    async def close(self, *, is_needed: bool) -> None:
        """Write no more; what was written goes, unless it is needed to tell where a bot that still sits is."""
        await self._mark.stop(_CLOSE_DEADLINE_S if is_needed else 0.0)
        if not is_needed:
            try:
                await self._positions.delete(self._key)
            except BrokerError as error:
                _log.info("reading_position_left", key=self._key, error=error)  # it expires

    async def _write(self, message: Message) -> bool:
        position = Position(message.sequence, message.stored_time_ns)
        # What a reading tells is needed no longer than the log keeps events: if it expires, none came for so long.
        await self._positions.write(self._key, position, ttl_s=KEPT_FOR_S)
        return True
