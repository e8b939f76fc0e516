"""Messages as a durable would deliver them, without a broker."""

from collections.abc import Callable, Mapping

from fillwire.bus.messages import Message
from fillwire.domain.events import OrderEvent
from fillwire.wire.codec import encode_order
from fillwire.wire.subjects import order_subject


class Source:
    """Delivers messages of a stream, and notes which are acknowledged: with one, all before it."""

    def __init__(self) -> None:
        self.sequence = 0
        self.acked: list[int] = []
        self.acknowledgement_count = 0

    def message(
        self, data: bytes, subject: str = "orders.x", headers: Mapping[str, str] | None = None
    ) -> Message:
        """Return the next message of the stream."""
        self.sequence += 1
        number = self.sequence
        reply = f"$JS.ACK.ORDERS.d.1.{number}.{number}.1700000000000000000.0".encode()
        return Message(subject.encode(), reply, data, _block(headers), self._note(number))

    def event(self, event: OrderEvent, headers: Mapping[str, str] | None = None) -> Message:
        """Return the message of an event."""
        return self.message(encode_order(event), _subject(event), headers)

    def _note(self, number: int) -> Callable[[bytes], None]:
        def note(command: bytes) -> None:
            assert command.startswith(b"PUB $JS.ACK.")
            self.acknowledgement_count += 1
            self.acked += range(len(self.acked) + 1, number + 1)

        return note


def live_copy(event: OrderEvent, headers: Mapping[str, str] | None = None) -> Message:
    """Return what a plain subscription receives of an event."""
    return Message(
        _subject(event).encode(), b"_INBOX.ack", encode_order(event), _block(headers), lambda _: None
    )


def _subject(event: OrderEvent) -> str:
    return order_subject(event.account, event.pair, event.kind)


def _block(headers: Mapping[str, str] | None) -> bytes:
    if not headers:
        return b""
    return "".join(
        ["NATS/1.0\r\n", *(f"{name}: {value}\r\n" for name, value in headers.items()), "\r\n"]
    ).encode()
