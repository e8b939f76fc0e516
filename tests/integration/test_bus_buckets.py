"""Buckets against a real broker: values, expiry, conditional writes, and watches that outlive everything."""

import asyncio
from typing import Any

import pytest

from fillwire.bus import api
from fillwire.bus.buckets import DESIRED, LEASES, STATUS, Bucket, BucketDefinition, Entry, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.durables import create_consumer, delete_consumer
from fillwire.bus.errors import ApiRefused, RevisionConflict
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.errors import BrokerError, ConfigError
from support.broker import ConnectBus
from support.eventually import eventually


class Watcher:
    """Keeps what a watch tells, in order, as key and value."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bytes | None]] = []

    async def __call__(self, entry: Entry) -> None:
        """Keep the entry."""
        self.told.append((entry.key, entry.value))


async def test_value_is_read_back_and_overwritten(bus: Bus) -> None:
    """The last value of a key counts; revisions grow; an unknown key holds nothing."""
    bucket = Bucket(bus, DESIRED)
    assert await bucket.get("alice.binance.live") is None
    first = await bucket.put("alice.binance.live", b"1")
    second = await bucket.put("alice.binance.live", b"2")
    assert second > first
    assert await bucket.get("alice.binance.live") == Entry("alice.binance.live", b"2", second)


async def test_deleted_key_holds_nothing(bus: Bus) -> None:
    """Reading, listing and snapshots agree; deleting what is not there is no error."""
    bucket = Bucket(bus, DESIRED)
    await bucket.put("a.b", b"1")
    await bucket.put("a.c", b"2")
    await bucket.put("x.c", b"3")
    await bucket.delete("a.b")
    await bucket.delete("never.there")
    assert await bucket.get("a.b") is None
    assert await bucket.keys() == ["a.c", "x.c"]
    assert await bucket.keys("a.*") == ["a.c"]
    assert {key: entry.value for key, entry in (await bucket.snapshot()).items()} == {
        "a.c": b"2",
        "x.c": b"3",
    }


async def test_snapshot_of_nothing_is_empty(bus: Bus) -> None:
    """An empty bucket is answered at once."""
    assert await asyncio.wait_for(Bucket(bus, DESIRED).snapshot(), 3) == {}


async def test_snapshot_of_many_keys_is_whole(bus: Bus) -> None:
    """There is no limit on the number of keys."""
    bucket = Bucket(bus, STATUS)
    for start in range(0, 2000, 100):
        await asyncio.gather(
            *(bucket.put(f"user-{number}.x", b"%d" % number) for number in range(start, start + 100))
        )
    entries = await bucket.snapshot()
    assert {key: entry.value for key, entry in entries.items()} == {
        f"user-{number}.x": b"%d" % number for number in range(2000)
    }


async def test_expiry_is_seen_by_reader_and_watcher(bus: Bus) -> None:
    """A value written with a lifetime goes by itself, and whoever watches is told; a renewed one stays."""
    bucket, watcher = Bucket(bus, LEASES), Watcher()
    await bucket.put("gw.0", b"a", ttl_s=1)
    await bucket.put("gw.1", b"b", ttl_s=0.2)  # rounded up to a second
    await bucket.put("gw.2", b"c", ttl_s=60)
    await bucket.put("gw.3", b"d")
    watch = await bucket.watch("gw.*", watcher)
    assert sorted(watcher.told) == [("gw.0", b"a"), ("gw.1", b"b"), ("gw.2", b"c"), ("gw.3", b"d")]
    watcher.told.clear()
    await eventually(lambda: sorted(watcher.told) == [("gw.0", None), ("gw.1", None)], deadline_s=5)
    assert await bucket.get("gw.0") is None
    assert await bucket.keys() == ["gw.2", "gw.3"]
    await watch.stop()


async def test_conditional_write_succeeds_for_one(bus: Bus, connect_bus: ConnectBus) -> None:
    """Of two who write over the same revision one is refused, also over an expired key."""
    mine, other = Bucket(bus, LEASES), Bucket(await connect_bus("other"), LEASES)
    revision = await mine.put("gw.0", b"mine", ttl_s=1, expected_revision=0)
    with pytest.raises(
        RevisionConflict, match=r"key gw\.0 of bucket LEASES has changed: expected revision 0"
    ):
        await other.put("gw.0", b"other", expected_revision=0)
    revision = await mine.put("gw.0", b"mine", ttl_s=1, expected_revision=revision)
    with pytest.raises(RevisionConflict):
        await other.delete("gw.0", expected_revision=revision - 1)

    async def is_gone() -> bool:
        return await other.get("gw.0") is None

    await eventually(is_gone, deadline_s=5)
    marker = await other.revision("gw.0")
    assert marker > revision
    await other.put("gw.0", b"other", expected_revision=marker)
    with pytest.raises(RevisionConflict):
        await mine.put("gw.0", b"mine", expected_revision=revision)
    assert await mine.revision("never.there") == 0


async def test_watch_tells_changes_in_order_and_of_its_pattern_only(bus: Bus) -> None:
    """First what is there, then each change; other keys and repeated deletions are not told."""
    bucket, watcher = Bucket(bus, DESIRED), Watcher()
    await bucket.put("alice.binance.live", b"1")
    await bucket.put("alice.coinbase.live", b"not ours")
    watch = await bucket.watch("*.binance.>", watcher)
    assert watcher.told == [("alice.binance.live", b"1")]
    await bucket.put("bob.binance.live", b"2")
    await bucket.put("bob.coinbase.live", b"not ours")
    await bucket.put("alice.binance.live", b"3")
    await bucket.delete("bob.binance.live")
    await bucket.delete("bob.binance.live")
    await bucket.put("carol.binance.live", b"4")
    await eventually(lambda: len(watcher.told) == 5)
    assert watcher.told[1:] == [
        ("bob.binance.live", b"2"),
        ("alice.binance.live", b"3"),
        ("bob.binance.live", None),
        ("carol.binance.live", b"4"),
    ]
    await watch.stop()
    await bucket.put("alice.binance.live", b"5")
    assert await bus.is_healthy()
    assert len(watcher.told) == 5


async def test_watch_survives_the_broker_and_tells_what_changed_meanwhile(
    broker: EmbeddedServer, bus: Bus, connect_bus: ConnectBus
) -> None:
    """After a kill the watch tells the difference only: what is new, what changed, what has gone."""
    other = Bucket(await connect_bus("other"), DESIRED)
    bucket, watcher = Bucket(bus, DESIRED), Watcher()
    for key in ("same", "changed", "gone"):
        await other.put(key, b"before")
    watch = await bucket.watch(">", watcher)
    assert len(watcher.told) == 3
    watcher.told.clear()
    closing = watch._close

    async def change_while_it_is_deaf() -> None:
        await closing()
        await other.put("changed", b"after")
        await other.put("new", b"after")
        await other.delete("gone")

    watch._close = change_while_it_is_deaf  # type: ignore[method-assign]  # to have the changes fall into the gap
    await broker.kill()
    await broker.start()
    await eventually(lambda: len(watcher.told) >= 3)
    watch._close = closing  # type: ignore[method-assign]
    await other.put("same", b"later")
    await eventually(lambda: watcher.told[-1] == ("same", b"later"))
    assert sorted(watcher.told[:-1], key=lambda told: told[0]) == [
        ("changed", b"after"),
        ("gone", None),
        ("new", b"after"),
    ]
    await watch.stop()


async def test_watch_reads_everything_again_now_and_then(bus: Bus) -> None:
    """A change that was never told is found by the next reading, and told once; what is unchanged is not repeated."""
    bucket, watcher = Bucket(bus, DESIRED), Watcher()
    await bucket.put("kept", b"1")
    await bucket.put("purged", b"2")
    watch = await bucket.watch(">", watcher, resync_s=0.2)
    assert len(watcher.told) == 2
    await api.call(bus, "STREAM.PURGE.KV_DESIRED", {"filter": "$KV.DESIRED.purged"})  # leaves no marker
    await eventually(lambda: len(watcher.told) == 3)
    names = {watch._name}

    def has_read_twice_more() -> bool:
        names.add(watch._name)
        return len(names) > 3

    await eventually(has_read_twice_more)
    assert watcher.told == [("kept", b"1"), ("purged", b"2"), ("purged", None)]
    await watch.stop()


async def test_watch_reads_again_after_a_reconnect(bus: Bus) -> None:
    """What the broker sent to a connection that was lost is not lost: everything is read anew."""
    bucket, watcher = Bucket(bus, DESIRED), Watcher()
    watch = await bucket.watch(">", watcher)
    before = watch._name
    await bus.nc.force_reconnect()
    await eventually(lambda: watch._name != before, deadline_s=5)
    await bucket.put("a", b"1")
    await eventually(lambda: watcher.told == [("a", b"1")])
    await watch.stop()


async def test_watch_whose_consumer_is_deleted_goes_on(bus: Bus) -> None:
    """Somebody who cleans up consumers does not blind a gateway."""
    bucket, watcher = Bucket(bus, DESIRED), Watcher()
    watch = await bucket.watch(">", watcher)
    await api.call(bus, f"CONSUMER.DELETE.KV_DESIRED.{watch._name}")
    await bucket.put("a", b"1")
    await eventually(lambda: watcher.told == [("a", b"1")])
    await watch.stop()


async def test_watch_whose_consumer_goes_before_it_has_told_anything_begins_anew(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it may while a leader is being chosen: the first reading is repeated, not waited for until the deadline."""
    bucket, watcher = Bucket(bus, DESIRED), Watcher()
    await bucket.put("a", b"1")
    names: list[str] = []

    async def create(on: Bus, stream: str, name: str, config: dict[str, Any]) -> dict[str, Any]:
        info = await create_consumer(on, stream, name, config)
        if not names:
            assert await delete_consumer(on, stream, name)
        names.append(name)
        return info

    monkeypatch.setattr("fillwire.bus.watching.create_consumer", create)
    watch = await bucket.watch(">", watcher)
    assert watcher.told == [("a", b"1")]
    await watch.stop()
    assert len(names) == 2


async def test_failing_watcher_hears_the_next_change(bus: Bus) -> None:
    """What the handler raises is logged; one bad entry hides no other."""
    bucket, told = Bucket(bus, DESIRED), list[str]()

    async def handle(entry: Entry) -> None:
        if entry.value == b"bad":
            raise ValueError("a bug")
        told.append(entry.key)

    await bucket.put("a", b"bad")
    watch = await bucket.watch(">", handle)
    await bucket.put("b", b"good")
    await eventually(lambda: told == ["b"])
    await watch.stop()


async def test_stopped_watch_leaves_neither_task_nor_consumer(bus: Bus) -> None:
    """Watches come and go without remains, here and at the broker."""
    await bus.request("$JS.API.INFO", b"", 5)
    before = asyncio.all_tasks()
    watch = await Bucket(bus, DESIRED).watch(">", Watcher())
    assert (await api.call(bus, "STREAM.INFO.KV_DESIRED"))["state"]["consumer_count"] == 1
    await watch.stop()
    await watch.stop()
    assert (await api.call(bus, "STREAM.INFO.KV_DESIRED"))["state"]["consumer_count"] == 0
    assert asyncio.all_tasks() == before


async def test_absent_bucket_is_an_error_not_an_empty_one(connect_bus: ConnectBus) -> None:
    """Nothing is mistaken for "no leases" because the bucket was never made."""
    bucket = Bucket(await connect_bus(), LEASES)
    with pytest.raises(BrokerError):
        await bucket.get("a")
    with pytest.raises(BrokerError):
        await bucket.put("a", b"")
    with pytest.raises(BrokerError):
        await bucket.snapshot()


@pytest.mark.parametrize("key", ["", "a b", "a..b", ".a", "a.", "a.*", ">", "ä", "a\r\nb"])
async def test_malformed_key_is_refused(bus: Bus, key: str) -> None:
    """A key is made of escaped tokens; everything else is an error before anything is sent."""
    bucket = Bucket(bus, DESIRED)
    with pytest.raises(ConfigError, match="expected tokens"):
        await bucket.put(key, b"")
    with pytest.raises(ConfigError, match="expected tokens"):
        await bucket.get(key)


async def test_lifetime_must_be_positive(bus: Bus) -> None:
    """Zero would mean for ever to some and at once to others."""
    with pytest.raises(ConfigError, match="expected a positive number, was 0"):
        await Bucket(bus, LEASES).put("a", b"", ttl_s=0)


async def test_full_bucket_refuses_and_keeps_what_it_has(connect_bus: ConnectBus) -> None:
    """A bucket never drops a key to make room for another."""
    bus = await connect_bus()
    small = BucketDefinition(name="SMALL", description="", max_bytes=4096, max_value_bytes=3000)
    await ensure_buckets(bus, definitions=[small])
    bucket = Bucket(bus, small)
    await bucket.put("a", bytes(2000))
    with pytest.raises(ApiRefused, match="write of b to bucket SMALL refused"):
        await bucket.put("b", bytes(2500))
    assert await bucket.keys() == ["a"]
