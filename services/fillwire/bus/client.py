"""The NATS client with two more doors: messages may arrive in a plain call, and commands leave without a task.

nats-py gives every subscription a queue and a task, makes a dataclass and parses headers for each message, and wakes
a flusher task for each write. That is most of what a message costs (figures: tests/bench/bench_bus.py). This module is
the only one that knows the client's insides; it is written against nats-py 2.16.0, which pyproject.toml pins, and
tests/unit/bus/test_client.py fails when another version is installed.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any

from nats.aio.client import PING_PROTO, Client
from nats.aio.subscription import Subscription as ClientSubscription
from nats.aio.transport import TcpTransport
from nats.errors import Error, ProtocolError
from nats.protocol.parser import Parser

from fillwire.bus.cancelling import heeding_cancellation
from fillwire.bus.tls import TlsSource
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

DirectHandler = Callable[[bytes, bytes, bytes, bytes], None]
"""Called in the read loop with subject, reply, payload and raw header block; empty bytes for what is absent."""

_MSG = ord("M")
_HMSG = ord("H")
_MESSAGES = (_MSG, _HMSG)
_MAX_LINE_BYTES = 1 << 20  # INFO of a large cluster is the longest line; anything longer is no NATS


def _head(data: bytes, position: int, end: int) -> tuple[bytes, int, bytes, int, int, int]:
    """Return subject, subscription, reply, and where headers, body and what follows them begin.

    Args:
        data: what was read.
        position: where the message's control line begins.
        end: where that line ends.

    Raises:
        ProtocolError: it is malformed.
    """
    fields = data[position:end].split()
    start = end + 2
    try:
        stop = start + int(fields[-1])
        if data[position] == _HMSG:  # HMSG subject sid [reply] header-size total-size
            body = start + int(fields[-2])
            reply = fields[3] if len(fields) > 5 else b""  # noqa: PLR2004 - the line above
        else:  # MSG subject sid [reply] size
            body = start
            reply = fields[3] if len(fields) > 4 else b""  # noqa: PLR2004 - the line above
        return fields[1], int(fields[2]), reply, start, body, stop
    except (ValueError, IndexError) as error:
        raise ProtocolError from error


class DirectParser(Parser):
    """Parses MSG and HMSG by splitting the control line; every other operation goes to the client's own parser."""

    def __init__(self, client: "DirectClient") -> None:
        super().__init__(client)
        self._client = client

    def reset(self) -> None:
        """Forget a half-read message: a new connection begins."""
        super().reset()
        self._rest = b""
        self._epoch = getattr(self, "_epoch", 0) + 1

    def take_messages(self, data: bytes) -> bytes:
        """Hand over the messages of direct subscriptions up to the first other operation, and return what begins there.

        What is incomplete at the end waits for the next call; then nothing is returned.
        """
        if self._rest:
            data, self._rest = self._rest + data, b""
        direct = self._client.direct
        position, size = 0, len(data)
        while position < size:
            end = data.find(b"\r\n", position)
            if end < 0:
                if size - position > _MAX_LINE_BYTES:
                    return data[position:]
                break
            if data[position] not in _MESSAGES:
                return data[position:]
            try:
                subject, sid, reply, start, body, stop = _head(data, position, end)
            except ProtocolError:
                return data[position:]
            if stop + 2 > size:
                break
            handler = direct.get(sid)
            if handler is None:
                return data[position:]
            position = stop + 2
            try:
                handler(subject, reply, data[body:stop], data[start:body])
            except Exception as error:  # noqa: BLE001 - the edge of a plain call: an error in one handler must not deafen the connection
                _log.error("message_handler_failed", error=error, subject=subject.decode())
        self._rest = data[position:]
        return b""

    async def parse(self, data: bytes = b"") -> None:
        """Dispatch all complete operations in `data`; what is incomplete waits for the next call.

        Raises:
            ProtocolError: what stands there is no operation.
        """
        epoch = self._epoch
        while data := self.take_messages(data):
            end = data.find(b"\r\n")
            if end < 0:
                raise ProtocolError
            if data[0] in _MESSAGES:
                subject, sid, reply, start, body, stop = _head(data, 0, end)
                await self._client.process_queued(sid, subject, reply, data[body:stop], data[start:body])
                data = data[stop + 2 :]
            else:
                await super().parse(data[: end + 2])
                data = data[end + 2 :]
            if self._epoch != epoch:
                return  # a new connection began while the client was busy: these bytes are history


class _Feed:
    """Stands in for a stream reader's `feed_data`: what a direct subscription is for never gets into its buffer."""

    def __init__(self, reader: asyncio.StreamReader, parser: DirectParser) -> None:
        self._reader: Any = reader  # a private member says whether somebody waits
        self._parser = parser
        self._feed_data = reader.feed_data

    def __call__(self, data: bytes) -> None:
        # Only while the loop waits for bytes: else it is busy with earlier ones, and these must not overtake them.
        if self._reader._waiter is not None:  # noqa: SLF001 - as said above
            data = self._parser.take_messages(data)
        if data:
            self._feed_data(data)


class DirectClient(Client):
    """nats-py's client with `subscribe_direct` and `write`.

    Args:
        tls: certificates, read again when they have changed; None for those that the options name.
        requires_tls: whether a broker that does not speak TLS is refused, whatever its address says.
    """

    def __init__(self, *, tls: TlsSource | None = None, requires_tls: bool = False) -> None:
        super().__init__()
        self._tls = tls
        self._requires_tls = requires_tls
        self.direct: dict[int, DirectHandler] = {}
        self._ps = self._parser = DirectParser(self)
        self._outgoing: list[bytes] = []

    @property
    def ssl_context(self) -> ssl.SSLContext:
        """The context of the next connect."""
        context: ssl.SSLContext = super().ssl_context
        return context if self._tls is None else self._tls.context(context)

    async def _connect_to_server(self, server: Any) -> None:
        """Connect to a server; the socket of an attempt that was refused is dropped, which the client leaves open."""
        self.abort()
        # Who waited for the answer to one of these has gone: it would be taken for that to a later one.
        self._pending = [command for command in self._pending if command != PING_PROTO]
        self._pending_data_size = sum(map(len, self._pending))
        await super()._connect_to_server(server)
        if isinstance(self._transport, TcpTransport):
            self._transport.writelines = self._write_joined  # type: ignore[method-assign]  # the client makes it

    async def _process_connect_init(self) -> None:
        await super()._process_connect_init()
        if not self.is_connected:  # the client would neither use this connection nor try another
            for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
                if task is not None:
                    task.cancel()
            raise ConnectionResetError("the broker ended the connection instead of taking the login")

    def _write_joined(self, commands: list[bytes]) -> None:
        """Write what waits as one: for a lost socket, Python from 3.12 on takes a list with an error that nobody awaits."""
        if self._transport is not None:
            with contextlib.suppress(RuntimeError):  # uvloop raises it for a socket that broke
                self._transport.write(b"".join(commands))

    def _connect_command(self) -> bytes:
        """Return what logs in; by a new key if its file holds another one than at the last connect.

        The client itself would say its credentials to a broker that does not speak TLS, though its address begins with tls.
        """
        scheme = "" if self._current_server is None else self._current_server.uri.scheme
        needs_tls = scheme == "tls" or (self._requires_tls and scheme != "wss")
        if needs_tls and not self._server_info.get("tls_required"):
            raise Error("nats: the broker does not speak TLS: expected it to")
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None and writer.get_extra_info("sslcontext") is not None:
            # As `StreamWriter.start_tls` does, and the client does not; else each end of a connection warns in the log.
            protocol: Any = writer.transport.get_protocol()  # None if the broker has ended it meanwhile
            if protocol is not None:
                protocol._over_ssl = True  # noqa: SLF001
        if self._nkeys_seed is not None:
            with contextlib.suppress(OSError):  # it is being replaced: the key of before may do
                self._setup_nkeys_connect()
        command: bytes = super()._connect_command()
        return command

    async def _read_loop(self) -> None:
        """Read as the client does, but hand over messages of direct subscriptions as they come out of the socket.

        The client's loop would wake a task for each read; it is woken for all other operations only.
        """
        reader = getattr(self._transport, "_io_reader", None)
        if reader is not None:
            reader.feed_data = _Feed(reader, self._parser)
        await super()._read_loop()

    async def process_queued(
        self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes
    ) -> None:
        """Hand a message to the client's own subscriptions."""
        await self._process_msg(sid, subject, reply, data, headers)

    async def _send_ping(self, future: asyncio.Future[Any] | None = None) -> None:
        # The client's own overtakes what waits to be written, and its answer says nothing of that.
        self._pongs.append(asyncio.get_running_loop().create_future() if future is None else future)
        self._write_outgoing()
        # Not by `_send_command`, which waits for room: it is by these that a broker is given up which makes none.
        self._pending.append(PING_PROTO)
        self._pending_data_size += len(PING_PROTO)
        await self._flush_pending()

    async def _flush_pending(self, force_flush: bool = False) -> Any:
        # The client's own swallows the cancellation of who waits for room.
        return await heeding_cancellation(super()._flush_pending(force_flush))

    async def _process_pong(self) -> None:
        # The client's own raises when the one who waited has given up, and that ends its read loop.
        if self._pongs:
            waiter = self._pongs.pop(0)
            if not waiter.done():
                waiter.set_result(True)
            self._pongs_received += 1
            self._pings_outstanding = 0

    async def subscribe_direct(self, subject: str, handler: DirectHandler, queue: str = "") -> int:
        """Subscribe and return the subscription's id; `handler` is called in the read loop and must not block.

        The subscription is repeated by the client after a reconnect, like its own.
        """
        self._sid += 1
        sid = self._sid
        self.direct[sid] = handler
        subscription = ClientSubscription(self, sid, subject, queue=queue)
        self._subs[sid] = subscription
        await self._send_subscribe(subscription)
        return sid

    async def unsubscribe_direct(self, sid: int) -> None:
        """End a direct subscription; messages already on the way are dropped."""
        self.direct.pop(sid, None)
        if self._subs.pop(sid, None) is not None and self.is_connected:
            await self._send_unsubscribe(sid)

    def write(self, command: bytes) -> None:
        """Send a complete protocol command with the next turn of the loop, together with others written until then."""
        if not self._outgoing:
            asyncio.get_running_loop().call_soon(self._write_outgoing)
        self._outgoing.append(command)

    def _write_outgoing(self) -> None:
        commands, self._outgoing = self._outgoing, []
        if commands:  # else a round trip has sent them already
            self.write_now(commands)

    def write_now(self, commands: list[bytes]) -> bool:
        """Send complete protocol commands; return False if they were dropped.

        Written at once while connected. While disconnected they join the client's buffer up to its `pending_size`,
        beyond which, and on a closed client, they are dropped.
        """
        self.stats["out_msgs"] += len(commands)
        # What is written to a web socket waits there until somebody flushes it.
        if self.is_connected and not self._pending and isinstance(self._transport, TcpTransport):
            # uvloop raises for a socket that broke and of which the read loop has not heard yet: then they wait, too.
            with contextlib.suppress(RuntimeError):
                self._transport.write(b"".join(commands))  # type: ignore[no-untyped-call]  # the client's
                return True
        size = sum(map(len, commands))
        if self.is_closed or self._pending_data_size + size > self._max_pending_size:
            return False
        self._pending.extend(commands)
        self._pending_data_size += size
        if self.is_connected and self._flush_queue is not None and self._flush_queue.empty():
            self._flush_queue.put_nowait(asyncio.get_running_loop().create_future())
        return True

    def own_tasks(self) -> set[asyncio.Task[None]]:
        """Return the tasks that the client runs; it cancels them on close, but does not wait for their end."""
        tasks = (
            self._reading_task,
            self._ping_interval_task,
            self._flusher_task,
            self._reconnection_task,
            *(subscription._wait_for_msgs_task for subscription in self._subs.values()),  # noqa: SLF001 - as said above
        )
        return {task for task in tasks if task is not None and not task.done()}

    def abort(self) -> None:
        """Drop the socket without ceremony, for a client that could not be closed in time."""
        writer = getattr(self._transport, "_io_writer", None)
        if writer is not None:
            writer.transport.abort()
