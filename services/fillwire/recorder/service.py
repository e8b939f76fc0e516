"""The service: follows the stream of order events into the database, and waits out whatever is away."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Any, TypeVar

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.bus.streams import ensure_streams
from fillwire.domain.errors import BrokerError
from fillwire.recorder.database import Database
from fillwire.recorder.errors import DatabaseAway, Displaced
from fillwire.recorder.placing import find_place
from fillwire.recorder.progress import Gap, Position, Written
from fillwire.recorder.tail import Tail, TailLost
from fillwire.recorder.writer import Writer
from fillwire.runtime import metric_names as names
from fillwire.runtime.backoff import Backoff
from fillwire.runtime.lifecycle import Stop
from fillwire.runtime.logs import get_log
from fillwire.runtime.metrics import Measures

_log = get_log(__name__)
_T = TypeVar("_T")

STREAM = "ORDERS"
SUBJECT = "orders.>"
BATCH = 1_000
_CLAIM_PACE_S = 0.5
_SAID_AGAIN_S = 30.0
_PROGRESS_S = 60.0
_TOLD_AT_ONCE = 10


class Recorder:
    """Records the stream of order events into one database, exactly once, from wherever the database says that it got to.

    Args:
        bus: the connection.
        database: which.
        replicas: of the stream, should this be the first who needs it.
        on_ready: called when the claim is held, the tables are there, and reading begins; each time anew.
        on_written: told what became of each batch.
    """

    def __init__(
        self,
        bus: Bus,
        database: Database,
        *,
        replicas: int = 1,
        on_ready: Callable[[Position], None] | None = None,
        on_written: Callable[[Written], None] | None = None,
    ) -> None:
        self._bus = bus
        self._database = database
        self._replicas = replicas
        self._on_ready = on_ready
        self._on_written = on_written
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._writer = Writer(database)
        self._backoff = Backoff(
            initial_delay_s=0.2,
            max_delay_s=10.0,
            multiplier=2.0,
            max_retries=None,
            random=Random(),  # noqa: S311 - spreads attempts, protects nothing
        )
        self._trouble_s: float | None = None  # since when nothing is recorded
        self._said_s = 0.0
        self._progress_s = time.monotonic()
        self._progress_count = 0
        self._rewinds = False
        self._until: int | None = None
        self.recorded_count = 0
        self.waiting_count = 0  # in the log behind the last that was recorded, when it was
        self.is_recording = False

    async def run(self, stop: Stop) -> None:
        """Record until `stop` is requested. What is away is waited for, with growing pauses; nothing is kept meanwhile.

        Raises:
            DatabaseUnusable: a person must see to the database.
        """
        await self._run(stop, rebuilds=False)

    def obstacle(self) -> str | None:
        """Return what keeps the recorder from being ready, None while it records."""
        return None if self.is_recording else "nothing is recorded now: see the log"

    def measure(self, into: Measures) -> None:
        """Say how far the recorder is."""
        into.put(names.RECORDED, self.recorded_count)
        into.put(names.RECORDING, float(self.is_recording))
        into.put(names.RECORDER_LAG, self.waiting_count)

    async def rebuild(self, stop: Stop) -> None:
        """Read the stream once more from its first message up to where it ends now; else as `run`.

        Killed in the middle, the next `run` goes on from there.
        """
        await self._run(stop, rebuilds=True)

    async def _run(self, stop: Stop, *, rebuilds: bool) -> None:
        self._rewinds = rebuilds
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stopping.done():
                try:
                    if await self._claim(stop):
                        await self._record(stopping)
                except (DatabaseAway, Displaced) as error:
                    await self._close()
                    await self._pause(stopping, error)
                else:
                    return
        finally:
            stopping.cancel()
            await self._close()
            self._thread.shutdown(wait=False)

    async def _claim(self, stop: Stop) -> bool:
        """Wait for the right to record; return False if asked to stop before."""
        said = False
        while not await self._on_thread(self._writer.open):
            if not said:
                said = True
                _log.warning(
                    "recorder_waits", database=str(self._database), reason="another one records into it"
                )
            if await stop.wait_for(_CLAIM_PACE_S):
                return False
        before = await self._on_thread(self._writer.migrate)
        if before is not None:
            _log.info("database_migrated", database=str(self._database), revision_before=before)
        return True

    async def _record(self, stopping: "asyncio.Future[str]") -> None:
        """Record while the claim is held."""
        while not stopping.done():
            try:
                position = await self._place()
                if await self._follow(position, stopping):
                    return
            except BrokerError as error:
                await self._pause(stopping, error)

    async def _place(self) -> Position:
        """Return where to go on, noted in the database."""
        await ensure_streams(self._bus, self._replicas)
        position = await self._on_thread(self._writer.position)
        place = await find_place(self._bus, STREAM, position)
        if place.is_new or position is None:
            if place.reason is not None:
                _log.error("stream_is_another", stream=STREAM, reason=place.reason)
            begin = partial(self._writer.begin_stream, STREAM, place.state.created_ns)
            position = await self._on_thread(begin)
        if place.gap is not None:
            self._tell_gap(place.gap)
            position = await self._on_thread(partial(self._writer.skip, position, place.gap))
        if self._rewinds:
            first = max(1, place.state.first_sequence)
            position = await self._on_thread(partial(self._writer.rewind, position, first))
            self._until = place.state.last_sequence
            self._rewinds = False
        return position

    async def _follow(self, position: Position, stopping: "asyncio.Future[str]") -> bool:
        """Record what is behind a position; return whether there is nothing more to do.

        Raises:
            BrokerError: the reading was cut off.
            DatabaseAway: the database takes nothing.
            Displaced: another recorder writes.
        """
        tail = Tail(self._bus, STREAM, SUBJECT)
        try:
            await tail.start(position.sequence)
            self.is_recording = True
            if self._on_ready is not None:
                self._on_ready(position)
            while not stopping.done() and (self._until is None or position.sequence < self._until):
                messages = await _unless(stopping, tail.take(BATCH))
                if messages:
                    written = await self._on_thread(partial(self._writer.write, position, messages))
                    position = written.position
                    self._note(written, messages[-1])
        finally:
            self.is_recording = False
            await tail.stop()
        return True

    def _note(self, written: Written, last: Message) -> None:
        self.recorded_count += written.recorded_count
        self.waiting_count = last.pending_count
        self._backoff.reset()
        if self._trouble_s is not None:
            _log.info("recorder_goes_on", after_s=round(time.monotonic() - self._trouble_s, 1))
            self._trouble_s = None
        for gap in written.gaps:
            self._tell_gap(gap)
        for aside in written.unreadable[:_TOLD_AT_ONCE]:
            _log.error(
                "order_event_not_recorded",
                sequence=aside.sequence,
                subject=aside.subject,
                reason=aside.reason,
                kept="unreadable",
            )
        untold = len(written.unreadable) - _TOLD_AT_ONCE
        if untold > 0:  # a flood is kept whole, and not said one by one
            _log.error("order_events_not_recorded", more=untold, kept="unreadable")
        if self._on_written is not None:
            self._on_written(written)
        now_s = time.monotonic()
        if now_s - self._progress_s >= _PROGRESS_S:
            events = self.recorded_count - self._progress_count
            _log.info(
                "recorded",
                events=events,
                per_second=round(events / (now_s - self._progress_s)),
                sequence=written.position.sequence,
                waiting=last.pending_count,
            )
            self._progress_s, self._progress_count = now_s, self.recorded_count

    @staticmethod
    def _tell_gap(gap: Gap) -> None:
        _log.error(
            "order_events_missing",
            stream=STREAM,
            first_sequence=gap.first_sequence,
            last_sequence=gap.last_sequence,
            reason=gap.reason,
        )

    async def _pause(self, stopping: "asyncio.Future[str]", error: Exception) -> None:
        """Wait before the next attempt, and say why, at once and then seldom."""
        now_s = time.monotonic()
        is_told = isinstance(error, TailLost)  # by the bus
        if not is_told and (self._trouble_s is None or now_s - self._said_s > _SAID_AGAIN_S):
            self._trouble_s = self._trouble_s or now_s
            self._said_s = now_s
            _log.error("recorder_waits", since_s=round(now_s - self._trouble_s), error=error)
        await asyncio.wait({stopping}, timeout=self._backoff.next_delay_s())

    async def _close(self) -> None:
        await self._on_thread(self._writer.close)

    async def _on_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


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
