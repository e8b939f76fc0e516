"""The hosts as each of them knows the others: who is there, who has room, whose each bot is to be."""

from dataclasses import dataclass
from typing import Any

import orjson

from fillwire.domain.errors import DecodeError
from fillwire.domain.peers import Peers, Sign, first_of

VERSION = 1
HOSTS = "hosts"
"""First token of the subjects on which hosts hear each other; no stream keeps them."""
SIGNS = f"{HOSTS}.signs"


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSign(Sign):
    """What a host says of itself; see `Sign`.

    Attributes:
        host: its name.
        has_room: whether it may take one more bot.
    """

    host: str
    has_room: bool = True

    @property
    def name(self) -> str:
        """Its name."""
        return self.host

    @property
    def standing(self) -> tuple[object, ...]:
        """What decides about who has which bot."""
        return self.host, self.has_room, self.is_leaving

    def encode(self) -> bytes:
        """Return the message."""
        return orjson.dumps(
            {
                "v": VERSION,
                "host": self.host,
                "instance": self.instance,
                "room": self.has_room,
                "joining": self.is_joining,
                "leaving": self.is_leaving,
                "gone": self.is_gone,
            }
        )

    @classmethod
    def decode(cls, message: bytes) -> "HostSign":
        """Return what a message says.

        Raises:
            DecodeError: it is none of this version.
        """
        try:
            document: Any = orjson.loads(message)
            if document["v"] != VERSION:
                raise DecodeError("host's sign", "/v", f"expected {VERSION}, was {document['v']!r}")
            return cls(
                host=str(document["host"]),
                instance=str(document["instance"]),
                has_room=document["room"] is True,
                is_joining=document["joining"] is True,
                is_leaving=document["leaving"] is True,
                is_gone=document["gone"] is True,
            )
        except (orjson.JSONDecodeError, LookupError, TypeError) as error:
            raise DecodeError("host's sign", "/", f"expected the object that hosts tell, {error}") from error


class HostPeers(Peers[HostSign]):
    """Who is there, and whose each bot is to be."""

    def __init__(self, instance: str, doubt_s: float, beat_s: float, began_s: float) -> None:
        self._firsts: dict[tuple[str, bool], str | None] = {}
        super().__init__(HostSign.decode, instance, doubt_s, beat_s, began_s)

    def _note_change(self, now_s: float) -> None:
        super()._note_change(now_s)
        self._firsts.clear()

    def first(self, key: str, *, has_it: bool) -> str | None:
        """Return the instance of the host that is to have a bot: the first in its order of those that stay and have room.

        Args:
            key: of the bot.
            has_it: whether we have it now, and so have room for it, however full we are.
        """
        if (key, has_it) not in self._firsts:
            candidates = [
                sign for sign in self.staying if sign.has_room or (has_it and sign.instance == self.instance)
            ]
            first = first_of(key, candidates)
            self._firsts[key, has_it] = None if first is None else first.instance
        return self._firsts[key, has_it]


def alive_subject(session: str) -> str:
    """Return the subject on which the host of a session answers for as long as the broker reaches it."""
    return f"{HOSTS}.alive.{session}"
