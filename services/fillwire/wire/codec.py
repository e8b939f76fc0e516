"""Events to canonical JSON bytes and back.

The bytes are canonical: one key order, no white space, amounts by `decimal_text`. The Rust parser writes the same
bytes for the same event, so that a fill seen by stream and by REST differs in nothing but `source` and times.
"""

from fillwire.domain.events import Alert, ConnectionEvent, OrderEvent
from fillwire.wire.reader import Reader
from fillwire.wire.writer import write

_order_reader = Reader(OrderEvent, "order event")
_connection_reader = Reader(ConnectionEvent, "connection event")
_alert_reader = Reader(Alert, "alert")


def encode_order(event: OrderEvent) -> bytes:
    """Return the canonical JSON bytes of an order event.

    Raises:
        TypeError: the event holds what no event can hold, such as an amount that is infinite.
    """
    return write(event)


def decode_order(data: bytes) -> OrderEvent:
    """Return the order event in `data`; keys this version does not know are ignored.

    Amounts may be padded with zeros, though none of our producers does so.

    Raises:
        DecodeError: `data` is no JSON object, of another version, or lacks or misspells a field; `pointer` names it.
    """
    return _order_reader.read(data)


def encode_connection(event: ConnectionEvent) -> bytes:
    """Return the canonical JSON bytes of a connection event."""
    return write(event)


def decode_connection(data: bytes) -> ConnectionEvent:
    """Return the connection event in `data`.

    Raises:
        DecodeError: as `decode_order`.
    """
    return _connection_reader.read(data)


def encode_alert(alert: Alert) -> bytes:
    """Return the canonical JSON bytes of an alert."""
    return write(alert)


def decode_alert(data: bytes) -> Alert:
    """Return the alert in `data`.

    Raises:
        DecodeError: as `decode_order`.
    """
    return _alert_reader.read(data)
