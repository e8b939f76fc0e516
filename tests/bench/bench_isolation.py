"""What a bot's trouble costs its colleagues: the latency of quiet bots beside one that raises, is slow, or crashes.

Each block starts a fresh host with four quiet bots and one colleague, in the same process or in another one, and
publishes fills at a steady rate. Blocks of all kinds follow each other, several rounds of them, and are compared with
the blocks of a calm colleague in the same place. The ratios of the two calm blocks of each round to their mean show what the
comparison itself is worth: they are noise. The last colleague shows what is not isolated: a plain callback that keeps the
event loop for 20 ms now and then and does not say `blocking = True`.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import mean, median
from typing import Any

from fillwire.bus.buckets import ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.streams import ensure_streams
from fillwire.cli.accounting import percentile
from fillwire.cli.stack import Child, ChildError, Stack
from fillwire.domain.enums import Kind
from fillwire.wire.codec import encode_order
from fillwire.wire.subjects import order_subject
from support.order_events import ALICE, order_event

QUIET = tuple(f"bench.isolation_bots:Quiet{number}" for number in range(1, 5))
COLLEAGUE = "bench.isolation_bots:Colleague"
RATE = 200
SECONDS = 2.0
ROUNDS = 4
WARM_UP = 200
RESTART_S = 1.0
SAME_PROCESS = ("calm", "raises", "is slow", "blocks", "exits", "calm again", "hogs")
OTHER_PROCESS = ("calm", "raises", "is slow", "crashes", "calm again")
_DRAIN_S = 0.5


class Isolation:
    """The running broker, and one block after another on it."""

    def __init__(self, stack: Stack, publisher: OrderedPublisher) -> None:
        self._stack = stack
        self._publisher = publisher
        self._blocks = 0

    async def block(self, mode: str, seconds: float, *, is_same_process: bool) -> list[int]:
        """Return the latencies of all quiet bots beside a colleague of this mode, in nanoseconds, sorted."""
        self._blocks += 1
        out = self._stack.directory / f"block-{self._blocks}"
        out.mkdir()
        async with contextlib.AsyncExitStack() as running:
            if is_same_process:
                host = await self._spawn(out, mode, *QUIET, COLLEAGUE)
            else:
                host = await self._spawn(out, mode, *QUIET)
                await running.enter_async_context(self._elsewhere(out, mode))
            running.push_async_callback(host.stop)
            await self._publish(WARM_UP, f"warm-{self._blocks}")
            measured = await self._publish(round(RATE * seconds), f"block-{self._blocks}")
            await asyncio.sleep(_DRAIN_S)
        latencies: list[int] = []
        for path in out.glob("quiet*.json"):
            told = json.loads(path.read_text())
            assert measured <= told.keys(), f"{path.stem} was not told of all fills"
            latencies += [told[order] for order in measured]
        assert len(latencies) == len(QUIET) * len(measured)
        return sorted(latencies)

    async def _spawn(self, out: Path, mode: str, *bots: str) -> Child:
        account = {"user": ALICE.user, "exchange": ALICE.exchange, "environment": ALICE.environment}
        label = f"colleague-{self._blocks}"
        parameters = {"out": str(out)} if QUIET[0] in bots else {}
        if COLLEAGUE in bots:
            parameters |= {"mode": mode.removesuffix(" again"), "label": label}
        return await self._stack.spawn(
            "host" if QUIET[0] in bots else label,
            "run",
            *bots,
            *(word for name, value in account.items() for word in (f"--{name}", value)),
            *(word for name, value in parameters.items() for word in ("--param", f"{name}={value}")),
        )

    @asynccontextmanager
    async def _elsewhere(self, out: Path, mode: str) -> AsyncIterator[None]:
        """Run the colleague in a process of its own, and start it again a second after each crash."""
        is_up = asyncio.Event()

        async def keep_running() -> None:
            while True:
                with contextlib.suppress(ChildError):  # it crashed on what waited for it, before it was ready
                    child = await self._spawn(out, mode, COLLEAGUE)
                    is_up.set()
                    try:
                        while child.is_running:  # noqa: ASYNC110 - a process tells nobody that it ends
                            await asyncio.sleep(0.05)
                    finally:
                        await child.stop()
                await asyncio.sleep(RESTART_S)  # as whatever keeps processes running waits

        keeper = asyncio.create_task(keep_running())
        try:
            await is_up.wait()
            yield
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)

    async def _publish(self, count: int, prefix: str) -> set[str]:
        """Publish fills at the rate, and return their orders."""
        orders: set[str] = set()
        loop = asyncio.get_running_loop()
        began = loop.time()
        for number in range(count):
            await asyncio.sleep(max(0.0, began + number / RATE - loop.time()))  # the pace of the load
            order_id = f"{prefix}-{number}"
            event = order_event(order_id=order_id, trade=number, received_time_ns=time.time_ns())
            self._publisher.submit(
                order_id, order_subject(ALICE, event.pair, Kind.FILLED), encode_order(event), event.event_id
            )
            orders.add(order_id)
        assert await self._publisher.flush(10) == 0
        return orders


def compared(blocks: dict[str, list[list[int]]]) -> dict[str, Any]:
    """Return by mode the medians over its blocks of their percentiles, and how its p99 compares with a calm colleague's.

    Each block is compared with the mean of the two calm blocks of its round. The median of the rounds is told with the
    lowest and the highest: on a shared machine a block now and then is struck by somebody else's work.
    """
    p99 = {mode: [percentile(latencies, 0.99) for latencies in found] for mode, found in blocks.items()}
    calm = [mean(pair) for pair in zip(p99["calm"], p99["calm again"], strict=True)]
    ratios = {
        mode: [value / base for value, base in zip(found, calm, strict=True)] for mode, found in p99.items()
    }
    return {
        mode: {
            "fills": sum(map(len, found)),
            "p50_ms": round(median(percentile(latencies, 0.5) for latencies in found) / 1e6, 2),
            "p99_ms": round(median(p99[mode]) / 1e6, 2),
            "p99_over_calm": round(median(ratios[mode]), 2),
            "of_rounds": f"{min(ratios[mode]):.2f} to {max(ratios[mode]):.2f}",
        }
        for mode, found in blocks.items()
    }


async def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """Return both comparisons of one run."""
    same: dict[str, list[list[int]]] = {mode: [] for mode in SAME_PROCESS}
    other: dict[str, list[list[int]]] = {mode: [] for mode in OTHER_PROCESS}
    with tempfile.TemporaryDirectory(prefix="fillwire-bench-") as name:
        environ = {"FILLWIRE_LOG": "off", "PYTHONPATH": str(Path(__file__).parents[1])}
        async with (
            Stack(Path(name), environ) as stack,
            await Bus.connect(stack.broker.url, name="bench") as bus,
        ):
            await ensure_streams(bus)
            await ensure_buckets(bus)
            async with OrderedPublisher(bus) as publisher:
                isolation = Isolation(stack, publisher)
                for _ in range(rounds):
                    for mode in SAME_PROCESS:
                        same[mode].append(await isolation.block(mode, seconds, is_same_process=True))
                    for mode in OTHER_PROCESS:
                        other[mode].append(await isolation.block(mode, seconds, is_same_process=False))
    return {"same process": compared(same), "other process": compared(other)}


def run(rounds: int = ROUNDS, seconds: float = SECONDS) -> dict[str, Any]:
    """Return the latencies of quiet bots beside each kind of colleague."""
    return asyncio.run(measure(rounds, seconds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments = parser.parse_args()
    sys.stdout.write(json.dumps(run(arguments.rounds, arguments.seconds), indent=2) + "\n")
