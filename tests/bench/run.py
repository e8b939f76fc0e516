"""`make bench`: every benchmark, as a table for people and JSON for machines.

python -m bench.run [NAME …]   names are those of BENCHMARKS below; default all
"""

import json
import os
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import (
    bench_accounts,
    bench_bus,
    bench_durables,
    bench_end_to_end,
    bench_guard,
    bench_isolation,
    bench_many_bots,
    bench_parse,
    bench_parse_alpaca,
    bench_parse_binance_futures,
    bench_parse_coinbase,
    bench_parse_coinbase_advanced,
    bench_partitions,
    bench_recorder,
    bench_telemetry,
    bench_traces,
)

BENCHMARKS: dict[str, Callable[[], dict[str, Any]]] = {
    "parse": bench_parse.run,
    "parse_alpaca": bench_parse_alpaca.run,
    "parse_binance_futures": bench_parse_binance_futures.run,
    "parse_coinbase": bench_parse_coinbase.run,
    "parse_coinbase_advanced": bench_parse_coinbase_advanced.run,
    "telemetry": bench_telemetry.run,
    "bus": bench_bus.run,
    "guard": bench_guard.run,
    "recorder": bench_recorder.run,
    "path": bench_end_to_end.run,
    "isolation": bench_isolation.run,
    "many_bots": bench_many_bots.run,
    "traces": bench_traces.run,
    "accounts": bench_accounts.run,
    "partitions": bench_partitions.run,
    "durables": bench_durables.run,
}
RESULTS = Path("bench-results")


def _rows(prefix: str, value: Any) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [row for name, inner in value.items() for row in _rows(f"{prefix}{name} · ", inner)]
    if isinstance(value, list):
        return [
            row
            for index, inner in enumerate(value)
            for row in _rows(f"{prefix}{_label(index, inner)} · ", inner)
        ]
    return [(prefix.removesuffix(" · "), f"{value:,}" if isinstance(value, int | float) else str(value))]


def _label(index: int, value: Any) -> str:
    return f"{value['asked_per_s']:,}/s" if isinstance(value, dict) and "asked_per_s" in value else str(index)


def main(names: list[str]) -> int:
    """Run the named benchmarks, print them and keep them in `bench-results/`."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        sys.stderr.write(f"no benchmark {', '.join(unknown)}: expected some of {', '.join(BENCHMARKS)}\n")
        return 1
    console = Console(width=150)
    document: dict[str, Any] = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
        "load": round(os.getloadavg()[1], 1),  # of others, in the five minutes before
    }
    for name in names or list(BENCHMARKS):
        document[name] = BENCHMARKS[name]()
        table = Table(title=name, title_justify="left", show_header=False, box=None)
        for row in _rows("", document[name]):
            table.add_row(*row)
        console.print(table)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{document['time'].replace(':', '')}.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    sys.stdout.write(json.dumps(document) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
