"""Processes of one kind as each of them knows the others: who is there, who has fallen silent, who comes first.

They tell each other of themselves, some times a second. Silence raises doubt and nothing more: who may act is decided
elsewhere.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fillwire.domain.rendezvous import ranked

# A process that has been silent for so long is forgotten.
_FORGET_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign(ABC):
    """What a process says of itself.

    Attributes:
        instance: tells it from others of the same name.
        is_joining: it has just begun, and wants to hear of the others at once.
        is_leaving: it takes on nothing more.
        is_gone: this is its last word.
    """

    instance: str
    is_joining: bool = False
    is_leaving: bool = False
    is_gone: bool = False

    @property
    @abstractmethod
    def name(self) -> str:
        """Its name, by which it is ranked."""

    @property
    @abstractmethod
    def standing(self) -> tuple[object, ...]:
        """What decides about who has what."""

    @abstractmethod
    def encode(self) -> bytes:
        """Return the message."""


SignT = TypeVar("SignT", bound=Sign)


@dataclass(slots=True)
class _Peer(Generic[SignT]):
    sign: SignT
    message: bytes
    heard_s: float


class Peers(Generic[SignT]):
    """Who is there. Without I/O or clock: `now_s` is the caller's, in seconds, and never goes back.

    A process counts as silent when nothing was heard of it for `doubt_s` seconds in which our own signs came back to us:
    a connection that stands still says nothing about others.

    Args:
        decode: reads a message, or raises `DecodeError`.
        instance: our own.
        doubt_s: silence after which a process may be gone.
        beat_s: time between two signs.
        began_s: when we began to listen.

    Attributes:
        changed_s: when somebody came, went or changed its standing.
    """

    def __init__(
        self, decode: Callable[[bytes], SignT], instance: str, doubt_s: float, beat_s: float, began_s: float
    ) -> None:
        self.instance = instance
        self.changed_s = began_s
        self._decode_message = decode
        self._doubt_s = doubt_s
        self._beat_s = beat_s
        self._began_s = began_s
        self._echo_s = began_s
        self._peers: dict[str, _Peer[SignT]] = {}
        self._present: frozenset[str] = frozenset()
        self._is_leaving = False

    def hear(self, message: bytes, now_s: float) -> SignT:
        """Take a sign, our own among them, and return it.

        Raises:
            DecodeError: it is none.
        """
        sign = self._decode(message)
        if sign.instance == self.instance:
            if now_s - self._echo_s > self._doubt_s / 2:
                self._forgive(now_s)
            self._echo_s = now_s
        known = self._peers.get(sign.instance)
        if sign.is_gone:
            if self._peers.pop(sign.instance, None) is not None:
                self._note_change(now_s)
            return sign
        self._peers[sign.instance] = _Peer(sign, message, now_s)
        if known is None or known.sign.standing != sign.standing:
            self._note_change(now_s)
        return sign

    def _decode(self, message: bytes) -> SignT:
        for peer in self._peers.values():  # most say what they said before
            if peer.message == message:
                return peer.sign
        return self._decode_message(message)

    def _forgive(self, now_s: float) -> None:
        """Count nobody's silence while we ourselves were deaf."""
        self._began_s = now_s
        for peer in self._peers.values():
            peer.heard_s = now_s

    def _note_change(self, now_s: float) -> None:
        self.changed_s = now_s

    def leave(self, now_s: float) -> None:
        """Count ourselves out from now on; the others hear of it by our next sign."""
        self._is_leaving = True
        self._note_change(now_s)

    def update(self, now_s: float) -> None:
        """Look who has fallen silent, or is back. Everything else answers by the last update."""
        until_s = self._until_s(now_s)
        present = frozenset(
            instance for instance, peer in self._peers.items() if until_s - peer.heard_s <= self._doubt_s
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
        return min(now_s, self._echo_s + 2 * self._beat_s)

    @property
    def present(self) -> list[SignT]:
        """What those that are there said last; we are among them once we have heard ourselves."""
        return [self._peers[instance].sign for instance in self._present & self._peers.keys()]

    @property
    def staying(self) -> list[SignT]:
        """The same of those that are not about to leave."""
        return [sign for sign in self.present if not self._leaves(sign)]

    @property
    def names(self) -> list[str]:
        """Names of those that are there, sorted."""
        return sorted(sign.name for sign in self.present)

    def get(self, instance: str) -> SignT | None:
        """Return what a process said last, None if it was never heard or is forgotten."""
        peer = self._peers.get(instance)
        return None if peer is None else peer.sign

    def is_silent(self, instance: str, now_s: float) -> bool:
        """Return whether a process may be gone. One never heard of is given the time of two signs since we began."""
        if instance in self._peers:
            return instance not in self._present
        return self._until_s(now_s) - self._began_s > 2 * self._beat_s

    def _leaves(self, sign: SignT) -> bool:
        return sign.is_leaving or (self._is_leaving and sign.instance == self.instance)


def first_of(key: str, signs: Iterable[SignT]) -> SignT | None:
    """Return whose `key` is to be: the first in its order; of two with one name, the first by instance."""
    candidates = list(signs)
    if not candidates:
        return None
    name = ranked(key, {sign.name for sign in candidates})[0]
    return min((sign for sign in candidates if sign.name == name), key=lambda sign: sign.instance)
