"""Traces and metrics of fills over a real socket into a real OTLP receiver: what arrives, and what is lost without harm."""

import sys
import threading
import time
from collections.abc import Iterator

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.runtime import metric_names
from fillwire.runtime.latency import LatencyHistogram
from fillwire.runtime.metrics import Distribution, Measures
from fillwire.runtime.telemetry import FillTelemetry, TelemetryLimits
from fillwire.runtime.telemetry_names import Stage
from fillwire.runtime.tracing import trace_ids, traceparent
from support import fill_records as fill
from support.fill_records import called, published
from support.otlp_receiver import OtlpReceiver, ReceivedSpan

QUICK = TelemetryLimits(export_interval_s=0.02, close_deadline_s=10.0)
LATENCY = "fillwire.fill.latency"
LOST = "fillwire.telemetry.fills.lost"
NOWHERE = "http://127.0.0.1:9"  # the discard port, where nobody listens


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hide what the machine says of telemetry, and put the interpreter's switch interval back."""
    for name in (
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_TRACES_SAMPLER",
        "OTEL_SERVICE_NAME",
        "OTEL_RESOURCE_ATTRIBUTES",
    ):
        monkeypatch.delenv(name, raising=False)
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)


def _gateway(receiver: OtlpReceiver, ratio: float = 1.0) -> FillTelemetry:
    return FillTelemetry.start(
        "fillwire-gateway", "gateway-0", endpoint=receiver.endpoint, sample_ratio=ratio, limits=QUICK
    )


def _host(receiver: OtlpReceiver, ratio: float = 1.0, limits: TelemetryLimits = QUICK) -> FillTelemetry:
    return FillTelemetry.start(
        "fillwire-host", "host-0", endpoint=receiver.endpoint, sample_ratio=ratio, limits=limits
    )


def _exporting_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "fillwire-telemetry"}


async def test_a_fill_is_one_trace_across_two_processes() -> None:
    """Six spans of two services, each the child of the one before, at the times that were stamped."""
    async with OtlpReceiver() as receiver, _gateway(receiver) as gateway, _host(receiver) as host:
        published(gateway.tracer)
        called(host.tracer)
        await receiver.wait_for(lambda it: len(it.spans) == 6)
    spans = receiver.trace(trace_ids(fill.EVENT_ID).trace_id)
    expected = {
        "emit binance": ("", "fillwire-gateway", fill.EMITTED_NS, fill.RECEIVED_NS),
        "receive": ("emit binance", "fillwire-gateway", fill.RECEIVED_NS, fill.PUBLISHED_NS),
        "parse": ("receive", "fillwire-gateway", fill.RECEIVED_NS, fill.PARSED_NS),
        "publish orders": ("parse", "fillwire-gateway", fill.PUBLISHED_NS, fill.ACKNOWLEDGED_NS),
        "deliver orders": ("publish orders", "fillwire-host", fill.PUBLISHED_NS, fill.DELIVERED_NS),
        "callback on_order_partially_filled": (
            "deliver orders",
            "fillwire-host",
            fill.STARTED_NS,
            fill.RETURNED_NS,
        ),
    }
    names = {span.span_id: span.name for span in spans.values()} | {"": ""}

    def shown(span: ReceivedSpan) -> tuple[str, object, int, int]:
        return names[span.parent_id], span.resource["service.name"], span.start_ns, span.end_ns

    assert {name: shown(span) for name, span in spans.items()} == expected
    assert [span.name for span in spans.values() if span.is_parent_remote] == ["deliver orders"]
    assert spans["publish orders"].attributes["messaging.message.id"] == fill.EVENT_ID
    assert spans["deliver orders"].attributes["messaging.consumer.group.name"] == "grid"
    assert spans["emit binance"].attributes["fillwire.trade_id"] == "28457"
    assert not any(span.is_error for span in spans.values())
    header = traceparent(fill.EVENT_ID)
    assert header.split("-")[2] == spans["publish orders"].span_id


async def test_a_callback_that_raised_arrives_as_an_error() -> None:
    """The exception, its message and its traceback stand on the span."""
    async with OtlpReceiver() as receiver, _host(receiver) as host:
        called(host.tracer, error=ZeroDivisionError("division by zero"))
        await receiver.wait_for(lambda it: len(it.spans) == 2)
    (callback,) = [span for span in receiver.spans if span.name.startswith("callback")]
    assert (callback.is_error, callback.status_message) == (True, "ZeroDivisionError: division by zero")
    (event,) = callback.events
    assert (event.name, event.time_ns) == ("exception", fill.RETURNED_NS)
    assert event.attributes["exception.type"] == "ZeroDivisionError"


async def test_a_fill_whose_trace_is_not_kept_is_measured_all_the_same() -> None:
    """With the ratio at 0 no span leaves the process, and every fill stands in the histogram."""
    async with OtlpReceiver() as receiver:
        async with _gateway(receiver, 0.0) as gateway, _host(receiver, 0.0) as host:
            for number in range(100):
                published(gateway.tracer, event_id=f"e{number}")
                called(host.tracer, event_id=f"e{number}")
            assert not gateway.tracer.keeps("e1", None)
        assert receiver.spans == []
        stages = {point.attributes["stage"]: point for point in receiver.points(LATENCY)}
    assert stages.keys() == set(Stage)
    whole = stages[Stage.EMIT_TO_CALLBACK]
    assert whole.attributes == {"exchange": "binance", "environment": "live", "stage": "emit_to_callback"}
    assert (whole.count, whole.sum, whole.min, whole.max) == pytest.approx((100, 0.375, 0.00375, 0.00375))
    ((index, count),) = whole.buckets.items()
    base = 2 ** (2**-whole.scale)
    assert count == 100
    assert base**index < 0.00375 <= base ** (index + 1)
    assert {metric.unit for metric in receiver.metrics if metric.name == LATENCY} == {"s"}


async def test_what_goes_wrong_is_traced_beyond_the_ratio() -> None:
    """A fill whose callback raised, or that was slow, is worth its trace: the host tells the whole of it."""
    async with OtlpReceiver() as receiver, _host(receiver, 0.0) as host:
        called(host.tracer, event_id="quick")
        called(host.tracer, event_id="failed", error=ValueError("x"))
        called(host.tracer, event_id="slow", started_ns=fill.EMITTED_NS + 2_000_000_000)
        await receiver.wait_for(lambda it: len(it.spans) == 12)
    assert receiver.trace(trace_ids("quick").trace_id) == {}
    for event_id, reason in (("failed", "error"), ("slow", "slow")):
        spans = receiver.trace(trace_ids(event_id).trace_id)
        assert len(spans) == 6
        assert spans["emit binance"].attributes["fillwire.kept_for"] == reason


async def test_the_gateways_decision_is_followed() -> None:
    """A host keeps what the message says was kept, whatever its own ratio."""
    async with OtlpReceiver() as receiver, _host(receiver, 0.0) as drops, _host(receiver, 1.0) as keeps:
        called(drops.tracer, event_id="kept by the gateway", is_parent_sampled=True)
        called(keeps.tracer, event_id="dropped by the gateway", is_parent_sampled=False)
        await receiver.wait_for(lambda it: len(it.spans) == 2)
        assert keeps.counts.kept_fills == 0
    assert {span.trace_id for span in receiver.spans} == {f"{trace_ids('kept by the gateway').trace_id:032x}"}


async def test_leaving_exports_what_is_left() -> None:
    """Fills of the last moment are not lost to an interval that would have come."""
    limits = TelemetryLimits(export_interval_s=3_600)
    async with OtlpReceiver() as receiver:
        async with _host(receiver, limits=limits) as host:
            for number in range(500):
                called(host.tracer, event_id=f"e{number}")
        assert len(receiver.spans) == 1_000
        (lost,) = receiver.points(LOST)
    assert lost.value == 0
    assert host.counts.exported_spans == 1_000
    assert host.counts.lost_fills == 0


async def test_metrics_are_exported_every_interval_and_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The standard variable sets the interval; each export holds all since the start."""
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "20")

    def counted(receiver: OtlpReceiver) -> int:
        return sum(
            point.count for point in receiver.points(LATENCY) if point.attributes["stage"] == "callback"
        )

    async with OtlpReceiver() as receiver, _host(receiver, 0.0) as host:
        called(host.tracer)
        await receiver.wait_for(lambda it: counted(it) == 1)
        called(host.tracer)
        await receiver.wait_for(lambda it: counted(it) == 2)
    starts = {point.start_ns for point in receiver.points(LATENCY)}
    assert len(starts) == 1


async def test_everything_else_that_is_counted_goes_out_as_well() -> None:
    """Gauges, counters and histograms of other parts, read on the loop's thread; a part that has left says nothing more."""
    waits = LatencyHistogram()
    waits.record(2_000_000)
    threads: set[int] = set()

    def say(into: Measures) -> None:
        threads.add(threading.get_ident())
        into.put(metric_names.BROKER_UP, 1.0)
        into.put(metric_names.PUBLISHED_MESSAGES, 7, "stored")
        into.put(metric_names.RECONCILE_DURATION, Distribution(waits.snapshot()), "binance", "live")

    async with OtlpReceiver() as receiver:
        async with _host(receiver, 0.0) as host:
            host.metrics.add(say)
        (up,) = receiver.points("fillwire.broker.up")
        (stored,) = receiver.points("fillwire.publisher.messages")
        (duration,) = receiver.points("fillwire.reconcile.duration")
        units = {metric.name: metric.unit for metric in receiver.metrics}
    assert up.value == 1.0
    assert (stored.value, stored.attributes) == (7, {"outcome": "stored"})
    assert (duration.count, duration.sum) == (1, 0.002)
    assert duration.attributes == {"exchange": "binance", "environment": "live"}
    assert units["fillwire.reconcile.duration"] == "s"
    assert threads == {threading.get_ident()}


async def test_a_half_full_ring_is_emptied_before_its_time() -> None:
    """A burst does not wait for the interval, in which it would have been dropped."""
    limits = TelemetryLimits(ring_fills=64, export_interval_s=3_600)
    async with OtlpReceiver() as receiver, _host(receiver, limits=limits) as host:
        for number in range(33):
            called(host.tracer, event_id=f"e{number}")
        await receiver.wait_for(lambda it: len(it.spans) >= 64)
    assert host.counts.dropped_fills == 0


async def test_no_request_is_larger_than_receivers_take() -> None:
    """A bot that raises on every fill makes spans of ten thousand bytes and more: a request then holds fewer of them."""
    limits = TelemetryLimits(export_interval_s=3_600, close_deadline_s=60.0)
    error = ValueError("no " * 2_500)
    async with OtlpReceiver() as receiver:
        async with _host(receiver, limits=limits) as host:
            for number in range(250):
                called(host.tracer, event_id=f"e{number}", error=error)
        assert (len(receiver.spans), host.counts.exported_spans) == (500, 500)
        assert receiver.largest_bytes < 4 * 1024 * 1024
        assert receiver.requests > 2  # of which one has the metrics


async def test_a_full_ring_drops_the_oldest_and_counts_them() -> None:
    """Memory stays bounded while the receiver does not answer, and the newest fills are those that are traced."""
    limits = TelemetryLimits(ring_fills=100, export_interval_s=0.02)
    async with OtlpReceiver() as receiver:
        async with _host(receiver, limits=limits) as host:
            receiver.gate.clear()
            called(host.tracer, event_id="first")
            await receiver.wait_for_request()
            for number in range(300):
                called(host.tracer, event_id=f"e{number}")
            assert host.counts.dropped_fills == 200
            receiver.gate.set()
        (lost,) = receiver.points(LOST)
    traces = {span.trace_id for span in receiver.spans}
    assert traces == {
        f"{trace_ids(event_id).trace_id:032x}" for event_id in ["first", *(f"e{n}" for n in range(200, 300))]
    }
    assert (lost.value, host.counts.kept_fills) == (200, 301)


async def test_nothing_waits_for_a_receiver_that_is_away() -> None:
    """Handing in is as quick as ever, what cannot be sent is counted, and leaving takes half a second."""
    limits = TelemetryLimits(ring_fills=50, export_interval_s=0.01, close_deadline_s=60)
    async with FillTelemetry.start("host", "host-0", endpoint=NOWHERE, limits=limits) as host:
        begin_s = time.perf_counter()
        for number in range(1_000):
            called(host.tracer, event_id=f"e{number}")
        assert time.perf_counter() - begin_s < 1
        leaving_s = time.perf_counter()
    assert time.perf_counter() - leaving_s < 10  # of the minute that a receiver which answers would be given
    counts = host.counts
    assert counts.exported_spans == 0
    assert counts.kept_fills == counts.dropped_fills + counts.lost_fills == 1_000
    assert host.latencies.snapshot(Stage.EMIT_TO_CALLBACK).count == 1_000


async def test_a_receiver_that_hangs_costs_no_more_than_the_deadline() -> None:
    """An answer that never comes is given up on time, and what was under way counts as lost."""
    limits = TelemetryLimits(export_interval_s=0.01, close_deadline_s=0.2)
    async with OtlpReceiver() as receiver:
        receiver.gate.clear()
        async with _host(receiver, limits=limits) as host:
            called(host.tracer, event_id="under way")
            await receiver.wait_for_request()
            called(host.tracer, event_id="waiting")
            begin_s = time.perf_counter()
        assert time.perf_counter() - begin_s < 5
        assert host.counts.lost_fills == 2
        receiver.gate.set()


async def test_a_refusal_is_counted_and_the_next_export_tried() -> None:
    """A receiver that says no loses that batch only; when it says yes again, all is well."""
    async with OtlpReceiver() as receiver, _host(receiver) as host:
        receiver.status = 400
        called(host.tracer, event_id="refused")
        await receiver.wait_for(lambda it: it.requests >= 1)
        receiver.status = 200
        called(host.tracer, event_id="taken")
        await receiver.wait_for(lambda it: len(it.spans) == 2)
    assert host.counts.lost_fills == 1
    assert host.counts.failed_requests == 1


async def test_standard_variables_say_where_and_as_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Endpoint, headers, compression, service name and resource are OpenTelemetry's own."""
    async with OtlpReceiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{receiver.endpoint}/")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=alice")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "my-host")
        monkeypatch.setenv(
            "OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=lab,service.instance.id=seven"
        )
        async with FillTelemetry.start("fillwire-host", "host-0") as host:
            assert host.is_exporting
            called(host.tracer)
        resource = receiver.spans[0].resource
        assert receiver.headers["x-tenant"] == "alice"
        assert receiver.headers["content-encoding"] == "gzip"
    assert resource["service.name"] == "my-host"
    assert resource["service.instance.id"] == "seven"
    assert resource["service.namespace"] == "fillwire"
    assert resource["deployment.environment.name"] == "lab"


@pytest.mark.parametrize(
    ("name", "value", "spans", "metrics"),
    [
        ("OTEL_TRACES_EXPORTER", "none", False, True),
        ("OTEL_METRICS_EXPORTER", "none", True, False),
        ("OTEL_TRACES_SAMPLER", "always_off", False, True),
    ],
)
async def test_each_signal_can_be_turned_off(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, spans: bool, metrics: bool
) -> None:
    """The standard switches are honoured one by one."""
    monkeypatch.setenv(name, value)
    async with OtlpReceiver() as receiver:
        async with _host(receiver) as host:
            called(host.tracer)
        assert (bool(receiver.spans), bool(receiver.metrics)) == (spans, metrics)


async def test_leaving_ends_the_thread() -> None:
    """Once the context is left, the thread that exported is gone, not only about to go."""
    before = _exporting_threads()
    for _ in range(20):
        async with OtlpReceiver() as receiver, _host(receiver) as host:
            called(host.tracer)
            assert _exporting_threads() > before
        assert _exporting_threads() == before


@pytest.mark.parametrize(
    "environ", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": NOWHERE, "OTEL_SDK_DISABLED": "true"}]
)
async def test_without_a_receiver_there_is_no_thread(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]
) -> None:
    """Nothing is exported, nothing is kept; the histograms count for whoever asks in the process."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    before = _exporting_threads()  # a test of a receiver that hangs may have left one
    async with FillTelemetry.start("fillwire-host", "host-0") as host:
        called(host.tracer)
        assert not host.is_exporting
        assert _exporting_threads() == before
        assert host.counts.kept_fills == 0
        assert host.latencies.snapshot(Stage.CALLBACK).count == 1


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        (
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "grpc",
            "OTEL_EXPORTER_OTLP_PROTOCOL: expected http/protobuf, found 'grpc'",
        ),
        (
            "OTEL_METRIC_EXPORT_INTERVAL",
            "soon",
            "OTEL_METRIC_EXPORT_INTERVAL: expected a positive number of milliseconds, found 'soon'",
        ),
    ],
)
async def test_a_wish_that_cannot_be_met_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str
) -> None:
    """Telemetry that would silently go nowhere is an error at the start."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as caught:
        async with FillTelemetry.start("fillwire-host", "host-0", endpoint=NOWHERE):
            pass
    assert str(caught.value) == complaint
