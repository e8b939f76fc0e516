"""Where bots are in the log, kept in one bucket for all of them instead of a durable for each.

A key is a bot's or a reading's, see `shared`: up to which event of the log all is handled. Bots that sit at a reading name it,
and are at the further of the two, as with durables (`intake`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import orjson

from fillwire.bus import api
from fillwire.bus.buckets import POSITIONS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.credentials import JETSTREAM_API
from fillwire.bus.errors import ApiRefused, NoResponder
from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import escape_token

if TYPE_CHECKING:
    from collections.abc import Mapping

Positions: TypeAlias = Literal["durable", "bucket"]
"""Where the broker keeps what bots have handled: a durable consumer for each, or a key for each."""

KEPT_FOR_S: Final = 30 * 86_400
"""So long a position is kept of what does not run any more: the stream keeps events as long."""

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Position:
    """Where a bot, or all bots of a reading, are.

    Attributes:
        sequence: everything up to this sequence of the stream is handled.
        stored_ns: when the stream stored the last event that was handled, or when the bot began, in nanoseconds since
            the epoch.
        claim: token of the process that runs the bot; empty for a reading.
        reading: name of the reading at which the bot sits; None while it has no seat.
    """

    sequence: int
    stored_ns: int
    claim: str = ""
    reading: str | None = None


@dataclass(frozen=True, slots=True)
class KeptPosition:
    """A position as it was found.

    Attributes:
        position: None if the key holds none.
        revision: to be named when it is written.
    """

    position: Position | None
    revision: int


def bot_position_key(user: str, bot: str) -> str:
    """Return the key of a bot's position."""
    return f"{escape_token(user)}.bots.{escape_token(bot)}"


def reading_position_key(user: str, reading: str) -> str:
    """Return the key of a reading's position; `user` is whose events it reads."""
    return f"{escape_token(user)}.readings.{reading}"


def encode_position(position: Position) -> bytes:
    """Return a position as the bucket holds it."""
    document: dict[str, Any] = {
        "v": _VERSION,
        "sequence": position.sequence,
        "stored_ns": position.stored_ns,
        "claim": position.claim,
    }
    if position.reading is not None:
        document["reading"] = position.reading
    return orjson.dumps(document)


def decode_position(data: bytes) -> Position:
    """Return the position that is written there.

    Raises:
        DecodeError: there is none, or of a version that is not known here.
    """
    try:
        document: Mapping[str, Any] = orjson.loads(data)
        if document["v"] != _VERSION:
            raise DecodeError("position", "/v", f"expected {_VERSION}, was {document['v']!r}")
        reading = document.get("reading")
        return Position(
            int(document["sequence"]),
            int(document["stored_ns"]),
            str(document["claim"]),
            None if reading is None else str(reading),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise DecodeError("position", "", f"expected sequence, stored_ns and claim: {error!r}") from error


class PositionBucket:
    """Reads and writes positions.

    Args:
        bus: the connection.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._bucket = Bucket(bus, POSITIONS)

    async def look(self, key: str) -> KeptPosition:
        """Return what a key holds; in a cluster a replica may answer a moment behind: a write decides.

        Raises:
            DecodeError: it holds what is no position: nobody may begin anew in its place.
            BrokerError: no answer, not allowed, or no such bucket.
        """
        entry = await self._bucket.look(key)
        position = None if entry.value is None else decode_position(entry.value)
        return KeptPosition(position, entry.revision)

    async def look_if_made(self, key: str) -> KeptPosition | None:
        """Return what a key holds; None where the broker never had the bucket. Raises as `look` does."""
        try:
            return await self.look(key)
        except NoResponder:
            try:
                await api.call(self._bus, f"STREAM.INFO.{POSITIONS.stream}")
            except ApiRefused as error:
                if error.error_code == api.STREAM_NOT_FOUND:
                    return None
                raise
            raise

    async def write(
        self,
        key: str,
        position: Position,
        *,
        ttl_s: float | None = None,
        expected_revision: int | None = None,
    ) -> int:
        """Write a position and return its revision; raises as `Bucket.put` does."""
        return await self._bucket.put(
            key, encode_position(position), ttl_s=ttl_s, expected_revision=expected_revision
        )

    async def delete(self, key: str) -> None:
        """Delete a position; nothing happens where there is none.

        Raises:
            BrokerError: no answer, or not allowed.
        """
        found = await self.look_if_made(key)
        if found is not None and found.revision:
            await self._bucket.delete(key)


async def has_position(bus: Bus, user: str, bot: str) -> bool:
    """Return whether the bucket says where a bot is; a tenant's account has no bucket.

    Raises:
        BrokerError: no answer, or not allowed.
    """
    if bus.api_prefix != JETSTREAM_API:
        return False
    found = await PositionBucket(bus).look_if_made(bot_position_key(user, bot))
    return found is not None and found.position is not None


async def forget_position(bus: Bus, user: str, bot: str) -> None:
    """Delete what the bucket says of a bot; nothing happens if it says nothing.

    Raises:
        BrokerError: no answer, or not allowed.
    """
    await PositionBucket(bus).delete(bot_position_key(user, bot))
