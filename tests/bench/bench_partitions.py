"""A log in partitions (docs/scaling.md): does it hold what one stream holds, and what does it cost?

The broker maps each subject to a partition by user; a stream for each partition takes what is its own and gives it its
subject back. So publishers and readers see the subjects that they see without, and only the name of the stream differs. Measured beside one stream, in the same run: events per second through one publisher, and the brokers' CPU.
Proven meanwhile: every event is stored once, an id that was sent again is a duplicate, each order is in order, and what a
consumer of one account gets is the account's.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bench.brokers import brokers, url_of
from bench.processes import usage
from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.log import read_stream
from fillwire.bus.partitions import Partitions
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import Manifest, ensure_manifest, stream_manifests
from fillwire.domain.enums import Kind
from fillwire.domain.identifiers import Account
from fillwire.wire.subjects import order_filter, order_subject

MESSAGES = 30_000
ACCOUNTS = 1_000
PARTITIONS = (1, 4)
ROUNDS = 3
_ORDERS_OF_EACH = 4
_BODY = b'{"filler":"' + b"x" * 560 + b'","number":'


def manifests(partitions: Partitions, replicas: int) -> list[Manifest]:
    """Return the streams of the log."""
    made = stream_manifests(replicas, partitions)
    return [manifest for manifest in made if manifest["name"] in partitions.streams]


def accounts() -> list[Account]:
    """Return the accounts."""
    return [Account(f"user-{number}", "binance", "live") for number in range(ACCOUNTS)]


class Run:
    """One number of partitions at one cluster."""

    def __init__(self, bus: Bus, servers: Sequence[EmbeddedServer], streams: list[str]) -> None:
        self._bus = bus
        self._servers = servers
        self._streams = streams
        self._all = accounts()

    def _submit(self, publisher: OrderedPublisher, number: int) -> None:
        account = self._all[number % ACCOUNTS]
        order = number % (ACCOUNTS * _ORDERS_OF_EACH)
        publisher.submit(
            f"order-{order}",
            order_subject(account, "BTC-USDT", Kind.PARTIALLY_FILLED),
            _BODY + b"%d}" % number,
            f"{account}:{order}:{number}",
        )

    def _cpu_s(self) -> float:
        return sum(usage(server.pid or 0).cpu_s for server in self._servers)

    async def publish(self, count: int) -> dict[str, float]:
        """Publish so many events, and the last thousand again; return how fast it went, and what the brokers used."""
        async with OrderedPublisher(self._bus) as publisher:
            before, began = self._cpu_s(), time.perf_counter()
            for number in range(count):
                self._submit(publisher, number)
                while publisher.is_full:  # noqa: ASYNC110 - a benchmark has nothing else to do
                    await asyncio.sleep(0.001)
                if number % 1024 == 0:
                    await asyncio.sleep(0)
            assert await publisher.flush(120) == 0
            elapsed = time.perf_counter() - began
            spent = self._cpu_s() - before
            assert publisher.duplicate_count == 0
            for number in range(count - 1_000, count):
                self._submit(publisher, number)
            assert await publisher.flush(60) == 0
            assert publisher.duplicate_count == 1_000, f"{publisher.duplicate_count} of 1000 were duplicates"
        return {"per_second": round(count / elapsed), "broker_cpu_us": round(spent / count * 1e6, 1)}

    async def prove(self, count: int) -> dict[str, float]:
        """Assert that the streams together hold each event once, in order per order and with its own subject."""
        sizes: list[int] = []
        numbers: list[int] = []
        by_order: dict[int, int] = {}
        owners: dict[str, set[str]] = {}
        for stream in self._streams:
            before = len(numbers)

            def take(message: Any, stream: str = stream) -> None:
                number = int(message.data.rpartition(b":")[2].rstrip(b"}"))
                numbers.append(number)
                order = number % (ACCOUNTS * _ORDERS_OF_EACH)
                assert by_order.get(order, -1) < number, f"order {order}: {number} after {by_order[order]}"
                by_order[order] = number
                account = self._all[number % ACCOUNTS]
                assert message.subject == order_subject(account, "BTC-USDT", Kind.PARTIALLY_FILLED)
                owners.setdefault(account.user, set()).add(stream)

            await read_stream(self._bus, stream, "orders.>", "all", take)
            sizes.append(len(numbers) - before)
        assert sorted(numbers) == list(range(count))
        assert all(len(found) == 1 for found in owners.values())
        mine = self._all[0]
        (stream,) = owners[mine.user]
        got: Counter[str] = Counter()
        await read_stream(
            self._bus, stream, order_filter(mine), "all", lambda message: got.update([message.subject])
        )
        assert set(got) == {order_subject(mine, "BTC-USDT", Kind.PARTIALLY_FILLED)}
        assert got.total() == len(range(0, count, ACCOUNTS))
        return {"largest_over_mean": round(max(sizes) / (count / len(sizes)), 2)}


async def _measure(replicas: int, partitions: int, messages: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="fillwire-bench-") as name:
        async with AsyncExitStack() as stack:
            divided = Partitions(partitions)
            servers = await stack.enter_async_context(brokers(Path(name), replicas, divided.configuration()))
            bus = await stack.enter_async_context(
                await Bus.connect(url_of(servers), name="bench", deadline_s=30, partitions=partitions)
            )
            made = manifests(divided, replicas)
            for manifest in made:
                await ensure_manifest(bus, manifest)
            run_ = Run(bus, servers, [manifest["name"] for manifest in made])
            leaders = set()
            if replicas > 1:
                for manifest in made:
                    info = await api.call(bus, f"STREAM.INFO.{manifest['name']}")
                    leaders.add(info["cluster"]["leader"])
            figures = await run_.publish(messages)
            proof = await run_.prove(messages)
            return figures | proof | {"leaders": max(1, len(leaders))}


def run(messages: int = MESSAGES, rounds: int = ROUNDS) -> dict[str, Any]:
    """Return the figures by replicas and partitions: of the rounds, which take turns, the fastest."""
    import uvloop  # noqa: PLC0415 - as services run

    results: dict[str, list[dict[str, Any]]] = {}
    for _ in range(rounds):
        for replicas in (1, 3):
            for partitions in PARTITIONS:
                name = f"{replicas} replicas, {partitions} partitions"
                results.setdefault(name, []).append(uvloop.run(_measure(replicas, partitions, messages)))
    return {name: max(found, key=lambda each: each["per_second"]) for name, found in results.items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(*map(int, sys.argv[1:])), indent=2) + "\n")
