"""What a message costs on the bus: throughput and this process's CPU, published and consumed through a real server.

.venv/bin/python tests/bench/bench_bus.py [messages]
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import quantiles

from fillwire.bus.connection import Bus
from fillwire.bus.consumer import AckPolicy, PullLoop, ensure_consumer
from fillwire.bus.messages import Message
from fillwire.bus.publisher import OrderedPublisher, PublishOutcome
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams

MESSAGES = 20_000
ORDERS = 500
LONE = 2_000
SUBJECT = "orders.alice.binance.live.BTC-USDT.partially_filled"
BODY = b'{"v":1,"event_id":"' + b"x" * 580 + b'"}'
TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def _cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used, 0.0 where /proc does not tell."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Case:
    """Measures one case after another against one broker."""

    def __init__(self, server: EmbeddedServer, count: int) -> None:
        self.count = count
        self._pid = server.pid or 0

    async def measured(self, work: Callable[[], Awaitable[None]]) -> dict[str, float]:
        """Return messages per second, and CPU microseconds per message here and at the broker."""
        started, mine, brokers = time.perf_counter(), time.process_time(), _cpu_s(self._pid)
        await work()
        wall_s = time.perf_counter() - started
        spent = {"cpu_us": time.process_time() - mine, "broker_cpu_us": _cpu_s(self._pid) - brokers}
        return {"per_second": round(self.count / wall_s)} | {
            name: round(seconds / self.count * 1e6, 1) for name, seconds in spent.items()
        }


def _submit(
    publisher: OrderedPublisher, name: str, number: int, told: Callable[[PublishOutcome], None] | None = None
) -> None:
    publisher.submit(
        f"order-{number % ORDERS}",
        SUBJECT,
        BODY,
        f"{name}:binance:live:alice:BTCUSDT:{number % ORDERS}:{number}",
        lambda: {
            "traceparent": TRACEPARENT,
            "Fillwire-Stamps": f"12345,1700000000000000000,{time.time_ns()}",
        },
        told,
    )


async def _publish(bus: Bus, case: Case, *, is_batched: bool) -> dict[str, float]:
    """Publish all there is; not batched means that each leaves by itself, with a turn of the loop of its own."""
    async with OrderedPublisher(bus) as publisher:

        async def work() -> None:
            for number in range(case.count):
                _submit(publisher, f"batched={is_batched}", number)
                if not is_batched:
                    await asyncio.sleep(0)
            assert await publisher.flush(60) == 0

        return await case.measured(work)


async def _publish_lone(bus: Bus) -> dict[str, float]:
    """Publish one at a time, each after the answer to the one before: by the publisher, and by a bare request.

    The request carries the same bytes to the same stream and waits for the same answer: it is what a lone message
    costs where nothing is ever batched.
    """
    loop = asyncio.get_running_loop()
    ours: list[int] = []
    bare: list[int] = []
    async with OrderedPublisher(bus) as publisher:
        for number in range(LONE):
            began_ns = time.perf_counter_ns()
            answered = loop.create_future()
            _submit(publisher, "lone", number, answered.set_result)
            await answered
            ours.append(time.perf_counter_ns() - began_ns)
            began_ns = time.perf_counter_ns()
            headers = {
                "Nats-Msg-Id": f"bare:{number}",
                "traceparent": TRACEPARENT,
                "Fillwire-Stamps": "1,2,3",
            }
            await bus.js.publish(SUBJECT, BODY, headers=headers)
            bare.append(time.perf_counter_ns() - began_ns)
    return {
        f"{name}_{label}_us": round(quantiles(values, n=100)[rank - 1] / 1_000)
        for name, values in (("publisher", ours), ("client", bare))
        for label, rank in (("p50", 50), ("p99", 99))
    }


async def _publish_with_client(bus: Bus, case: Case) -> dict[str, float]:
    """The client's own pipelined publishing, for comparison; it does not keep the order of retries."""
    js = bus.js

    async def work() -> None:
        acknowledgements = [
            await js.publish_async(
                SUBJECT,
                BODY,
                headers={
                    "Nats-Msg-Id": f"client:{number}",
                    "traceparent": TRACEPARENT,
                    "Fillwire-Stamps": "1,2,3",
                },
            )
            for number in range(case.count)
        ]
        await asyncio.gather(*acknowledgements)

    return await case.measured(work)


async def _consume(
    bus: Bus, case: Case, ack_policy: AckPolicy, ack_every: int, *, is_plain: bool = False
) -> dict[str, float]:
    durable = f"bench-{ack_policy}-{ack_every}-{is_plain}"
    await ensure_consumer(bus, "ORDERS", durable, ["orders.alice.>"], deliver="all", ack_policy=ack_policy)
    received = 0
    done = asyncio.Event()

    def handle(message: Message) -> None:
        nonlocal received
        received += 1
        if received % ack_every == 0 or received == case.count:
            message.ack()
        if received == case.count:
            done.set()

    async def handle_awaited(message: Message) -> None:
        handle(message)

    async def work() -> None:
        async with PullLoop(
            bus, "ORDERS", durable, handle if is_plain else handle_awaited, ack_policy=ack_policy
        ):
            async with asyncio.timeout(60):
                await done.wait()

    return await case.measured(work)


async def _consume_with_client(bus: Bus, case: Case) -> dict[str, float]:
    """The client's own `fetch`, for comparison."""
    await ensure_consumer(bus, "ORDERS", "bench-client", ["orders.alice.>"], deliver="all")
    subscription = await bus.js.pull_subscribe_bind("bench-client", stream="ORDERS")

    async def work() -> None:
        received = 0
        while received < case.count:
            messages = await subscription.fetch(256, timeout=5)
            received += len(messages)
            for message in messages:
                await message.ack()

    figures = await case.measured(work)
    await subscription.unsubscribe()
    return figures


async def _measure(count: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as directory:
        async with (
            EmbeddedServer(Path(directory) / "broker") as server,
            await Bus.connect(server.url, name="bench") as bus,
        ):
            await ensure_streams(bus)
            case = Case(server, count)
            return {
                "publish, ordered": await _publish(bus, case, is_batched=True),
                "publish, ordered, each by itself": await _publish(bus, case, is_batched=False),
                "publish, a lone message": await _publish_lone(bus),
                "consume, plain handler, ack each": await _consume(bus, case, "explicit", 1, is_plain=True),
                "consume, ack each": await _consume(bus, case, "explicit", 1),
                "consume, plain handler, policy all, ack every 32": await _consume(
                    bus, case, "all", 32, is_plain=True
                ),
                "consume, client's fetch": await _consume_with_client(bus, case),
                "publish, client's publish_async": await _publish_with_client(bus, case),
            }


def run(messages: int = MESSAGES) -> dict[str, dict[str, float]]:
    """Return messages per second and CPU microseconds per message of this process, by case."""
    import uvloop  # noqa: PLC0415 - as services run; the suite itself stays on plain asyncio

    return uvloop.run(_measure(messages))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES), indent=2) + "\n")
