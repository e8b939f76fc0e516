"""What tracing and measuring a fill costs: on its path, in the export, and in lateness of the event loop beside it."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from statistics import median, quantiles

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from fillwire.runtime.exposition import exposition
from fillwire.runtime.fill_traces import GatewayTrace, HostTrace
from fillwire.runtime.latency import LatencyHistogram
from fillwire.runtime.telemetry import FillTelemetry, TelemetryLimits

_ROUNDS = 5
_FILLS = 10_000
_PACED_S = 4.0
_PACED_FILLS_PER_S = 1_000
_TICK_S = 0.001
_OPENMETRICS = "application/openmetrics-text"

# A receiver in a process of its own, so that its work is not taken for ours.
_SINK = """
import http.server, sys
class Sink(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()
    def log_message(self, *arguments): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def _sink() -> Iterator[str]:
    command = [sys.executable, "-c", _SINK]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own text above
        if process.stdout is None:
            raise AssertionError("a pipe was asked for")
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def _gateway_trace(number: int) -> GatewayTrace:
    now_ns = time.time_ns()
    return GatewayTrace(
        event_id=f"binance:live:alice:BTCUSDT:12510053279:{number}",
        subject="orders.alice.binance.live.BTC-USDT.partially_filled",
        exchange="binance",
        environment="live",
        user="alice",
        pair="BTC-USDT",
        kind="partially_filled",
        order_id="12510053279",
        trade_id=str(number),
        exchange_time_ns=now_ns - 3_000_000,
        clock_offset_ns=120_000,
        received_ns=now_ns - 200_000,
        parsed_ns=now_ns - 190_000,
        published_ns=now_ns - 150_000,
        acknowledged_ns=now_ns,
        frame_bytes=540,
        body_bytes=720,
    )


def _host_trace(number: int) -> HostTrace:
    now_ns = time.time_ns()
    return HostTrace(
        event_id=f"binance:live:alice:BTCUSDT:12510053279:{number}",
        subject="orders.alice.binance.live.BTC-USDT.partially_filled",
        exchange="binance",
        environment="live",
        user="alice",
        pair="BTC-USDT",
        kind="partially_filled",
        order_id="12510053279",
        trade_id=str(number),
        exchange_time_ns=now_ns - 3_000_000,
        received_ns=now_ns - 200_000,
        clock_offset_ns=120_000,
        parsed_ns=now_ns - 190_000,
        published_ns=now_ns - 150_000,
        bot="grid",
        callback="on_order_filled",
        delivered_ns=now_ns - 30_000,
        started_ns=now_ns - 20_000,
        returned_ns=now_ns,
        body_bytes=720,
    )


def _us_per_call(call: Callable[[int], object], calls: int = _FILLS) -> float:
    rounds = []
    for _ in range(_ROUNDS):
        begin = time.perf_counter()
        for number in range(calls):
            call(number)
        rounds.append((time.perf_counter() - begin) / calls * 1e6)
    return median(rounds)


def _both(telemetry: FillTelemetry, number: int) -> None:
    telemetry.fill_published(_gateway_trace(number))
    telemetry.callback_returned(_host_trace(number))


@asynccontextmanager
async def _telemetry(endpoint: str | None, ratio: float) -> AsyncIterator[FillTelemetry]:
    limits = TelemetryLimits(ring_fills=2 * _FILLS, export_interval_s=0.25, close_deadline_s=60.0)
    async with FillTelemetry.start(
        "bench", "bench", endpoint=endpoint, sample_ratio=ratio, limits=limits
    ) as telemetry:
        yield telemetry


async def _path(endpoint: str) -> dict[str, float]:
    histogram = LatencyHistogram()
    figures = {
        "histogram_record_us": _us_per_call(lambda number: histogram.record(number + 1_000_000)),
        "records_alone_us": _us_per_call(lambda number: (_gateway_trace(number), _host_trace(number))),
    }
    async with _telemetry(endpoint, 1.0) as telemetry:
        for number in range(1_000):
            _both(telemetry, number)
        families = telemetry.metrics.collect()
        # What a scrape takes of the loop, and what it takes of a thread beside.
        figures["scrape_collect_us"] = _us_per_call(lambda _: telemetry.metrics.collect(), 50)
        figures["scrape_page_us"] = _us_per_call(lambda _: exposition(families, _OPENMETRICS), 20)
    for name, address, ratio in (
        ("off", None, 1.0),
        ("unsampled", endpoint, 0.0),
        ("one_percent", endpoint, 0.01),
    ):
        async with _telemetry(address, ratio) as telemetry:
            figures[f"path_{name}_us"] = _us_per_call(lambda number: _both(telemetry, number))
            figures[f"traceparent_{name}_us"] = _us_per_call(
                lambda number: telemetry.traceparent(str(number))
            )
    return figures


def _usual_way_us(endpoint: str) -> float:
    """Return what the spans of a gateway's fill cost on its path when they are made there, as is usual."""
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
        return _us_per_call(trace_one, 1_000)
    finally:
        provider.shutdown()


async def _export(endpoint: str) -> dict[str, float]:
    """Return the processor time of a kept fill: two records, six spans, from the stamps to the answered request."""
    async with _telemetry(endpoint, 1.0) as telemetry:
        begin_s = time.process_time()
        for number in range(_FILLS):
            _both(telemetry, number)
        path_s = time.process_time() - begin_s
    total_s = time.process_time() - begin_s
    counts = telemetry.counts
    return {
        "kept_fill_us": total_s / _FILLS * 1e6,
        "kept_fill_path_us": path_s / _FILLS * 1e6,
        "exported_spans": float(counts.exported_spans),
        "dropped_or_lost": float(counts.dropped_fills + counts.lost_fills),
    }


async def _lateness_us(endpoint: str | None, ratio: float) -> tuple[float, float, float]:
    """Return how late a tick of 1 ms comes (median, p99, p99.9) while a thousand fills a second are traced beside it."""
    loop = asyncio.get_running_loop()
    late: list[float] = []
    async with _telemetry(endpoint, ratio) as telemetry:
        end_s = due_s = loop.time() + 0.1
        end_s += _PACED_S
        number = 0
        while due_s < end_s:
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            late.append((loop.time() - due_s) * 1e6)
            for _ in range(round(_PACED_FILLS_PER_S * _TICK_S)):
                number += 1
                _both(telemetry, number)
            due_s += _TICK_S
    cuts = quantiles(late, n=1000)
    return cuts[499], cuts[989], cuts[998]


async def _all() -> dict[str, float]:
    with _sink() as endpoint:
        figures = await _path(endpoint)
        figures["usual_way_path_us"] = _usual_way_us(endpoint)
        figures |= await _export(endpoint)
        for name, address, ratio in (("off", None, 1.0), ("all_kept", endpoint, 1.0)):
            p50, p99, p999 = await _lateness_us(address, ratio)
            figures |= {f"tick_{name}_p50_us": p50, f"tick_{name}_p99_us": p99, f"tick_{name}_p999_us": p999}
    return figures


def run() -> dict[str, float]:
    """Measure, and return the figures by name; those in `_us` are microseconds."""
    return {name: round(figure, 3) for name, figure in asyncio.run(_all()).items()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=2) + "\n")
