"""A message decodes no more than is asked for, and acknowledges to where it came from."""

from collections.abc import Callable
from functools import partial

import pytest

from fillwire.bus.messages import Message, parse_headers, parse_status

V1 = b"$JS.ACK.ORDERS.bot.2.1234.56.1700000000000000001.789"
V2 = b"$JS.ACK.hub.AhAsH.ORDERS.bot.2.1234.56.1700000000000000001.789.Xx"


class _Wire:
    def __init__(self) -> None:
        self.commands: list[bytes] = []
        self.settled: list[bool] = []

    def message(self, reply: bytes) -> Message:
        return Message(
            b"orders.alice",
            reply,
            b"{}",
            b"",
            self.commands.append,
            lambda _, is_done: self.settled.append(is_done),
        )


@pytest.mark.parametrize("reply", [V1, V2])
def test_facts_of_a_delivery_are_read_from_its_reply(reply: bytes) -> None:
    """Both forms of acknowledgement subject give sequence, delivery count, number, time and what is pending."""
    message = _Wire().message(reply)
    assert message.is_delivery
    assert (message.sequence, message.delivery_count, message.delivery_number) == (1234, 2, 56)
    assert (message.stored_time_ns, message.pending_count) == (1700000000000000001, 789)


def test_message_that_no_consumer_delivered_has_no_sequence_and_acknowledges_nothing() -> None:
    """Acknowledging a core message must not answer the one who asked."""
    wire = _Wire()
    message = wire.message(b"_INBOX.requester")
    assert (message.is_delivery, message.sequence) == (False, 0)
    message.ack()
    message.in_progress()
    message.negative_ack()
    assert wire.commands == []


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (Message.ack, b""),
        (Message.in_progress, b"+WPI"),
        (Message.negative_ack, b"-NAK"),
        (partial(Message.negative_ack, delay_s=1.5), b'-NAK {"delay": 1500000000}'),
        (Message.terminate, b"+TERM"),
    ],
)
def test_answer_to_the_consumer_is_one_complete_command(
    answer: Callable[[Message], None], body: bytes
) -> None:
    """Each kind of answer leaves as one protocol command to the reply subject."""
    wire = _Wire()
    answer(wire.message(V1))
    assert wire.commands == [b"PUB %b %d\r\n%b\r\n" % (V1, len(body), body)]


def test_message_is_settled_once() -> None:
    """The pull loop is told once whether the message is done, progress reports are no end."""
    wire = _Wire()
    message = wire.message(V1)
    message.in_progress()
    assert wire.settled == []
    message.negative_ack()
    message.ack()
    assert wire.settled == [False]


def test_headers_are_parsed_as_written() -> None:
    """Names keep their spelling, values lose surrounding blanks, colons in values stay."""
    block = b"NATS/1.0\r\nNats-Msg-Id: a:b\r\ntraceparent:00-1\r\nno colon\r\n\r\n"
    assert parse_headers(block) == {"Nats-Msg-Id": "a:b", "traceparent": "00-1"}


@pytest.mark.parametrize(
    ("block", "status"),
    [
        (b"", None),
        (b"NATS/1.0\r\nStatus: 503\r\n\r\n", None),
        (b"NATS/1.0 503\r\n\r\n", 503),
        (b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 7\r\n\r\n", 100),
        (b"NATS/1.0 abc\r\n\r\n", None),
    ],
)
def test_status_is_the_servers_own(block: bytes, status: int | None) -> None:
    """Only the status line counts: a header of that name is somebody's data."""
    assert parse_status(block) == status


@pytest.mark.parametrize("is_parsed", [False, True])
def test_one_header_is_read_without_the_others(is_parsed: bool) -> None:
    """`header` finds what `headers` holds, whole names only, before and after all have been parsed."""
    block = b"NATS/1.0\r\nNats-Msg-Id: a:b\r\nX-Long: \xc3\xa9 \r\nLong:1\r\n\r\n"
    message = Message(b"orders.alice", b"", b"{}", block, lambda _: None)
    if is_parsed:
        assert len(message.headers) == 3
    found = [message.header(name) for name in ("Nats-Msg-Id", "X-Long", "Long", "Nats", "Absent")]
    assert found == ["a:b", "é", "1", None, None]
    assert Message(b"orders.alice", b"", b"{}", b"", lambda _: None).header("Long") is None
