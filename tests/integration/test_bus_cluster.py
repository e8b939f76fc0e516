"""Three replicating brokers: the order and completeness of events through the death of a stream's leader."""

import asyncio

import pytest

from fillwire.bus import api
from fillwire.bus.buckets import DESIRED, Bucket, Entry, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.consumer import PullLoop, ensure_consumer
from fillwire.bus.messages import Message
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.domain.errors import BrokerError
from support.eventually import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def _leader(bus: Bus, cluster: list[EmbeddedServer], operation: str) -> EmbeddedServer:
    name = (await api.call(bus, operation))["cluster"]["leader"]
    return cluster[int(name.removeprefix("n"))]


async def test_no_event_is_lost_repeated_or_reordered_when_leaders_die(
    broker_cluster: list[EmbeddedServer],
) -> None:
    """The leaders of stream and consumer are killed in turn while events pour in; the bot sees each once, in order."""
    url = ",".join(server.url for server in broker_cluster)
    sequences: list[int] = []
    number = 0

    async def handle(message: Message) -> None:
        sequences.append(message.sequence)
        message.ack()

    async def pour() -> None:
        nonlocal number
        while True:
            for _ in range(5):
                publisher.submit(f"{number % 50}", "orders.alice.x", b"%d" % number, f"id-{number}")
                number += 1
            await asyncio.sleep(0.01)  # the pace of the load

    async with await Bus.connect(url, name="publisher") as bus, await Bus.connect(url, name="bot") as other:
        await ensure_streams(bus, replicas=3)
        await ensure_consumer(bus, "ORDERS", "bot", ["orders.>"], deliver="all")
        async with OrderedPublisher(bus) as publisher, PullLoop(other, "ORDERS", "bot", handle):
            pouring = asyncio.create_task(pour())
            for operation in ("STREAM.INFO.ORDERS", "CONSUMER.INFO.ORDERS.bot"):
                seen = len(sequences)
                await eventually(lambda seen=seen: len(sequences) > seen + 200, deadline_s=30)
                leader = await _leader(bus, broker_cluster, operation)
                await leader.kill()
                seen = number
                await eventually(lambda seen=seen: len(sequences) > seen, deadline_s=40)
                await leader.start(deadline_s=40)
            pouring.cancel()
            assert await publisher.flush(40) == 0
            stored = (await api.call(bus, "STREAM.INFO.ORDERS"))["state"]["messages"]
            await eventually(lambda: len(sequences) >= stored, deadline_s=40)
    assert sequences == sorted(set(sequences))
    assert len(sequences) == stored == number


async def test_watch_hears_changes_after_the_death_of_any_broker(
    broker_cluster: list[EmbeddedServer],
) -> None:
    """A watch lives in the memory of one broker; when that one dies it is made again on another."""
    url = ",".join(server.url for server in broker_cluster)
    told: list[bytes | None] = []

    async def handle(entry: Entry) -> None:
        told.append(entry.value)

    async with await Bus.connect(url, name="watcher") as bus:
        await ensure_buckets(bus, replicas=3)
        bucket = Bucket(bus, DESIRED, timeout_s=5)
        watch = await bucket.watch(">", handle)
        for count, server in enumerate(broker_cluster, 1):
            await server.kill()
            value = b"%d" % count

            async def is_written(value: bytes = value) -> bool:
                try:
                    await bucket.put("alice", value)
                except BrokerError:  # the election goes on
                    return False
                return True

            await eventually(is_written, deadline_s=40)
            await eventually(lambda value=value: told and told[-1] == value, deadline_s=40)
            await server.start(deadline_s=40)
        await watch.stop()


async def test_replicas_are_not_reduced_by_a_process_that_asks_for_fewer(
    broker_cluster: list[EmbeddedServer],
) -> None:
    """A developer's process that connects to the cluster does not thin it out."""
    async with await Bus.connect(broker_cluster[0].url, name="developer") as bus:
        await ensure_streams(bus, replicas=3)
        await ensure_streams(bus, replicas=1)
        assert (await api.call(bus, "STREAM.INFO.ORDERS"))["config"]["num_replicas"] == 3
