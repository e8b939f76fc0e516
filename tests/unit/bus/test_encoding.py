"""The bytes that send a message: exact, bounded, and never more than one command."""

import pytest

from fillwire.bus.encoding import CommandEncoder, Headers, Outgoing
from fillwire.domain.errors import PublishError

SUBJECT = "orders.alice.binance.live.BTC-USDT.filled"


def _outgoing(
    subject: str = SUBJECT, body: bytes = b"{}", message_id: str = "id-1", headers: Headers = None
) -> Outgoing:
    return Outgoing("key", subject, body, message_id, headers, None)


def test_command_is_the_protocols_own_form() -> None:
    """Subject, inbox with token, both sizes, headers in order, body."""
    encoder, outgoing = CommandEncoder("_INBOX.abc"), _outgoing(headers={"traceparent": "00-1-2-01"})
    encoder.encode(outgoing, 1 << 20)
    block = b"NATS/1.0\r\nNats-Msg-Id: id-1\r\ntraceparent: 00-1-2-01\r\n\r\n"
    head = b"HPUB %b _INBOX.abc.1 %d %d\r\n" % (SUBJECT.encode(), len(block), len(block) + 2)
    assert outgoing.command == head + block + b"{}\r\n"
    assert outgoing.token == b"1"


def test_tokens_differ() -> None:
    """Each message of an encoder has an answer subject of its own."""
    encoder, first, second = CommandEncoder("_INBOX.abc"), _outgoing(), _outgoing()
    encoder.encode(first, 1 << 20)
    encoder.encode(second, 1 << 20)
    assert first.token != second.token


def test_headers_are_made_when_the_command_is() -> None:
    """A function gives the stamps of the first send."""
    now_ns = 1

    def stamps() -> dict[str, str]:
        return {"Fillwire-Stamps": str(now_ns)}

    outgoing = _outgoing(headers=stamps)
    now_ns = 2
    CommandEncoder("_INBOX.abc").encode(outgoing, 1 << 20)
    assert b"Fillwire-Stamps: 2\r\n" in outgoing.command


def test_headers_that_fail_do_not_keep_an_event_back() -> None:
    """The event goes out without them."""

    def broken() -> dict[str, str]:
        raise ValueError("a bug")

    outgoing = _outgoing(headers=broken)
    CommandEncoder("_INBOX.abc").encode(outgoing, 1 << 20)
    assert b"Nats-Msg-Id: id-1\r\n\r\n{}" in outgoing.command


@pytest.mark.parametrize(
    "outgoing",
    [
        _outgoing(subject=""),
        _outgoing(subject="orders..x"),
        _outgoing(subject="orders.*"),
        _outgoing(subject="orders.>"),
        _outgoing(subject="orders.a b"),
        _outgoing(subject="orders.a\r\nPUB b 0"),
        _outgoing(subject="orders." + "x" * 2000),
        _outgoing(subject="orders.\ud800"),
        _outgoing(message_id="a\r\nPUB b 0"),
        _outgoing(message_id="a\nb"),
        _outgoing(headers={"a": "b\r\nc: d"}),
        _outgoing(headers={"a": "b\rc"}),
        _outgoing(headers={"a\n": "b"}),
        _outgoing(body=b"x" * 1000),
    ],
    ids=lambda outgoing: repr((outgoing.subject[:20], outgoing.message_id, outgoing.headers)),
)
def test_what_can_never_be_sent_is_refused(outgoing: Outgoing) -> None:
    """No subject, id, header or size that would break the protocol leaves this process."""
    with pytest.raises(PublishError):
        CommandEncoder("_INBOX.abc").encode(outgoing, 1000)
    assert outgoing.command == b""


def test_many_subjects_do_not_pile_up() -> None:
    """The memory of encoded subjects is bounded."""
    encoder = CommandEncoder("_INBOX.abc")
    for number in range(10_000):
        encoder.encode(_outgoing(subject=f"orders.{number}"), 1 << 20)
    assert len(encoder._prefixes) <= 4096
