"""The gateways of one exchange as each of them knows the others: who is there, what each can hold, who comes first.

Gateways tell each other of themselves twice a second, by plain messages: no stream has to be written for it, and a
leader election of the streams does not silence them. Silence raises doubt and nothing more: who may send orders is
decided by leases.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account
from fillwire.domain.rendezvous import ranked
from fillwire.wire.subjects import account_tokens, parse_account_tokens

VERSION = 1
# A gateway that has been silent for so long is forgotten.
_FORGET_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What a gateway says of itself.

    Attributes:
        gateway: its name.
        instance: tells its process from others of the same name.
        accounts: the accounts for which it has a key.
        ready: accounts that it receives without owning them: their owner may hand them over.
        is_joining: it has just begun, and wants to hear of the others at once.
        is_leaving: it will own nothing more.
        is_gone: this is its last word.
    """

    gateway: str
    instance: str
    accounts: frozenset[Account] = frozenset()
    ready: frozenset[Account] = frozenset()
    is_joining: bool = False
    is_leaving: bool = False
    is_gone: bool = False

    def encode(self) -> bytes:
        """Return the message."""
        return orjson.dumps(
            {
                "v": VERSION,
                "gateway": self.gateway,
                "instance": self.instance,
                "accounts": sorted(map(account_tokens, self.accounts)),
                "ready": sorted(map(account_tokens, self.ready)),
                "joining": self.is_joining,
                "leaving": self.is_leaving,
                "gone": self.is_gone,
            }
        )

    @classmethod
    def decode(cls, message: bytes) -> "Beat":
        """Return what a message says.

        Raises:
            DecodeError: it is none of this version.
        """
        try:
            document: Any = orjson.loads(message)
            if document["v"] != VERSION:
                raise DecodeError("beat", "/v", f"expected {VERSION}, was {document['v']!r}")
            return cls(
                gateway=str(document["gateway"]),
                instance=str(document["instance"]),
                accounts=frozenset(map(parse_account_tokens, document["accounts"])),
                ready=frozenset(map(parse_account_tokens, document["ready"])),
                is_joining=document["joining"] is True,
                is_leaving=document["leaving"] is True,
                is_gone=document["gone"] is True,
            )
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
            raise DecodeError("beat", "/", f"expected the object that gateways tell, {error}") from error


@dataclass(slots=True)
class _Peer:
    beat: Beat
    message: bytes
    heard_s: float


@dataclass(slots=True)
class Peers:
    """Who is there. Without I/O or clock: `now_s` is the caller's, in seconds, and never goes back.

    A gateway counts as silent when nothing was heard of it for `doubt_s` seconds in which our own beats came back to us:
    a connection that stands still says nothing about others.

    Attributes:
        instance: our own.
        doubt_s: silence after which a gateway may be gone.
        beat_s: time between two beats.
        began_s: when we began to listen.
        changed_s: when somebody came, went or changed what it can hold.
    """

    instance: str
    doubt_s: float
    beat_s: float
    began_s: float
    changed_s: float = 0.0
    _peers: dict[str, _Peer] = field(default_factory=dict)
    _echo_s: float = 0.0
    _is_leaving: bool = False
    _present: frozenset[str] = frozenset()
    _firsts: dict[Account, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._echo_s = self.began_s
        self.changed_s = self.began_s

    def hear(self, message: bytes, now_s: float) -> Beat:
        """Take a beat, our own among them, and return it.

        Raises:
            DecodeError: it is none.
        """
        beat = self._decode(message)
        if beat.instance == self.instance:
            if now_s - self._echo_s > self.doubt_s / 2:
                self._forgive(now_s)
            self._echo_s = now_s
        known = self._peers.get(beat.instance)
        if beat.is_gone:
            if self._peers.pop(beat.instance, None) is not None:
                self._note_change(now_s)
            return beat
        self._peers[beat.instance] = _Peer(beat, message, now_s)
        if known is None or _standing(known.beat) != _standing(beat):
            self._note_change(now_s)
        return beat

    def _decode(self, message: bytes) -> Beat:
        for peer in self._peers.values():  # most say what they said before
            if peer.message == message:
                return peer.beat
        return Beat.decode(message)

    def _forgive(self, now_s: float) -> None:
        """Count nobody's silence while we ourselves were deaf."""
        self.began_s = now_s
        for peer in self._peers.values():
            peer.heard_s = now_s

    def _note_change(self, now_s: float) -> None:
        self.changed_s = now_s
        self._firsts.clear()

    def leave(self, now_s: float) -> None:
        """Count ourselves out from now on; the others hear of it by our next beat."""
        self._is_leaving = True
        self._note_change(now_s)

    def update(self, now_s: float) -> None:
        """Look who has fallen silent, or is back. `first` and `is_silent` answer by the last update."""
        until_s = self._until_s(now_s)
        present = frozenset(
            instance for instance, peer in self._peers.items() if until_s - peer.heard_s <= self.doubt_s
        )
        if present == self._present:
            return
        self._present = present
        self._note_change(now_s)
        for instance, peer in list(self._peers.items()):
            if until_s - peer.heard_s > _FORGET_S:
                del self._peers[instance]

    def _until_s(self, now_s: float) -> float:
        # Between two echoes of ours time is taken to pass for all alike; beyond that it stands still.
        return min(now_s, self._echo_s + 2 * self.beat_s)

    @property
    def names(self) -> list[str]:
        """Names of the gateways that are there, sorted; ours among them once we have heard ourselves."""
        return sorted(self._peers[instance].beat.gateway for instance in self._present & self._peers.keys())

    def get(self, instance: str) -> Beat | None:
        """Return what a gateway said last, None if it was never heard or is forgotten."""
        peer = self._peers.get(instance)
        return None if peer is None else peer.beat

    def is_silent(self, instance: str, now_s: float) -> bool:
        """Return whether a gateway may be gone. One never heard of is given the time of two beats since we began."""
        if instance in self._peers:
            return instance not in self._present
        return self._until_s(now_s) - self.began_s > 2 * self.beat_s

    def first(self, account: Account) -> Beat | None:
        """Return who is to own the account: the first in its order of those that are there and stay.

        Those that have its key come before all others; one that has none can only say so.
        """
        if account not in self._firsts:
            beats = [self._peers[instance].beat for instance in self._present & self._peers.keys()]
            first = _first(account, [beat for beat in beats if not self._leaves(beat)])
            self._firsts[account] = None if first is None else first.instance
        instance = self._firsts[account]
        return None if instance is None else self._peers[instance].beat

    def _leaves(self, beat: Beat) -> bool:
        return beat.is_leaving or (self._is_leaving and beat.instance == self.instance)


def _standing(beat: Beat) -> tuple[object, ...]:
    """Return what decides about ownership."""
    return beat.gateway, beat.accounts, beat.is_leaving


def _first(account: Account, beats: Iterable[Beat]) -> Beat | None:
    candidates = list(beats)
    holders = [beat for beat in candidates if account in beat.accounts] or candidates
    if not holders:
        return None
    name = ranked(account_tokens(account), {beat.gateway for beat in holders})[0]
    return min((beat for beat in holders if beat.gateway == name), key=lambda beat: beat.instance)
