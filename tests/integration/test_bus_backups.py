"""All streams and buckets out of a broker and into another one: nothing lost, nothing twice, nothing half."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from fillwire.bus import api, backups
from fillwire.bus.backups import LIST_NAME, Backup, make_backup, read_backup, restore_backup, stream_names
from fillwire.bus.buckets import BOOKS, BUCKETS, DECISIONS, STATUS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.durables import ensure_consumer
from fillwire.bus.guard import DuplicateGuard
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.snapshots import State, restore_snapshot
from fillwire.bus.stored import StoredIds
from fillwire.bus.streams import STREAMS, ensure_streams
from fillwire.domain.errors import BrokerError, ConfigError
from support.broker_proxy import broker_proxy
from support.consuming import Bot, consumer_info, publish_numbers, pull_loop
from support.eventually import eventually


async def nothing() -> None:
    """Finish a restore that has nothing else to do."""


async def restored(bus: Bus, directory: Path) -> Backup:
    """Restore a directory and return what was read of it."""
    backup = read_backup(directory)
    await restore_backup(bus, backup, 1, nothing)
    return backup


@asynccontextmanager
async def empty_broker(tmp_path: Path) -> AsyncIterator[Bus]:
    """A connection to a broker that has nothing, as after the loss of a disk."""
    async with (
        EmbeddedServer(tmp_path / "another") as server,
        await Bus.connect(server.url, name="another") as bus,
    ):
        yield bus


async def test_everything_comes_back_as_it_was(bus: Bus, tmp_path: Path) -> None:
    """Messages with their sequences and ids, where consumers stand, and what buckets hold with its revisions."""
    bot = Bot()
    await publish_numbers(bus, 0, 300)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_policy="all")
    async with pull_loop(bus, bot):
        await eventually(lambda: len(bot.bodies) == 300)
    await publish_numbers(bus, 300, 50)
    await eventually(lambda: acknowledged(bus, 300))
    revision = await Bucket(bus, BOOKS).put("alice.grid", b"book")
    made = await make_backup(bus, tmp_path / "backup", "0.1.0")
    assert [archive.name for archive in made.archives] == stream_names()
    assert read_backup(tmp_path / "backup") == made
    async with empty_broker(tmp_path) as other:
        await restored(other, tmp_path / "backup")
        assert await names(other) == await names(bus)
        before, after = await info(bus, "ORDERS"), await info(other, "ORDERS")
        assert after["state"] == before["state"] | {"consumer_count": 1}
        assert after["config"] == before["config"]
        entry = await Bucket(other, BOOKS).look("alice.grid")
        assert (entry.value, entry.revision) == (b"book", revision)
        await tell_again(other, range(340, 360), b"%d")
        later = Bot()
        async with pull_loop(other, later):
            await eventually(lambda: len(later.bodies) == 60)
        assert [int(body) for body in later.bodies] == list(range(300, 360))
        await ensure_streams(other)  # what services do at their start


async def tell_again(bus: Bus, numbers: Iterable[int], body: bytes) -> None:
    """Publish as a gateway does what it finds at the exchange after a restore: some of it is in the log."""
    now_ns = time.time_ns()
    stored = StoredIds(bus)
    guard = DuplicateGuard(stored, 600.0, lambda _: "orders.alice.>", forgotten_before_ns=now_ns)
    async with OrderedPublisher(bus, guard=guard) as publisher:
        for number in numbers:
            publisher.submit("key", "orders.alice.x", body % number, f"id-{number}", since_ns=now_ns - 10**9)
        assert await publisher.flush(20) == 0


async def info(bus: Bus, stream: str) -> dict[str, dict[str, object]]:
    """Return what the broker says of a stream."""
    return await api.call(bus, f"STREAM.INFO.{stream}")


async def names(bus: Bus) -> set[str]:
    """Return the names of all streams."""
    return set((await api.call(bus, "STREAM.NAMES"))["streams"] or [])


async def acknowledged(bus: Bus, count: int) -> bool:
    """Return whether the bot's durable has taken note of so many acknowledgements."""
    return bool((await consumer_info(bus))["ack_floor"]["stream_seq"] == count)


async def test_a_backup_under_traffic_has_no_gap(bus: Bus, tmp_path: Path) -> None:
    """A stream that is written and read while it is archived comes back up to a point, and its consumer goes on there."""
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_policy="all")
    bot = Bot()
    stored = 0
    is_over = asyncio.Event()

    async def write() -> None:
        nonlocal stored
        async with OrderedPublisher(bus) as publisher:
            while not is_over.is_set():
                for _ in range(50):
                    publisher.submit(
                        f"key-{stored % 40}",
                        "orders.alice.x",
                        b"%d %b" % (stored, os.urandom(900)),
                        f"id-{stored}",
                    )
                    stored += 1
                assert await publisher.flush(20) == 0

    async with pull_loop(bus, bot), asyncio.TaskGroup() as group:
        group.create_task(write())
        await eventually(lambda: len(bot.bodies) > 3000, 30)
        await make_backup(bus, tmp_path / "backup", "0.1.0")
        await eventually(lambda: stored > 3500, 30)
        is_over.set()
    async with empty_broker(tmp_path) as other:
        await restored(other, tmp_path / "backup")
        state = (await info(other, "ORDERS"))["state"]
        last = int(str(state["last_seq"]))
        assert 3000 < last == state["messages"]
        floor = (await consumer_info(other))["ack_floor"]["stream_seq"]
        assert floor <= last
        await tell_again(other, range(last - 20, last + 100), b"%d -")
        later = Bot()
        async with pull_loop(other, later):
            await eventually(lambda: len(later.bodies) == last + 100 - floor, 20)
        assert [int(body.split()[0]) for body in later.bodies] == list(range(floor, last + 100))


async def test_nothing_is_overwritten(bus: Bus, tmp_path: Path) -> None:
    """Neither a directory by a backup, nor a stream by a restore; what is there stays as it is."""
    (tmp_path / "taken").mkdir()
    with pytest.raises(ConfigError, match="taken exists: expected a directory that is to be made"):
        await make_backup(bus, tmp_path / "taken", "0.1.0")
    await make_backup(bus, tmp_path / "backup", "0.1.0")
    await publish_numbers(bus, 0, 3)
    with pytest.raises(ConfigError, match="the broker has stream ALERTS already"):
        await restored(bus, tmp_path / "backup")
    assert (await info(bus, "ORDERS"))["state"]["messages"] == 3


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lambda d: (d / "ORDERS.archive").write_bytes((d / "ORDERS.archive").read_bytes()[:-9]),
            "ORDERS.archive has",
        ),
        (lambda d: flip(d / "ORDERS.archive"), "ORDERS.archive has another checksum"),
        (lambda d: (d / "KV_BOTS.archive").unlink(), "KV_BOTS.archive cannot be read, No such file"),
        (
            lambda d: (d / LIST_NAME).write_bytes((d / LIST_NAME).read_bytes()[:-9]),
            "is not what a backup writes",
        ),
        (lambda d: (d / LIST_NAME).unlink(), "is no backup: backup.json cannot be read"),
        (lambda d: rewrite(d / LIST_NAME, format=2), "has format 2: expected 1"),
        (lambda d: rewrite(d / LIST_NAME, streams=[{"name": "../../etc"}]), "is not what a backup writes"),
    ],
    ids=["truncated", "altered", "missing", "list truncated", "no list", "newer", "foreign"],
)
async def test_a_broken_backup_is_refused(bus: Bus, tmp_path: Path, spoil: object, sentence: str) -> None:
    """In one sentence, from reading it alone: no broker has been touched by then."""
    await publish_numbers(bus, 0, 100)
    await make_backup(bus, tmp_path / "backup", "0.1.0")
    assert callable(spoil)
    spoil(tmp_path / "backup")
    with pytest.raises(ConfigError, match=sentence) as refused:
        read_backup(tmp_path / "backup")
    assert "\n" not in str(refused.value)


def flip(path: Path) -> None:
    """Alter one byte in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def rewrite(path: Path, **changes: object) -> None:
    """Alter the list."""
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | changes))


async def test_a_restore_that_fails_leaves_nothing(bus: Bus, tmp_path: Path) -> None:
    """What was made before an archive that the broker refuses is deleted, and so it is where the end fails."""
    await publish_numbers(bus, 0, 10)
    await make_backup(bus, tmp_path / "backup", "0.1.0")
    whole = read_backup(tmp_path / "backup")

    async def fail() -> None:
        raise BrokerError("no mark")

    async with empty_broker(tmp_path) as other:
        with pytest.raises(BrokerError, match="no mark"):
            await restore_backup(other, whole, 1, fail)
        assert await names(other) == set()
        flip(whole.directory / "ORDERS.archive")  # after it was read
        with pytest.raises(BrokerError, match="restoring stream ORDERS refused by the broker"):
            await restore_backup(other, whole, 1, nothing)
        assert await names(other) == set()


async def test_what_is_broken_off_leaves_nothing(bus: Bus, tmp_path: Path) -> None:
    """A person who ends a backup or a restore in the middle of a stream finds neither a directory nor a stream."""
    await publish_numbers(bus, 0, 10)
    place = tmp_path / "place"
    place.mkdir()
    task: asyncio.Task[object]

    def break_off(name: str, _bytes: int) -> None:
        if name == "ORDERS":
            task.cancel()

    task = asyncio.create_task(make_backup(bus, place / "backup", "0.1.0", break_off))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert list(place.iterdir()) == []
    whole = await make_backup(bus, place / "backup", "0.1.0")
    async with empty_broker(tmp_path) as other:
        task = asyncio.create_task(restore_backup(other, whole, 1, nothing, break_off))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await names(other) == set()


async def test_a_backup_that_fails_leaves_nothing(
    bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No directory, and nothing beside it either: not where an archive breaks off, and not on a broker without streams."""
    place = tmp_path / "place"
    place.mkdir()

    async def broken_off(*_: object) -> None:
        raise BrokerError("broken off")

    monkeypatch.setattr(backups, "take_snapshot", broken_off)
    with pytest.raises(BrokerError, match="broken off"):
        await make_backup(bus, place / "backup", "0.1.0")
    assert list(place.iterdir()) == []
    async with empty_broker(tmp_path) as other:
        with pytest.raises(BrokerError, match="the broker has no stream of Fillwire"):
            await make_backup(other, place / "backup", "0.1.0")
    with pytest.raises(ConfigError, match=r"cannot write into .*nowhere: No such file"):
        await make_backup(bus, place / "nowhere" / "backup", "0.1.0")
    assert list(place.iterdir()) == []


async def test_a_backup_whose_connection_is_lost_is_broken_off(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """At once and in words: nobody can know what was on the way."""
    for number in range(14):  # more than the broker sends ahead
        await bus.request(f"orders.alice.x.{number}", os.urandom(900_000), 10.0)
    async with broker_proxy(broker.url) as proxy, await Bus.connect(proxy.url, name="backup") as mine:

        async def interrupt() -> None:
            await proxy.cut()
            await proxy.listen()
            proxy.flow()

        def break_off(name: str, _bytes: int) -> None:
            if name == "ORDERS" and not interrupting:
                proxy.stall()
                interrupting.append(asyncio.create_task(interrupt()))

        interrupting: list[asyncio.Task[None]] = []
        with pytest.raises(
            BrokerError, match="archive of stream ORDERS was broken off: the connection was lost"
        ):
            await make_backup(mine, tmp_path / "backup", "0.1.0", break_off)
        await asyncio.gather(*interrupting)
        assert not (tmp_path / "backup").exists()
        await eventually(mine.is_healthy, 20)
        await make_backup(mine, tmp_path / "backup", "0.1.0")
    assert read_backup(tmp_path / "backup").archives


async def test_a_stream_that_somebody_makes_during_a_restore_is_left_alone(
    bus: Bus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gateway that nobody stopped makes it and writes into it: the restore fails, and takes back what it made, and nothing else."""
    await publish_numbers(bus, 0, 10)
    await make_backup(bus, tmp_path / "backup", "0.1.0")
    async with empty_broker(tmp_path) as other:

        async def late(connection: Bus, stream: str, *rest: Any) -> State:
            if stream == "ORDERS":
                await ensure_streams(connection)
                await publish_numbers(connection, 0, 3)
            return await restore_snapshot(connection, stream, *rest)

        monkeypatch.setattr(backups, "restore_snapshot", late)
        with pytest.raises(BrokerError, match="refused by the broker"):
            await restored(other, tmp_path / "backup")
        assert await names(other) == {stream.name for stream in STREAMS}
        assert (await info(other, "ORDERS"))["state"]["messages"] == 3


@pytest.mark.timeout(120)
async def test_a_cluster_gets_back_what_one_broker_had(
    bus: Bus, broker_cluster: list[EmbeddedServer], tmp_path: Path
) -> None:
    """Streams get as many replicas as are asked for, and a backup of the cluster is as whole."""
    await publish_numbers(bus, 0, 50)
    await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all", ack_policy="all")
    await make_backup(bus, tmp_path / "backup", "0.1.0")
    url = ",".join(server.url for server in broker_cluster)
    async with await Bus.connect(url, name="cluster", deadline_s=30) as cluster:
        await restore_backup(cluster, read_backup(tmp_path / "backup"), 3, nothing)
        found = await info(cluster, "ORDERS")
        assert (found["config"]["num_replicas"], found["state"]["messages"]) == (3, 50)
        bot = Bot()
        async with pull_loop(cluster, bot):
            await eventually(lambda: len(bot.bodies) == 50, 30)
        again = await make_backup(cluster, tmp_path / "again", "0.1.0")
        assert [archive.name for archive in again.archives] == stream_names()
        assert read_backup(tmp_path / "again") == again


def test_what_speaks_of_the_log_is_read_before_it() -> None:
    """A book or a decision of the backup knows nothing that its log does not have."""
    order = stream_names()
    assert set(order) == {each.name for each in STREAMS} | {each.stream for each in BUCKETS}
    assert max(order.index(BOOKS.stream), order.index(DECISIONS.stream)) < order.index("ORDERS")
    assert STATUS.stream in order
