"""What a process holds for as long as it lives: one lease of its own, and any number of keys that name it as holder.

A process renews one lease, its session, however much it holds. A key that names a session is held while the session
lives; one whose session has gone may be taken by anybody, and the conditional write lets one of them have it. Whoever
has lost its session, be it for a moment, holds nothing any more: it must take each key again.
"""

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import orjson

from fillwire.bus.buckets import Bucket, Entry
from fillwire.bus.claim import Claim
from fillwire.bus.errors import RevisionConflict
from fillwire.bus.leases import Leases, elapsed_s
from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import escape_token
from fillwire.runtime.logs import get_log

if TYPE_CHECKING:
    from fillwire.bus.watching import Watch

_log = get_log(__name__)

SESSIONS = "sessions"
HELD = "held"
VERSION = 1
_GRACE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds something.

    Attributes:
        kind: what the process is, such as `host`.
        name: its name.
        session: tells its process from all others.
    """

    kind: str
    name: str
    session: str

    def encode(self) -> bytes:
        """Return the value of a session, and of each key that it holds."""
        return orjson.dumps({"v": VERSION, "kind": self.kind, "name": self.name, "session": self.session})

    @classmethod
    def decode(cls, value: bytes) -> "Holder":
        """Return whom a value names.

        Raises:
            DecodeError: it is none of this version.
        """
        try:
            document: Any = orjson.loads(value)
            if document["v"] == VERSION:
                return cls(
                    kind=str(document["kind"]), name=str(document["name"]), session=str(document["session"])
                )
        except (orjson.JSONDecodeError, LookupError, TypeError) as error:
            raise DecodeError("holder", "/", f"expected the object that names a holder, {error}") from error
        raise DecodeError("holder", "/v", f"expected {VERSION}, was {document['v']!r}")


def session_key(session: str) -> str:
    """Return the key of a session."""
    return f"{SESSIONS}.{escape_token(session)}"


def held_key(key: str) -> str:
    """Return the key under which it stands who holds `key`."""
    return f"{HELD}.{key}"


@dataclass(frozen=True, slots=True)
class _Held:
    holder: Holder
    revision: int
    seen_s: float


class Holdings:
    """What this process holds, and who holds the rest, in one bucket.

    Args:
        bucket: where sessions and holders are kept.
        holder: who we are.
        ttl_s: lifetime of our session after each renewal; see `Lease`.
        random: spreads renewals.
        on_change: called when our session was taken or lost, or another's, or a key has changed hands.
    """

    def __init__(
        self, bucket: Bucket, holder: Holder, *, ttl_s: float, random: Random, on_change: Callable[[], None]
    ) -> None:
        self.holder = holder
        self._bucket = bucket
        self._on_change = on_change
        leases = Leases(bucket, holder.encode(), ttl_s=ttl_s)
        self.session = Claim(leases.lease(session_key(holder.session)), ttl_s, random, on_change)
        self._sessions: dict[str, Holder] = {}
        self._held: dict[str, _Held] = {}
        self._gone: dict[str, int] = {}  # revision of the last marker, by key
        self._watch: Watch | None = None

    async def start(self) -> None:
        """Learn who holds what, and begin to want a session.

        Raises:
            BrokerError: no answer.
        """
        self._watch = await self._bucket.watch(">", self._note)
        self.session.start()

    async def stop(self) -> None:
        """End our session, and with it all that we still hold. Idempotent."""
        await self.session.stop()
        watch, self._watch = self._watch, None
        if watch is not None:
            await watch.stop()

    async def _note(self, entry: Entry) -> None:
        kind, _, rest = entry.key.partition(".")
        holder = None
        if entry.value is not None:
            try:
                holder = Holder.decode(entry.value)
            except DecodeError as error:
                _log.warning("holder_not_readable", key=entry.key, error=error)
                return
        if kind == SESSIONS:
            if (holder is None) == (rest not in self._sessions):
                return  # renewed
            if holder is None:
                del self._sessions[rest]
                if rest == escape_token(self.holder.session):
                    self.session.nudge()
            else:
                self._sessions[rest] = holder
        elif holder is None:
            self._held.pop(rest, None)
            self._gone[rest] = entry.revision
        else:
            self._gone.pop(rest, None)
            self._held[rest] = _Held(holder, entry.revision, elapsed_s())
        self._on_change()

    @property
    def living(self) -> list[Holder]:
        """Who has a session, as far as the bucket tells."""
        return list(self._sessions.values())

    def holder_of(self, key: str) -> Holder | None:
        """Return who holds a key, as far as the bucket tells; None if nobody living does."""
        held = self._held.get(key)
        return None if held is None or self._has_gone(held) else held.holder

    def _has_gone(self, held: _Held) -> bool:
        # Read anew, a key may come ahead of the session that it names.
        is_told = elapsed_s() - held.seen_s > _GRACE_S
        return escape_token(held.holder.session) not in self._sessions and is_told

    async def take(self, key: str) -> int | None:
        """Take a key that nobody living holds; return the fencing token of our holding, None if somebody has it.

        The token grows with every change of the holder. Our own holding is renewed, so that nobody who saw our session
        gone can have it after that.

        Raises:
            BrokerError: no answer: taken or not is unknown.
        """
        if not self.session.is_held:
            return None
        stored = held_key(key)
        entry = await self._bucket.look(stored)
        if entry.value is not None and entry.value != self.holder.encode():
            held = self._held.get(key)
            if held is None or held.revision != entry.revision or not self._has_gone(held):
                return None
            # A replica may answer a moment behind, and the watch may have missed something: both must say so.
            if await self._bucket.get(session_key(held.holder.session)) is not None:
                return None
        try:
            return await self._bucket.put(stored, self.holder.encode(), expected_revision=entry.revision)
        except RevisionConflict:
            return None

    def has(self, key: str, fence: int) -> bool:
        """Return whether a key is ours under this token: the session is ours, and the key was not seen to change since."""
        held = self._held.get(key)
        is_anothers = held is not None and held.holder != self.holder and held.revision > fence
        return self.session.is_held and not is_anothers and self._gone.get(key, 0) <= fence

    async def give(self, key: str, fence: int) -> None:
        """Let others have a key; nothing happens if it is not ours under this token any more.

        Raises:
            BrokerError: no answer; it stays ours until our session ends.
        """
        with contextlib.suppress(RevisionConflict):
            await self._bucket.delete(held_key(key), expected_revision=fence)

    @property
    def ours(self) -> list[str]:
        """The keys that name us, as far as the bucket tells."""
        return [key for key, held in self._held.items() if held.holder == self.holder]

    async def release(self, key: str, is_left: Callable[[], bool]) -> None:
        """Let others have a key that names us though we do not use it: an answer was lost when it was taken or given.

        Args:
            key: which.
            is_left: asked last whether it is still not used.

        Raises:
            BrokerError: no answer.
        """
        entry = await self._bucket.look(held_key(key))
        if entry.value == self.holder.encode() and is_left():
            await self.give(key, entry.revision)

    async def evict(self, session: str, is_gone: Callable[[], Awaitable[bool]]) -> bool:
        """End another's session before its time, if `is_gone` finds that nobody can reach the process any more.

        A renewal that was stored meanwhile prevents it: who renews is there.

        Raises:
            BrokerError: no answer.
        """
        key = session_key(session)
        entry = await self._bucket.look(key)
        if entry.value is None or not await is_gone():
            return False
        try:
            await self._bucket.delete(key, expected_revision=entry.revision)
        except RevisionConflict:
            return False
        return True
