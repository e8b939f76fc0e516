"""Publishing into streams from a plain call: in order per key, resent until acknowledged, bounded."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from fillwire.bus.answers import Verdict, read_answer
from fillwire.bus.connection import Bus
from fillwire.bus.encoding import (
    AGELESS_NS,
    STORED_NS,
    CommandEncoder,
    Headers,
    OnAcknowledged,
    Outgoing,
    PublishOutcome,
)
from fillwire.bus.flight import Flight
from fillwire.bus.guard import DuplicateGuard
from fillwire.bus.parking import Parking
from fillwire.bus.telling import OnRefused, tell, tell_abandoned, tell_refused
from fillwire.domain.errors import PublishError

if TYPE_CHECKING:
    from fillwire.bus.subscriptions import Subscription

__all__ = ["Headers", "OnAcknowledged", "OrderedPublisher", "PublishOutcome"]


class OrderedPublisher:
    """Publishes into streams, one message of a key in flight and many keys at once.

    A message is resent with the same id until the stream acknowledges it: after a lost acknowledgement, a refusal for
    the moment (5xx, 429), a lost connection, a dead client. Only a final refusal (4xx) ends it otherwise.

    Args:
        bus: the connection.
        window: messages in flight at once, over all keys.
        window_bytes: no more is sent while so many bytes are in flight; one message may go beyond it.
        capacity: messages accepted and not yet acknowledged at which `is_full` turns true. `submit` takes as many
            again, for what was read must not be lost, and raises beyond that; the caller stops reading instead.
        capacity_bytes: the same for the sum of bodies.
        ack_timeout_s: after this long without an answer a message is sent again.
        on_refused: told of every message that will never be stored, with its body.
        guard: asked about messages that the stream may have stored and forgotten; None where none is that old.

    Use `async with`, or `start` and `close`. All calls belong to the thread of the loop.
    """

    def __init__(  # noqa: PLR0913 - each bound is a choice of the owner
        self,
        bus: Bus,
        *,
        window: int = 1024,
        window_bytes: int = 8 << 20,
        capacity: int = 65_536,
        capacity_bytes: int = 64 << 20,
        ack_timeout_s: float = 2.0,
        on_refused: OnRefused | None = None,
        guard: DuplicateGuard | None = None,
    ) -> None:
        self._bus = bus
        self._window = window
        self._window_bytes = window_bytes
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self._on_refused = on_refused
        self._guard = guard
        if guard is not None:
            guard.serve(self.unacknowledged, self._release)
        self._loop = asyncio.get_running_loop()
        self._inbox = bus.new_inbox()
        self._cut = len(self._inbox) + 1
        self._encoder = CommandEncoder(self._inbox)
        # Keys with a message under way, the head of its lane, and what waits behind it.
        self._lanes: dict[str, deque[Outgoing] | None] = {}
        self._ready: deque[Outgoing] = deque()  # heads of lanes, sent as far as the window allows
        self._flight = Flight(bus, ack_timeout_s, self._release)  # heads of lanes
        self._parking = Parking(self._unpark)  # heads of lanes that wait out a backoff
        self._unfinished = 0
        self._unfinished_bytes = 0
        self._was_full = False
        self._on_room: list[Callable[[], None]] = []
        self._accepts = 2 * capacity  # beyond so many messages, `submit` turns to `_turn_away`
        self._spill: Callable[[Outgoing], bool] | None = None
        self._emptied: asyncio.Future[None] | None = None
        self._flush_handle: asyncio.Handle | None = None
        self._subscription: Subscription | None = None
        self._is_closed = False
        self.submitted_count = 0
        self.acknowledged_count = 0
        self.duplicate_count = 0
        self.resent_count = 0
        self.refused_count = 0

    # -- life

    async def start(self) -> Self:
        """Begin to send; what was submitted before goes first."""
        if self._subscription is None:
            self._subscription = await self._bus.subscribe_raw(f"{self._inbox}.*", self._receive)
            self._bus.on_reconnected(self._flight.end)
            self._schedule_flush()
        return self

    async def flush(self, deadline_s: float) -> int:
        """Wait until everything submitted is stored or refused; return how many messages are left at the deadline."""
        if self._unfinished:
            if self._emptied is None:
                self._emptied = self._loop.create_future()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(deadline_s):
                    await asyncio.shield(self._emptied)
        return self._unfinished

    async def close(self, deadline_s: float = 10.0) -> int:
        """Take nothing more, flush, and stop; return how many messages are left.

        Each of those is told to its `on_acknowledged` with an error: it may be stored or not. Idempotent.
        """
        self._is_closed = True
        self._accepts = 0
        try:
            await self.flush(deadline_s)
        finally:
            left = self._abandon()
            self._bus.off_reconnected(self._flight.end)
            if self._guard is not None:
                await self._guard.stop()
            subscription, self._subscription = self._subscription, None
            if subscription is not None:
                await subscription.unsubscribe()
        return left

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # -- state

    @property
    def is_full(self) -> bool:
        """Whether the caller should stop reading until `on_room`."""
        return self._unfinished >= self._capacity or self._unfinished_bytes >= self._capacity_bytes

    def on_room(self, callback: Callable[[], None]) -> None:
        """Have `callback` called each time that a full publisher has become half empty."""
        self._on_room.append(callback)

    @property
    def in_flight_count(self) -> int:
        """Messages sent and not yet answered."""
        return len(self._flight.by_token)

    @property
    def queued_count(self) -> int:
        """Messages accepted and not on the way: behind another of their key, or waiting for window or backoff."""
        return self._unfinished - len(self._flight.by_token)

    @property
    def longest_wait_s(self) -> float:
        """For how long the broker has owed an answer about one message, in seconds: stored, or found, or not found.

        It counts from the first sending, or from when the message began to be looked up; 0.0 if nothing is owed.
        """
        if self._guard is None:
            return self._flight.longest_wait_s(self._parking.parked)
        waited_s = self._flight.longest_wait_s(self._parking.parked + self._guard.held)
        return max(waited_s, self._guard.longest_wait_s)

    def unacknowledged(self) -> list[Outgoing]:
        """Return every message that is not stored yet as far as we know, those of one key in their order."""
        heads = [*self._flight.by_token.values(), *self._parking.parked, *self._ready]
        if self._guard is not None:
            heads += self._guard.held
        return heads + [outgoing for lane in self._lanes.values() if lane for outgoing in lane]

    # -- in

    def submit(  # noqa: PLR0913, PLR0917 - the parts of a message; a plain call from a socket's read callback
        self,
        key: str,
        subject: str,
        body: bytes,
        message_id: str,
        headers: Headers = None,
        on_acknowledged: OnAcknowledged | None = None,
        since_ns: int = AGELESS_NS,
    ) -> bool:
        """Accept a message and return at once: True, or False if it was spilled, so that nobody is told of its end.

        Args:
            key: messages of one key are stored in the order of submission.
            subject: a subject that a stream takes.
            body: at most the broker's maximum payload together with the headers.
            message_id: identity for the stream's duplicate window.
            headers: a function is called at the first send, so that a stamp of that moment can be in it.
            on_acknowledged: called once, in the loop, when the message is stored or refused.
            since_ns: nobody can have stored it before, nanoseconds since the epoch by our clock: what the guard goes
                by; by default the id alone is trusted.

        Raises:
            PublishError: the publisher is closed, or holds twice its capacity: the message was not accepted.
        """
        outgoing = Outgoing(key, subject, body, message_id, headers, on_acknowledged, since_ns)
        if self._unfinished >= self._accepts:
            return self._turn_away(outgoing)
        self._admit(outgoing)
        return True

    def _admit(self, outgoing: Outgoing) -> None:
        self.submitted_count += 1
        self._unfinished += 1
        self._unfinished_bytes += len(outgoing.body)
        key = outgoing.key
        if key in self._lanes:
            lane = self._lanes[key]
            if lane is None:
                self._lanes[key] = deque((outgoing,))
            else:
                lane.append(outgoing)
        else:
            self._lanes[key] = None
            self._ready.append(outgoing)
            if self._flush_handle is None:
                self._flush_handle = self._loop.call_soon(self._flush)
        if self._unfinished >= self._capacity or self._unfinished_bytes >= self._capacity_bytes:
            self._was_full = True
            if self._spill is not None:
                self._accepts = 0

    def _turn_away(self, outgoing: Outgoing) -> bool:
        if self._spill is None or self._is_closed:
            reason = (
                "the publisher is closed" if self._is_closed else f"{self._unfinished} messages wait already"
            )
            raise PublishError(outgoing.subject, outgoing.message_id, reason)
        return self._spill(outgoing)

    # -- beside the memory

    def spill_to(self, spill: Callable[[Outgoing], bool]) -> None:
        """Have every message given to `spill` from the moment when the publisher is full until `take_again`.

        `spill` returns what `submit` is to return, and may raise `PublishError`: then the message was not accepted.
        """
        self._spill = spill

    def spill_now(self) -> None:
        """Spill from now on, for there is something that comes before what will be submitted."""
        self._accepts = 0

    def take_again(self) -> None:
        """Spill no longer: everything that was spilled has been given back by `readmit`."""
        if not self._is_closed:
            self._accepts = 2 * self._capacity

    def readmit(self, outgoing: Outgoing, *, is_bounded: bool = False) -> None:
        """Accept a message that was spilled; as long as there are some, their order is the owner's to keep.

        Raises:
            PublishError: the publisher holds twice its capacity, and `is_bounded` says that this counts.
        """
        if is_bounded and self._unfinished >= 2 * self._capacity:
            reason = f"{self._unfinished} messages wait already"
            raise PublishError(outgoing.subject, outgoing.message_id, reason)
        self._admit(outgoing)

    # -- out

    def _schedule_flush(self) -> None:
        if self._flush_handle is None:
            self._flush_handle = self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_handle = None
        ready, flight = self._ready, self._flight
        if not ready or self._subscription is None or not self._bus.is_connected:
            return
        in_flight = flight.by_token
        room = self._window - len(in_flight)
        now = self._loop.time()
        max_payload_bytes = self._bus.max_payload_bytes
        stale_ns = 0 if self._guard is None else self._guard.stale_before_ns
        commands: list[bytes] = []
        while ready and room > 0 and flight.size_bytes < self._window_bytes:
            outgoing = ready.popleft()
            if outgoing.since_ns < stale_ns:
                self._set_aside(outgoing)
                continue
            if outgoing.send_count:
                self.resent_count += 1
            else:
                try:
                    self._encoder.encode(outgoing, max_payload_bytes)
                except PublishError as error:
                    self._refuse(outgoing, error)
                    continue
                outgoing.first_sent_at = now
            outgoing.send_count += 1
            outgoing.sent_at = now
            in_flight[outgoing.token] = outgoing
            flight.size_bytes += len(outgoing.command)
            commands.append(outgoing.command)
            room -= 1
        if commands:
            self._bus.write_now(commands)
            if flight.timer is None:
                flight.watch()

    def _set_aside(self, outgoing: Outgoing) -> None:
        """Have a message that may be stored and forgotten looked up; one that was found there is done."""
        if outgoing.since_ns == STORED_NS:
            self._acknowledge(outgoing, 0, is_duplicate=True)
        elif self._guard is not None:
            self._guard.hold(outgoing)

    def _release(self, outgoing: list[Outgoing]) -> None:
        self._ready.extendleft(reversed(outgoing))
        self._schedule_flush()

    # -- answers

    def _receive(self, subject: bytes, _reply: bytes, data: bytes, headers: bytes) -> None:
        outgoing = self._flight.by_token.pop(subject[self._cut :], None)
        if outgoing is None:  # a second answer, to a resend or to what is about to be resent
            return
        self._flight.size_bytes -= len(outgoing.command)
        answer = read_answer(data, headers)
        if answer.verdict is Verdict.STORED:
            self._acknowledge(outgoing, answer.sequence, answer.is_duplicate)
        elif answer.verdict is Verdict.ASK_AGAIN:
            self._parking.park(outgoing)
            self._schedule_flush()
        else:
            self._refuse(outgoing, PublishError(outgoing.subject, outgoing.message_id, answer.reason))

    def _acknowledge(self, outgoing: Outgoing, sequence: int, is_duplicate: bool) -> None:
        self.acknowledged_count += 1
        if is_duplicate:
            self.duplicate_count += 1
        self._leave(outgoing)
        if outgoing.on_acknowledged is not None:
            tell(outgoing, sequence=sequence, is_duplicate=is_duplicate)

    def _refuse(self, outgoing: Outgoing, error: PublishError) -> None:
        self.refused_count += 1
        self._leave(outgoing)
        tell_refused(outgoing, error, self._on_refused)

    def _leave(self, outgoing: Outgoing) -> None:
        """Make room: the next message of the lane becomes ready."""
        lanes, key = self._lanes, outgoing.key
        lane = lanes[key]
        if lane:
            self._ready.append(lane.popleft())
        else:
            del lanes[key]
        self._unfinished -= 1
        self._unfinished_bytes -= len(outgoing.body)
        if self._flush_handle is None and self._ready:
            self._flush_handle = self._loop.call_soon(self._flush)
        if self._was_full and self.has_room:
            self._was_full = False
            for callback in self._on_room:
                self._loop.call_soon(callback)
        if self._emptied is not None and not self._unfinished:
            self._emptied.set_result(None)
            self._emptied = None

    @property
    def has_room(self) -> bool:
        """Whether it is at most half full."""
        return self._unfinished <= self._capacity // 2 and self._unfinished_bytes <= self._capacity_bytes // 2

    # -- again

    def _unpark(self, due: list[Outgoing]) -> None:
        self._ready.extend(due)
        self._schedule_flush()

    def _abandon(self) -> int:
        if self._flush_handle is not None:
            self._flush_handle.cancel()
        left = self.unacknowledged()
        if self._guard is not None:
            self._guard.clear()
        self._parking.clear()
        self._flight.clear()
        self._ready.clear()
        self._lanes.clear()
        self._unfinished = self._unfinished_bytes = 0
        tell_abandoned(left)
        return len(left)
