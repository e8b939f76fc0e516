"""What a full publisher cannot hold goes to the journal and comes back in order; nothing is dropped before both are full.

    submit ──▶ publisher ──▶ stream
                 │ full                      ▲
                 └──▶ journal ──▶ readmitted ┘   everything later goes through the journal too, until it is empty

When spilling begins, what waits in the memory is written first, so that the journal holds every order from its first
event that is not stored: after `kill -9` it is replayed, and no order has a gap that the journal could have closed.

What the next start finds may have been stored before the kill. The publisher's guard asks the stream; of what is older
than the stream reaches back the stream does not know, so that is put aside for a person.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial

from fillwire.bus.asides import Aside
from fillwire.bus.encoding import OnAcknowledged, Outgoing, PublishOutcome
from fillwire.bus.journal import Entry, Journal
from fillwire.bus.publisher import OrderedPublisher
from fillwire.domain.errors import BrokerError, PublishError
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

_BATCH = 1000
_REMOVE_EVERY_S = 0.25
_RETRY_S = 1.0
_DISK_ERRORS = (OSError, sqlite3.Error)


def _always(_subject: str) -> bool:
    return True


class Spillway:
    """Joins one publisher and one journal.

    Args:
        publisher: started; it is closed by `close`.
        journal: open; what it holds from before is published first. It is closed by `close`.
        spills: whether messages on a subject may take the way through the journal; the others stay in the memory and
            overtake it, up to twice the publisher's capacity.
        held_since_ns: returns since when the stream has everything that it has stored, nanoseconds since the epoch, or
            raises `BrokerError`; None for a stream that drops nothing.

    Attributes:
        spilled_count: messages that went, or will go, through the journal so far.
        on_spilling: called when spilling begins and when it ends.
        trouble: why nothing comes out of the journal that should; None while all is well.
    """

    def __init__(
        self,
        publisher: OrderedPublisher,
        journal: Journal,
        spills: Callable[[str], bool] = _always,
        held_since_ns: Callable[[], Awaitable[int]] | None = None,
    ) -> None:
        self._publisher = publisher
        self._journal = journal
        self._spills = spills
        self._held_since_ns = held_since_ns
        self._found_through = 0  # number of the last message that was there from before
        self._troubled_s = 0.0
        self._is_spilling = False
        self._is_closing = False
        self._position = 0  # the last message that was given back, or was in the memory all along
        self._unstored: dict[
            int, None
        ] = {}  # numbers of messages of the journal that are in the memory, oldest first
        self._waits: list[tuple[int, asyncio.Future[None]]] = []  # each for all messages up to a number
        self._room = asyncio.Event()
        self._stored = asyncio.Event()  # nothing of the journal waits to be stored
        self._stored.set()
        self._on_room: list[Callable[[], None]] = []
        self._was_full = False
        self._draining: asyncio.Task[None] | None = None
        self._removing: asyncio.Task[None] | None = None
        self.spilled_count = 0
        self.trouble: Exception | None = None
        self.on_spilling: Callable[[bool], None] = _nobody

    def start(self) -> None:
        """Begin, with what the journal holds from before."""
        journal, publisher = self._journal, self._publisher
        journal.on_change = self._tell_room
        publisher.spill_to(self._spill)
        publisher.on_room(self._room.set)
        self._removing = asyncio.get_running_loop().create_task(self._remove_stored(), name="journal removal")
        if journal.count:
            self._found_through = journal.last_number
            publisher.spill_now()
            self._begin()

    async def close(self, deadline_s: float) -> int:
        """Publish what can be until the deadline, and keep the rest in the journal; return how many messages are left.

        What the next start finds in the journal it publishes first.
        """
        loop = asyncio.get_running_loop()
        end_s = loop.time() + deadline_s
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(end_s):
                    await self._stored.wait()
            await self._publisher.flush(max(0.0, end_s - loop.time()))
        finally:
            self._is_closing = True
            await _cancel(self._draining)
            if not self._is_spilling:
                self._write_memory()
            left = await self._publisher.close(0)
            await _cancel(self._removing)
            with contextlib.suppress(*_DISK_ERRORS):
                await self._journal.remove(self.stored_through)
            kept = self._journal.count
            unwritten = await self._journal.close()
        if kept:
            _log.warning("events_kept_in_journal", events=kept, unwritten=unwritten)
        return max(left, kept)

    # -- state

    @property
    def is_spilling(self) -> bool:
        """Whether messages go through the journal."""
        return self._is_spilling

    @property
    def journal_count(self) -> int:
        """Messages in the journal, those included that the memory has as well."""
        return self._journal.count

    @property
    def asides(self) -> list[Aside]:
        """Files that the journal has put aside for a person, oldest first."""
        return self._journal.asides

    @property
    def is_full(self) -> bool:
        """Whether the caller should stop reading until `on_room`."""
        full = self._is_spilling and self._journal.is_full
        self._was_full |= full
        return full

    @property
    def queued_count(self) -> int:
        """Messages that wait, in the memory and in the journal."""
        memory = self._publisher.queued_count + self._publisher.in_flight_count
        return max(memory, self._journal.count) if self._is_spilling else memory

    @property
    def longest_wait_s(self) -> float:
        """For how long nothing has come out of the journal that should, in seconds; 0.0 while all is well."""
        return 0.0 if self.trouble is None else asyncio.get_running_loop().time() - self._troubled_s

    def on_room(self, callback: Callable[[], None]) -> None:
        """Have `callback` called each time that there is room after it was full."""
        self._on_room.append(callback)

    @property
    def newest_number(self) -> int:
        """Number of the newest message that went through the journal."""
        return self._journal.last_number

    @property
    def stored_through(self) -> int:
        """Number up to which every message of the journal is stored."""
        return next(iter(self._unstored), self._position + 1) - 1

    async def stored(self) -> None:
        """Wait until everything that has gone through the journal by now is stored; it is noticed a moment later."""
        number = self.newest_number
        if self.stored_through >= number:
            return
        wait = number, asyncio.get_running_loop().create_future()
        self._waits.append(wait)
        try:
            await wait[1]
        finally:
            self._waits.remove(wait)

    # -- into the journal

    def _spill(self, outgoing: Outgoing) -> bool:
        """Take a message from the full publisher; raises `PublishError` if there is no room for it anywhere."""
        if not self._spills(outgoing.subject):
            self._publisher.readmit(outgoing, is_bounded=True)
            return True
        if not self._is_spilling:
            self._write_memory()
            self._begin()
        self._append(outgoing)
        self.spilled_count += 1
        return False

    def _begin(self) -> None:
        self._is_spilling = True
        self._stored.clear()
        if self._draining is None or self._draining.done():
            self._draining = asyncio.get_running_loop().create_task(self._drain(), name="journal")
        _log.warning("journal_used", events=self._journal.count)
        self.on_spilling(True)

    def _write_memory(self) -> None:
        """Write what waits in the memory, which goes on being published from there."""
        waiting = [held for held in self._publisher.unacknowledged() if self._spills(held.subject)]
        for outgoing in waiting:
            try:
                number = self._append(outgoing, with_headers=False)
            except PublishError as error:
                _log.error("memory_not_journaled", events=len(waiting), error=error)
                break
            self._unstored[number] = None
            outgoing.on_acknowledged = partial(self._settle, number, outgoing.on_acknowledged)
        self._position = self._journal.last_number

    def _append(self, outgoing: Outgoing, *, with_headers: bool = True) -> int:
        headers = outgoing.headers if with_headers else None
        return self._journal.append(
            Entry(
                0,
                outgoing.key,
                outgoing.subject,
                outgoing.message_id,
                (headers() if callable(headers) else headers) or {},
                outgoing.body,
                # SQLite's integers end where an ageless message's time begins.
                min(outgoing.since_ns, _LAST_NS),
            )
        )

    # -- out of the journal

    async def _drain(self) -> None:
        """Give back what was spilled, as far as the publisher has room, until there is nothing more."""
        journal, publisher = self._journal, self._publisher
        await self._manage(self._put_expired_aside)
        while self._position < journal.last_number:
            while not publisher.has_room:
                self._room.clear()
                await self._room.wait()
            await self._manage(self._readmit_next)
        publisher.take_again()
        self._is_spilling = False
        self._note_stored()
        _log.info("journal_drained", spilled=self.spilled_count)
        self._tell_room()
        self.on_spilling(False)

    async def _manage(self, step: Callable[[], Awaitable[None]]) -> None:
        """Take a step, again and again until it succeeds, and keep why it does not."""
        while True:
            try:
                await step()
            except (BrokerError, *_DISK_ERRORS) as error:
                if self.trouble is None:
                    self._troubled_s = asyncio.get_running_loop().time()
                    _log.error("journal_not_read", error=error)
                self.trouble = error
                await asyncio.sleep(_RETRY_S)
            else:
                if self.trouble is not None:
                    self.trouble = None
                    _log.info("journal_read_again")
                return

    async def _put_expired_aside(self) -> None:
        """Put aside what the stream cannot be asked about any more, of what was there from before."""
        if self._held_since_ns is not None and self._found_through:
            await self._journal.put_aside(await self._held_since_ns(), self._found_through)
            self._found_through = 0

    async def _readmit_next(self) -> None:
        entries = await self._journal.read(self._position, _BATCH)
        for entry in entries:
            self._readmit(entry)
        if not entries:  # they were put aside
            self._position = self._journal.last_number

    def _readmit(self, entry: Entry) -> None:
        number = self._position = entry.number
        self._unstored[number] = None
        self._publisher.readmit(
            Outgoing(
                entry.key,
                entry.subject,
                entry.body,
                entry.message_id,
                entry.headers,
                partial(self._settle, number, None),
                entry.since_ns,
            )
        )

    def _settle(self, number: int, told: OnAcknowledged | None, outcome: PublishOutcome) -> None:
        """Note that a message of the journal is stored, or refused for good; one that was given up stays there."""
        if not (self._is_closing and outcome.error is not None):
            self._unstored.pop(number, None)
            self._note_stored()
        if not self._room.is_set() and self._publisher.has_room:
            self._room.set()
        if told is not None:
            told(outcome)

    def _note_stored(self) -> None:
        if not self._unstored and not self._is_spilling:
            self._stored.set()

    def _tell_stored(self) -> None:
        for number, stored in self._waits:
            if number <= self.stored_through and not stored.done():
                stored.set_result(None)

    async def _remove_stored(self) -> None:
        while True:
            await asyncio.sleep(_REMOVE_EVERY_S)
            self._tell_stored()
            if self._journal.count:
                try:
                    await self._journal.remove(self.stored_through)
                except _DISK_ERRORS as error:
                    _log.error("journal_not_shortened", error=error)

    def _tell_room(self) -> None:
        if self._was_full and not (self._is_spilling and self._journal.is_full):
            self._was_full = False
            for callback in self._on_room:
                callback()


_LAST_NS = (1 << 63) - 1


async def _cancel(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _nobody(_: bool) -> None:
    """Tell nobody yet."""
