"""Leases: the right to act for something, held by one process at a time, until a moment that both sides can tell.

The broker lets a lease expire its lifetime after the last renewal that it stored. The holder counts the same lifetime
from before it sent that renewal, by a clock of its own that does not stand still while the process does: so it ceases to
believe before anybody else can acquire. A renewal without an answer prolongs nothing.
"""

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from fillwire.bus.buckets import Bucket, Entry
from fillwire.bus.errors import RevisionConflict
from fillwire.bus.watching import Watch

Clock = Callable[[], float]


def elapsed_s() -> float:
    """Return the seconds since some moment, those included in which the machine was suspended, where it says so."""
    if hasattr(time, "CLOCK_BOOTTIME"):  # Linux; the monotonic clock stands still while a machine sleeps
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class LeaseStore(Protocol):
    """Where leases are kept: what `Lease` needs of a `Bucket`."""

    async def look(self, key: str) -> Entry:
        """Return what a key holds, and the revision to name in a conditional write."""

    async def put(
        self, key: str, value: bytes, *, ttl_s: float | None = None, expected_revision: int | None = None
    ) -> int:
        """Write a value that expires, if the key has the expected revision; return its revision."""

    async def delete(self, key: str, *, expected_revision: int | None = None) -> int:
        """Delete a key, if it has the expected revision."""


class Lease:
    """One lease, as one process sees it. Its calls follow one another; none may overlap another.

    Args:
        store: where it is kept.
        key: what it is for.
        owner: who we are, different for every process that ever asks.
        ttl_s: lifetime after each renewal, in seconds; above the longest time for which the broker may stall.
        clock: seconds since some moment.
    """

    def __init__(
        self, store: LeaseStore, key: str, owner: bytes, *, ttl_s: float, clock: Clock = elapsed_s
    ) -> None:
        self.key = key
        self._store = store
        self._owner = owner
        self._ttl_s = ttl_s
        self._clock = clock
        self._revision = 0
        self._until_s = 0.0
        self._fence: int | None = None
        self._may_be_stored = False

    @property
    def left_s(self) -> float:
        """For how long the lease is certainly ours, in seconds; 0.0 if it may be another's."""
        return max(0.0, self._until_s - self._clock())

    @property
    def is_held(self) -> bool:
        """Whether the lease is certainly ours at this moment."""
        return self._clock() < self._until_s

    @property
    def fence(self) -> int | None:
        """Fencing token: grows with every change of the holder; None while the lease is not held."""
        return self._fence if self.is_held else None

    async def acquire(self) -> bool:
        """Take the lease if nobody has it, or prolong our own; return whether it is held.

        Raises:
            BrokerError: no answer, which prolongs nothing; whether the broker has stored it is unknown.
        """
        entry = await self._store.look(self.key)
        if entry.value is not None and entry.value != self._owner:
            self._lose()
            return False
        # What an earlier call stored without hearing of it is ours too.
        await self._write(entry.revision, keeps_fence=entry.value is not None)
        return self.is_held

    async def renew(self) -> bool:
        """Prolong the lease from now on; return whether it is held. Acquires it if it was not; raises as `acquire`."""
        if self._fence is None:
            return await self.acquire()
        if await self._write(self._revision, keeps_fence=True):
            return self.is_held
        return await self.acquire()

    async def release(self) -> None:
        """Give the lease up: it is not held from the call on, and free as soon as the broker has heard of it.

        Raises:
            BrokerError: no answer; it expires by itself.
        """
        self._lose()
        if not self._may_be_stored:
            return
        try:
            await self._store.delete(self.key, expected_revision=self._revision)
        except RevisionConflict:  # a write of ours of which we did not hear, or another's
            entry = await self._store.look(self.key)
            if entry.value == self._owner:
                await self._store.delete(self.key, expected_revision=entry.revision)
        self._may_be_stored = False

    async def _write(self, revision: int, *, keeps_fence: bool) -> bool:
        began_s = self._clock()
        if began_s >= self._until_s:  # another may have had it meanwhile, whose token is greater
            self._fence = None
        self._may_be_stored = True
        try:
            self._revision = await self._store.put(
                self.key, self._owner, ttl_s=self._ttl_s, expected_revision=revision
            )
        except RevisionConflict:
            # Ours by an answer that was lost, or another's: until `_until_s` nobody else can have it.
            return False
        self._until_s = began_s + self._ttl_s
        if not keeps_fence or self._fence is None:
            self._fence = self._revision
        return True

    def _lose(self) -> None:
        self._until_s = 0.0
        self._fence = None


class Leases:
    """The leases of one bucket, for one process.

    Args:
        bucket: where they are kept.
        owner: see `Lease`.
        ttl_s: see `Lease`.
    """

    def __init__(self, bucket: Bucket, owner: bytes, *, ttl_s: float) -> None:
        self.ttl_s = ttl_s
        self._bucket = bucket
        self._owner = owner

    def lease(self, key: str) -> Lease:
        """Return the lease for `key`, which is not held yet."""
        return Lease(self._bucket, key, self._owner, ttl_s=self.ttl_s)

    async def watch(self, pattern: str, handler: Callable[[Entry], Awaitable[None]]) -> Watch:
        """Have `handler` told who holds what, now and with every change; see `Bucket.watch`."""
        return await self._bucket.watch(pattern, handler)
