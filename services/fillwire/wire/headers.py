"""Header names, and the stamps that let a host measure and trace a fill without asking anyone."""

from typing import Final, NamedTuple

from msgspec.json import Decoder

MESSAGE_ID = "Nats-Msg-Id"
TRACEPARENT = "traceparent"
STAMPS = "Fillwire-Stamps"

# The numbers of a list in JSON, for `int` of each takes three times as long; a host reads them of every fill.
_three_numbers: Final = Decoder(tuple[int, int, int]).decode


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
    return Stamps._make(split_stamps(text))


def split_stamps(text: str) -> tuple[int, int, int]:
    """Return what `parse_stamps` does as a plain tuple, for the path of a fill.

    Raises:
        ValueError: as `parse_stamps`.
    """
    try:
        return _three_numbers(f"[{text}]")
    except ValueError:
        raise ValueError(
            f"expected clock offset, parsed and published in nanoseconds, was {text!r}"
        ) from None
