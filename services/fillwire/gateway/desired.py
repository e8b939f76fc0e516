"""What bots want: which accounts are to be connected, read from the bucket and followed as it changes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from fillwire.bus.buckets import Bucket, Entry
from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account, escape_token
from fillwire.runtime.logs import get_log
from fillwire.wire.subjects import parse_account_tokens

_log = get_log(__name__)

VERSION = 1


@dataclass(frozen=True, slots=True)
class Wish:
    """What one host wants of one account: pairs, `*` for all of them, and how many of its bots listen."""

    pairs: frozenset[str]
    bots: int


def read_wish(value: bytes) -> Wish:
    """Return the wish in a bucket's value.

    Raises:
        DecodeError: it is none of this version.
    """
    try:
        document: Any = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise DecodeError("wish", "/", f"expected JSON, {error}") from error
    if not isinstance(document, dict) or document.get("v") != VERSION:
        raise DecodeError("wish", "/v", f"expected an object of version {VERSION}")
    pairs, bots = document.get("pairs"), document.get("bots")
    if not isinstance(pairs, list) or not all(isinstance(pair, str) for pair in pairs):
        raise DecodeError("wish", "/pairs", "expected a list of texts")
    if not isinstance(bots, int) or isinstance(bots, bool) or bots < 0:
        raise DecodeError("wish", "/bots", f"expected a count, was {bots!r}")
    return Wish(frozenset(pairs), bots)


class Desired:
    """Follows the wishes for one exchange. Acts on the state, not on events: whatever is missed, the next reading mends.

    Args:
        bucket: where hosts write them, with a lifetime.
        exchange: which exchange.
    """

    def __init__(self, bucket: Bucket, exchange: str) -> None:
        self._bucket = bucket
        self._pattern = f"*.{escape_token(exchange)}.*.*"
        self._on_change: Callable[[Account], None] | None = None
        self._wishes: dict[Account, dict[str, Wish]] = {}
        self._stop_watching: Callable[[], Awaitable[None]] | None = None

    async def start(self, on_change: Callable[[Account], None]) -> None:
        """Read the wishes of now, and follow them.

        Args:
            on_change: told of each account of which the wishes have changed.

        Raises:
            BrokerError: they cannot be read.
        """
        self._on_change = on_change
        self._stop_watching = (await self._bucket.watch(self._pattern, self._receive)).stop

    async def stop(self) -> None:
        """Follow them no longer."""
        if self._stop_watching is not None:
            await self._stop_watching()

    def pairs(self, account: Account) -> frozenset[str] | None:
        """Return the pairs that bots of the account listen to, None if no bot listens."""
        wishes = [wish for wish in self._wishes.get(account, {}).values() if wish.bots]
        return frozenset().union(*(wish.pairs for wish in wishes)) if wishes else None

    async def _receive(self, entry: Entry) -> None:
        tokens, _, subscriber = entry.key.rpartition(".")
        try:
            account = parse_account_tokens(tokens)
            wish = None if entry.value is None else read_wish(entry.value)
        except DecodeError as error:
            _log.warning("wish_not_readable", key=entry.key, error=error)
            return
        wishes = self._wishes.setdefault(account, {})
        if wish is None:
            wishes.pop(subscriber, None)
        else:
            wishes[subscriber] = wish
        if not wishes:
            del self._wishes[account]
        if self._on_change is not None:
            self._on_change(account)
