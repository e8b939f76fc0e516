"""The thread that turns kept records into spans and histograms into metrics, and sends both by OTLP over HTTP.

It is imported only by a process that exports: the SDK and its HTTP client take half a second to load.
"""

import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Final

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import MetricExportResult
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from fillwire.domain.errors import ConfigError
from fillwire.runtime.fill_latency import LatencySeries
from fillwire.runtime.fill_metrics import metrics_data
from fillwire.runtime.fill_tracer import FillTracer
from fillwire.runtime.logs import get_log
from fillwire.runtime.metrics import Family
from fillwire.runtime.order_spans import order_spans
from fillwire.runtime.order_traces import KeptOrder
from fillwire.runtime.otlp_encoding import Envelope
from fillwire.runtime.span_errors import error_parts
from fillwire.runtime.span_sender import SpanSender
from fillwire.runtime.telemetry_names import SCHEMA_URL, SCOPE_NAME

# Of spans per request, some thousand fills: a request costs half a millisecond, too, and receivers take 4 MiB and more.
_BATCH_BYTES: Final = 3 * 1024 * 1024
# Time to rest after an export, in multiples of what it took: a burst of fills keeps three quarters of the interpreter.
_REST: Final = 3.0
# While this thread computes, the event loop waits up to a switch interval for the interpreter: 5 ms by default, too
# much of a fill's latency.
_SWITCH_INTERVAL_S: Final = 0.0005
_JOIN_DEADLINE_S: Final = 1.0
_VERSION: Final = version("fillwire")
_PROTOCOL: Final = "http/protobuf"
_EXPORTERS: Final = (SpanSender.LOGGER, OTLPMetricExporter.__module__)  # names of their loggers
_log: Final = get_log(__name__)


def process_resource(service_name: str, instance: str) -> Resource:
    """Return the process as OpenTelemetry describes it; `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win."""
    own = Resource.create(
        {
            "service.namespace": "fillwire",
            "service.name": service_name,
            "service.instance.id": instance,
            "service.version": _VERSION,
        }
    )
    return own.merge(OTELResourceDetector().detect())


@dataclass(slots=True)
class ExportCounts:
    """What became of the records that were to be exported."""

    exported_spans: int = 0
    lost_fills: int = 0
    failed_requests: int = 0


class _Trouble(logging.Filter):
    """Hears what an exporter would log at each failed attempt, retries included, and keeps the last of it.

    Attributes:
        reason: what was heard last, None while there is no trouble.
        on_trouble: called on the exporting thread whenever there is something to hear.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reason: str | None = None
        self.on_trouble: Callable[[], None] = lambda: None

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep the record to ourselves."""
        self.reason = record.getMessage()
        self.on_trouble()
        return False


class ExportThread:
    """Empties the ring every interval, at once when it is half full, and a last time when it closes.

    A batch that the receiver does not take within the exporter's timeout (`OTEL_EXPORTER_OTLP_TIMEOUT`) is lost and
    counted; meanwhile the ring drops its oldest records.

    Args:
        tracer: has the fills whose traces are kept.
        orders: requests whose traces are kept; appended to by the event loop's thread.
        resource: the process, as OpenTelemetry describes it.
        span_exporter: where spans go, None for nowhere.
        metric_exporter: where metrics go, None for nowhere.
        series: snapshots of all histograms; called on this thread.
        families: what else the process counts; called on this thread.
        dropped_fills: records that the ring has dropped so far.
        start_ns: since when the histograms count.
        span_interval_s: longest time a record waits for its export.
        metric_interval_s: time between two exports of the metrics.
    """

    def __init__(  # noqa: PLR0913 - the parts it connects
        self,
        *,
        tracer: FillTracer,
        orders: deque[KeptOrder],
        resource: Resource,
        span_exporter: SpanSender | None,
        metric_exporter: OTLPMetricExporter | None,
        series: Callable[[], list[LatencySeries]],
        families: Callable[[], list[Family]],
        dropped_fills: Callable[[], int],
        start_ns: int,
        span_interval_s: float,
        metric_interval_s: float,
    ) -> None:
        self.counts = ExportCounts()
        self._tracer = tracer
        self._orders = orders
        self._resource = resource
        self._scope = InstrumentationScope(SCOPE_NAME, _VERSION, SCHEMA_URL)
        self._envelope = Envelope(resource, self._scope)
        self._span_exporter = span_exporter
        self._metric_exporter = metric_exporter
        self._series = series
        self._families = families
        self._dropped_fills = dropped_fills
        self._start_ns = start_ns
        self._span_interval_s = span_interval_s
        self._metric_interval_s = metric_interval_s
        self._wake = threading.Event()
        self._half = (orders.maxlen or 0) // 2
        self._in_flight_fills = 0
        self._is_stopping = False
        self._is_abandoned = False
        self._is_lost = False
        self._trouble = _Trouble()
        self._on_end: Callable[[], None] = lambda: None
        # A daemon: a receiver that hangs must not keep the process from leaving.
        self._thread = threading.Thread(target=self._run, name="fillwire-telemetry", daemon=True)

    def start(self) -> None:
        """Start the thread, and shorten the interpreter's switch interval for good."""
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_INTERVAL_S))
        for name in _EXPORTERS:
            logging.getLogger(name).addFilter(self._trouble)
        self._thread.start()

    def wake(self) -> None:
        """Export now rather than at the end of the interval."""
        self._wake.set()

    def finish(self, on_end: Callable[[], None], on_trouble: Callable[[], None]) -> None:
        """Export what there is and end.

        Args:
            on_end: called, on any thread, when that is done.
            on_trouble: called, on any thread, when the receiver is in trouble; at once if it is already.
        """
        self._on_end = on_end
        self._trouble.on_trouble = on_trouble
        self._is_stopping = True
        self._wake.set()
        if self._trouble.reason is not None:
            on_trouble()
        if not self._thread.is_alive():
            on_end()

    def join(self) -> None:
        """Wait for the thread, once it has called `on_end`: that was its last step, so this takes microseconds."""
        self._thread.join(_JOIN_DEADLINE_S)

    def abandon(self) -> int:
        """Give up what has not been exported, and return how many fills that is; waits between retries end at once."""
        self._is_abandoned = True
        left = self._in_flight_fills + self._waiting
        self._in_flight_fills = 0
        self._clear()
        for exporter in (self._span_exporter, self._metric_exporter):
            if exporter is not None:
                exporter.shutdown()
        for name in _EXPORTERS:
            logging.getLogger(name).removeFilter(self._trouble)
        return left

    def _run(self) -> None:
        try:
            self._export_until_finished()
        except Exception as error:  # noqa: BLE001 - the edge of the thread: telemetry ends, the process goes on
            _log.error("telemetry_ended", error=error)
        finally:
            self._on_end()

    def _export_until_finished(self) -> None:
        next_metrics_s = time.monotonic() + self._metric_interval_s
        while not self._is_stopping:
            self._wake.wait(min(self._span_interval_s, max(0.0, next_metrics_s - time.monotonic())))
            self._wake.clear()
            self._export_spans()
            if time.monotonic() >= next_metrics_s:
                self._export_metrics()
                next_metrics_s = time.monotonic() + self._metric_interval_s
        self._export_spans()
        self._export_metrics()

    @property
    def _waiting(self) -> int:
        return len(self._tracer) + len(self._orders)

    def _clear(self) -> None:
        self._tracer.clear()
        self._orders.clear()

    def _export_spans(self) -> None:
        if self._span_exporter is None:
            self._clear()
            return
        # What comes meanwhile waits for the next round, or there would be a request for every few fills.
        due = self._waiting
        while due > 0 and not self._is_abandoned:
            begin_s = time.thread_time()
            encoded, spans, self._in_flight_fills = self._next_batch()
            is_taken = self._span_exporter.send(self._envelope.request(encoded))
            fills, self._in_flight_fills = self._in_flight_fills, 0
            if not is_taken:
                self.counts.lost_fills += fills
                self._note_failure()
                return  # one failure per round: the room for them bounds what piles up meanwhile
            self.counts.exported_spans += spans
            self._note_success()
            due = due - fills if fills else 0
            if max(len(self._tracer), len(self._orders)) >= self._half:
                due = self._waiting  # and no rest until half of the room is free
            else:
                # Whoever closes, or finds the room half taken, has set the event and so takes the rest away.
                self._wake.wait(_REST * (time.thread_time() - begin_s))

    def _next_batch(self) -> tuple[list[bytes], int, int]:
        """Return encoded spans, how many they are, and of how many records."""
        encoded: list[bytes] = []
        spans = fills = size = 0
        while size < _BATCH_BYTES and self._orders:
            trace, kept_for = self._orders.popleft()
            said = order_spans(trace, kept_for)
            encoded += said
            size += sum(map(len, said))
            spans += len(said)
            fills += 1
        of_fills, span_count, count = self._tracer.take(max(0, _BATCH_BYTES - size), error_parts)
        return [*encoded, of_fills], spans + span_count, fills + count

    def _export_metrics(self) -> None:
        if self._metric_exporter is None or self._is_abandoned:
            return
        lost = self.counts.lost_fills + self._dropped_fills()
        data = metrics_data(
            self._resource,
            self._scope,
            self._series(),
            lost_fills=lost,
            start_ns=self._start_ns,
            now_ns=time.time_ns(),
            families=self._families(),
        )
        if self._metric_exporter.export(data) is MetricExportResult.SUCCESS:
            self._note_success()
        else:
            self._note_failure()

    def _note_success(self) -> None:
        self._trouble.reason = None
        if self._is_lost:
            self._is_lost = False
            _log.warning("telemetry_receiver_back", lost_fills=self.counts.lost_fills)

    def _note_failure(self) -> None:
        self.counts.failed_requests += 1
        if not self._is_lost and not self._is_abandoned:
            self._is_lost = True
            _log.warning(
                "telemetry_receiver_lost", lost_fills=self.counts.lost_fills, reason=self._trouble.reason
            )


def export_thread(  # noqa: PLR0913 - what it exports, for whom and how often
    *,
    tracer: FillTracer,
    orders: deque[KeptOrder],
    service_name: str,
    instance: str,
    endpoint: str | None,
    series: Callable[[], list[LatencySeries]],
    families: Callable[[], list[Family]],
    dropped_fills: Callable[[], int],
    span_interval_s: float,
) -> ExportThread:
    """Return the thread, not yet started, with exporters as OpenTelemetry's standard variables describe them.

    Args:
        tracer: as `ExportThread`.
        orders: as `ExportThread`.
        service_name: as `process_resource`.
        instance: as `process_resource`.
        endpoint: base address of the receiver; None leaves it to the environment.
        series: as `ExportThread`.
        families: as `ExportThread`.
        dropped_fills: as `ExportThread`.
        span_interval_s: as `ExportThread`.

    Raises:
        ConfigError: the environment asks for a protocol other than `http/protobuf`, or holds no number where one
            belongs.
    """
    resource = process_resource(service_name, instance)
    return ExportThread(
        tracer=tracer,
        orders=orders,
        resource=resource,
        span_exporter=SpanSender(_signal_endpoint(endpoint, "traces"))
        if _is_wanted("TRACES", endpoint)
        else None,
        metric_exporter=OTLPMetricExporter(_signal_endpoint(endpoint, "metrics"))
        if _is_wanted("METRICS", endpoint)
        else None,
        series=series,
        families=families,
        dropped_fills=dropped_fills,
        start_ns=time.time_ns(),
        span_interval_s=span_interval_s,
        metric_interval_s=_metric_interval_s(),
    )


def _signal_endpoint(endpoint: str | None, signal: str) -> str | None:
    return None if endpoint is None else f"{endpoint.removesuffix('/')}/v1/{signal}"


def _is_wanted(signal: str, endpoint: str | None) -> bool:
    """Return whether the environment wants the signal: an endpoint for it, and no `OTEL_<signal>_EXPORTER=none`."""
    if os.environ.get(f"OTEL_{signal}_EXPORTER", "otlp").strip().lower() == "none":
        return False
    variable = f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL"
    if variable not in os.environ:
        variable = "OTEL_EXPORTER_OTLP_PROTOCOL"
    protocol = os.environ.get(variable, _PROTOCOL)
    if protocol != _PROTOCOL:
        raise ConfigError(f"{variable}: expected {_PROTOCOL}, found {protocol!r}")
    return bool(
        endpoint
        or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        or os.environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    )


def _metric_interval_s() -> float:
    text = os.environ.get("OTEL_METRIC_EXPORT_INTERVAL") or "60000"
    if not text.isdecimal() or int(text) == 0:
        raise ConfigError(
            f"OTEL_METRIC_EXPORT_INTERVAL: expected a positive number of milliseconds, found {text!r}"
        )
    return int(text) / 1e3
