"""Header names, and the stamps that let a host measure and trace a fill without asking anyone."""

from typing import NamedTuple

from fillwire._fastparse import read_arrival  # noqa: TID251 - this module may, for the path of a fill

__all__ = ["MESSAGE_ID", "SOURCE", "STAMPS", "TRACEPARENT", "Stamps", "parse_stamps", "read_arrival"]

MESSAGE_ID = "Nats-Msg-Id"
SOURCE = "Nats-Stream-Source"  # written by the broker where one stream takes from another: which, and more
TRACEPARENT = "traceparent"
STAMPS = "Fillwire-Stamps"


class Stamps(NamedTuple):
    """Times of one event inside the gateway, beside those in the event itself.

    Attributes:
        clock_offset_ns: venue clock minus gateway clock, in nanoseconds, as last measured.
        parsed_ns: when the frame had become an event.
        published_ns: when the event was first handed to the broker.
    """

    clock_offset_ns: int
    parsed_ns: int
    published_ns: int

    def encode(self) -> str:
        """Return the header's value."""
        return f"{self.clock_offset_ns},{self.parsed_ns},{self.published_ns}"


def parse_stamps(text: str) -> Stamps:
    """Return the stamps that `Stamps.encode` wrote.

    Raises:
        ValueError: `text` is not three integers with commas between them.
    """
    try:
        offset, parsed, published = text.split(",")
        return Stamps(int(offset), int(parsed), int(published))
    except ValueError:
        raise ValueError(
            f"expected clock offset, parsed and published in nanoseconds, was {text!r}"
        ) from None
