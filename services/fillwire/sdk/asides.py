"""Reading back what was set aside, dead letters and refused frames: by its numbers, or all of some subjects."""

from collections.abc import Callable
from typing import Protocol

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.durables import Deliver, StartAtTime
from fillwire.bus.errors import ApiRefused
from fillwire.bus.log import read_stream
from fillwire.bus.lookup import StoredMessage, stored_message
from fillwire.bus.messages import Message


class Selected(Protocol):
    """What of a stream is wanted."""

    @property
    def pattern(self) -> str:
        """The subjects to read."""

    @property
    def since_ns(self) -> int:
        """Stored at or after this time, by the broker's clock."""

    @property
    def sequences(self) -> frozenset[int] | None:
        """Its numbers; None for all."""


async def read_asides(
    bus: Bus,
    stream: str,
    selection: Selected,
    take: Callable[[Message | StoredMessage], None],
    *,
    headers_only: bool,
) -> None:
    """Hand messages to `take`, oldest first; a stream that was never made holds none.

    Args:
        bus: the connection.
        stream: name of the stream.
        selection: which; numbers go before subjects and time, by which `take` is to judge then.
        take: a quick function that raises nothing.
        headers_only: bodies are left out, but for what is selected by its numbers.

    Raises:
        BrokerError: no answer, or not allowed.
    """
    if selection.sequences is not None:
        for sequence in sorted(selection.sequences):
            message = await stored_message(bus, stream, sequence)
            if message is not None:
                take(message)
        return
    start: Deliver = StartAtTime(selection.since_ns) if selection.since_ns else "all"
    try:
        await read_stream(bus, stream, selection.pattern, start, take, headers_only=headers_only)
    except ApiRefused as error:
        if error.error_code != api.STREAM_NOT_FOUND:
            raise
