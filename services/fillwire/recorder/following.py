"""Recording one stream of the log: from wherever the database says that it got to, for as long as the claim is held."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Protocol, TypeVar

from fillwire.bus.connection import Bus
from fillwire.bus.streams import STREAMS, divided, ensure_streams
from fillwire.domain.errors import BrokerError
from fillwire.recorder.placing import find_place
from fillwire.recorder.progress import Gap, Position, Written
from fillwire.recorder.tail import CAPACITY_BYTES, Tail
from fillwire.recorder.waiting import Waiting
from fillwire.recorder.writer import Writer
from fillwire.runtime.logs import get_log

_log = get_log(__name__)
_T = TypeVar("_T")

SUBJECT = "orders.>"
BATCH = 1_000


class OnThread(Protocol):
    """Runs work in the one thread that the writer belongs to."""

    def __call__(self, work: Callable[[], _T]) -> Awaitable[_T]:
        """Return what `work` returns."""


class Following:
    """Records one stream.

    Args:
        bus: the connection.
        stream: its name.
        writer: of the database; its calls belong to a thread.
        on_thread: runs them there.
        replicas: of the stream, should this be the first who needs it.
        on_ready: told when reading begins, and where; each time anew.
        on_written: told what became of each batch.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it reads from, writes to and tells
        self,
        bus: Bus,
        stream: str,
        writer: Writer,
        on_thread: OnThread,
        replicas: int,
        on_ready: Callable[[Position], None],
        on_written: Callable[[Written], None],
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._writer = writer
        self._on_thread = on_thread
        self._replicas = replicas
        # Of it alone, so that it waits for no other.
        self._definitions = [each for each in divided(STREAMS, bus.partitions) if each.name == stream]
        self._on_ready = on_ready
        self._on_written = on_written
        self._waiting = Waiting(stream=stream)
        self._until: int | None = None
        self.rewinds = (
            False  # set to have the stream read once more, from its first message to where it ends then
        )
        self.waiting_count = 0  # in the stream behind the last that was recorded, when it was
        self.is_recording = False

    async def record(self, stopping: "asyncio.Future[str]") -> None:
        """Record until asked to stop, or until the end of a stream that is read once more. The broker is waited for.

        Raises:
            DatabaseAway: the database takes nothing.
            Displaced: another recorder writes.
        """
        while not stopping.done():
            try:
                position = await self._place()
                await self._follow(position, stopping)
            except BrokerError as error:
                await self._waiting.pause(stopping, error)
            else:
                return

    async def _place(self) -> Position:
        """Return where to go on, noted in the database."""
        await ensure_streams(self._bus, self._replicas, self._definitions)
        position = await self._on_thread(partial(self._writer.position, self._stream))
        place = await find_place(self._bus, self._stream, position)
        if place.is_new or position is None:
            if place.reason is not None:
                _log.error("stream_is_another", stream=self._stream, reason=place.reason)
            begin = partial(self._writer.begin_stream, self._stream, place.state.created_ns)
            position = await self._on_thread(begin)
        if place.gap is not None:
            self._tell_gap(place.gap)
            position = await self._on_thread(partial(self._writer.skip, position, place.gap))
        if self.rewinds:
            first = max(1, place.state.first_sequence)
            position = await self._on_thread(partial(self._writer.rewind, position, first))
            self._until = place.state.last_sequence
            self.rewinds = False
        return position

    async def _follow(self, position: Position, stopping: "asyncio.Future[str]") -> None:
        """Record what is behind a position, until there is nothing more to do.

        Raises:
            BrokerError: the reading was cut off.
            DatabaseAway: the database takes nothing.
            Displaced: another recorder writes.
        """
        share_bytes = CAPACITY_BYTES // self._bus.partitions.count
        tail = Tail(self._bus, self._stream, SUBJECT, capacity_bytes=share_bytes)
        try:
            await tail.start(position.sequence)
            self.is_recording = True
            self._on_ready(position)
            while not stopping.done() and (self._until is None or position.sequence < self._until):
                messages = await _unless(stopping, tail.take(BATCH))
                if messages:
                    written = await self._on_thread(partial(self._writer.write, position, messages))
                    position = written.position
                    self.waiting_count = messages[-1].pending_count
                    self._waiting.end()
                    for gap in written.gaps:
                        self._tell_gap(gap)
                    self._on_written(written)
        finally:
            self.is_recording = False
            await tail.stop()

    def _tell_gap(self, gap: Gap) -> None:
        _log.error(
            "order_events_missing",
            stream=self._stream,
            first_sequence=gap.first_sequence,
            last_sequence=gap.last_sequence,
            reason=gap.reason,
        )


async def _unless(stopping: "asyncio.Future[str]", work: Coroutine[Any, Any, _T]) -> _T | None:
    """Return what `work` returns, None if asked to stop before; it is then cancelled."""
    working = asyncio.ensure_future(work)
    either: set[asyncio.Future[Any]] = {stopping, working}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        if not working.done():
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
