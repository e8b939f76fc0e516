"""The one driver of all venues' sockets: dials, feeds a protocol with what arrives, sends what it wants, owns the timer.

Everything happens inside the read callback: no task, queue or hop per message. The driver knows frames, not venues.
"""

import asyncio
import contextlib
import math
import socket
import ssl
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

import picows

from fillwire.domain.errors import ConnectionLost, VenueError
from fillwire.runtime.logs import get_log
from fillwire.venues.protocol import Event, HttpAsk, Ping, VenueProtocol
from fillwire.venues.rest import HttpResponse

_log = get_log(__name__)

# What cannot be accepted is kept whole by the broker, whose messages end at 1 MiB; a venue's frames are far smaller.
MAX_FRAME_BYTES = 1_000_000
_CLOSE_GRACE_S = 1.0
_TEXT = picows.WSMsgType.TEXT
_BINARY = picows.WSMsgType.BINARY
_CONTINUATION = picows.WSMsgType.CONTINUATION
_PING = picows.WSMsgType.PING
_PONG = picows.WSMsgType.PONG
_CLOSE = picows.WSMsgType.CLOSE


class Owner(Protocol):
    """Whom a driver serves. All calls are made in the read and must be quick; none may raise."""

    def opened(self) -> None:
        """Note that the socket is up; the protocol begins after this."""

    def receive(self, events: list[Event], frame_bytes: int) -> None:
        """Take what the protocol made of one frame of `frame_bytes` bytes, or of a timer or request."""

    def ask(self, asks: list[HttpAsk]) -> None:
        """Send requests to REST, and hand the answers to the protocol."""

    def after_read(self) -> None:
        """Note that all frames of one read have been told."""


class Driver(picows.WSListener):
    """One socket. Dial it once; it is of no more use after `ended`.

    Args:
        venue: name of the exchange, for errors.
        protocol: what the socket speaks.
        owner: told of everything.
        explain: says what a refusal of the WebSocket handshake means.
    """

    def __init__(
        self,
        *,
        venue: str,
        protocol: VenueProtocol,
        owner: Owner,
        explain: Callable[[HttpResponse], VenueError],
    ) -> None:
        super().__init__()
        self.protocol = protocol
        self._venue = venue
        self._owner = owner
        self._explain = explain
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._transport: picows.WSTransport | None = None
        self._is_abandoned = False
        self._is_paused = False
        self._is_new_read = True
        self._read_ns = 0
        self._fragments: bytearray | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = math.inf
        self._reason: str | None = None
        self._ending: asyncio.Task[None] | None = None
        self.ended: asyncio.Future[str] = self._loop.create_future()
        """Done with the reason when the socket is gone; never fails."""

    # -- life

    async def dial(self, url: str, timeout_s: float, tls: ssl.SSLContext | None) -> None:
        """Connect, and begin the protocol.

        Args:
            url: complete address.
            timeout_s: longest time until the socket is up, in seconds.
            tls: context that verifies the venue; None for an address without encryption.

        Raises:
            VenueError: no connection; of the class that says what is to be done. A cancelled dial leaves nothing
                behind.
        """
        try:
            async with asyncio.timeout(timeout_s):
                await picows.ws_connect(
                    lambda _request, _response: self,
                    url,
                    socket_factory=self._connect_socket,
                    ssl_context=tls,
                    websocket_handshake_timeout=timeout_s,
                    enable_auto_pong=False,  # the protocol is to know of pings
                    max_frame_size=MAX_FRAME_BYTES,
                    max_redirects=0,  # keys go where the configuration says and nowhere else
                )
        except TimeoutError:
            raise ConnectionLost(self._venue, f"no connection within {timeout_s:g} s") from None
        except picows.WSHandshakeError as error:
            raise self._refused(error) from error
        except (OSError, picows.WSError) as error:
            raise ConnectionLost(self._venue, f"cannot connect: {_sentence(error)}") from error
        finally:
            self._hang_up_unless_open()
        if self._transport is None:  # picows returns as if nothing had happened
            raise ConnectionLost(
                self._venue, "cannot connect: the connection was closed during the handshake"
            )
        if self.ended.done():
            raise ConnectionLost(self._venue, self.ended.result())

    async def _connect_socket(self, url: picows.WSParsedURL) -> socket.socket:
        """Return a connected socket; it is ours, for picows leaves one behind when its handshake is cancelled."""
        failure: OSError | None = None
        for family, kind, protocol, _, address in await self._loop.getaddrinfo(
            url.host, url.port, type=socket.SOCK_STREAM
        ):
            candidate = socket.socket(family, kind, protocol)
            candidate.setblocking(False)
            try:
                await self._loop.sock_connect(candidate, address)
            except OSError as error:
                failure = error
                candidate.close()
            except BaseException:
                candidate.close()
                raise
            else:
                self._socket = candidate
                return candidate
        raise failure or OSError(f"{url.host} has no address")

    def _hang_up_unless_open(self) -> None:
        if self._transport is None:
            self._is_abandoned = True
            if self._socket is not None:
                with contextlib.suppress(OSError):  # closed already, by who wrapped it
                    self._socket.shutdown(socket.SHUT_RDWR)

    def _refused(self, error: picows.WSHandshakeError) -> VenueError:
        response = error.response
        if response is None or response.status == HTTPStatus.SWITCHING_PROTOCOLS:
            return ConnectionLost(self._venue, f"cannot connect: {_sentence(error)}")
        retry_after = response.headers.get("Retry-After", "")
        return self._explain(
            HttpResponse(
                status=int(response.status),
                body=error.raw_body or b"",
                retry_after_s=float(retry_after) if retry_after.isdigit() else None,
            )
        )

    async def close(self) -> None:
        """End the connection in order, by force after a second."""
        if not self.ended.done() and self._transport is not None:
            self._reason = self._reason or "closed by us"
            self._transport.send_close(picows.WSCloseCode.OK)
            await asyncio.wait({self.ended}, timeout=_CLOSE_GRACE_S)
        self.abort("closed by us")
        if self._transport is not None:
            await asyncio.wait({self.ended})

    def abort(self, reason: str) -> None:
        """End the connection at once; `ended` follows with `reason`, unless another came before."""
        self._reason = self._reason or reason
        self._is_abandoned = True
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    def pause(self) -> None:
        """Read nothing more from the socket; what has been read already still comes."""
        if not self._is_paused and self._transport is not None and not self.ended.done():
            self._is_paused = True
            self._transport.underlying_transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._is_paused and self._transport is not None and not self.ended.done():
            self._is_paused = False
            self._transport.underlying_transport.resume_reading()

    # -- work

    def use(self, act: Callable[[VenueProtocol, int], None]) -> None:
        """Have `act` called with the protocol and the time, then send and tell what follows from it."""
        act(self.protocol, time.time_ns())
        self._pump(0)
        self._arm()

    def _pump(self, frame_bytes: int) -> None:
        protocol = self.protocol
        events = protocol.events()
        frames = protocol.frames_to_send()
        asks = protocol.requests_to_send()
        if frames and self._transport is not None and not self.ended.done():
            for frame in frames:
                self._transport.send(_PING if frame.__class__ is Ping else _TEXT, frame)
        if asks:
            self._owner.ask(asks)
        if events:
            self._owner.receive(events, frame_bytes)

    def _arm(self) -> None:
        """Set the timer if it would ring too late; one that rings too early does no harm and is cheaper than moving it."""
        deadline_ns = self.protocol.next_deadline_ns()
        if deadline_ns is None:
            self._disarm()
        elif deadline_ns < self._timer_ns:
            self._disarm()
            self._timer_ns = deadline_ns
            delay_s = max(0.0, (deadline_ns - time.time_ns()) / 1e9)
            self._timer = self._loop.call_later(delay_s + 0.001, self._ring)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._timer_ns = math.inf

    def _ring(self) -> None:
        self._timer = None
        self._timer_ns = math.inf
        self.protocol.receive_timer(time.time_ns())
        self._pump(0)
        self._arm()

    # -- called by picows

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Begin the protocol."""
        self._transport = transport
        if self._is_abandoned:  # nobody waits for it any more
            transport.disconnect(graceful=False)
            return
        self._owner.opened()
        self.protocol.connected(time.time_ns())
        self._pump(0)
        self._arm()

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Take one frame. All frames of one read of the socket get the same time of receipt."""
        if self._is_new_read:
            self._read_ns = time.time_ns()
        is_last = self._is_new_read = frame.last_in_buffer
        kind = frame.msg_type
        if frame.payload_size > MAX_FRAME_BYTES:  # picows complains of it, and delivers it all the same
            self.abort(f"a message of {frame.payload_size} bytes: expected at most {MAX_FRAME_BYTES}")
        elif kind is _TEXT and frame.fin and self._fragments is None:
            self.protocol.receive_frame(frame.get_payload_as_bytes(), self._read_ns)
            self._pump(frame.payload_size)
        else:
            self._receive_other(transport, kind, frame)
        if is_last:
            self._arm()
            self._owner.after_read()

    def _receive_other(
        self, transport: picows.WSTransport, kind: picows.WSMsgType, frame: picows.WSFrame
    ) -> None:
        if kind is _PING:
            transport.send_pong(frame.get_payload_as_bytes())
            self.protocol.receive_ping(self._read_ns)
        elif kind is _PONG:
            self.protocol.receive_ping(self._read_ns)
        elif kind is _CLOSE:
            code, text = frame.get_close_code(), frame.get_close_message()
            said = "" if not text else f": {text.decode(errors='replace')}"
            self._reason = self._reason or f"the venue closed the connection (code {code.value}{said})"
            transport.send_close(code)
            transport.disconnect()
        elif kind in {_TEXT, _BINARY, _CONTINUATION}:
            self._receive_fragment(kind, frame)

    def _receive_fragment(self, kind: picows.WSMsgType, frame: picows.WSFrame) -> None:
        """Join a message that comes in parts, or take a binary one: what is in it, the protocol finds out."""
        if self._fragments is None or kind is not _CONTINUATION:
            self._fragments = bytearray()
        if len(self._fragments) + frame.payload_size > MAX_FRAME_BYTES:
            self.abort(f"a message in parts of more than {MAX_FRAME_BYTES} bytes in all")
            return
        self._fragments += frame.get_payload_as_memoryview()
        if frame.fin:
            message, self._fragments = bytes(self._fragments), None
            self.protocol.receive_frame(message, self._read_ns)
            self._pump(len(message))

    def on_ws_disconnected(self, transport: picows.WSTransport) -> None:
        """End the protocol."""
        self._disarm()
        self.protocol.disconnected(time.time_ns())
        if not self.ended.done():
            self.ended.set_result(self._reason or "the connection was lost")
        self._pump(0)
        self._arm()  # answers of REST may still be awaited
        self._ending = self._loop.create_task(self._collect(transport), name="driver end")

    async def _collect(self, transport: picows.WSTransport) -> None:
        """Hear the error that picows keeps for whoever asks, which would otherwise be a warning at exit."""
        try:
            await transport.wait_disconnected()
        except Exception as error:  # noqa: BLE001 - whatever it was, the connection has ended by now
            _log.error("driver_failed", venue=self._venue, error=error)


def _sentence(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text if not isinstance(error, OSError) or error.strerror is None else error.strerror
