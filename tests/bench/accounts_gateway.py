"""The gateway of `bench_accounts`: as `fillwire gateway` runs it, but for the pace at which it may dial.

python -m bench.accounts_gateway EXCHANGE   BENCH_CONNECTS_PER_MINUTE is how many connections the venue takes in a minute

A venue lets a machine dial some 50 connections a minute. That bounds how fast a gateway is full, not what it then costs.
With BENCH_TRACEMALLOC it writes into that file, at its end, which lines hold how much memory.
"""

import asyncio
import os
import sys
import tracemalloc
from pathlib import Path

from fillwire.cli.gateway import serve
from fillwire.runtime.lifecycle import Stop, run
from fillwire.runtime.parent import follow_parent
from fillwire.runtime.settings import load_accounts, load_settings
from fillwire.venues.registry import venue

_LINES = 60


async def _serve(exchange: str, stop: Stop) -> None:
    type(venue(exchange)).connects_per_minute = int(os.environ["BENCH_CONNECTS_PER_MINUTE"])  # type: ignore[assignment]  # read-only to the gateway
    out = os.environ.get("BENCH_TRACEMALLOC")
    if out:
        tracemalloc.start(int(os.environ.get("BENCH_FRAMES", "1")))
    watching = asyncio.create_task(_write_when_told(stop, out)) if out else None
    try:
        await serve(exchange, "bench", load_settings, load_accounts, stop)
    finally:
        if watching is not None:
            await watching


async def _write_when_told(stop: Stop, out: str) -> None:
    """Write the lines that hold most, while everything still stands."""
    await stop.wait()
    snapshot = tracemalloc.take_snapshot()
    lines = [f"total {sum(trace.size for trace in snapshot.traces)}"]
    lines += [str(found) for found in snapshot.statistics("lineno")[:_LINES]]
    Path(out).write_text("\n".join(lines) + "\n")  # noqa: ASYNC240 - the gateway is being measured no more


if __name__ == "__main__":
    follow_parent()
    sys.exit(run(lambda stop: _serve(sys.argv[1], stop)))
