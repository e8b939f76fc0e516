"""CPU of a gateway process per event, from the socket's read to the broker's acknowledgement.

    python tests/bench/bench_gateway.py [--rate 10000] [--count 50000] [--orders 400]

Broker, simulated venue and gateway are processes of their own; the gateway's CPU time is read from the kernel before
and after, and divided by the events that reached the stream. Nobody consumes them. At low rates the wake-up of the
process is most of the cost; at high ones a read of the socket holds many frames.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

from bench.processes import usage
from fillwire.bus import api
from fillwire.bus.buckets import DESIRED, Bucket, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Stack
from fillwire.wire.subjects import account_tokens

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT")
WARM_UP = 2_000
_POLL_S = 0.1
_SETTLED_S = 0.5


async def stored(bus: Bus) -> int:
    """Return how many messages the stream of order events holds."""
    return int((await api.call(bus, "STREAM.INFO.ORDERS"))["state"]["messages"])


async def settled(bus: Bus) -> int:
    """Wait until the stream grows no more, and return how many messages it holds."""
    last = -1
    while (now := await stored(bus)) != last:
        last = now
        await asyncio.sleep(_SETTLED_S)
    return now


async def emit(venue: SimulatedVenue, count: int, rate: float, orders: int) -> None:
    """Have the venue execute `count` fills and wait until it has."""
    job = await venue.emit(SYMBOLS, rate=rate, count=count, orders=orders)
    while not (await venue.control("GET", f"emit/{job}"))["finished_ns"]:  # noqa: ASYNC110 - another process is asked
        await asyncio.sleep(_POLL_S)


async def measure(directory: Path, *, rate: float, count: int, orders: int) -> dict[str, Any]:
    """Run once and return the figures."""
    async with Stack(directory, {"FILLWIRE_LOG": "warning"}) as stack:
        venue = await SimulatedVenue.start(stack, aiohttp.ClientSession(), "--market-interval", "0")
        try:
            async with await Bus.connect(stack.broker.url, name="bench") as bus:
                gateway = await stack.spawn("gateway", "gateway", "--exchange", "binance")
                await ensure_buckets(bus)
                await Bucket(bus, DESIRED).put(
                    f"{account_tokens(venue.account)}.bench", b'{"v":1,"pairs":["*"],"bots":1}'
                )
                await venue.wait_receiving(stack.broker.url)
                await emit(venue, WARM_UP, rate, orders)
                events_before = await settled(bus)
                cpu_before, began = usage(gateway.pid).cpu_s, time.monotonic()
                await emit(venue, count, rate, orders)
                emitted = time.monotonic() - began
                events = await settled(bus) - events_before
                after = usage(gateway.pid)
                return {
                    "rate": rate,
                    "events": events,
                    "emitted_per_s": round(events / emitted),
                    "gateway_cpu_us_per_event": round((after.cpu_s - cpu_before) / events * 1e6, 1),
                    "gateway_rss_mib": round(after.rss_mib),
                }
        finally:
            await venue.close()


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=10_000, help="fills per second, 0 for flat out")
    parser.add_argument("--count", type=int, default=50_000, help="fills")
    parser.add_argument("--orders", type=int, default=400, help="orders they belong to")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        figures = asyncio.run(
            measure(Path(directory), rate=chosen.rate, count=chosen.count, orders=chosen.orders)
        )
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
