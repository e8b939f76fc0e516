"""Where a consumer that is made again goes on."""

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.durables import Deliver, StartAtSequence, StartAtTime
from fillwire.bus.lookup import parse_time_ns


async def place_behind(bus: Bus, stream: str, sequence: int, stored_ns: int) -> Deliver:
    """Return where that begins which follows an event: behind its sequence, or by time where that means another by now.

    So it is in a stream that was made anew, or has lost its end: it gives sequences a second time, to events stored later.

    Args:
        bus: the connection.
        stream: name of the stream.
        sequence: of the event.
        stored_ns: when the stream stored it, in nanoseconds since the epoch.

    Raises:
        BrokerError: no answer, no such stream, or not allowed.
    """
    info = await api.call(bus, f"STREAM.INFO.{stream}")
    is_another = info["state"]["last_seq"] < sequence or parse_time_ns(info["created"]) > stored_ns
    return StartAtTime(stored_ns + 1) if is_another else StartAtSequence(sequence + 1)
