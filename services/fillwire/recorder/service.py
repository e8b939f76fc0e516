"""The service: follows the log of order events into the database, and waits out whatever is away."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from fillwire.bus.connection import Bus
from fillwire.recorder.database import Database
from fillwire.recorder.errors import DatabaseAway, Displaced
from fillwire.recorder.following import Following
from fillwire.recorder.progress import Position, Written
from fillwire.recorder.waiting import Waiting
from fillwire.recorder.writer import Writer
from fillwire.runtime import metric_names as names
from fillwire.runtime.lifecycle import Stop
from fillwire.runtime.logs import get_log
from fillwire.runtime.metrics import Measures

_log = get_log(__name__)
_T = TypeVar("_T")

_CLAIM_PACE_S = 0.5
_PROGRESS_S = 60.0
_TOLD_AT_ONCE = 10


class Recorder:
    """Records the log of order events into one database, exactly once, from wherever the database says that it got to.

    Args:
        bus: the connection.
        database: which.
        replicas: of the log's streams, should this be the first who needs it.
        on_ready: called when the claim is held, the tables are there, and the reading of a stream begins; each time anew.
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
        self._database = database
        self._on_written = on_written
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")
        self._writer = Writer(database)
        self._waiting = Waiting()
        self._followings = [
            Following(bus, stream, self._writer, self._on_thread, replicas, on_ready or _nobody, self._note)
            for stream in bus.partitions.streams
        ]
        self._progress_s = time.monotonic()
        self._progress_count = 0
        self.recorded_count = 0

    async def run(self, stop: Stop) -> None:
        """Record until `stop` is requested. What is away is waited for, with growing pauses; nothing is kept meanwhile.

        Raises:
            DatabaseUnusable: a person must see to the database.
        """
        await self._run(stop, rebuilds=False)

    @property
    def is_recording(self) -> bool:
        """Whether all streams of the log are read and recorded now."""
        return all(following.is_recording for following in self._followings)

    @property
    def waiting_count(self) -> int:
        """Messages of the log behind the last that was recorded, when it was."""
        return sum(following.waiting_count for following in self._followings)

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
        for following in self._followings:
            following.rewinds = rebuilds
        stopping = asyncio.ensure_future(stop.wait())
        try:
            while not stopping.done():
                try:
                    if await self._claim(stop):
                        await self._record(stopping)
                except (DatabaseAway, Displaced) as error:
                    await self._close()
                    await self._waiting.pause(stopping, error)
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
        """Record while the claim is held, all streams at once: none waits for one whose broker is away.

        Raises:
            DatabaseAway: the database takes nothing.
            Displaced: another recorder writes.
        """
        recording = [
            asyncio.create_task(following.record(stopping), name="record a stream")
            for following in self._followings
        ]
        try:
            done, _ = await asyncio.wait(recording, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in recording:
                task.cancel()
            await asyncio.gather(*recording, return_exceptions=True)

    def _note(self, written: Written) -> None:
        self.recorded_count += written.recorded_count
        self._waiting.end()
        for aside in written.unreadable[:_TOLD_AT_ONCE]:
            _log.error(
                "order_event_not_recorded",
                stream=written.position.name,
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
                stream=written.position.name,
                sequence=written.position.sequence,
                waiting=self.waiting_count,
            )
            self._progress_s, self._progress_count = now_s, self.recorded_count

    async def _close(self) -> None:
        await self._on_thread(self._writer.close)

    async def _on_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _nobody(_: Position) -> None:
    """Tell nobody where reading begins."""
