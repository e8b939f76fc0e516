"""The driver of sockets against a scripted server on loopback: what the wire may do, and what the protocol is told."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import picows
import pytest

from fillwire.domain.errors import AuthRejected, ConnectionLost, Throttled, VenueError
from fillwire.domain.orders import CancelRequest, OrderRequest
from fillwire.gateway.driver import MAX_FRAME_BYTES, Driver
from fillwire.venues.protocol import Event, HttpAsk, Notice
from fillwire.venues.records import OrderRow
from fillwire.venues.rest import HttpResponse
from fillwire.venues.symbols import SymbolTable
from support.certificates import self_signed
from support.eventually import eventually

TEXT = picows.WSMsgType.TEXT


class Recorded:
    """A protocol that writes down what it is told; each frame becomes a notice of its text."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.frames: list[tuple[bytes, int]] = []
        self.pings: list[int] = []
        self.to_send: list[bytes] = []
        self.deadline_ns: int | None = None
        self.rung_ns: list[int] = []
        self._events: list[Event] = []

    def connected(self, now_ns: int) -> None:
        """Note the beginning."""
        assert now_ns > 0
        self.calls.append("connected")

    def receive_frame(self, frame: bytes, received_time_ns: int) -> None:
        """Note a frame."""
        self.frames.append((frame, received_time_ns))
        self._events.append(Notice(frame[:20].decode(errors="replace")))

    def receive_ping(self, now_ns: int) -> None:
        """Note a ping."""
        self.pings.append(now_ns)

    def receive_timer(self, now_ns: int) -> None:
        """Note that the timer rang."""
        self.rung_ns.append(now_ns)
        if self.deadline_ns is not None and now_ns >= self.deadline_ns:
            self.deadline_ns = None

    def disconnected(self, now_ns: int) -> None:
        """Note the end."""
        assert now_ns > 0
        self.calls.append("disconnected")

    def events(self) -> list[Event]:
        """Return the notices."""
        events, self._events = self._events, []
        return events

    def frames_to_send(self) -> list[bytes]:
        """Return what the test put there."""
        frames, self.to_send = self.to_send, []
        return frames

    def requests_to_send(self) -> list[HttpAsk]:
        """Ask nothing of REST."""
        return []

    def receive_response(self, key: int, answer: HttpResponse | VenueError, now_ns: int) -> None:
        """Not asked of a driver."""
        raise NotImplementedError

    def use_pairs(self, pairs: frozenset[str]) -> None:
        """Not asked of a driver."""
        raise NotImplementedError

    def note_order(self, order: OrderRow) -> None:
        """Not asked of a driver."""
        raise NotImplementedError

    def next_deadline_ns(self) -> int | None:
        """Return what the test put there."""
        return self.deadline_ns

    def use_symbols(self, symbols: SymbolTable) -> None:
        """Not asked of a driver."""
        raise NotImplementedError

    def keep_quiet(self, until_ns: int) -> None:
        """Ask nothing anyway."""

    def use_clock(self, offset_ns: int) -> None:
        """Not asked of a driver."""
        raise NotImplementedError

    def place_order(
        self, key: int, request: OrderRequest, now_ns: int, *, may_exist: bool, may_place: bool = True
    ) -> None:
        """Not asked of a driver."""
        raise NotImplementedError

    def cancel_order(self, key: int, request: CancelRequest, now_ns: int) -> None:
        """Not asked of a driver."""
        raise NotImplementedError


class Owner:
    """Writes down what a driver tells."""

    def __init__(self) -> None:
        self.opened_count = 0
        self.told: list[tuple[str, int]] = []
        self.reads = 0

    def opened(self) -> None:
        """Note that the socket is up."""
        self.opened_count += 1

    def receive(self, events: list[Event], frame_bytes: int) -> None:
        """Note what a frame brought."""
        self.told += [(event.type, frame_bytes) for event in events if isinstance(event, Notice)]

    def ask(self, asks: list[HttpAsk]) -> None:
        """Fail: nothing is asked of REST here."""
        raise AssertionError(asks)

    def after_read(self) -> None:
        """Note the end of a read."""
        self.reads += 1


class Server(picows.WSListener):
    """The other end: does what the test says when a connection is up, and writes down what it hears."""

    def __init__(self, act: Callable[[picows.WSTransport], None]) -> None:
        super().__init__()
        self._act = act
        self.heard: list[tuple[picows.WSMsgType, bytes]] = []
        self.transport: picows.WSTransport | None = None

    def on_ws_connected(self, transport: picows.WSTransport) -> None:
        """Follow the script."""
        self.transport = transport
        self._act(transport)

    def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
        """Note what the driver sent."""
        self.heard.append((frame.msg_type, frame.get_payload_as_bytes()))
        if frame.msg_type is picows.WSMsgType.CLOSE:
            transport.disconnect()


@asynccontextmanager
async def _serving(
    act: Callable[[picows.WSTransport], None] = lambda _: None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Server, int]]:
    """Serve one script on loopback inside the block; yields the server's end and its port."""
    end = Server(act)
    server = await picows.ws_create_server(lambda _: end, "127.0.0.1", 0, ssl=tls)
    try:
        yield end, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        if end.transport is not None:
            end.transport.disconnect(graceful=False)
        await server.wait_closed()


def _explain(response: HttpResponse) -> VenueError:
    if response.status == HTTPStatus.UNAUTHORIZED:
        return AuthRejected("venue", "key refused")
    if response.retry_after_s is not None:
        return Throttled("venue", f"status {response.status}", response.retry_after_s)
    return ConnectionLost("venue", f"status {response.status}")


def _driver() -> tuple[Driver, Recorded, Owner]:
    protocol, owner = Recorded(), Owner()
    return Driver(venue="venue", protocol=protocol, owner=owner, explain=_explain), protocol, owner


async def test_frames_of_one_read_share_one_time_and_are_told_one_by_one() -> None:
    """Three frames in one write: one time of receipt, each told with its size, one end of a read."""

    def act(transport: picows.WSTransport) -> None:
        for text in (b"one", b"three", b"seventeen"):
            transport.send(TEXT, text)

    async with _serving(act) as (_, port):
        driver, protocol, owner = _driver()
        await driver.dial(f"ws://127.0.0.1:{port}/", 5.0, None)
        await eventually(lambda: len(protocol.frames) == 3)
        assert protocol.calls == ["connected"]
        assert owner.opened_count == 1
        assert owner.told == [("one", 3), ("three", 5), ("seventeen", 9)]
        assert [frame for frame, _ in protocol.frames] == [b"one", b"three", b"seventeen"]
        assert owner.reads <= len({at for _, at in protocol.frames}) + 1
        await driver.close()
        assert protocol.calls == ["connected", "disconnected"]


async def test_a_ping_is_answered_with_its_payload_and_told() -> None:
    """The pong copies the ping, byte for byte; the protocol knows that the venue lives."""
    payload = bytes(range(100, 120))
    async with _serving(lambda transport: transport.send_ping(payload)) as (server, port):
        driver, protocol, _ = _driver()
        await driver.dial(f"ws://127.0.0.1:{port}/", 5.0, None)
        await eventually(lambda: server.heard)
        assert server.heard == [(picows.WSMsgType.PONG, payload)]
        assert len(protocol.pings) == 1
        await driver.close()


async def test_what_the_protocol_wants_to_say_is_sent_in_order() -> None:
    """At the start, after a frame, and when the owner has the protocol do something."""
    async with _serving(lambda transport: transport.send(TEXT, b"go")) as (server, port):
        driver, protocol, _ = _driver()
        protocol.to_send = [b"first", b"second"]
        await driver.dial(f"ws://127.0.0.1:{port}/", 5.0, None)
        driver.use(lambda _protocol, now_ns: protocol.to_send.append(b"third" if now_ns else b""))
        await eventually(lambda: len(server.heard) == 3)
        assert server.heard == [(TEXT, b"first"), (TEXT, b"second"), (TEXT, b"third")]
        await driver.close()


async def test_a_message_in_parts_is_joined() -> None:
    """Fragments, with a ping between them as the protocol allows, are one frame to the venue's protocol."""

    def act(transport: picows.WSTransport) -> None:
        transport.send(TEXT, b'{"a":', fin=False)
        transport.send_ping(b"between")
        transport.send(picows.WSMsgType.CONTINUATION, b"1", fin=False)
        transport.send(picows.WSMsgType.CONTINUATION, b"}", fin=True)
        transport.send(TEXT, b"next")

    async with _serving(act) as (_, port):
        driver, protocol, owner = _driver()
        await driver.dial(f"ws://127.0.0.1:{port}/", 5.0, None)
        await eventually(lambda: len(protocol.frames) == 2)
        assert [frame for frame, _ in protocol.frames] == [b'{"a":1}', b"next"]
        assert owner.told == [('{"a":1}', 7), ("next", 4)]
        await driver.close()


@pytest.mark.parametrize("in_parts", [False, True])
async def test_a_message_that_is_too_large_ends_the_connection(*, in_parts: bool) -> None:
    """Whether it comes whole or in parts: never kept, never parsed."""
    half = b"x" * (MAX_FRAME_BYTES // 2 + 1)

    def act(transport: picows.WSTransport) -> None:
        if in_parts:
            transport.send(TEXT, half, fin=False)
            transport.send(picows.WSMsgType.CONTINUATION, half, fin=True)
        else:
            transport.send(TEXT, half + half)

    async with _serving(act) as (_, port):
        driver, protocol, _ = _driver()
        await driver.dial(f"ws://127.0.0.1:{port}/", 5.0, None)
        async with asyncio.timeout(5):
            reason = await driver.ended
        assert "expected at most" in reason or "in all" in reason
        assert protocol.frames == []
        assert protocol.calls == ["connected", "disconnected"]


async def test_the_venues_reason_for_closing_is_told() -> None:
    """Code and text of the close frame stand in the reason."""
    async with _serving(lambda t: t.send_close(picows.WSCloseCode.POLICY_VIOLATION, b"too many")) as (
        _,
        port,
    ):
        driver, _, _ = _driver()
        with suppress(ConnectionLost):  # the server may be quicker than the return
            await driver.dial(f"ws://127.0.0.1:{port}/", 5.0, None)
        async with asyncio.timeout(5):
            reason = await driver.ended
        assert reason == "the venue closed the connection (code 1008: too many)"


async def test_a_cut_connection_says_so() -> None:
    """No close frame came: the connection was lost."""
    async with _serving() as (server, port):
        driver, protocol, _ = _driver()
        await driver.dial(f"ws://127.0.0.1:{port}/", 5.0, None)
        assert server.transport is not None
        server.transport.disconnect(graceful=False)
        async with asyncio.timeout(5):
            assert await driver.ended == "the connection was lost"
        assert protocol.calls == ["connected", "disconnected"]
        await driver.close()  # closing what is closed is no mistake


async def test_the_timer_rings_when_the_protocol_asked_for_it() -> None:
    """Not before the deadline; a deadline that moves nearer is heard at the next frame."""
    async with _serving() as (server, port):
        driver, protocol, _ = _driver()
        protocol.deadline_ns = time.time_ns() + 3_600_000_000_000
        await driver.dial(f"ws://127.0.0.1:{port}/", 5.0, None)
        assert server.transport is not None
        due_ns = protocol.deadline_ns = time.time_ns() + 50_000_000
        server.transport.send(TEXT, b"nearer")
        await eventually(lambda: protocol.deadline_ns is None, what="the timer")
        assert protocol.rung_ns[-1] >= due_ns
        await driver.close()


async def test_a_paused_driver_reads_nothing_until_resumed() -> None:
    """What is sent meanwhile waits in the network, and comes in order."""
    async with _serving() as (server, port):
        driver, protocol, _ = _driver()
        await driver.dial(f"ws://127.0.0.1:{port}/", 5.0, None)
        assert server.transport is not None
        driver.pause()
        driver.pause()
        for number in range(100):
            server.transport.send(TEXT, b"%d" % number)
        other, other_protocol, _ = _driver()
        async with _serving(lambda t: t.send(TEXT, b"marker")) as (_, other_port):
            await other.dial(f"ws://127.0.0.1:{other_port}/", 5.0, None)
            await eventually(lambda: other_protocol.frames, what="time has passed for other sockets")
            await other.close()
        assert protocol.frames == []
        driver.resume()
        await eventually(lambda: len(protocol.frames) == 100)
        assert [frame for frame, _ in protocol.frames] == [b"%d" % number for number in range(100)]
        await driver.close()


async def _answer_http(head: bytes) -> asyncio.Server:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


@pytest.mark.parametrize(
    ("head", "kind", "sentence"),
    [
        (
            b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
            Throttled,
            "venue: status 429; retry after 7 s",
        ),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", AuthRejected, "venue: key refused"),
        (b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n", ConnectionLost, "venue: status 503"),
        (
            b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            ConnectionLost,
            "venue: status 302",
        ),
        (b"SSH-2.0-OpenSSH\r\n\r\n", ConnectionLost, "venue: cannot connect: "),
        (b"", ConnectionLost, "venue: cannot connect: the connection was closed during the handshake"),
    ],
)
async def test_a_refused_handshake_is_an_error_of_its_class(
    head: bytes, kind: type[VenueError], sentence: str
) -> None:
    """The venue's status decides, redirects are not followed, and what is no HTTP is a lost connection."""
    server = await _answer_http(head)
    driver, protocol, _ = _driver()
    with pytest.raises(VenueError) as caught:
        await driver.dial(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", 5.0, None)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(sentence)
    assert protocol.calls == []
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("ws://127.0.0.1:1/", "venue: cannot connect: "),
        ("ws://no-such-host.invalid/", "venue: cannot connect: "),
    ],
)
async def test_a_venue_that_is_not_there_is_a_lost_connection(url: str, sentence: str) -> None:
    """Nobody listens, nobody is called so: one sentence each."""
    driver, _, _ = _driver()
    with pytest.raises(ConnectionLost) as caught:
        await driver.dial(url, 5.0, None)
    assert str(caught.value).startswith(sentence)
    assert len(str(caught.value)) > len(sentence)


async def test_a_cancelled_dial_leaves_nothing_behind() -> None:
    """The handshake hangs and the dial is cancelled: the socket is hung up at once, not at its timeout."""
    hung_up = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        hung_up.set()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    driver, protocol, _ = _driver()
    dialling = asyncio.create_task(
        driver.dial(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", 60.0, None)
    )
    await eventually(lambda: driver._socket is not None, what="dialled")
    dialling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dialling
    async with asyncio.timeout(5):
        await hung_up.wait()
    assert protocol.calls == []
    server.close()
    await server.wait_closed()


async def test_a_venue_is_verified_before_anything_is_said_to_it(tmp_path: Path) -> None:
    """An unknown certificate ends the dial; a known one carries the same protocol over TLS."""
    path = self_signed(tmp_path / "certificate.pem")
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(path)
    async with _serving(lambda t: t.send(TEXT, b"hello"), serving) as (_, port):
        driver, protocol, _ = _driver()
        with pytest.raises(ConnectionLost, match=r"(?i)certificate"):
            await driver.dial(f"wss://127.0.0.1:{port}/", 5.0, ssl.create_default_context())
        assert protocol.calls == []
        trusted, protocol, _ = _driver()
        await trusted.dial(f"wss://127.0.0.1:{port}/", 5.0, ssl.create_default_context(cafile=str(path)))
        await eventually(lambda: protocol.frames, what="a frame over TLS")
        trusted.pause()
        trusted.resume()
        await trusted.close()


async def test_a_mistake_in_the_owner_ends_the_connection_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What must not happen does not silence the account: the connection ends, so that another is made."""
    async with _serving(lambda t: t.send(TEXT, b"x")) as (_, port):
        driver, _, owner = _driver()

        def fail(*_: object) -> None:
            raise RuntimeError("a mistake of ours")

        owner.receive = fail  # type: ignore[assignment,method-assign]  # the mistake
        with suppress(ConnectionLost):  # the server may be quicker than the return
            await driver.dial(f"ws://127.0.0.1:{port}/", 5.0, None)
        async with asyncio.timeout(5):
            await driver.ended
        await eventually(lambda: any(r.getMessage() == "driver_failed" for r in caplog.records))
