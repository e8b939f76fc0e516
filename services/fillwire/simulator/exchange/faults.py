"""Faults on demand, between the venue and its sockets: everything that the network or the venue may do wrong.

A fault is one rule with a kind, an optional user, and a way to count: the `next` so many occasions, or each occasion
with a seeded `probability`. The rules about frames act on what is about to be sent; the others are asked by the
request handlers.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Sized
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol

from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.connections import Connection

FRAME_FAULTS = frozenset(
    {"drop", "duplicate", "reorder", "delay", "corrupt", "unknown_event", "unknown_value", "extra_fields"}
)
REQUEST_FAULTS = frozenset(
    {"lost_response", "event_first", "request_error", "request_delay", "login_refused", "connection_refused"}
)
_RELEASE_S = 0.25
_TIMER_GRAIN_S = 0.001
_MAX_HELD_FRAMES = 200_000


class Tampering(Protocol):
    """How frames of a venue are told apart and spoilt."""

    @property
    def corruptions(self) -> Collection[str]:
        """The ways of `corrupt`."""

    def is_execution(self, payload: bytes, kind: str) -> bool:
        """Return whether a frame tells an execution."""

    def corrupt(self, payload: bytes, how: str) -> bytes:
        """Return a frame that a parser must not take for a good one."""

    def unknown_event(self, payload: bytes) -> bytes:
        """Return the frame of an event that nobody has heard of."""

    def unknown_value(self, payload: bytes, field: str | None) -> bytes:
        """Return the frame with an unheard-of value in a field; None for the field that tells what happened."""

    def extra_fields(self, payload: bytes) -> bytes:
        """Return the frame with members that nobody has heard of."""


@dataclass(slots=True, eq=False)
class Fault:
    """One rule.

    Attributes:
        kind: one of the kinds above.
        account: whom it strikes, None for everybody.
        next: on how many more occasions it strikes, None if `probability` decides.
        options: further facts, by kind.
        hits: how often it has struck.
    """

    id: int
    kind: str
    account: Account | None
    next: int | None
    probability: float
    options: dict[str, Any] = field(default_factory=dict)
    hits: int = 0

    def document(self) -> dict[str, Any]:
        """Return the rule as the control API shows it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "user": None if self.account is None else self.account.user,
            "next": self.next,
            "probability": self.probability,
            "hits": self.hits,
            **self.options,
        }


@dataclass(slots=True)
class Stall:
    """A connection that stays open and says nothing.

    Attributes:
        until: when it ends, by the event loop's clock.
        retains: whether what was not said is said at its end.
        silences_responses: whether requests stay without an answer, too.
    """

    until: float
    retains: bool
    silences_responses: bool
    kept: list[bytes] = field(default_factory=list)


class Faults:
    """All rules, and the frames they hold back.

    Attributes:
        is_open: whether frames pass untouched, because no rule concerns them.
    """

    def __init__(self, random: Random, tampering: Tampering) -> None:
        self._random = random
        self._tampering = tampering
        self._rules: list[Fault] = []
        self._made = 0
        self._stalls: dict[Connection, Stall] = {}
        self._held: dict[Connection, list[tuple[Fault, bytes]]] = {}
        self._delayed: dict[Connection, deque[tuple[float, bytes]]] = {}
        self.is_open = True

    # Rules

    def add(
        self,
        kind: str,
        account: Account | None = None,
        *,
        count: int | None = 1,
        probability: float = 0.0,
        **options: Any,
    ) -> Fault:
        """Add a rule that strikes `count` times, or with a probability if `count` is None."""
        self._made += 1
        fault = Fault(self._made, kind, account, count, probability, options)
        self._rules.append(fault)
        self._update()
        return fault

    def clear(self) -> None:
        """Remove all rules; what they hold back is sent."""
        self._rules.clear()
        for connection in list(self._held):
            self._release(connection)
        self._update()

    def remove(self, number: int) -> Fault | None:
        """Remove one rule, and send what is held back; return the rule, None if there was none."""
        removed = next((fault for fault in self._rules if fault.id == number), None)
        self._rules = [fault for fault in self._rules if fault is not removed]
        for connection in list(self._held):
            self._release(connection)
        self._update()
        return removed

    def documents(self) -> list[dict[str, Any]]:
        """Return the rules as the control API shows them."""
        return [fault.document() for fault in self._rules]

    def forget(self, connection: Connection) -> None:
        """Drop what belongs to a connection that has ended."""
        self._stalls.pop(connection, None)
        self._held.pop(connection, None)
        self._delayed.pop(connection, None)
        self._update()

    def _update(self) -> None:
        self.is_open = not (
            self._stalls
            or self._held
            or self._delayed
            or any(rule.kind in FRAME_FAULTS and rule.next != 0 for rule in self._rules)
        )

    def strike(
        self, kind: str, account: Account | None, matches: Callable[[Fault], bool] = lambda _fault: True
    ) -> Fault | None:
        """Return the rule of this kind that strikes now, None if none does; counts the stroke."""
        for fault in self._rules:
            if fault.kind != kind or (fault.account is not None and fault.account is not account):
                continue
            if not matches(fault) or not self._strikes(fault):
                continue
            fault.hits += 1
            return fault
        return None

    def _strikes(self, fault: Fault) -> bool:
        if fault.next is None:
            return self._random.random() < fault.probability
        if fault.next == 0:
            return False
        fault.next -= 1
        return True

    # Frames

    def stall(
        self, connection: Connection, seconds: float, *, retains: bool, silences_responses: bool
    ) -> None:
        """Let a connection fall silent for some seconds."""
        loop = asyncio.get_running_loop()
        stall = Stall(loop.time() + seconds, retains, silences_responses)
        self._stalls[connection] = stall
        self._update()
        loop.call_later(seconds, self._end_stall, connection, stall)

    def _end_stall(self, connection: Connection, stall: Stall) -> None:
        if self._stalls.get(connection) is not stall:
            return
        del self._stalls[connection]
        for payload in stall.kept:
            connection.send(payload)
        self._update()

    def pass_frame(self, connection: Connection, payload: bytes, kind: str, account: Account | None) -> None:
        """Send a frame, or do to it what the rules ask for."""
        stall = self._stalls.get(connection)
        if stall is not None and (stall.silences_responses or kind != "response"):
            if stall.retains:
                stall.kept.append(payload)
                self._bound(connection, stall.kept)
            return
        for fault in self._rules:
            if fault.kind not in FRAME_FAULTS or (fault.account is not None and fault.account is not account):
                continue
            if not self._concerns(fault, payload, kind) or not self._strikes(fault):
                continue
            fault.hits += 1
            self._apply(fault, connection, payload)
            self._update()
            return
        self._send_in_turn(connection, payload)
        held = self._held.get(connection)
        if held is not None and self._concerns(held[0][0], payload, kind):
            self._release(connection)

    def _apply(self, fault: Fault, connection: Connection, payload: bytes) -> None:
        tampering = self._tampering
        if fault.kind == "drop":
            return
        if fault.kind == "duplicate":
            for _ in range(1 + int(fault.options.get("copies", 1))):
                self._send_in_turn(connection, payload)
        elif fault.kind == "delay":
            self._send_in_turn(connection, payload, float(fault.options.get("seconds", 0.1)))
        elif fault.kind == "reorder":
            self._held.setdefault(connection, []).append((fault, payload))
            asyncio.get_running_loop().call_later(_RELEASE_S, self._release, connection)
        elif fault.kind == "corrupt":
            how = fault.options.get("how") or self._random.choice(tuple(tampering.corruptions))
            self._send_in_turn(connection, tampering.corrupt(payload, how))
        elif fault.kind == "unknown_event":
            self._send_in_turn(connection, tampering.unknown_event(payload))
            self._send_in_turn(connection, payload)
        elif fault.kind == "unknown_value":
            self._send_in_turn(connection, tampering.unknown_value(payload, fault.options.get("field")))
        else:
            self._send_in_turn(connection, tampering.extra_fields(payload))

    def _send_in_turn(self, connection: Connection, payload: bytes, delay_s: float = 0.0) -> None:
        """Send after a delay, never before what was sent earlier and is still delayed."""
        delayed = self._delayed.get(connection)
        if delayed is None and delay_s == 0.0:
            connection.send(payload)
            return
        loop = asyncio.get_running_loop()
        if delayed is None:
            delayed = self._delayed[connection] = deque()
            loop.call_later(delay_s, self._send_delayed, connection)
        delayed.append((loop.time() + delay_s, payload))
        self._bound(connection, delayed)

    @staticmethod
    def _bound(connection: Connection, frames: Sized) -> None:
        """End a connection for which too much is held back."""
        if len(frames) > _MAX_HELD_FRAMES:
            connection.abort()

    def _send_delayed(self, connection: Connection) -> None:
        """Send what is due, and come back for the next."""
        delayed = self._delayed.get(connection)
        if delayed is None:
            return
        loop = asyncio.get_running_loop()
        while delayed and delayed[0][0] <= loop.time() + _TIMER_GRAIN_S:
            connection.send(delayed.popleft()[1])
        if delayed:
            loop.call_at(delayed[0][0], self._send_delayed, connection)
        else:
            del self._delayed[connection]
            self._update()

    def _release(self, connection: Connection) -> None:
        for _fault, payload in self._held.pop(connection, ()):
            self._send_in_turn(connection, payload)
        self._update()

    def _concerns(self, fault: Fault, payload: bytes, kind: str) -> bool:
        target = fault.options.get("target", "event")
        if target == "response":
            return kind == "response"
        if target == "any":
            return True
        if kind == "response":
            return False
        if target == "execution":
            return self._tampering.is_execution(payload, kind)
        return target in {"event", kind}

    # Requests

    def lost_response(self, method: str, account: Account | None) -> Fault | None:
        """Return the rule that loses the response to a request which has been carried out, None if it arrives."""
        return self.strike(
            "lost_response", account, lambda rule: rule.options.get("method") in {None, method}
        )

    def request_error(self, method: str, account: Account | None, api: str) -> Fault | None:
        """Return the rule that makes a request fail before it acts, None if it may go on."""
        return self.strike("request_error", account, lambda rule: _is_meant(rule, method, api))

    def request_delay_s(self, method: str, account: Account | None, api: str) -> float:
        """Return for how long a request is to wait before it acts, in seconds."""
        fault = self.strike("request_delay", account, lambda rule: _is_meant(rule, method, api))
        return 0.0 if fault is None else float(fault.options.get("seconds", 1.0))


def _is_meant(fault: Fault, method: str, api: str) -> bool:
    return fault.options.get("method") in {None, method} and fault.options.get("api") in {None, api}
