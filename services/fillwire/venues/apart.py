"""One frame read apart from any connection: what it says of orders."""

from fillwire.venues.parsing import ExecutionReport, FrameParser
from fillwire.venues.protocol import OrderDoubted
from fillwire.venues.records import OrderReport, RecordedReport


def read_apart(parser: FrameParser, frame: bytes, received_time_ns: int) -> list[OrderReport | OrderDoubted]:
    """Return the order events and doubts of a frame; what else it says is over.

    Args:
        parser: one that has met no other frame.
        frame: as it was received.
        received_time_ns: when it was, by the gateway's clock.

    Raises:
        FrameError: the frame cannot be accepted.
    """
    found: list[OrderReport | OrderDoubted] = []
    for item in parser.parse(frame, received_time_ns):
        if isinstance(item, ExecutionReport | RecordedReport):
            found.append(item)
        elif item.type == "order_doubted":
            found.append(OrderDoubted.of(item))
    return found
