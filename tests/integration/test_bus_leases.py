"""Leases on a real broker: one holder at a time, through expiry, release, a restart of the broker and its absence."""

import asyncio

import pytest

from fillwire.bus.buckets import LEASES, Bucket, Entry
from fillwire.bus.connection import Bus
from fillwire.bus.leases import Lease, Leases
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.errors import BrokerError
from support.broker import ConnectBus
from support.eventually import eventually

KEY = "alice.binance.live"


def _lease(bus: Bus, owner: bytes, ttl_s: float = 2.0) -> Lease:
    return Leases(Bucket(bus, LEASES, timeout_s=1.0), owner, ttl_s=ttl_s).lease(KEY)


async def test_one_of_many_that_ask_at_once_gets_it(bus: Bus, connect_bus: ConnectBus) -> None:
    """Ten processes ask at the same moment: one holds it, and knows; the others know that they do not."""
    leases = [_lease(await connect_bus(f"gateway-{number}"), b"%d" % number) for number in range(10)]
    held = await asyncio.gather(*(lease.acquire() for lease in leases))
    assert sum(held) == 1
    assert [lease.is_held for lease in leases] == held
    assert await Bucket(bus, LEASES).get(KEY) is not None


async def test_a_renewed_lease_stays_and_an_abandoned_one_expires(bus: Bus, connect_bus: ConnectBus) -> None:
    """The holder ceases to believe before another can have it; the fencing token grows with the change."""
    first, second = _lease(bus, b"first"), _lease(await connect_bus("second"), b"second")
    assert await first.acquire()
    fence = first.fence
    assert fence is not None
    for _ in range(3):
        assert await first.renew()
        assert not await second.acquire()
    assert first.fence == fence
    assert first.left_s > 1.0

    async def is_taken() -> bool:
        believed = first.is_held
        taken = await second.acquire()
        assert not (taken and believed and first.is_held)
        return taken

    await eventually(is_taken, 10.0)
    assert not first.is_held
    assert second.fence is not None
    assert second.fence > fence
    assert not await first.renew()


async def test_a_released_lease_is_free_at_once(bus: Bus, connect_bus: ConnectBus) -> None:
    """Who releases believes no longer, and whoever watches hears of it and gets it over the marker."""
    first, second = _lease(bus, b"first", 60.0), _lease(await connect_bus("second"), b"second", 60.0)
    told: list[bytes | None] = []

    async def note(entry: Entry) -> None:
        told.append(entry.value)

    watch = await Leases(Bucket(bus, LEASES), b"watcher", ttl_s=2.0).watch("*.binance.*", note)
    assert await first.acquire()
    await eventually(lambda: told == [b"first"])  # what is replaced before it was delivered is not told
    await first.release()
    assert not first.is_held
    await eventually(lambda: told == [b"first", None])
    assert await second.acquire()
    await first.release()  # not ours any more: the other's stays
    assert await second.renew()
    await watch.stop()


async def test_what_was_stored_without_an_answer_is_found_again(bus: Bus) -> None:
    """A process that never heard that it got the lease gets it with the next call."""
    lost, again = _lease(bus, b"gateway", 60.0), _lease(bus, b"gateway", 60.0)
    assert await lost.acquire()  # as if the answer had not come
    assert await again.acquire()
    assert again.is_held


async def test_nobody_believes_longer_than_the_broker_was_heard(
    bus: Bus, broker: EmbeddedServer, connect_bus: ConnectBus
) -> None:
    """While the broker is away a renewal prolongs nothing; after its return whoever asks first has it."""
    first, second = _lease(bus, b"first"), _lease(await connect_bus("second"), b"second")
    assert await first.acquire()
    await broker.kill()
    left_s = first.left_s
    with pytest.raises(BrokerError):
        await first.renew()
    assert first.left_s < left_s
    await eventually(lambda: not first.is_held, 5.0)
    await broker.start()

    async def is_taken() -> bool:
        try:
            return await second.acquire()
        except BrokerError:
            return False

    await eventually(is_taken, 20.0)
    assert not first.is_held


async def test_a_lease_survives_a_short_restart_of_the_broker(bus: Bus, broker: EmbeddedServer) -> None:
    """The broker keeps what it was told: after its return the holder renews, under the same fencing token."""
    lease = _lease(bus, b"gateway", 30.0)
    assert await lease.acquire()
    fence = lease.fence
    await broker.kill()
    await broker.start()

    async def is_renewed() -> bool:
        try:
            return await lease.renew() and lease.left_s > 28.0
        except BrokerError:
            return False

    await eventually(is_renewed, 20.0)
    assert lease.fence == fence
