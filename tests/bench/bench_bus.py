"""What a message costs on the bus: throughput and this process's CPU, published and consumed through a real server.

.venv/bin/python tests/bench/bench_bus.py [messages]
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from fillwire.bus.connection import Bus
from fillwire.bus.consumer import AckPolicy, PullLoop, ensure_consumer
from fillwire.bus.messages import Message
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams

MESSAGES = 20_000
ORDERS = 500
BODY = b'{"v":1,"event_id":"' + b"x" * 580 + b'"}'
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def _measured(count: int, work: Callable[[], Awaitable[None]]) -> dict[str, float]:
    started, cpu = time.perf_counter(), time.process_time()
    await work()
    wall_s, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    return {"per_second": round(count / wall_s), "cpu_us": round(cpu_s / count * 1e6, 2)}


async def _publish(bus: Bus, count: int) -> dict[str, float]:
    async with OrderedPublisher(bus) as publisher:

        async def work() -> None:
            for number in range(count):
                publisher.submit(
                    f"order-{number % ORDERS}",
                    "orders.alice.binance.live.BTC-USDT.partially_filled",
                    BODY,
                    f"binance:live:alice:BTCUSDT:{number % ORDERS}:{number}",
                    lambda: {
                        "traceparent": TRACEPARENT,
                        "Fillwire-Stamps": f"12345,1700000000000000000,{time.time_ns()}",
                    },
                )
            assert await publisher.flush(60) == 0

        return await _measured(count, work)


async def _publish_with_client(bus: Bus, count: int) -> dict[str, float]:
    """The client's own pipelined publishing, for comparison; it does not keep the order of retries."""
    js = bus.js

    async def work() -> None:
        acknowledgements = [
            await js.publish_async(
                "orders.alice.binance.live.BTC-USDT.partially_filled",
                BODY,
                headers={
                    "Nats-Msg-Id": f"client:{number}",
                    "traceparent": TRACEPARENT,
                    "Fillwire-Stamps": "1,2,3",
                },
            )
            for number in range(count)
        ]
        await asyncio.gather(*acknowledgements)

    return await _measured(count, work)


async def _consume(bus: Bus, count: int, ack_policy: AckPolicy, ack_every: int) -> dict[str, float]:
    durable = f"bench-{ack_policy}-{ack_every}"
    await ensure_consumer(bus, "ORDERS", durable, ["orders.alice.>"], deliver="all", ack_policy=ack_policy)
    received = 0
    done = asyncio.Event()

    async def handle(message: Message) -> None:
        nonlocal received
        received += 1
        if received % ack_every == 0 or received == count:
            message.ack()
        if received == count:
            done.set()

    async def work() -> None:
        async with PullLoop(bus, "ORDERS", durable, handle, ack_policy=ack_policy):
            async with asyncio.timeout(60):
                await done.wait()

    return await _measured(count, work)


async def _consume_with_client(bus: Bus, count: int) -> dict[str, float]:
    """The client's own `fetch`, for comparison."""
    await ensure_consumer(bus, "ORDERS", "bench-client", ["orders.alice.>"], deliver="all")
    subscription = await bus.js.pull_subscribe_bind("bench-client", stream="ORDERS")

    async def work() -> None:
        received = 0
        while received < count:
            messages = await subscription.fetch(256, timeout=5)
            received += len(messages)
            for message in messages:
                await message.ack()

    figures = await _measured(count, work)
    await subscription.unsubscribe()
    return figures


async def _measure(count: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as directory:
        async with (
            EmbeddedServer(Path(directory) / "broker") as server,
            await Bus.connect(server.url, name="bench") as bus,
        ):
            await ensure_streams(bus)
            figures = {"publish, ordered": await _publish(bus, count)}
            figures["consume, ack each"] = await _consume(bus, count, "explicit", 1)
            figures["consume, ack all, each"] = await _consume(bus, count, "all", 1)
            figures["consume, ack all, every 50"] = await _consume(bus, count, "all", 50)
            figures["consume, client's fetch"] = await _consume_with_client(bus, count)
            figures["publish, client's publish_async"] = await _publish_with_client(bus, count)
            return figures


def run(messages: int = MESSAGES) -> dict[str, dict[str, float]]:
    """Return messages per second and CPU microseconds per message of this process, by case."""
    import uvloop  # noqa: PLC0415 - as services run; the suite itself stays on plain asyncio

    return uvloop.run(_measure(messages))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES), indent=2) + "\n")
