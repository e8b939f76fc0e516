"""Logging in: tokens compared in constant time, sessions that end, and a bound on guessing."""

import asyncio
import hashlib
import hmac
import secrets
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from fillwire.console.viewers import Viewer
from fillwire.domain.errors import FillwireError

MAX_SESSIONS: Final = 1_000
MAX_SESSIONS_OF_ONE: Final = 20  # of one token: as many as one viewer may have pages open
ATTEMPTS: Final = 5
WINDOW_S: Final = 60.0
_MAX_ADDRESSES: Final = 10_000
_MAX_ATTEMPTS_IN_ALL: Final = 200


class LoginRefused(FillwireError):
    """The token is none, or was used up."""


class TooManyAttempts(FillwireError):
    """Too many tokens were wrong; `retry_after_s` says when another is looked at."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__(f"too many attempts: expected the next one in {retry_after_s:.0f} s")
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class Key:
    """A token that opens the console.

    Attributes:
        token: returns it, as it is now.
        viewer: who has it.
        is_once: whether it opens a single session.
    """

    token: Callable[[], str]
    viewer: Viewer
    is_once: bool = False

    @classmethod
    def of(cls, token: str, viewer: Viewer, *, is_once: bool = False) -> "Key":
        """Return the key of a token that stays as it is."""
        return cls(lambda: token, viewer, is_once)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the token."""
        return _digest(self.token())


@dataclass(slots=True, eq=False)
class Session:
    """One login, until it expires or the viewer logs out.

    Attributes:
        viewer: who logged in.
        digest: of the token that they showed, see `Key`.
        csrf: what each request that changes something must repeat: a page of another origin cannot read it.
        expires_s: when it ends, by the loop's clock.
        ended: set when it has ended before.
    """

    viewer: Viewer
    digest: bytes
    csrf: str
    expires_s: float
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Sessions:
    """Opens, finds and ends sessions. They live in memory: a restart asks everybody to log in again.

    Args:
        keys: who may log in.
        lifetime_s: a session ends so long after it began.
        now_s: the clock.
    """

    def __init__(self, keys: Iterable[Key], lifetime_s: float, now_s: Callable[[], float]) -> None:
        self._keys = list(keys)
        self._used: set[bytes] = set()  # digests of tokens for one session, after that
        self._lifetime_s = lifetime_s
        self._now_s = now_s
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._failures_in_all: deque[float] = deque(maxlen=_MAX_ATTEMPTS_IN_ALL)
        self.opened_count = 0
        self.refused_count = 0
        self.delayed_count = 0

    @property
    def open_count(self) -> int:
        """How many are open."""
        now_s = self._now_s()
        return sum(session.expires_s > now_s for session in self._sessions.values())

    @property
    def lifetime_s(self) -> float:
        """How long a session lasts, in seconds."""
        return self._lifetime_s

    def open(self, token: str, address: str) -> tuple[str, Session]:
        """Return a new session and its secret id; one token opens 20, and with the next its oldest ends.

        Args:
            token: what the viewer shows.
            address: where the attempt comes from; guessing is bounded by address and in all.

        Raises:
            LoginRefused: nobody has such a token.
            TooManyAttempts: too many were wrong within a minute; the token was not looked at.
        """
        self._require_patience(address)
        found: Key | None = None
        wanted = _digest(token)
        for key in self._keys:  # all of them, however early one matches
            if hmac.compare_digest(key.digest, wanted):
                found = key
        if found is None:
            self.refused_count += 1
            self._note_failure(address)
            raise LoginRefused("expected a token of this console, found another")
        if found.is_once:
            self._keys.remove(found)
            self._used.add(wanted)
        self._failures.pop(address, None)
        session_id = secrets.token_urlsafe(32)
        session = Session(found.viewer, wanted, secrets.token_urlsafe(32), self._now_s() + self._lifetime_s)
        self._sessions[_digest(session_id)] = session
        self.opened_count += 1
        self._make_room(wanted)
        return session_id, session

    def _make_room(self, digest: bytes) -> None:
        """End the oldest sessions of a token that has opened too many, and if all are too many, of who has the most.

        So whoever logs in often ends sessions of their own.
        """
        now_s = self._now_s()
        while (oldest := next(iter(self._sessions))) and self._sessions[oldest].expires_s <= now_s:
            self._sessions.pop(oldest).ended.set()
        own = [place for place, session in self._sessions.items() if session.digest == digest]
        for place in own[:-MAX_SESSIONS_OF_ONE]:
            self._sessions.pop(place).ended.set()
        while len(self._sessions) > MAX_SESSIONS:
            counts = Counter(session.digest for session in self._sessions.values())
            (most, _), *_ = counts.most_common(1)
            place = next(place for place, session in self._sessions.items() if session.digest == most)
            self._sessions.pop(place).ended.set()

    def let_in(self, keys: Iterable[Key]) -> list[Viewer]:
        """Have these log in from now on and nobody else, and return whose sessions have ended by that.

        A session goes on while there is a key of the same token and viewer. A token that opens one session and did so
        opens no other.
        """
        digests = [(key.digest, key) for key in keys]
        self._used.intersection_update(digest for digest, _ in digests)
        self._keys = [key for digest, key in digests if digest not in self._used]
        entitled = {(digest, key.viewer) for digest, key in digests}
        ended = [
            place
            for place, session in self._sessions.items()
            if (session.digest, session.viewer) not in entitled
        ]
        gone = [self._sessions.pop(place) for place in ended]
        for session in gone:
            session.ended.set()
        return [session.viewer for session in gone]

    def find(self, session_id: str) -> Session | None:
        """Return the session of that id, None if it is unknown, expired or ended."""
        key = _digest(session_id)
        session = self._sessions.get(key)
        if session is not None and session.expires_s <= self._now_s():
            self._sessions.pop(key)
            session.ended.set()
            return None
        return session

    def end(self, session_id: str) -> None:
        """End a session: its streams stop at once. Idempotent."""
        session = self._sessions.pop(_digest(session_id), None)
        if session is not None:
            session.ended.set()

    def end_all(self) -> None:
        """End every session."""
        while self._sessions:
            self._sessions.popitem()[1].ended.set()

    def _require_patience(self, address: str) -> None:
        now_s = self._now_s()
        for failures, bound in (
            (self._failures.get(address), ATTEMPTS),
            (self._failures_in_all, _MAX_ATTEMPTS_IN_ALL),
        ):
            while failures and failures[0] <= now_s - WINDOW_S:
                failures.popleft()
            if failures and len(failures) >= bound:
                self.delayed_count += 1
                raise TooManyAttempts(failures[0] + WINDOW_S - now_s)

    def _note_failure(self, address: str) -> None:
        now_s = self._now_s()
        self._failures.setdefault(address, deque(maxlen=ATTEMPTS)).append(now_s)
        self._failures.move_to_end(address)
        self._failures_in_all.append(now_s)
        while len(self._failures) > _MAX_ADDRESSES:
            self._failures.popitem(last=False)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
