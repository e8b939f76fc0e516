"""Where to go on reading: what the database says it got to, compared with what the stream says it is."""

from dataclasses import dataclass

from fillwire.bus.connection import Bus
from fillwire.bus.lookup import stored_message
from fillwire.recorder.progress import Gap, Position
from fillwire.recorder.rows import storable
from fillwire.recorder.tail import StreamState, stream_state
from fillwire.wire.headers import MESSAGE_ID


@dataclass(frozen=True, slots=True)
class Place:
    """Where to go on.

    Attributes:
        state: of the stream.
        is_new: whether the stream is another one than before, to be read from its beginning.
        reason: why it is another one; None if nothing was ever recorded.
        gap: what the stream does not hold any more, to be noted first; None if nothing is missing.
    """

    state: StreamState
    is_new: bool
    reason: str | None
    gap: Gap | None


async def find_place(bus: Bus, stream: str, position: Position | None) -> Place:
    """Return where to go on.

    Args:
        bus: the connection.
        stream: the stream's name.
        position: what is recorded; None if nothing ever was.

    Raises:
        BrokerError: no answer, no such stream, or not allowed.
    """
    state = await stream_state(bus, stream)
    reason = None if position is None else await _why_another(bus, state, position)
    is_new = position is None or reason is not None
    recorded = 0 if position is None or is_new else position.sequence
    gap = None
    if state.first_sequence > recorded + 1:
        said = "the stream did not hold them any more when it was read"
        gap = Gap(recorded + 1, state.first_sequence - 1, said)
    return Place(state, is_new, reason, gap)


async def _why_another(bus: Bus, state: StreamState, position: Position) -> str | None:
    """Return by what it shows that the stream is not the one that was read; None if it is the same."""
    if state.created_ns != position.created_ns:
        return "it was made anew since it was last read"
    if state.last_sequence < position.sequence:
        return f"it ends at {state.last_sequence}: expected {position.sequence} or more, which is recorded"
    if position.message_id is None or position.sequence < state.first_sequence:
        return None
    message = await stored_message(bus, position.name, position.sequence)
    if message is None:  # of a replica that lags, or removed since
        return None
    found = storable(message.headers.get(MESSAGE_ID))
    if found == position.message_id:
        return None
    return f"message {position.sequence} is {found}: expected {position.message_id}, which is recorded"
