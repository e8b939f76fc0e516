"""One reading of the log for all bots of a process that listen to the same: delivered once, handed to each.

A bot has a seat there while it keeps up. The reading acknowledges an event when every seat has handled it, so its
durable says of all seats together how far they are. It is never more than `AHEAD` events in front of the slowest, which
is therefore what a crash can have told twice. A bot that falls behind the others, by events or by time, loses its seat.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Self

from fillwire.bus.connection import Bus
from fillwire.bus.consumer import PullLoop
from fillwire.bus.durables import ConsumerState, Deliver, delete_consumer, ensure_consumer
from fillwire.bus.lookup import newest_message
from fillwire.bus.messages import Message
from fillwire.bus.resuming import place_behind
from fillwire.domain.errors import BrokerError
from fillwire.runtime.logs import get_log
from fillwire.sdk.coalescing import Coalesced
from fillwire.sdk.marks import AHEAD, ReadingMark

_log = get_log(__name__)

KEPT: Final = 256  # events that a bot which comes late may still be given
LAG: Final = AHEAD // 2  # events by which a bot may be behind while others have nothing to do
AGE_S: Final = 5.0  # for which a bot may have an event that others are done with
LOOK_S: Final = 0.025  # between two looks at a bot that is behind; the second has it leave

Take = Callable[[Message, "Seat"], bool]
"""Given an event of the seat; returns False if there is no room for it."""


class Seat:
    """A bot's place at a shared reading.

    Attributes:
        done: everything for the bot up to this sequence of the stream has been handled.
        is_open: whether it is given events.
        is_lagging: whether it was found far behind when it was looked at last.
        left: set when the bot has fallen behind: it is to take its events by itself from `done` on.
    """

    __slots__ = ("_reading", "done", "is_lagging", "is_open", "left", "take")

    def __init__(self, reading: "SharedReading", take: Take, done: int) -> None:
        self._reading = reading
        self.take = take
        self.done = done
        self.is_open = True
        self.is_lagging = False
        self.left = asyncio.Event()

    def acknowledge(self, message: Message) -> None:
        """Note that the bot has handled the message and all before it."""
        self._reading.note_done(self, message)

    def close(self) -> None:
        """Give the bot no more; what it has not handled still keeps the reading back, until `SharedReading.leave`."""
        self.is_open = False
        self.left.set()


class _Held:
    """An event that not every seat has handled."""

    __slots__ = ("message", "sequence", "since_s", "waiting")

    def __init__(self, message: Message, waiting: int, since_s: float) -> None:
        self.message = message
        self.sequence = message.sequence
        self.since_s = since_s
        self.waiting = waiting


class SharedReading:
    """Reads one set of subjects for all seats.

    Args:
        bus: the connection.
        stream: name of the stream.
        durable: name of the reading's own durable, which no other process uses.
        filters: the subjects.
        ack_wait_s: of the durable.
        inactive_threshold_s: of the durable: how long it tells where the seats were when nobody reads it any more.
        mark: writes to the bucket of positions where the seats are; then the durable is in the memory of one broker and need
            not last. None where the durable tells it.

    Attributes:
        position: everything on the subjects up to this sequence has been handed out.
        floor: everything up to this sequence has been handled by every seat, and the broker was told.
        newest_sequence: awaited, the sequence of the newest event that is stored; raises `BrokerError`.
    """

    def __init__(  # noqa: PLR0913 - what a durable is made of
        self,
        bus: Bus,
        stream: str,
        durable: str,
        filters: tuple[str, ...],
        *,
        ack_wait_s: float,
        inactive_threshold_s: float,
        mark: ReadingMark | None = None,
    ) -> None:
        self.durable = durable
        self.position = 0
        self.floor = 0
        self.newest_sequence = Coalesced(self._newest_sequence)
        self._bus = bus
        self._stream = stream
        self._filters = filters
        self._ack_wait_s = ack_wait_s
        self._inactive_threshold_s = inactive_threshold_s
        self._mark = mark
        self._pull: PullLoop | None = None
        self._seats: dict[Seat, None] = {}
        self._held: deque[_Held] = deque()
        self._kept: deque[Message] = deque(maxlen=KEPT)
        self._floor_ns = 0  # when the stream stored the event at `floor`
        self._counted_anew_ns = 0  # when the stream stored the first event that got a sequence a second time
        self._kept_after = 0  # of what came after this sequence nothing is missing in `_kept`
        self._look: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()

    def waiting_count(self, seat: Seat) -> int:
        """Return how many events were read that the seat has not handled."""
        return sum(held.sequence > seat.done for held in self._held)

    async def start(self) -> Self:
        """Begin with what is stored from now on.

        Raises:
            ConfigError: the durable cannot be made.
            BrokerError: no answer.
        """
        self._floor_ns = time.time_ns()
        state = await self._ensure_durable("new")
        self.position = self.floor = self._kept_after = state.acknowledged_sequence
        self._pull = PullLoop(
            self._bus,
            self._stream,
            self.durable,
            self._receive,
            batch=AHEAD // 2,
            ack_policy="all",
            ack_wait_s=self._ack_wait_s,
            on_missing=self._make_again,
            is_replaceable=self._mark is not None,
        )
        await self._pull.start()
        return self

    async def stop(self) -> None:
        """End the reading; its durable goes too, unless it is needed to tell where a bot that still sits is."""
        if self._look is not None:
            self._look.cancel()
        if self._pull is not None:
            await self._pull.stop()
        if self._mark is not None:
            await self._mark.close(is_needed=bool(self._seats))
        if not self._seats:
            try:
                await delete_consumer(self._bus, self._stream, self.durable)
            except BrokerError as error:
                _log.info("shared_durable_left", durable=self.durable, error=error)  # it expires

    # ---- seats

    def join(self, take: Take, after: int) -> Seat | None:
        """Give a bot every event after this sequence, beginning with those that were handed out to others already.

        Return None if some of these are not kept any more. It is a plain call: nothing comes in between.
        """
        if after < self._kept_after:
            return None
        seat = Seat(self, take, after)
        self._seats[seat] = None
        for held in self._held:
            if held.sequence > after:
                held.waiting += 1
        for message in self._kept:
            if message.sequence > after:
                self._hand(seat, message)
        return seat

    def leave(self, seat: Seat) -> None:
        """Wait for the seat no longer: where its bot is, is told elsewhere by now."""
        seat.close()
        if self._seats.pop(seat, seat) is None:
            for held in self._held:
                if held.sequence > seat.done:
                    held.waiting -= 1
            self._acknowledge()

    def note_done(self, seat: Seat, message: Message) -> None:
        """Note that a seat has handled the message and all before it."""
        sequence = message.sequence
        if sequence <= seat.done or seat not in self._seats:
            return
        if self._counted_anew_ns and message.stored_time_ns < self._counted_anew_ns:
            return  # its sequence is another event's by now
        for held in self._held:
            if held.sequence > sequence:
                break
            if held.sequence > seat.done:
                held.waiting -= 1
        seat.done = sequence
        self._acknowledge()

    # ---- events

    def _receive(self, message: Message) -> None:
        if message.sequence <= self.position:
            self._count_anew(message)
        self.position = message.sequence
        if len(self._kept) == KEPT:
            self._kept_after = self._kept[0].sequence
        self._kept.append(message)
        # A bot that read alone may have been ahead of the others when it sat down.
        seats = [seat for seat in self._seats if seat.done < self.position]
        self._held.append(_Held(message, len(seats), self._loop.time()))
        for seat in seats:
            self._hand(seat, message)
        self._acknowledge()
        if self._held:
            self._plan_look(LOOK_S if len(self._held) >= LAG else AGE_S)

    def _count_anew(self, message: Message) -> None:
        """Begin again with a stream that lost its end, or was made anew, and gives sequences a second time."""
        before = message.sequence - 1
        self.floor = self._kept_after = before
        self._counted_anew_ns = message.stored_time_ns
        self._floor_ns = message.stored_time_ns - 1
        self._held.clear()
        self._kept.clear()
        for seat in self._seats:
            seat.done = before

    @staticmethod
    def _hand(seat: Seat, message: Message) -> None:
        if seat.is_open and not seat.take(message, seat):
            seat.close()

    def _acknowledge(self) -> None:
        last: Message | None = None
        while self._held and self._held[0].waiting == 0:
            last = self._held.popleft().message
        if last is not None:
            self.floor, self._floor_ns = last.sequence, last.stored_time_ns
            if self._mark is None:
                last.ack()
            else:
                self._mark.acknowledge(last)

    def _plan_look(self, wait_s: float) -> None:
        """Have it looked at who is behind, after so long or sooner."""
        if self._look is not None:
            if self._look.when() <= self._loop.time() + wait_s:
                return
            self._look.cancel()
        self._look = self._loop.call_later(wait_s, self._look_for_laggards)

    def _look_for_laggards(self) -> None:
        self._look = None
        bound = self._due()
        is_anybody_lagging = False
        for seat in self._seats:
            was_lagging, seat.is_lagging = seat.is_lagging, seat.is_open and seat.done < bound
            is_anybody_lagging = is_anybody_lagging or seat.is_lagging
            if was_lagging and seat.is_lagging:
                seat.close()
        if self._held:
            self._plan_look(LOOK_S if is_anybody_lagging or len(self._held) >= LAG else AGE_S)

    def _due(self) -> int:
        """Return up to which sequence every seat should be done; 0 while nobody is slower than all others are."""
        foremost = max((seat.done for seat in self._seats), default=0)
        due = 0
        if len(self._held) >= LAG and foremost >= self.position:
            due = self._held[-LAG].sequence
        oldest_s = self._loop.time() - AGE_S
        for held in self._held:
            if held.since_s > oldest_s or held.sequence > foremost:
                break
            due = max(due, held.sequence)
        return due

    # ---- the durable

    async def _make_again(self) -> None:
        """Make the durable again where the seats are: it was deleted, or lost with the broker's disk."""
        _log.warning("shared_durable_made_again", durable=self.durable, after_sequence=self.floor)
        await self._ensure_durable(await place_behind(self._bus, self._stream, self.floor, self._floor_ns))

    async def _ensure_durable(self, deliver: Deliver) -> ConsumerState:
        return await ensure_consumer(
            self._bus,
            self._stream,
            self.durable,
            self._filters,
            deliver=deliver,
            ack_policy="all",
            ack_wait_s=self._ack_wait_s,
            max_ack_pending=AHEAD,
            inactive_threshold_s=self._inactive_threshold_s,
            is_in_memory=self._mark is not None,
            replicas=0 if self._mark is None else 1,
        )

    async def _newest_sequence(self) -> int:
        newest = [await newest_message(self._bus, self._stream, subject) for subject in self._filters]
        return max(0 if message is None else message.sequence for message in newest)
