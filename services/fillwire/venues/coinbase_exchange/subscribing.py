"""Which channels a connection to Coinbase Exchange wants, what it asks for to have them, and what the venue says of it.

The account's messages come on `user`, or on `full` for the products that bots listen to, where losses are to be noticed:
only its messages are numbered without gaps. A product is never on neither; that it is on both is a passing state. The venue
has no word for all products, so all are named. `heartbeat` is of one product and of those on `full`: one beat a second
shows that the venue lives, and hundreds would show no more.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson

from fillwire.venues.coinbase_exchange.auth import Signer, timestamp

USER, HEARTBEAT, FULL = "user", "heartbeat", "full"
# A subscription is signed as a request to this.
_METHOD, _TARGET = "GET", "/users/self/verify"
# Products named in one message: the venue limits its size, and does not say how.
_CHUNK = 200
_UNKNOWN_PRODUCT = re.compile(r"(\S+) is not a valid product")

Channels = dict[str, frozenset[str]]
"""Products by channel."""


@dataclass(slots=True)
class Subscriptions:
    """The channels of one connection.

    Args:
        signer: key of the account.
        products: those of the venue.
        followed: those of which every message is wanted.
    """

    signer: Signer
    products: frozenset[str]
    followed: frozenset[str]
    _has: Channels = field(default_factory=dict)
    _asked: Channels = field(default_factory=dict)
    _unknown: frozenset[str] = frozenset()

    @property
    def wanted(self) -> Channels:
        """The channels that the connection should have next: a product leaves one when it is granted on the other."""
        has_user, has_full = self._has.get(USER, frozenset()), self._has.get(FULL, frozenset())
        followed = self.followed & self.products
        full = followed | ((has_full & self.products) - has_user)
        beating = followed or frozenset(sorted(self.products)[:1])
        return {USER: self.products - (followed & has_full), HEARTBEAT: beating, FULL: full}

    @property
    def is_granted(self) -> bool:
        """Whether the venue has acknowledged the account's messages of every product."""
        return bool(self.products) and self.products <= self._granted

    @property
    def _granted(self) -> frozenset[str]:
        return self._has.get(USER, frozenset()) | self._has.get(FULL, frozenset())

    @property
    def is_pending(self) -> bool:
        """Whether the venue has yet to acknowledge what it was asked for."""
        return any(
            self._has.get(channel, frozenset()) != products for channel, products in self._asked.items()
        )

    def ask(self, venue_now_ns: int) -> list[bytes]:
        """Return the messages by which the venue is asked for what is wanted, and told what no longer is.

        None while it has yet to acknowledge the last ones: what a product may leave depends on what it is on.
        """
        if self.is_pending:
            return []
        frames = []
        missing: dict[str, list[str]] = {}
        for channel, products in self.wanted.items():
            asked = self._asked.get(channel, frozenset())
            missing[channel] = sorted(products - asked)
            surplus = sorted(asked - products)
            if surplus:
                entry = {"name": channel, "product_ids": surplus}
                frames.append(orjson.dumps({"type": "unsubscribe", "channels": [entry]}))
            self._asked[channel] = products
        while any(missing.values()):
            entries = [
                {"name": channel, "product_ids": names[:_CHUNK]}
                for channel, names in missing.items()
                if names
            ]
            frames.append(self._subscribe(entries, venue_now_ns))
            missing = {channel: names[_CHUNK:] for channel, names in missing.items()}
        return frames

    def _subscribe(self, channels: list[dict[str, Any]], venue_now_ns: int) -> bytes:
        time = timestamp(venue_now_ns)
        return orjson.dumps(
            {
                "type": "subscribe",
                "channels": channels,
                "signature": self.signer.sign(time, _METHOD, _TARGET),
                "key": self.signer.api_key,
                "passphrase": self.signer.passphrase,
                "timestamp": time,
            }
        )

    def note(self, channels: Iterable[dict[str, Any]]) -> bool:
        """Take all channels of the connection, as the venue has acknowledged them; return whether the account's are whole.

        They are not if one was granted for a product before and no longer is.
        """
        before = self._granted & self.products
        self._has = {channel["name"]: frozenset(channel.get("product_ids") or ()) for channel in channels}
        return before <= self._granted

    def forget(self) -> None:
        """Ask for everything anew."""
        self._asked = {}

    def leave_out(self, said: str) -> bool:
        """Return whether the venue does not know a product, which is left out then; all is asked for again."""
        match = _UNKNOWN_PRODUCT.search(said)
        if match is None or match[1] not in self.products:
            return False
        self._unknown |= {match[1]}
        self.products -= self._unknown
        self._asked = {}
        return True

    def use(self, products: Collection[str], followed: Collection[str]) -> None:
        """Want these products from now on."""
        self.products, self.followed = frozenset(products) - self._unknown, frozenset(followed)
