"""Many bots on one account and one socket: what each adds, at rest and in the fan-out of a fill, and how hosts share them.

Each block starts a fresh system: simulated venue → gateway → broker → host processes, and on the same cores. First a host
without bots rests, then the bots are added and rest, then fills are emitted at a steady rate and at once, and at the end
the same fills go to as many bare subscriptions of one process: what the broker's fan-out costs without a bot.

CPU is the processes' own time, so that others on the machine change it little; latencies they do change. The latency of a fill
is that to the **last** bot of all that were told.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from bench.processes import usage
from fillwire.cli.accounting import summarise_ms
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Child, Stack

# Bots, and host processes that share them.
BLOCKS = ((100, 1), (100, 2), (1_000, 1), (1_000, 2), (10_000, 10))
IDLE_S = 30.0  # a whole pull
RATE = 20
# Calls of bots in a second, over all: a third of a core. With more bots than this allows fills come more slowly.
TOLD_PER_S = 20_000
SECONDS = 15.0
WARM_UP_S = 2.0
# Fills times bots; of much more the broker would cut the bare subscriptions off as too slow.
FLAT_OUT_TOLD = 20_000
# Beyond as many the broker cuts off one process that has a subscription for each: it sends every fill once for each.
BARE_BOTS = 1_000
_SYMBOL = "BTCUSDT"
_ORDERS = 20
_POLL_S = 0.1
_CHECK_S = 1.0
_SETTLE_S = 3.0
_START_DEADLINE_S = 300.0
_DRAIN_DEADLINE_S = 60.0
_TESTS = Path(__file__).parents[1]


class Program(Child):
    """A process of this benchmark instead of `fillwire …`."""

    def __init__(self, name: str, kind: str, first: int, count: int, stack: Stack) -> None:
        self.out = stack.directory / f"{name}.json"
        environ = {
            **stack.environ,
            "PYTHONPATH": str(_TESTS),
            "BENCH_BROKER": str(stack.broker.url),
        }
        super().__init__(name, (), stack.directory, environ)
        self._arguments = [
            sys.executable,
            "-m",
            "bench.many_bots_host",
            kind,
            str(first),
            str(count),
            str(self.out),
        ]


class Block:
    """One running system."""

    def __init__(self, stack: Stack, venue: SimulatedVenue) -> None:
        self._stack = stack
        self._venue = venue
        self._emitted = 0

    async def start(self, name: str, kind: str, count: int, processes: int) -> list[Program]:
        """Start processes of a kind that share so many bots or subscriptions, all at once."""
        share = count // processes
        programs = [
            Program(f"{name}-{index}", kind, index * share, share, self._stack) for index in range(processes)
        ]
        self._stack.children += programs
        await asyncio.gather(*(program.start(_START_DEADLINE_S) for program in programs))
        return programs

    async def rest(self, programs: list[Program], seconds: float) -> dict[str, float]:
        """Return the share of a core that hosts and broker use while nothing happens, and what memory they hold."""
        await asyncio.sleep(_SETTLE_S)
        pids = {"broker": self._stack.broker.pid or 0}
        pids |= {program.name: program.pid for program in programs}
        before = {name: usage(pid) for name, pid in pids.items()}
        began = time.monotonic()
        await asyncio.sleep(seconds)  # nothing happens: that is what is measured
        elapsed = time.monotonic() - began
        after = {name: usage(pid) for name, pid in pids.items()}
        cpu = {name: (after[name].cpu_s - before[name].cpu_s) / elapsed * 100 for name in pids}
        broker = cpu.pop("broker")
        rss = {name: used.rss_mib * 1024 for name, used in after.items()}
        broker_kib = rss.pop("broker")
        return {
            "host_cpu": sum(cpu.values()),
            "broker_cpu": broker,
            "host_kib": sum(rss.values()),
            "broker_kib": broker_kib,
        }

    async def load(self, count: int, rate: float) -> dict[str, Any]:
        """Emit executions; return their identities and the CPU that each process used, when all is quiet again."""
        pids = {child.name: child.pid for child in self._stack.children if child.is_running} | {
            "broker": self._stack.broker.pid or 0
        }
        before = {name: usage(pid).cpu_s for name, pid in pids.items()}
        await self._venue.emit([_SYMBOL], rate=rate, count=count, orders=min(_ORDERS, count))
        while await self._venue.is_emitting():  # noqa: ASYNC110 - another process tells when it is asked
            await asyncio.sleep(_POLL_S)
        emitted = await self._venue.executions(self._emitted)
        self._emitted += len(emitted)
        await self._quiet(pids)
        return {
            "emitted": {line["event_id"]: line["emitted_ns"] for line in emitted},
            "cpu_s": {name: usage(pid).cpu_s - before[name] for name, pid in pids.items()},
        }

    async def _quiet(self, pids: dict[str, int]) -> None:
        """Wait until all use less than a quarter of a core: what was emitted has been handled."""
        deadline = time.monotonic() + _DRAIN_DEADLINE_S
        while time.monotonic() < deadline:
            before = sum(usage(pid).cpu_s for pid in pids.values())
            await asyncio.sleep(_CHECK_S)
            if sum(usage(pid).cpu_s for pid in pids.values()) - before < 0.25 * _CHECK_S:
                return

    async def sockets(self) -> int:
        """Return how many connections for the account the venue has."""
        stats = await self._venue.control("GET", "stats")
        return len([found for found in stats["connections"] if self._venue.account.user in found["users"]])


def reached(programs: list[Program], loads: list[dict[str, Any]], bots: int) -> list[dict[str, Any]]:
    """Return for each load how late its fills came to the last bot, after proving that each came once to every one."""
    told: list[dict[str, list[int]]] = [json.loads(program.out.read_text()) for program in programs]
    results = []
    for load in loads:
        emitted: dict[str, int] = load["emitted"]
        last: dict[str, int] = {}
        received: dict[str, int] = {}
        for event_id in emitted:
            entries = [found[event_id] for found in told if event_id in found]
            count = sum(entry[0] for entry in entries)
            assert count == bots, f"{event_id} was told {count} times, not once to each of {bots}"
            last[event_id] = max(entry[2] for entry in entries)
            received[event_id] = entries[0][3]
        results.append(
            {
                "fills": len(emitted),
                "emit_to_last": summarise_ms(last[key] - emitted[key] for key in emitted),
                "received_to_last": summarise_ms(last[key] - received[key] for key in emitted),
                "told_per_s": round(
                    bots * len(emitted) / ((max(last.values()) - min(emitted.values())) / 1e9)
                ),
                "cpu_us_per_told": {
                    name: round(seconds / len(emitted) / bots * 1e6, 1)
                    for name, seconds in load["cpu_s"].items()
                },
            }
        )
    return results


async def measure_block(bots: int, processes: int, idle_s: float, seconds: float) -> dict[str, Any]:
    """Return everything about so many bots in so many processes."""
    with tempfile.TemporaryDirectory(prefix="fillwire-bench-") as name:
        async with (
            Stack(Path(name), {"FILLWIRE_LOG": "warning"}) as stack,
            contextlib.AsyncExitStack() as closing,
        ):
            venue = await SimulatedVenue.start(stack, aiohttp.ClientSession())
            closing.push_async_callback(venue.close)
            await venue.freeze()
            await stack.spawn("gateway", "gateway", "--exchange", venue.account.exchange)
            block = Block(stack, venue)
            empty = await block.start("empty", "bots", 0, processes)
            base = await block.rest(empty, idle_s)
            for program in empty:
                await program.stop()
            began = time.monotonic()
            hosts = await block.start("host", "bots", bots, processes)
            ready_s = time.monotonic() - began
            await venue.wait_receiving(str(stack.broker.url))
            full = await block.rest(hosts, idle_s)
            rate = min(RATE, TOLD_PER_S / bots)
            amounts = (
                (round(rate * WARM_UP_S), rate),
                (round(rate * seconds), rate),
                (FLAT_OUT_TOLD // bots, 0),
            )
            loads = [await block.load(*amount) for amount in amounts]
            sockets = await block.sockets()
            after = await block.rest(hosts, 0.1)
            for program in hosts:
                await program.stop()
            _, paced, burst = reached(hosts, loads, bots)
            bare = await _bare((block, venue, stack), amounts, bots, paced) if bots <= BARE_BOTS else {}
    return {
        "bots": bots,
        "host processes": processes,
        "sockets at the venue": sockets,
        "fills per second": rate,
        "start": {
            "all_added_s": round(max(program.ready["started_s"] for program in hosts), 2),
            "processes_ready_s": round(ready_s, 2),
        },
        "at rest": {
            f"{who}_cpu_percent{label}": round(value, 2)
            for who in ("host", "broker")
            for label, value in (
                ("", full[f"{who}_cpu"]),
                ("_without_bots", base[f"{who}_cpu"]),
                ("_added_per_100_bots", (full[f"{who}_cpu"] - base[f"{who}_cpu"]) / bots * 100),
            )
        },
        "memory": {
            f"{who}_kib_per_bot{label}": round((state[f"{who}_kib"] - base[f"{who}_kib"]) / bots, 1)
            for who in ("host", "broker")
            for label, state in (("", full), ("_after_the_fills", after))
        },
        "fan-out": paced,
        "fan-out, flat out": burst,
        **bare,
    }


async def _bare(
    system: tuple[Block, SimulatedVenue, Stack],
    amounts: Sequence[tuple[int, float]],
    bots: int,
    paced: dict[str, Any],
) -> dict[str, Any]:
    """Return how late the same fills come to as many bare subscriptions of one process, and what the bots' are over that."""
    block, venue, stack = system
    bare = await block.start("bare", "subscriptions", bots, 1)
    await venue.wait_receiving(str(stack.broker.url))
    loads = [await block.load(*amount) for amount in amounts]
    for program in bare:
        await program.stop()
    _, told, burst = reached(bare, loads, bots)
    return {
        "bare subscriptions": told,
        "bare subscriptions, flat out": burst,
        "p99 over bare": round(paced["emit_to_last"]["p99_ms"] / told["emit_to_last"]["p99_ms"], 2),
    }


def run(
    blocks: tuple[tuple[int, int], ...] = BLOCKS, idle_s: float = IDLE_S, seconds: float = SECONDS
) -> dict[str, Any]:
    """Return the measurements of all blocks, one after another."""
    return {
        f"{bots} bots, {processes} hosts": asyncio.run(measure_block(bots, processes, idle_s, seconds))
        for bots, processes in blocks
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--blocks", nargs="+", default=[f"{bots}/{hosts}" for bots, hosts in BLOCKS], metavar="BOTS/HOSTS"
    )
    parser.add_argument("--idle-s", type=float, default=IDLE_S)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments = parser.parse_args()
    asked = tuple(
        (int(bots), int(hosts)) for bots, _, hosts in (text.partition("/") for text in arguments.blocks)
    )
    sys.stdout.write(json.dumps(run(asked, arguments.idle_s, arguments.seconds), indent=2) + "\n")
