"""Calls on one WebSocket API connection: ids, answers, deadlines, and the one retry after a refused timestamp."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fillwire.venues.binance.auth import Signer
from fillwire.venues.binance.mapping import read_server_time_ns
from fillwire.venues.binance.refusals import CLOCK_OUTSIDE_WINDOW, Refusal
from fillwire.venues.binance.requests import TIME, Call
from fillwire.venues.timers import Timers

_OK = 200
_NS_PER_MS = 1_000_000
_CLOCK_TIMEOUT_NS = 3_000_000_000


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The venue did not answer, so nobody knows what became of the call."""

    reason: str


Reply = Any | Refusal | NoAnswer
"""The `result` of an answer as decoded JSON, or why there is none."""

Then = Callable[[Reply, int], None]
"""Told once what became of a call, and when."""

OnRefusal = Callable[[Refusal, int], None]
"""Told of each refusal, and when; whoever made the call is told besides."""

OnClock = Callable[[int, int], None]
"""Told an offset, venue clock minus ours, and the round trip it was measured in; nanoseconds."""


@dataclass(slots=True)
class _Pending:
    call: Call
    is_signed: bool
    deadline_ns: int
    then: Then
    is_retried: bool = False


class Calls:
    """The calls of one connection that wait for their answers.

    A call refused because of its timestamp waits while the venue is asked for its time, and is then sent once more:
    a machine whose clock was set, or slept, recovers in a round trip.

    Args:
        signer: key pair of the account.
        timers: of the connection.
        clock_offset_ns: venue clock minus ours, as last measured.
        on_clock: told of each measurement made here.
        on_refusal: told of each refusal.
    """

    def __init__(
        self,
        signer: Signer,
        timers: Timers,
        clock_offset_ns: int,
        on_clock: OnClock,
        on_refusal: OnRefusal = lambda _refusal, _now_ns: None,
    ) -> None:
        self._signer = signer
        self._timers = timers
        self._on_clock = on_clock
        self._on_refusal = on_refusal
        self._frames: list[bytes] = []
        self._last_id = 0
        self._pending: dict[int, _Pending] = {}
        self._awaiting_clock: list[_Pending] = []
        self._clock_asked_ns: int | None = None
        self._clock_waiters: list[Callable[[int], None]] = []
        self.clock_offset_ns = clock_offset_ns
        self.is_logged_on = False  # then calls carry no signature

    def ask(self, call: Call, now_ns: int, timeout_ns: int, then: Then, *, is_signed: bool = False) -> None:
        """Send a call; `then` is told its result, refusal, or after `timeout_ns` that there is none."""
        self._send(_Pending(call, is_signed, now_ns + timeout_ns, then), now_ns)

    def receive(self, answer: Mapping[str, Any], now_ns: int) -> bool:
        """Take an answer; return whether it belongs to a call that waits."""
        call_id = answer["id"]
        pending = self._pending.pop(call_id, None) if isinstance(call_id, int) else None
        if pending is None:
            return False
        if answer["status"] == _OK:
            pending.then(answer["result"], now_ns)
            return True
        refusal = Refusal.of_answer(answer["status"], answer["error"])
        self._on_refusal(refusal, now_ns)
        if refusal.code == CLOCK_OUTSIDE_WINDOW and pending.is_signed and not pending.is_retried:
            pending.is_retried = True
            self._awaiting_clock.append(pending)
            self._ask_clock(now_ns)
        else:
            pending.then(refusal, now_ns)
        return True

    def measure_clock(self, now_ns: int, then: Callable[[int], None]) -> None:
        """Ask the venue for its time; `then` is told when that was answered, or will not be."""
        self._clock_waiters.append(then)
        self._ask_clock(now_ns)

    def abandon(self, reason: str, now_ns: int) -> None:
        """Tell all that wait that no answer will come."""
        waiting = [*self._pending.values(), *self._awaiting_clock]
        self._pending.clear()
        self._awaiting_clock.clear()
        for pending in waiting:
            pending.then(NoAnswer(reason), now_ns)

    def frames(self) -> list[bytes]:
        """Return the frames to send since the last call."""
        frames, self._frames = self._frames, []
        return frames

    def venue_now_ms(self, now_ns: int) -> int:
        """Return the venue's clock in milliseconds since the epoch."""
        return (now_ns + self.clock_offset_ns) // _NS_PER_MS

    def _send(self, pending: _Pending, now_ns: int) -> None:
        self._last_id += 1
        call_id = self._last_id
        if not pending.is_signed:
            frame = pending.call.frame(call_id)
        elif self.is_logged_on:
            frame = pending.call.timed_frame(call_id, self.venue_now_ms(now_ns))
        else:
            frame = pending.call.signed_frame(call_id, self._signer, self.venue_now_ms(now_ns))
        self._frames.append(frame)
        self._pending[call_id] = pending
        self._timers.at(pending.deadline_ns, lambda at_ns: self._expire(call_id, at_ns))

    def _expire(self, call_id: int, now_ns: int) -> None:
        pending = self._pending.pop(call_id, None)
        if pending is not None:
            pending.then(NoAnswer(f"no answer to {pending.call.method} in time"), now_ns)

    def _ask_clock(self, now_ns: int) -> None:
        if self._clock_asked_ns is None:
            self._clock_asked_ns = now_ns
            self.ask(TIME, now_ns, _CLOCK_TIMEOUT_NS, self._clock_answered)

    def _clock_answered(self, reply: Reply, now_ns: int) -> None:
        waiters, self._clock_waiters = self._clock_waiters, []
        self._set_clock(reply, now_ns)
        for then in waiters:
            then(now_ns)

    def _set_clock(self, reply: Reply, now_ns: int) -> None:
        asked_ns, self._clock_asked_ns = self._clock_asked_ns, None
        waiting, self._awaiting_clock = self._awaiting_clock, []
        try:
            venue_ns = read_server_time_ns(reply)
        except ValueError:
            for pending in waiting:
                pending.then(
                    Refusal(
                        400,
                        CLOCK_OUTSIDE_WINDOW,
                        "the timestamp was refused, and the venue did not say its time",
                    ),
                    now_ns,
                )
            return
        round_trip_ns = now_ns - (now_ns if asked_ns is None else asked_ns)
        self.clock_offset_ns = venue_ns - now_ns + round_trip_ns // 2
        self._on_clock(self.clock_offset_ns, round_trip_ns)
        for pending in waiting:
            if pending.deadline_ns <= now_ns:
                pending.then(NoAnswer(f"no answer to {pending.call.method} in time"), now_ns)
            else:
                self._send(pending, now_ns)
