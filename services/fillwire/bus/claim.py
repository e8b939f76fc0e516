"""A lease for as long as a process wants it: taken when it is free, prolonged in time, given up in order."""

import asyncio
import contextlib
from collections.abc import Callable
from random import Random

from fillwire.bus.leases import Lease
from fillwire.domain.errors import BrokerError
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import cancel

_log = get_log(__name__)

RENEWALS = 5  # in one lifetime: four may fail before the lease is lost
_JITTER = 0.2
_RETRY_S = 0.5
_RELEASE_DEADLINE_S = 3.0


class Claim:
    """Keeps one lease.

    Args:
        lease: which one.
        ttl_s: its lifetime.
        random: spreads renewals, so that those of a thousand leases do not come together.
        on_change: called when it was taken or lost.
    """

    def __init__(self, lease: Lease, ttl_s: float, random: Random, on_change: Callable[[], None]) -> None:
        self._lease = lease
        self._every_s = ttl_s / RENEWALS
        self._random = random
        self._on_change = on_change
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.is_unanswered = False
        """Whether the broker did not answer the last attempt."""

    @property
    def is_held(self) -> bool:
        """Whether the lease is certainly ours at this moment."""
        return self._lease.is_held

    @property
    def fence(self) -> int | None:
        """See `Lease.fence`."""
        return self._lease.fence

    def lasts(self, seconds: float) -> bool:
        """Return whether the lease is certainly ours for so long."""
        return self._lease.left_s > seconds

    def start(self) -> None:
        """Begin to want the lease. Idempotent."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep(), name=f"lease {self._lease.key}")

    def nudge(self) -> None:
        """Try at once: the lease may be free."""
        self._nudged.set()

    async def stop(self) -> None:
        """Want it no longer, and let others have it. Idempotent."""
        task, self._task = self._task, None
        if task is None:
            return
        await cancel(task)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RELEASE_DEADLINE_S):
                try:
                    await self._lease.release()
                except BrokerError as error:  # it expires
                    _log.warning("lease_not_released", key=self._lease.key, error=error)
        self._on_change()

    async def _keep(self) -> None:
        was_held = False
        while True:
            try:
                await self._lease.renew()
                self.is_unanswered = False
            except BrokerError as error:
                self.is_unanswered = True
                _log.warning("lease_not_renewed", key=self._lease.key, error=error)
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not leave it without owner
                self.is_unanswered = True
                _log.error("claim_failed", key=self._lease.key, error=error)
            is_held = self._lease.is_held
            if is_held != was_held or self.is_unanswered:
                was_held = is_held
                self._on_change()
            await self._wait()

    async def _wait(self) -> None:
        # While another has it the watch says when that ends; asking again is for the case that it does not.
        every_s = _RETRY_S if self.is_unanswered else self._every_s
        wait_s = every_s * self._random.uniform(1 - _JITTER, 1)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._nudged.wait()
        self._nudged.clear()
