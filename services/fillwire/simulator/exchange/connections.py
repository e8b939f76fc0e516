"""One WebSocket connection as the venue sees it: what it may receive, its heartbeat, its end.

Frames are written by hand, in batches of one write per turn of the event loop: a task or a system call per frame
would cost more than the frame.
"""

import asyncio
import struct
from abc import ABC, abstractmethod
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from fillwire.simulator.exchange.accounts import Account, AccountEvent

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

TEXT, BINARY = 0x81, 0x82
_CLOSE, _PING, _PONG = 0x88, 0x89, 0x8A
_SHORT, _LONG = 126, 65_536
_PAYLOAD_BYTES = 13
_CLOSE_S = 1.0
_WRITE_BUFFER_BYTES = 256 * 1024


def frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """Return an unmasked WebSocket frame."""
    size = len(payload)
    if size < _SHORT:
        return bytes((opcode, size)) + payload
    if size < _LONG:
        return struct.pack("!BBH", opcode, 126, size) + payload
    return struct.pack("!BBQ", opcode, 127, size) + payload


class Subscription(ABC):
    """An account's event stream on one connection.

    Attributes:
        id: its number on the connection.
    """

    def __init__(self, connection: "Connection", account: Account) -> None:
        self.connection = connection
        self.account = account
        self.id = connection.subscriptions_made

    @abstractmethod
    def tell(self, event: AccountEvent, now_ns: int) -> None:
        """Deliver an event in as many frames as the venue makes of it, emitted at `now_ns` of the venue's clock."""


class Gate(Protocol):
    """What stands between the venue and its sockets."""

    is_open: bool

    def pass_frame(
        self, connection: "Connection", payload: bytes, kind: str, account: Account | None
    ) -> None:
        """Deliver a frame, or do to it what a fault asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionTimes:
    """Times of a connection, in seconds, and its bound of unsent bytes."""

    ping_interval_s: float
    pong_deadline_s: float
    lifetime_s: float
    send_buffer_bytes: int


class Connection:
    """One accepted WebSocket connection.

    Attributes:
        opcode: first byte of the frames that it sends.
        broken: beginning of a frame that breaks off.
        subscriptions: those that are active, by their number.
        pings: whether the server pings.
        sent_frames: frames written so far.
    """

    opcode = TEXT
    broken = b'{"'

    def __init__(
        self,
        request: web.Request,
        gate: Gate,
        times: ConnectionTimes,
        random: Random,
        *,
        connected_us: int,
    ) -> None:
        transport = request.transport
        assert transport is not None  # noqa: S101 - the request has just arrived on it
        transport.set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        self._transport = transport
        self._writer: AbstractStreamWriter = request.writer
        self._gate = gate
        self._times = times
        self._random = random
        self._loop = asyncio.get_running_loop()
        self.address = request.remote or ""
        self.connected_us = connected_us
        self.subscriptions: dict[int, Subscription] = {}
        self.subscriptions_made = 0
        self.pings = True
        self._answers_pings = True
        self.sent_frames = 0
        self.sent_bytes = 0
        self._is_ending = False
        self._batch: list[bytes] = []
        self._flush_handle: asyncio.Handle | None = None
        self._unanswered: dict[bytes, asyncio.TimerHandle] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    # Life

    def start(self) -> None:
        """Begin to ping, and to count the connection's life."""
        self._timers["life"] = self._loop.call_later(self._times.lifetime_s, self.close)
        self._timers["ping"] = self._loop.call_later(self._times.ping_interval_s, self._ping)

    def stop(self) -> None:
        """Forget timers and subscriptions; the connection has ended."""
        for timer in (*self._timers.values(), *self._unanswered.values()):
            timer.cancel()
        self._timers.clear()
        self._unanswered.clear()
        if self._flush_handle is not None:
            self._flush_handle.cancel()
        self._batch.clear()
        for subscription in list(self.subscriptions.values()):
            self.unsubscribe(subscription)

    def close(self, code: int = 1001, reason: str = "") -> None:
        """Send a close frame; the connection ends when the client answers it, or after a moment."""
        if self._is_ending:
            return
        self.flush()
        self._write(frame(struct.pack("!H", code) + reason.encode(), _CLOSE))
        self._is_ending = True
        self._timers["close"] = self._loop.call_later(_CLOSE_S, self._transport.close)

    def abort(self) -> None:
        """End the connection at once, without a close frame."""
        self._transport.abort()

    def break_frame(self) -> None:
        """End the connection in the middle of a frame."""
        self.flush()
        promised_bytes = 600
        self._write(struct.pack("!BBH", self.opcode, _SHORT, promised_bytes) + self.broken)
        self._transport.close()

    # Heartbeat

    def _ping(self) -> None:
        self._timers["ping"] = self._loop.call_later(self._times.ping_interval_s, self._ping)
        if not self.pings:
            return
        payload = str(self._random.randrange(10 ** (_PAYLOAD_BYTES - 1), 10**_PAYLOAD_BYTES)).encode()
        self._unanswered[payload] = self._loop.call_later(self._times.pong_deadline_s, self.abort)
        self._write(frame(payload, _PING))

    def receive_pong(self, payload: bytes) -> None:
        """Take a pong: it answers the ping whose payload it copies, and all before; any other counts for nothing."""
        if payload not in self._unanswered:
            return
        for earlier in list(self._unanswered):
            self._unanswered.pop(earlier).cancel()
            if earlier == payload:
                return

    def receive_ping(self, payload: bytes) -> None:
        """Answer a ping of the client."""
        if self._answers_pings:
            self._write(frame(payload, _PONG))

    def stop_heartbeat(self) -> None:
        """Neither ping nor answer pings any longer."""
        self.pings = self._answers_pings = False

    def resume_heartbeat(self, pings: bool) -> None:
        """Answer pings again, and ping again if `pings`."""
        self.pings = pings
        self._answers_pings = True

    # Subscriptions

    def subscribe(self, subscription: Subscription) -> None:
        """Begin to deliver the events of the subscription's account."""
        self.subscriptions_made += 1
        self.subscriptions[subscription.id] = subscription
        subscription.account.subscriptions.append(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Deliver no more events of the subscription."""
        if self.subscriptions.pop(subscription.id, None) is not None:
            subscription.account.subscriptions.remove(subscription)

    def serves(self, account: Account | None) -> bool:
        """Return whether the connection delivers to the account; None stands for all accounts."""
        return account is None or any(
            subscription.account is account for subscription in self.subscriptions.values()
        )

    # Sending

    def deliver(self, payload: bytes, kind: str, account: Account | None = None) -> None:
        """Send a frame, through the faults if there are any."""
        if self._gate.is_open:
            self.send(payload)
        else:
            self._gate.pass_frame(self, payload, kind, account)

    def send(self, payload: bytes) -> None:
        """Send a frame; it is written at the end of this turn of the event loop, or by `flush`."""
        size = len(payload)
        if size < _SHORT:
            self._batch.append(bytes((self.opcode, size)))
        elif size < _LONG:
            self._batch.append(bytes((self.opcode, 126)) + size.to_bytes(2, "big"))
        else:
            self._batch.append(bytes((self.opcode, 127)) + size.to_bytes(8, "big"))
        self._batch.append(payload)
        self.sent_frames += 1
        if self._flush_handle is None:
            self._flush_handle = self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what is waiting. A client that reads too slowly loses its connection."""
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush_handle = None
        if self._batch:
            data = b"".join(self._batch)
            self._batch.clear()
            self._write(data)

    def _write(self, data: bytes) -> None:
        transport = self._transport
        if self._is_ending or transport.is_closing():
            return
        transport.write(data)
        self.sent_bytes += len(data)
        if transport.get_write_buffer_size() > self._times.send_buffer_bytes:
            transport.abort()

    @property
    def is_ending(self) -> bool:
        """Whether the venue has begun to close the connection, or it is lost."""
        return self._is_ending or self._transport.is_closing()

    @property
    def unsent_bytes(self) -> int:
        """Bytes that the socket has not taken yet."""
        return self._transport.get_write_buffer_size()

    @property
    def is_full(self) -> bool:
        """Whether the socket wants no more data for now."""
        return self._transport.get_write_buffer_size() > _WRITE_BUFFER_BYTES

    async def drain(self, deadline_s: float) -> None:
        """Wait until the socket takes data again; a client that does not read before the deadline is cut off."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._writer.drain()
        except TimeoutError:
            self.abort()
        except ConnectionError:
            return
