"""What a bot's position costs a cluster of three, made and at rest: as a durable on every broker or on one, or in the bucket.

A durable is nearly free on one broker; in a cluster each that is replicated is a raft group of its own, with a leader, two
followers and heartbeats. So this is what bounds the number of bots, long before their events do. The bucket is one raft group
for all; what it costs is each writing, which is measured as well.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.brokers import brokers, url_of
from bench.processes import usage
from fillwire.bus.buckets import POSITIONS, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.durables import ensure_consumer
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.sdk.positions import Position, PositionBucket, bot_position_key

DURABLES = 300
KEPT = 10_000  # positions in the bucket
REST_S = 20.0
_SETTLE_S = 5.0
_AT_ONCE = 32
_ROUNDS = 3


class _Cluster:
    def __init__(self, servers: list[EmbeddedServer]) -> None:
        self._pids = [server.pid or 0 for server in servers]

    def kib(self) -> float:
        return sum(usage(pid).rss_mib for pid in self._pids) * 1024

    def cpu_s(self) -> float:
        return sum(usage(pid).cpu_s for pid in self._pids)

    async def cpu_percent(self, seconds: float) -> float:
        """Return the share of a core that all brokers use while nothing happens."""
        before, began = self.cpu_s(), time.monotonic()
        await asyncio.sleep(seconds)  # nothing happens: that is what is measured
        return (self.cpu_s() - before) / (time.monotonic() - began) * 100


async def _make(bus: Bus, count: int, replicas: int) -> float:
    """Make so many durables; return how many a second."""
    began = time.monotonic()
    gate = asyncio.Semaphore(_AT_ONCE)

    async def make(number: int) -> None:
        async with gate:
            await ensure_consumer(
                bus,
                "ORDERS",
                f"bot-{number}",
                [f"orders.user-{number}.>"],
                ack_policy="all",
                replicas=replicas,
            )

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(make(number))
    return count / (time.monotonic() - began)


async def _keep(bus: Bus, count: int, sequence: int) -> float:
    """Write so many positions into the bucket; return how many a second."""
    positions = PositionBucket(bus)
    began = time.monotonic()
    gate = asyncio.Semaphore(_AT_ONCE)

    async def keep(number: int) -> None:
        async with gate:
            position = Position(sequence, time.time_ns(), uuid.uuid4().hex)
            await positions.write(bot_position_key(f"user-{number}", "bot"), position)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(keep(number))
    return count / (time.monotonic() - began)


@asynccontextmanager
async def _running() -> AsyncIterator[tuple[Bus, _Cluster]]:
    """Run a cluster of three with the streams inside the block."""
    with tempfile.TemporaryDirectory(prefix="fillwire-bench-") as name:
        async with AsyncExitStack() as stack:
            servers = await stack.enter_async_context(brokers(Path(name), 3))
            bus = await stack.enter_async_context(
                await Bus.connect(url_of(servers), name="bench", deadline_s=30)
            )
            await ensure_streams(bus, replicas=3)
            yield bus, _Cluster(servers)


async def _added(
    cluster: _Cluster, count: int, rest_s: float, make: Callable[[], Awaitable[float]]
) -> dict[str, float]:
    """Return what each of so many positions adds, which `make` makes, returning how many a second."""
    await asyncio.sleep(_SETTLE_S)
    kib, percent = cluster.kib(), await cluster.cpu_percent(rest_s)
    per_second = await make()
    await asyncio.sleep(_SETTLE_S)
    return {
        "made_per_second": round(per_second),
        "kib": round((cluster.kib() - kib) / count, 1),
        "cpu_percent": round((await cluster.cpu_percent(rest_s) - percent) / count, 4),
    }


async def _measure_bucket(count: int, rest_s: float) -> dict[str, float]:
    async with _running() as (bus, cluster):
        await ensure_buckets(bus, 3, (POSITIONS,))
        found = await _added(cluster, count, rest_s, partial(_keep, bus, count, 1))
        before = cluster.cpu_s()
        rates = [await _keep(bus, count, sequence) for sequence in range(2, 2 + _ROUNDS)]
        return found | {
            "written_per_second": round(sum(rates) / _ROUNDS),
            "cpu_us_per_writing": round((cluster.cpu_s() - before) / (count * _ROUNDS) * 1e6),
        }


async def _measure(count: int, replicas: int, rest_s: float) -> dict[str, float]:
    async with _running() as (bus, cluster):
        return await _added(cluster, count, rest_s, partial(_make, bus, count, replicas))


def run(count: int = DURABLES, rest_s: float = REST_S, kept: int = KEPT) -> dict[str, Any]:
    """Return what each of so many positions added to the three brokers together, by where it is."""
    return {
        "durables": count,
        "in the bucket": {"positions": kept} | asyncio.run(_measure_bucket(kept, rest_s)),
        "on three": asyncio.run(_measure(count, 3, rest_s)),
        "on one": asyncio.run(_measure(count, 1, rest_s)),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--durables", type=int, default=DURABLES)
    parser.add_argument("--kept", type=int, default=KEPT, help="positions in the bucket")
    parser.add_argument("--rest-s", type=float, default=REST_S)
    arguments = parser.parse_args()
    sys.stdout.write(json.dumps(run(arguments.durables, arguments.rest_s, arguments.kept), indent=2) + "\n")
