"""The gateways of one exchange as each of them knows the others: what each can hold, and who comes first.

Gateways tell each other of themselves twice a second, by plain messages: no stream has to be written for it, and a
leader election of the streams does not silence them. Silence raises doubt and nothing more: who may send orders is
decided by leases.
"""

from dataclasses import dataclass
from typing import Any

import orjson

from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account
from fillwire.domain.peers import Peers as AnyPeers
from fillwire.domain.peers import Sign, first_of
from fillwire.wire.subjects import account_tokens, parse_account_tokens

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat(Sign):
    """What a gateway says of itself; see `Sign`.

    Attributes:
        gateway: its name.
        accounts: the accounts for which it has a key.
        ready: accounts that it receives without owning them: their owner may hand them over.
        is_reserve: it takes only what no other that has the key can hold, for it is far from the venue.
    """

    gateway: str
    accounts: frozenset[Account] = frozenset()
    ready: frozenset[Account] = frozenset()
    is_reserve: bool = False

    @property
    def name(self) -> str:
        """Its name."""
        return self.gateway

    @property
    def standing(self) -> tuple[object, ...]:
        """What decides about ownership."""
        return self.gateway, self.accounts, self.is_leaving, self.is_reserve

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
                "reserve": self.is_reserve,
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
                is_reserve=document.get("reserve") is True,  # older gateways do not say
            )
        except (orjson.JSONDecodeError, LookupError, TypeError, AttributeError) as error:
            raise DecodeError("beat", "/", f"expected the object that gateways tell, {error}") from error


class Peers(AnyPeers[Beat]):
    """Who is there, and whose each account is to be."""

    def __init__(self, instance: str, doubt_s: float, beat_s: float, began_s: float) -> None:
        self._firsts: dict[Account, str | None] = {}
        super().__init__(Beat.decode, instance, doubt_s, beat_s, began_s)

    def _note_change(self, now_s: float) -> None:
        super()._note_change(now_s)
        self._firsts.clear()

    def first(self, account: Account) -> Beat | None:
        """Return who is to own the account: the first in its order of those that are there and stay.

        Those that have its key come before all others; one that has none can only say so. Of those that have it, a
        reserve comes after all others.
        """
        if account not in self._firsts:
            candidates = self.staying
            holders = [beat for beat in candidates if account in beat.accounts] or candidates
            near = [beat for beat in holders if not beat.is_reserve] or holders
            first = first_of(account_tokens(account), near)
            self._firsts[account] = None if first is None else first.instance
        instance = self._firsts[account]
        return None if instance is None else self.get(instance)
