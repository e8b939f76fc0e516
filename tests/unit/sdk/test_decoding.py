"""Each event is decoded once per process."""

import pytest

from fillwire.domain.errors import DecodeError
from fillwire.sdk.decoding import Decoder
from fillwire.wire.codec import encode_order
from support.order_events import order_event


def test_equal_bytes_give_the_same_event_object() -> None:
    """The message of the second bot is not decoded again, though it is another bytes object."""
    decoder = Decoder()
    data = encode_order(order_event())
    first = decoder.decode(data)
    assert first == order_event()
    assert decoder.decode(bytes(bytearray(data))) is first


def test_what_is_remembered_is_bounded() -> None:
    """The oldest events are forgotten and decoded anew."""
    decoder = Decoder(capacity=2)
    messages = [encode_order(order_event(order_id=str(number))) for number in range(3)]
    events = [decoder.decode(message) for message in messages]
    assert decoder.decode(messages[2]) is events[2]
    assert decoder.decode(messages[0]) is not events[0]


def test_alone_a_bot_needs_no_memory() -> None:
    """Told not to, the decoder remembers nothing."""
    decoder = Decoder()
    decoder.is_remembering = False
    data = encode_order(order_event())
    assert decoder.decode(data) == decoder.decode(data)
    assert decoder.decode(data) is not decoder.decode(data)


def test_what_is_no_event_is_refused_each_time() -> None:
    """A failure is not remembered as an event."""
    decoder = Decoder()
    for _ in range(2):
        with pytest.raises(DecodeError):
            decoder.decode(b"{}")
