"""What bots want: which accounts are to be connected, read from the bucket and followed as it changes."""

from collections.abc import Awaitable, Callable
from typing import Final

from fillwire.bus.buckets import Bucket, Entry
from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account, escape_token
from fillwire.runtime.alerting import AlertLimiter
from fillwire.runtime.logs import get_log
from fillwire.wire.wishes import Wish, parse_wish_key, read_wish

_log = get_log(__name__)

_SHOWN: Final = 200  # characters of a key that anybody may have written


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
        self._unread: AlertLimiter | None = None

    async def start(self, on_change: Callable[[Account], None]) -> None:
        """Read the wishes of now, and follow them.

        Args:
            on_change: told of each account of which the wishes have changed.

        Raises:
            BrokerError: they cannot be read.
        """
        self._on_change = on_change
        self._unread = AlertLimiter(_tell_unread)
        self._stop_watching = (await self._bucket.watch(self._pattern, self._receive)).stop

    async def stop(self) -> None:
        """Follow them no longer."""
        if self._stop_watching is not None:
            await self._stop_watching()
        if self._unread is not None:
            self._unread.stop()

    def pairs(self, account: Account) -> frozenset[str] | None:
        """Return the pairs that bots of the account listen to, None if no bot listens."""
        wishes = [wish for wish in self._wishes.get(account, {}).values() if wish.bots]
        return frozenset().union(*(wish.pairs for wish in wishes)) if wishes else None

    async def _receive(self, entry: Entry) -> None:
        try:
            account, subscriber = parse_wish_key(entry.key)
            wish = None if entry.value is None else read_wish(entry.value)
        except DecodeError as error:
            if self._unread is not None:  # any tenant can write them by the thousand
                self._unread.raise_("wish", f"{entry.key[:_SHOWN]}: {error}"[: 2 * _SHOWN])
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


def _tell_unread(reason: str) -> None:
    _log.warning("wishes_not_read", reason=reason)
