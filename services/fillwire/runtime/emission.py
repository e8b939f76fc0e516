"""When the venue emitted a report, by our clock."""


def emitted_ns(exchange_time_ns: int | None, clock_offset_ns: int | None, received_ns: int) -> int:
    """Return when the venue emitted the report by the gateway's clock: never after the frame was read.

    A report without a time, or one that the offset puts into the future, was emitted when it was read.

    Args:
        exchange_time_ns: when, by the venue's clock; None if it did not say.
        clock_offset_ns: venue clock minus gateway clock; None before it was measured.
        received_ns: when the frame was read, by the gateway's clock.
    """
    if exchange_time_ns is None:
        return received_ns
    return min(exchange_time_ns - (clock_offset_ns or 0), received_ns)
