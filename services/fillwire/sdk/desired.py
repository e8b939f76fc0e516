"""What this process wants gateways to be subscribed to: written into a bucket, renewed, taken back."""

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from fillwire.bus.buckets import DESIRED, Bucket
from fillwire.bus.connection import Bus
from fillwire.domain.errors import BrokerError
from fillwire.domain.identifiers import Account, escape_token
from fillwire.runtime.logs import get_log
from fillwire.wire.subjects import account_tokens
from fillwire.wire.wishes import VERSION

_log = get_log(__name__)

TTL_S = 30.0
RENEW_S = 10.0
_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What one process wants of one account.

    Attributes:
        pairs: sorted; `*` stands for every pair.
        bots: how many bots of the process listen.
    """

    pairs: tuple[str, ...]
    bots: int

    def encode(self) -> bytes:
        """Return the value that is kept in the bucket."""
        return orjson.dumps({"v": VERSION, "pairs": self.pairs, "bots": self.bots})


class Wishes:
    """Keeps the process's wishes alive. A crashed process's expire after half a minute.

    Args:
        bus: the connection.
        subscriber: name of this process among those of the account.
        ttl_s: a wish expires so long after it was last said, in seconds.
        renew_s: how often wishes are said again, in seconds.
    """

    def __init__(self, bus: Bus, subscriber: str, *, ttl_s: float = TTL_S, renew_s: float = RENEW_S) -> None:
        self._bus = bus
        self._bucket = Bucket(bus, DESIRED)
        self._suffix = f".{escape_token(subscriber)}"
        self._ttl_s = ttl_s
        self._renew_s = renew_s
        self._wishes: dict[Account, Wish] = {}
        self._task: asyncio.Task[None] | None = None
        self._nudge = asyncio.Event()

    def start(self) -> None:
        """Begin to renew."""
        self._bus.on_reconnected(self._handle_reconnected)
        self._task = asyncio.get_running_loop().create_task(self._renew(), name="wishes")

    async def stop(self, deadline_s: float = 2.0) -> None:
        """Stop renewing and take everything back; what cannot be taken back before the deadline expires."""
        self._bus.off_reconnected(self._handle_reconnected)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline_s):
                for account in list(self._wishes):
                    await self.want(account, (), 0)

    async def want(self, account: Account, pairs: Iterable[str], bots: int) -> None:
        """Say what is wanted from now on; nothing, when no bot is left. If the broker is away it is said again later."""
        if bots:
            self._wishes[account] = Wish(tuple(sorted(set(pairs))), bots)
        else:
            self._wishes.pop(account, None)
        try:
            await self._say(account)
        except BrokerError as error:
            _log.warning("wish_not_written", account=str(account), error=error)
            self._nudge.set()  # the renewal goes on trying; a wish taken back expires

    async def _say(self, account: Account) -> None:
        key = account_tokens(account) + self._suffix
        wish = self._wishes.get(account)
        if wish is None:
            await self._bucket.delete(key)
        else:
            await self._bucket.put(key, wish.encode(), ttl_s=self._ttl_s)

    async def _handle_reconnected(self) -> None:
        self._nudge.set()

    async def _renew(self) -> None:
        wait_s = self._renew_s
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._nudge.wait()
            self._nudge.clear()
            wait_s = self._renew_s
            for account in list(self._wishes):
                try:
                    await self._say(account)
                except BrokerError as error:
                    _log.warning("wish_not_renewed", account=str(account), error=error)
                    wait_s = min(_RETRY_S, self._renew_s)
