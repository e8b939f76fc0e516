"""One stream out of the broker and back into it, whole: messages, ids of the duplicate window, consumers and where they stand.

The bytes are the broker's own archive, which it makes and reads itself; nobody else looks into them.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.errors import ApiRefused, NoResponder
from fillwire.bus.messages import Message
from fillwire.bus.streams import Manifest
from fillwire.domain.errors import BrokerError

CHUNK_BYTES = 128 << 10
SILENCE_S = 30.0
# The broker sends 8 MiB ahead of what was acknowledged: 64 chunks.
_CAPACITY = 256
_CLOSING_DEADLINE_S = 300.0
_COMPLETE = 204
_TAKER_DEADLINE_S = 5.0
_TAKER_PAUSE_S = 0.05

State = dict[str, Any]
"""What a stream holds, in the broker's own JSON: how many messages, and from which sequence to which."""


async def take_snapshot(
    bus: Bus, stream: str, write: Callable[[bytes], None], *, silence_s: float = SILENCE_S
) -> tuple[Manifest, State]:
    """Hand a stream's archive to `write`, piece by piece, and return its configuration and what it held at the beginning.

    The stream goes on meanwhile. What is stored while it is read may be in the archive or not, but never with a gap.

    Args:
        bus: the connection.
        stream: name of the stream.
        write: takes one piece after another; the broker waits for it.
        silence_s: so long the broker may send nothing.

    Raises:
        BrokerError: no such stream, not allowed, or it did not come to its end.
    """
    pieces: asyncio.Queue[Message | None] = asyncio.Queue(_CAPACITY)
    trouble: str | None = None

    def receive(message: Message) -> None:
        nonlocal trouble
        try:
            pieces.put_nowait(message)
        except asyncio.QueueFull:
            trouble = "came faster than it was acknowledged"

    def note_lost() -> None:
        nonlocal trouble
        trouble = "was broken off: the connection was lost, and with it what was on the way"
        with contextlib.suppress(asyncio.QueueFull):  # who takes the next piece is told
            pieces.put_nowait(None)

    inbox = bus.new_inbox()
    subscription = await bus.subscribe(inbox, receive)
    bus.on_disconnected(note_lost)
    try:
        request = {"deliver_subject": inbox, "no_consumers": False, "chunk_size": CHUNK_BYTES}
        answer = await api.call(bus, f"STREAM.SNAPSHOT.{stream}", request, timeout_s=silence_s)
        while True:
            try:
                async with asyncio.timeout(silence_s):
                    piece = await pieces.get()
            except TimeoutError:
                raise BrokerError(
                    f"archive of stream {stream} did not come to its end: nothing more came for {silence_s:g} s"
                ) from None
            if trouble is not None or piece is None:
                raise BrokerError(f"archive of stream {stream} {trouble}")
            if not piece.data:
                if piece.status not in {None, _COMPLETE}:
                    raise BrokerError(f"archive of stream {stream} was broken off: status {piece.status}")
                return answer["config"], answer["state"]
            write(piece.data)
            if piece.reply:
                await bus.publish(piece.reply)
    finally:
        bus.off_disconnected(note_lost)
        await subscription.unsubscribe()


async def restore_snapshot(
    bus: Bus, stream: str, config: Manifest, state: State, pieces: Iterable[bytes]
) -> State:
    """Make a stream of its archive, and return what it holds; nothing is there before the last piece.

    When it is cancelled after that, it waits until the stream is there or not.

    Args:
        bus: the connection.
        stream: name of the stream, which must not exist.
        config: the configuration that it is to have.
        state: what it held, as `take_snapshot` returned it.
        pieces: the archive, in pieces of any size that the broker takes.

    Raises:
        ApiRefused: the broker refuses the archive or the configuration, or has a stream of this name.
        BrokerError: no answer: restored or not is unknown.
    """
    request = {"config": config, "state": state}
    begun = await api.call(bus, f"STREAM.RESTORE.{stream}", request, timeout_s=SILENCE_S)
    subject = begun["deliver_subject"]
    for piece in pieces:
        _judge(stream, await _hand_over(bus, subject, piece))
    # From this request on the broker makes the stream: whoever is cancelled meanwhile must be able to delete it.
    closing = asyncio.ensure_future(bus.request(subject, b"", _CLOSING_DEADLINE_S))
    try:
        answer = await asyncio.shield(closing)
    except asyncio.CancelledError:
        await asyncio.gather(closing, return_exceptions=True)
        raise
    found: State = _judge(stream, answer)["state"]
    return found


async def _hand_over(bus: Bus, subject: str, piece: bytes) -> bytes:
    """Return the answer to a piece; in a cluster our server may hear a moment later who takes it."""
    loop = asyncio.get_running_loop()
    end_s = loop.time() + _TAKER_DEADLINE_S
    while True:
        try:
            return await bus.request(subject, piece, SILENCE_S)
        except NoResponder:
            if loop.time() >= end_s:
                raise
            await asyncio.sleep(_TAKER_PAUSE_S)


def _judge(stream: str, answer: bytes) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(answer) if answer else {}
    error = document.get("error")
    if error is not None:
        raise ApiRefused(
            f"restoring stream {stream}",
            error.get("code", 500),
            error.get("err_code", 0),
            error.get("description", ""),
        )
    return document
