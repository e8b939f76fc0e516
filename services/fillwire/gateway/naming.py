"""Whose order a name at the venue stands for, where the venue knows orders by names that do not lead back to our ids.

Each client order id is noted in a bucket before its order is sent, whichever gateway sends it (`placements`). The notes are
followed while the account is read, so that an order goes by its own id also after a restart and after a change of owner.
They expire after a day; those of orders that the venue still shows are renewed.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fillwire.bus.buckets import Bucket, Entry
from fillwire.bus.errors import RevisionConflict
from fillwire.domain.errors import BrokerError
from fillwire.domain.identifiers import Account, escape_token, unescape_token
from fillwire.gateway.placements import TTL_S
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import cancel
from fillwire.venues.venue import OrderNames
from fillwire.wire.subjects import account_tokens

if TYPE_CHECKING:
    from fillwire.bus.watching import Watch

_log = get_log(__name__)

# A name is lost only if no gateway renews it for the rest of the day.
RENEW_EVERY_S = 3600.0
_RETRY_S = (0.2, 2.0)


class Naming:
    """Keeps the names of one account's orders known, from `start` to `stop`.

    Args:
        bucket: the notes of what was placed.
        account: whose orders.
        names: takes our ids, and tells which of them the venue shows.
        renew_every_s: time between two renewals, in seconds.
    """

    def __init__(
        self, bucket: Bucket, account: Account, names: OrderNames, *, renew_every_s: float = RENEW_EVERY_S
    ) -> None:
        self._bucket = bucket
        self._account = account
        self._prefix = f"{account_tokens(account)}."
        self._names = names
        self._renew_every_s = renew_every_s
        self._watch: Watch | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Learn the names of what was placed, and follow what is; returns once the broker has told them."""
        delay_s, longest_s = _RETRY_S
        while self._watch is None:
            try:
                self._watch = await self._bucket.watch(f"{self._prefix}*", self._learn)
            except BrokerError as error:
                _log.warning("order_names_not_read", account=str(self._account), error=error)
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, longest_s)
        self._task = asyncio.get_running_loop().create_task(self._renew(), name=f"names {self._account}")

    async def stop(self) -> None:
        """Follow no longer. Idempotent."""
        await cancel(self._task)
        watch, self._watch = self._watch, None
        if watch is not None:
            await watch.stop()

    async def _learn(self, entry: Entry) -> None:
        if entry.value is not None:
            with contextlib.suppress(ValueError):  # nobody's key
                self._names.name(unescape_token(entry.key[len(self._prefix) :]))

    async def _renew(self) -> None:
        """Renew for ever the notes of orders that the venue shows."""
        while True:
            await asyncio.sleep(self._renew_every_s)
            await self._renew_all(self._names.take_shown())

    async def _renew_all(self, client_order_ids: Sequence[str]) -> None:
        for client_order_id in client_order_ids:
            key = f"{self._prefix}{escape_token(client_order_id)}"
            try:
                entry = await self._bucket.get(key)
                if entry is not None and entry.value is not None:
                    await self._bucket.put(key, entry.value, ttl_s=TTL_S, expected_revision=entry.revision)
            except RevisionConflict:  # it was written this moment, and lasts as long
                pass
            except BrokerError as error:
                _log.warning("order_name_not_renewed", key=key, error=error)
