"""What tracing and measuring a fill costs: on its path, in the export, and in lateness of the event loop beside it.

Costs are processor time of the process or of the path's own thread, medians of several rounds: others use the machine.
"""

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from bench.traced_path import TracedPath
from fillwire.domain.orders import Outcome
from fillwire.runtime.exposition import exposition
from fillwire.runtime.latency import LatencyHistogram
from fillwire.runtime.telemetry import FillTelemetry, TelemetryCounts, TelemetryLimits

_ROUNDS = 9
_FILLS = 5_000
_SPANS_PER_FILL = 6
_SUSTAINED_FILLS_PER_S = 10_000
_SUSTAINED_S = 5.0
_PACED_S = 4.0
_PACED_FILLS_PER_S = 1_000
_TICK_S = 0.001
_PREPARED = 100
_OPENMETRICS = "application/openmetrics-text"
_TROUBLED = 100  # one fill of so many raises or is slow

# A receiver in a process of its own, so that its work is not taken for ours.
_SINK = """
import http.server, itertools, sys
numbers = itertools.count()
class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if len(sys.argv) > 1 and self.path == "/v1/traces":
            with open(f"{sys.argv[1]}/{next(numbers)}", "wb") as file:
                file.write(body)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *arguments): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def sink(kept: Path | None = None) -> Iterator[str]:
    """Run a receiver inside the block and yield its address; spans are written into `kept`, a file per request."""
    command = [sys.executable, "-c", _SINK, *([] if kept is None else [str(kept)])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own text above
        if process.stdout is None:
            raise AssertionError("a pipe was asked for")
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def _us_per_call(call: Callable[[int], object], calls: int = _FILLS, path: TracedPath | None = None) -> float:
    """Return the processor time that a call takes of its own thread; what `path` has to prepare is not counted."""
    rounds = []
    for _ in range(_ROUNDS):
        taken_s = 0.0
        for first in range(0, calls, _PREPARED):
            numbers = range(first, first + _PREPARED)
            if path is not None:
                path.prepare(numbers)  # as fresh as what has just been read
            begin_s = time.thread_time()
            for number in numbers:
                call(number)
            taken_s += time.thread_time() - begin_s
        rounds.append(taken_s / calls * 1e6)
    return median(rounds)


@asynccontextmanager
async def _telemetry(
    endpoint: str | None, ratio: float, limits: TelemetryLimits | None = None
) -> AsyncIterator[FillTelemetry]:
    limits = limits or TelemetryLimits(ring_fills=4 * _FILLS, export_interval_s=0.25, close_deadline_s=60.0)
    async with FillTelemetry.start(
        "bench", "bench", endpoint=endpoint, sample_ratio=ratio, limits=limits
    ) as telemetry:
        yield telemetry


async def _path(endpoint: str) -> dict[str, float]:
    """Return what a fill pays on its path, the histograms included, in the gateway and in the host, by what is kept."""
    histogram = LatencyHistogram()
    figures = {"histogram_record_us": _us_per_call(lambda number: histogram.record(number + 1_000_000))}
    for name, address, ratio in (
        ("off", None, 1.0),
        ("unkept", endpoint, 0.0),
        ("one_percent", endpoint, 0.01),
        ("kept", endpoint, 1.0),
    ):
        async with _telemetry(address, ratio) as telemetry:
            path = TracedPath(telemetry)
            figures[f"gateway_path_{name}_us"] = _us_per_call(path.gateway, path=path)
            figures[f"host_path_{name}_us"] = _us_per_call(path.host, path=path)
    return figures


async def _scrape(endpoint: str) -> dict[str, float]:
    """Return what a scrape takes of the loop, and what it takes of a thread beside."""
    async with _telemetry(endpoint, 1.0) as telemetry:
        path = TracedPath(telemetry)
        path.prepare(range(1_000))
        for number in range(1_000):
            path.gateway(number)
            path.host(number)
        families = telemetry.metrics.collect()
        return {
            "scrape_collect_us": _us_per_call(lambda _: telemetry.metrics.collect(), _PREPARED),
            "scrape_page_us": _us_per_call(lambda _: exposition(families, _OPENMETRICS), _PREPARED),
        }


async def _counter_orders(endpoint: str) -> dict[str, float]:
    """Return what a counter-order pays in host and gateway together, by what is kept."""
    figures = {}
    for name, ratio, outcome in (
        ("unkept", 0.0, Outcome.ACCEPTED),
        ("kept", 1.0, Outcome.ACCEPTED),
        ("failed", 0.0, Outcome.REJECTED),
    ):
        async with _telemetry(endpoint, ratio) as telemetry:
            path = TracedPath(telemetry)
            act = partial(path.counter_order, outcome=outcome)
            figures[f"counter_order_{name}_us"] = _us_per_call(act, 1_000, path)
    return figures


@contextmanager
def _usual_way(endpoint: str) -> Iterator[tuple[Callable[[int], None], Callable[[], bool]]]:
    """Yield what makes the spans of a gateway's fill on its path, as is usual, and what exports those that wait."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint}/v1/traces")))
    tracer = provider.get_tracer("bench")

    def trace_one(number: int) -> None:
        identity = {
            "fillwire.exchange": "binance",
            "fillwire.pair": "BTC-USDT",
            "fillwire.order_id": "12510053279",
            "fillwire.trade_id": str(number),
        }
        with (
            tracer.start_as_current_span("emit binance", attributes=identity),
            tracer.start_as_current_span("receive"),
            tracer.start_as_current_span("parse"),
            tracer.start_as_current_span("publish orders", attributes=identity),
        ):
            pass

    try:
        yield trace_one, provider.force_flush
    finally:
        provider.shutdown()


def _usual_way_us(endpoint: str) -> dict[str, float]:
    """Return what a fill costs the usual way: on its path, and in all, its export included."""
    with _usual_way(endpoint) as (trace_one, _):
        path_us = _us_per_call(trace_one, 1_000)
    rounds = []
    with _usual_way(endpoint) as (trace_one, export):
        for _ in range(_ROUNDS):
            begin_s = time.process_time()
            for first in range(0, 1_000, _PREPARED):  # so few that its queue takes them
                for number in range(first, first + _PREPARED):
                    trace_one(number)
                if not export():
                    raise AssertionError("the receiver takes all")
            rounds.append((time.process_time() - begin_s) / 1_000 * 1e6)
    return {"usual_way_path_us": path_us, "usual_way_kept_fill_us": median(rounds)}


async def _kept_round(endpoint: str, side: str, fills: int) -> tuple[float, TelemetryCounts]:
    """Return the processor time in seconds of the process while it takes and exports fills, and what became of them."""
    async with _telemetry(endpoint, 1.0) as telemetry:
        path = TracedPath(telemetry)
        begin_s, apart_s = time.process_time(), 0.0
        for first in range(0, fills, _PREPARED):
            preparing_s = time.thread_time()
            path.prepare(range(first, first + _PREPARED))
            apart_s += time.thread_time() - preparing_s
            for number in range(first, first + _PREPARED):
                if side != "host":
                    path.gateway(number)
                if side != "gateway":
                    path.host(number)
    return time.process_time() - begin_s - apart_s, telemetry.counts


async def _export(endpoint: str) -> dict[str, float]:
    """Return the processor time of a kept fill, from the stamps to the answered request: in each process, and in both.

    In both together they are one process here, and one thread exports for both, at once with the path. What a process
    that exports pays without a fill, such as its last metrics, is not counted.
    """
    figures, exported, expected, lost = {}, 0, 0, 0
    for side, spans in (("gateway", 4), ("host", 2), ("both", 6)):
        rounds = []
        for _ in range(_ROUNDS):
            idle_s, _counts = await _kept_round(endpoint, side, 0)
            taken_s, counts = await _kept_round(endpoint, side, _FILLS)
            rounds.append((taken_s - idle_s) / _FILLS * 1e6)
            exported += counts.exported_spans
            expected += _FILLS * spans
            lost += counts.dropped_fills + counts.lost_fills
        figures["kept_fill_us" if side == "both" else f"{side}_kept_fill_us"] = median(rounds)
    return figures | {
        "exported_spans": float(exported),
        "expected_spans": float(expected),
        "dropped_or_lost": float(lost),
    }


async def _sustained(endpoint: str) -> dict[str, float]:
    """Return what becomes of 10,000 fills a second, all kept, in each process with the limits that it has by default."""
    figures: dict[str, float] = {}
    for side, spans in (("gateway", 4), ("host", 2)):
        loop = asyncio.get_running_loop()
        fills = round(_SUSTAINED_FILLS_PER_S * _SUSTAINED_S)
        async with _telemetry(endpoint, 1.0, TelemetryLimits(close_deadline_s=60.0)) as telemetry:
            path = TracedPath(telemetry)
            act = path.gateway if side == "gateway" else path.host
            begin_s = loop.time()
            number = 0
            while number < fills:
                await asyncio.sleep(_TICK_S)  # the pace of the load
                due = min(fills, round((loop.time() - begin_s) * _SUSTAINED_FILLS_PER_S))
                path.prepare(range(number, due))
                while number < due:
                    act(number)
                    number += 1
            took_s = loop.time() - begin_s
        counts = telemetry.counts
        figures |= {
            f"{side}_sustained_fills_per_s": fills / took_s,
            f"{side}_sustained_missing_spans": float(fills * spans - counts.exported_spans),
            f"{side}_sustained_dropped_or_lost": float(counts.dropped_fills + counts.lost_fills),
        }
    return figures


async def _tail(endpoint: str) -> dict[str, float]:
    """Return how many of the fills that raise or are slow are not kept at a ratio of 0."""
    async with _telemetry(endpoint, 0.0) as telemetry:
        path = TracedPath(telemetry)
        path.prepare(range(_FILLS))
        for number in range(_FILLS):
            path.gateway(number)
            trouble = number % _TROUBLED
            path.host(number, raised=ValueError("x") if trouble == 0 else None, is_slow=trouble == 1)
    troubled = 2 * _FILLS // _TROUBLED
    return {
        "troubled_fills": float(troubled),
        "troubled_missing_spans": float(troubled * _SPANS_PER_FILL - telemetry.counts.exported_spans),
    }


async def _lateness_us(endpoint: str | None, ratio: float) -> tuple[float, float, float]:
    """Return how late a tick of 1 ms comes (median, p99, p99.9) while a thousand fills a second are traced beside it."""
    loop = asyncio.get_running_loop()
    late: list[float] = []
    async with _telemetry(endpoint, ratio) as telemetry:
        path = TracedPath(telemetry)
        end_s = due_s = loop.time() + 0.1
        end_s += _PACED_S
        number = 0
        while due_s < end_s:
            await asyncio.sleep(max(0.0, due_s - loop.time()))  # the tick that is measured
            late.append((loop.time() - due_s) * 1e6)
            numbers = range(number, number + round(_PACED_FILLS_PER_S * _TICK_S))
            path.prepare(numbers)
            for number in numbers:
                path.gateway(number)
                path.host(number)
            number = numbers.stop
            due_s += _TICK_S
    cuts = quantiles(late, n=1000)
    return cuts[499], cuts[989], cuts[998]


async def _all() -> dict[str, float]:
    with sink() as endpoint:
        figures = await _path(endpoint)
        figures |= await _scrape(endpoint)
        figures |= await _counter_orders(endpoint)
        figures |= _usual_way_us(endpoint)
        figures |= await _export(endpoint)
        usual_us = figures["usual_way_kept_fill_us"]
        for name in ("unkept", "one_percent", "kept"):
            path_us = figures[f"gateway_path_{name}_us"] + figures[f"host_path_{name}_us"]
            figures |= {f"path_{name}_us": path_us, f"path_{name}_over_usual": path_us / usual_us}
        figures["kept_fill_over_usual"] = figures["kept_fill_us"] / usual_us
        figures |= await _sustained(endpoint)
        figures |= await _tail(endpoint)
        for name, address, ratio in (("off", None, 1.0), ("all_kept", endpoint, 1.0)):
            p50, p99, p999 = await _lateness_us(address, ratio)
            figures |= {f"tick_{name}_p50_us": p50, f"tick_{name}_p99_us": p99, f"tick_{name}_p999_us": p999}
    return figures


@contextmanager
def _quiet_collector() -> Iterator[None]:
    """Keep the collector of reference cycles away, as the gateway does."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


def run() -> dict[str, float]:
    """Measure, and return the figures by name; those in `_us` are microseconds, those in `_over_usual` shares of what the usual way takes of a fill, export included."""
    with _quiet_collector():
        return {name: round(figure, 3) for name, figure in asyncio.run(_all()).items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
