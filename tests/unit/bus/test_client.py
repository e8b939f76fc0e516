"""The parser that stands in for the client's own, byte by byte, and the guard on the client's version."""

import asyncio
from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.msg import Msg
from nats.aio.transport import TcpTransport
from nats.errors import ProtocolError

from fillwire.bus.client import DirectClient
from support.eventually import eventually

Parts = tuple[bytes, bytes, bytes, bytes]

HEADERS = b"NATS/1.0\r\nNats-Msg-Id: 7\r\n\r\n"
OPERATIONS = (
    b"MSG orders.alice 1 5\r\nhello\r\n",
    b"PING\r\n",
    b"MSG orders.alice 1 _INBOX.x 12\r\nMSG a 1 3\r\n\n\r\n",
    b"+OK\r\n",
    b"HMSG orders.alice 1 %d %d\r\n%b{}\r\n" % (len(HEADERS), len(HEADERS) + 2, HEADERS),
    b"PONG\r\n",
    b"HMSG orders.alice 1 $JS.ACK.a %d %d\r\n%b\r\n" % (len(HEADERS), len(HEADERS), HEADERS),
    b"MSG orders.alice 1 0\r\n\r\n",
)
MESSAGES: list[Parts] = [
    (b"orders.alice", b"", b"hello", b""),
    (b"orders.alice", b"_INBOX.x", b"MSG a 1 3\r\n\n", b""),
    (b"orders.alice", b"", b"{}", HEADERS),
    (b"orders.alice", b"$JS.ACK.a", b"", HEADERS),
    (b"orders.alice", b"", b"", b""),
]


def _client() -> tuple[DirectClient, list[Parts]]:
    client, received = DirectClient(), list[Parts]()
    client.direct[1] = lambda *parts: received.append(parts)
    client._flush_queue = asyncio.Queue()
    return client, received


def test_client_version_is_the_one_written_against() -> None:
    """Another client version must be read through before it is used: this room overrides its insides."""
    assert version("nats-py") == "2.16.0"


@given(st.lists(st.integers(1, 40), max_size=60))
def test_parser_finds_messages_however_the_bytes_are_cut(sizes: list[int]) -> None:
    """Every split of the stream into reads gives the same messages, and the client answers the PING between them."""

    async def feed() -> None:
        client, received = _client()
        data, position = b"".join(OPERATIONS), 0
        for size in [*sizes, len(data)]:
            await client._ps.parse(data[position : position + size])
            position += size
        assert received == MESSAGES
        assert client._pending == [b"PONG\r\n"]
        assert client._pongs_received == 0

    asyncio.run(feed())


class _Socket(TcpTransport):
    """A transport whose bytes come from the test."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the client's
        self.incoming = self._io_reader = asyncio.StreamReader()


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=60))
def test_nothing_overtakes_however_reads_and_turns_of_the_loop_meet(steps: list[tuple[int, bool]]) -> None:
    """Messages out of the socket wait while the client is busy with what came before them, and none is lost."""

    async def feed() -> None:
        client, received = _client()
        queued = b"connections.alice", b"", b"up", b""

        async def process_queued(sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
            assert sid == 2
            for _ in range(3):
                await asyncio.sleep(0)
            received.append((subject, reply, data, headers))

        client.process_queued = process_queued  # type: ignore[method-assign]  # slower than the client's own ever is
        socket = _Socket()
        client._transport = socket
        data, position = b"".join([OPERATIONS[0], b"MSG connections.alice 2 2\r\nup\r\n", *OPERATIONS[1:]]), 0
        expected = [MESSAGES[0], queued, *MESSAGES[1:]]
        reading = asyncio.create_task(client._read_loop())
        await asyncio.sleep(0)
        for size, is_turn in [*steps, (len(data), True)]:
            socket.incoming.feed_data(data[position : position + size])
            position += size
            if is_turn:
                await asyncio.sleep(0)
        await eventually(lambda: len(received) == len(expected))
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert received == expected
        assert client._pending == [b"PONG\r\n"]

    asyncio.run(feed())


async def test_messages_need_no_turn_of_the_loop() -> None:
    """A handler is called by the read itself while nothing else is in the way."""
    client, received = _client()
    socket = _Socket()
    client._transport = socket
    reading = asyncio.create_task(client._read_loop())
    await asyncio.sleep(0)
    socket.incoming.feed_data(OPERATIONS[0])
    assert received == MESSAGES[:1]
    socket.incoming.feed_data(b"PING\r\n" + OPERATIONS[2])
    assert received == MESSAGES[:1]
    await eventually(lambda: received == MESSAGES[:2])
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def test_parser_hands_other_subscriptions_to_the_client() -> None:
    """A subscription made through the client's own API works beside direct ones."""
    client, received = _client()
    queued: list[Msg] = []

    async def take(message: Msg) -> None:
        queued.append(message)

    client._sid = 1
    subscription = await client.subscribe("connections.>", cb=take)
    await client._ps.parse(b"MSG connections.a 2 2\r\nup\r\nMSG orders.alice 1 2\r\n{}\r\n")
    await asyncio.wait_for(subscription._pending_queue.join(), 5)
    subscription._stop_processing()
    assert [(message.subject, message.data) for message in queued] == [("connections.a", b"up")]
    assert received == [(b"orders.alice", b"", b"{}", b"")]


async def test_parser_outlives_a_handler_that_raises() -> None:
    """An error in one plain handler is logged and the next message is still delivered."""
    client, received = _client()

    def fail(*_: bytes) -> None:
        raise ValueError("a bug in a handler")

    client.direct[2] = fail
    await client._ps.parse(b"MSG a 2 0\r\n\r\nMSG orders.alice 1 0\r\n\r\n")
    assert received == [(b"orders.alice", b"", b"", b"")]


@pytest.mark.parametrize("line", [b"MSG a\r\n", b"MSG a one 5\r\nhello\r\n", b"HMSG a 1 x 5\r\nhello\r\n"])
async def test_parser_refuses_what_is_no_message(line: bytes) -> None:
    """A malformed control line is the client's protocol error, which makes it reconnect."""
    client, _ = _client()
    with pytest.raises(ProtocolError):
        await client._ps.parse(line)


async def test_parser_forgets_half_a_message_on_reset() -> None:
    """What a broken connection left unfinished is not completed by the next one."""
    client, received = _client()
    await client._ps.parse(b"MSG orders.alice 1 500\r\nhalf")
    client._ps.reset()
    await client._ps.parse(b"MSG orders.alice 1 2\r\n{}\r\n")
    assert received == [(b"orders.alice", b"", b"{}", b"")]


async def test_pong_for_nobody_does_not_end_the_read_loop() -> None:
    """A health check that gave up leaves the connection hearing."""
    client, received = _client()
    given_up = asyncio.get_running_loop().create_future()
    given_up.cancel()
    client._pongs.append(given_up)
    await client._ps.parse(b"PONG\r\nMSG orders.alice 1 0\r\n\r\n")
    assert len(received) == 1
    assert client._pongs == []


async def test_what_a_broken_socket_does_not_take_waits_for_the_next() -> None:
    """A socket that broke raises before the client has heard of it: nothing is raised on, and nothing is dropped."""
    client, _ = _client()

    class Broken(TcpTransport):
        def __init__(self) -> None:
            super().__init__()  # type: ignore[no-untyped-call]  # the client's

        def write(self, payload: bytes) -> None:
            raise RuntimeError(f"unable to write {len(payload)} bytes, the handler is closed")

    client._transport = Broken()
    client._status = DirectClient.CONNECTED
    client._max_pending_size = 1_000
    assert client.write_now([b"PUB a 0\r\n\r\n", b"PUB b 0\r\n\r\n"])
    assert client._pending == [b"PUB a 0\r\n\r\n", b"PUB b 0\r\n\r\n"]
