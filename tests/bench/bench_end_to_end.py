"""The whole path under load: simulated venue → gateway → broker → host → bot, each a process of its own.

What is measured is emit → callback: from the instant that the venue writes into the frame to the instant that the
bot's callback begins, by one machine's clock. The venue and the broker run on the same cores.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from bench.bare_reader import read, summary
from bench.processes import Usage, usage
from fillwire.cli.accounting import balance, summarise_ms
from fillwire.cli.recordings import RecordingReader, execution, latency_ns
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Stack

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "LTCUSDT")
ORDERS = 200
RATES = (1_000, 5_000, 10_000)
FLAT_OUT = 60_000
BURST = 5_000
_POLL_S = 0.1
_SETTLE_DEADLINE_S = 60.0


class EndToEnd:
    """The running system, and one measurement after another on it.

    Attributes:
        recording: where the bot writes down what it is told of.
        limit: what a bare reader got before.
        warm_up: what became of the first executions.
    """

    def __init__(self, stack: Stack, venue: SimulatedVenue, recording: Path, pids: dict[str, int]) -> None:
        self._stack = stack
        self._venue = venue
        self.recording = recording
        self._reader = RecordingReader(recording)
        self._pids = pids
        self._emitted_before = 0
        self.limit: dict[str, Any] = {}
        self.warm_up: dict[str, Any] = {}

    def _usages(self) -> dict[str, Usage]:
        return {name: usage(pid) for name, pid in self._pids.items()}

    async def load(self, count: int, rate: float, orders: int = ORDERS) -> dict[str, Any]:
        """Emit `count` executions at `rate` per second (0: flat out) and return what became of them."""
        before = self._usages()
        job = await self._venue.emit(SYMBOLS, rate=rate, count=count, orders=orders)
        lines: list[dict[str, Any]] = []
        deadline = time.monotonic() + (count / rate if rate else 0) + _SETTLE_DEADLINE_S
        while len(lines) < count and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_S)
            lines += self._reader.new_lines()
        progress = await self._venue.control("GET", f"emit/{job}")
        await asyncio.sleep(_POLL_S)
        lines += self._reader.new_lines()  # a double would come now
        after = self._usages()
        emitted = (await self._venue.executions())[self._emitted_before :]
        self._emitted_before += len(emitted)
        result = balance((execution(line) for line in emitted), (execution(line) for line in lines))
        first_ns = min(line["emitted_ns"] for line in emitted)
        last_ns = max(line["called_time_ns"] for line in lines)
        return {
            "asked_per_s": rate or "flat out",
            **result.to_dict(),
            "emitted_per_s": round(count / ((progress["finished_ns"] - progress["started_ns"]) / 1e9)),
            "delivered_per_s": round(count / ((last_ns - first_ns) / 1e9)),
            "whole_ms": round((last_ns - first_ns) / 1e6, 1),
            **summarise_ms(latency_ns(line) for line in lines),
            "venue_to_gateway": summarise_ms(
                int(line["received_time_ns"]) - int(line["exchange_time_ns"]) for line in lines
            ),
            "cpu_us_per_fill": {
                name: round((after[name].cpu_s - before[name].cpu_s) / count * 1e6, 1) for name in after
            },
            "rss_mib": {name: round(used.rss_mib, 1) for name, used in after.items()},
        }


async def limit(venue: SimulatedVenue, count: int) -> dict[str, Any]:
    """Return what a bare reader of the same venue gets flat out, before anyone else has subscribed."""
    reader, transport = await read(str(venue.child.ready["websocket"]), count)
    started = time.monotonic()
    await venue.emit(SYMBOLS, rate=0, count=count, orders=ORDERS)
    async with asyncio.timeout(_SETTLE_DEADLINE_S):
        await reader.done.wait()
    elapsed = time.monotonic() - started
    transport.disconnect()
    return {"received_per_s": round(count / elapsed), **summary(reader)}


@asynccontextmanager
async def running(environ: Mapping[str, str], limit_count: int = 0) -> AsyncIterator["EndToEnd"]:
    """Run a fresh system inside the block, warmed up.

    Args:
        environ: what its processes find in their environment beside ours.
        limit_count: executions that a bare reader of the venue gets before anyone else has subscribed.
    """
    with tempfile.TemporaryDirectory(prefix="fillwire-bench-") as name:
        directory = Path(name)
        async with (
            Stack(directory, {"FILLWIRE_LOG": "warning", **environ}) as stack,
            aiohttp.ClientSession() as session,
        ):
            venue = await SimulatedVenue.start(stack, session)
            bare = await limit(venue, limit_count) if limit_count else {}
            recording = directory / "recording.jsonl"
            account = venue.account
            gateway = await stack.spawn("gateway", "gateway", "--exchange", account.exchange)
            host = await stack.spawn(
                "host",
                "run",
                "fillwire.bots.shipped.recording:RecordingBot",
                *("--param", f"path={recording}"),
                *(
                    "--user",
                    account.user,
                    "--exchange",
                    account.exchange,
                    "--environment",
                    account.environment,
                ),
            )
            await venue.wait_receiving(stack.broker.url)
            broker_pid = stack.broker.pid
            assert broker_pid is not None
            pids = {"venue": venue.child.pid, "gateway": gateway.pid, "broker": broker_pid, "host": host.pid}
            system = EndToEnd(stack, venue, recording, pids)
            system.limit = bare
            system._emitted_before = await venue.execution_count()
            system.warm_up = await system.load(2_000, 1_000)
            yield system


async def measure(seconds: float, rates: tuple[int, ...], flat_out: int, burst: int) -> dict[str, Any]:
    """Return all measurements of one run on a fresh system."""
    async with running({}, flat_out) as system:
        results: dict[str, Any] = {"limit": system.limit, "warm_up": system.warm_up}
        results["paced"] = [await system.load(round(rate * seconds), rate) for rate in rates]
        results["flat_out"] = await system.load(flat_out, 0)
        results["burst"] = await system.load(burst, 0)
        results["flat_out_share_of_limit"] = round(
            results["flat_out"]["delivered_per_s"] / results["limit"]["received_per_s"], 3
        )
        return results


def run(seconds: float = 10.0, rates: tuple[int, ...] = RATES) -> dict[str, Any]:
    """Return the measurements of one run; `seconds` for each paced rate."""
    return asyncio.run(measure(seconds, rates, FLAT_OUT, BURST))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    sys.stdout.write(json.dumps(run(parser.parse_args().seconds), indent=2) + "\n")
