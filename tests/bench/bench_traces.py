"""Traces of the whole path under load, all of them kept: what they cost the running system, and whether a span is missing.

Venue, gateway, broker, host and receiver are processes of their own on the same cores. What the receiver was sent is
kept in files and read when the load is over, with the protocol's own decoder.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from bench.bench_end_to_end import running
from bench.bench_telemetry import sink
from fillwire.cli.recordings import RecordingReader
from fillwire.runtime.tracing import span_digests

RATE = 10_000
_STEPS = ("emit", "receive", "parse", "publish", "deliver", "callback")


def _steps(kept: Path) -> Counter[tuple[bytes, str]]:
    """Return how often each step of each trace has arrived; a trace is known by its id, a step by its first word."""
    found: Counter[tuple[bytes, str]] = Counter()
    for path in kept.iterdir():
        request = ExportTraceServiceRequest.FromString(path.read_bytes())
        found.update(
            (span.trace_id, span.name.partition(" ")[0])
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        )
    return found


async def measure(seconds: float, rate: int = RATE) -> dict[str, Any]:
    """Return what the same load costs without and with traces, and what became of the spans."""
    count = round(seconds * rate)
    async with running({}) as system:
        plain = await system.load(count, rate)
    with tempfile.TemporaryDirectory(prefix="fillwire-bench-") as name:
        kept = Path(name)
        with sink(kept) as endpoint:
            async with running(
                {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_SAMPLER": "always_on"}
            ) as system:
                traced = await system.load(count, rate)
                fills = {line["event_id"] for line in RecordingReader(system.recording).new_lines()}
        found = _steps(kept)
    expected = [(span_digests(event_id).trace_id, step) for event_id in fills for step in _STEPS]
    before, after = plain["cpu_us_per_fill"], traced["cpu_us_per_fill"]
    return {
        "plain": plain,
        "traced": traced,
        "added_cpu_us_per_fill": {name: round(after[name] - before[name], 1) for name in ("gateway", "host")},
        "fills": len(fills),
        "expected_spans": len(expected),
        "missing_spans": sum(not found[step] for step in expected),
        "doubled_spans": sum(found[step] > 1 for step in expected),
    }


def run(seconds: float = 5.0) -> dict[str, Any]:
    """Return the measurements of one run."""
    return asyncio.run(measure(seconds))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    sys.stdout.write(json.dumps(run(parser.parse_args().seconds), indent=2) + "\n")
