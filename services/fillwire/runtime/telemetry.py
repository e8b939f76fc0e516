"""What gateway and host stamp on a fill is counted at once, and traced later and off the path.

Nothing but OpenTelemetry's standard variables says where it goes: `OTEL_EXPORTER_OTLP_ENDPOINT` (or `…_TRACES_ENDPOINT`
and `…_METRICS_ENDPOINT`), `…_HEADERS`, `…_TIMEOUT`, `…_COMPRESSION`, `…_CERTIFICATE`, `OTEL_SERVICE_NAME`,
`OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_EXPORTER=none`, `OTEL_METRICS_EXPORTER=none`,
`OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_SDK_DISABLED`. Without an endpoint there is no thread and no ring, only the
histograms.
"""

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from fillwire.runtime import metric_names
from fillwire.runtime.fill_exemplars import FillExemplars
from fillwire.runtime.fill_latency import FillLatencies
from fillwire.runtime.fill_tracer import FillTracer
from fillwire.runtime.metrics import Distribution, Family, Measures, Metrics
from fillwire.runtime.order_traces import CommandTrace, KeptOrder, OrderTrace
from fillwire.runtime.telemetry_names import KeptFor, is_failed
from fillwire.runtime.tracing import Sampling, sampling_from

if TYPE_CHECKING:
    from fillwire.runtime.telemetry_export import ExportThread

_ENDPOINT_VARIABLES: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
)
_TROUBLE_GRACE_S: Final = 0.5
_COLLECT_DEADLINE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class TelemetryCounts:
    """What became of the traces so far.

    Attributes:
        kept_fills: records whose trace was to be kept.
        exported_spans: spans that the receiver has taken.
        dropped_fills: records that the full ring has dropped, the oldest first.
        lost_fills: records whose batch the receiver did not take, or that were left when the process closed.
        failed_requests: requests that the receiver did not take.
    """

    kept_fills: int
    exported_spans: int
    dropped_fills: int
    lost_fills: int
    failed_requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryLimits:
    """What telemetry may take of memory and time.

    Attributes:
        slow_s: a fill that took longer from venue to bot is traced even if the ratio leaves it out; None for none.
        ring_fills: kept records that wait for their export at most, a kilobyte each, and as many of orders; then the
            oldest are dropped and counted. Three seconds of 10,000 fills: a receiver on a busy machine may take one for a request.
        export_interval_s: longest time that a kept record waits for its export.
        close_deadline_s: longest time that leaving the context waits for the receiver.
    """

    slow_s: float | None = 1.0
    ring_fills: int = 32_768
    export_interval_s: float = 1.0
    close_deadline_s: float = 5.0


class FillTelemetry:
    """Counts and traces the fills of one process. An asynchronous context manager: leaving it exports what is left.

    All methods but the context manager's take microseconds and never wait. Call them on one thread. Fills themselves are
    told to `tracer`.

    Args:
        service_name: `service.name` of the process unless `OTEL_SERVICE_NAME` is set, such as `fillwire-gateway`.
        instance: which of the processes of that name it is.
        sampling: which traces are kept.
        endpoint: base address of the OTLP receiver; None leaves it to the environment.
        limits: what it may take of memory and time.

    Attributes:
        tracer: counts each fill, and keeps the records of those that are traced.
        latencies: the histograms of all fills.
        metrics: what the process counts beside them; the latencies are one of its sources.
    """

    def __init__(
        self,
        service_name: str,
        instance: str,
        sampling: Sampling,
        *,
        endpoint: str | None = None,
        limits: TelemetryLimits = TelemetryLimits(),
    ) -> None:
        self.sampling = sampling
        slow_ns = None if limits.slow_s is None else round(limits.slow_s * 1e9)
        self.tracer = FillTracer(
            bound=sampling.bound,
            follows_parent=sampling.follows_parent,
            slow_ns=slow_ns,
            capacity=limits.ring_fills,
        )
        self.latencies = FillLatencies(self.tracer)
        self.metrics = Metrics()
        self.metrics.add(self._measure)
        self._exemplars = FillExemplars(self.tracer)
        self._service_name = service_name
        self._instance = instance
        self._endpoint = endpoint
        self._limits = limits
        self._orders: deque[KeptOrder] = deque(maxlen=limits.ring_fills)
        self._kept_orders = 0
        self._dropped_orders = 0
        self._left_fills = 0
        self._exporting: ExportThread | None = None

    @classmethod
    def start(
        cls,
        service_name: str,
        instance: str,
        *,
        sample_ratio: float = 1.0,
        endpoint: str | None = None,
        limits: TelemetryLimits = TelemetryLimits(),
    ) -> Self:
        """Return the telemetry of a process, to be entered with `async with`.

        Args:
            service_name: as the class.
            instance: as the class.
            sample_ratio: share of traces that are kept, from 0 to 1, unless `OTEL_TRACES_SAMPLER` says otherwise.
            endpoint: as the class.
            limits: as the class.

        Raises:
            ConfigError: the ratio or the environment's sampler cannot be used.
        """
        sampling = sampling_from(os.environ, sample_ratio)
        return cls(service_name, instance, sampling, endpoint=endpoint, limits=limits)

    @property
    def is_exporting(self) -> bool:
        """Whether a receiver is configured and the context has been entered."""
        return self._exporting is not None

    @property
    def counts(self) -> TelemetryCounts:
        """What became of the traces so far."""
        exported = self._exporting.counts if self._exporting is not None else None
        return TelemetryCounts(
            kept_fills=self.tracer.kept_count + self._kept_orders,
            exported_spans=exported.exported_spans if exported else 0,
            dropped_fills=self._dropped_fills(),
            lost_fills=(exported.lost_fills if exported else 0) + self._left_fills,
            failed_requests=exported.failed_requests if exported else 0,
        )

    def keeps_order(self, event_id: str, parent: bool | None, latency_ns: int) -> bool:
        """Return whether the trace is kept of what a callback does, so far as that is known while it runs.

        Args:
            event_id: the event that the callback handles.
            parent: what the event's `traceparent` says (`tracing.is_parent_sampled`), None without one.
            latency_ns: how long the fill took from venue to bot.
        """
        tracer = self.tracer
        if self._exporting is None:
            return False
        if tracer.keeps(event_id, parent):
            return True
        if tracer.is_slow(latency_ns):
            tracer.note(event_id, KeptFor.SLOW)
        return tracer.reason(event_id) is not None

    def order_answered(self, trace: OrderTrace) -> None:
        """Hand in what the host stamped on a request of a callback; one that failed has the whole trace kept."""
        if self._exporting is None:
            return
        if is_failed(trace.outcome) and not trace.context.is_sampled:
            self.tracer.note(trace.event_id, KeptFor.ORDER)
        reason = self.tracer.reason(trace.event_id)
        if trace.context.is_sampled or reason is not None:
            self._keep(KeptOrder(trace, reason))

    def command_answered(self, trace: CommandTrace) -> None:
        """Hand in what the gateway stamped on a request of a bot."""
        if self._exporting is None:
            return
        if self.sampling.keeps(trace.context):
            self._keep(KeptOrder(trace))
        elif is_failed(trace.outcome):
            self._keep(KeptOrder(trace, KeptFor.ORDER))

    def _keep(self, kept: KeptOrder) -> None:
        waiting, orders = len(self._orders), self._orders
        self._kept_orders += 1
        if waiting == orders.maxlen:
            self._dropped_orders += 1
        elif waiting == max(1, self._limits.ring_fills // 2) and self._exporting is not None:
            self._exporting.wake()
        orders.append(kept)

    def _dropped_fills(self) -> int:
        return self.tracer.dropped_count + self._dropped_orders

    def _measure(self, into: Measures) -> None:
        """Say how long fills took, with traces that show it; a trace that was not kept shows nothing."""
        exemplars = self._exemplars.collect()
        for exchange, environment, stage, snapshot in self.latencies.series():
            if snapshot.count:
                shown = tuple(exemplars.get((exchange, environment, stage), ()))
                into.put(
                    metric_names.FILL_LATENCY, Distribution(snapshot, shown), exchange, environment, stage
                )
        counts = self.counts
        into.put(metric_names.FILLS_LOST, counts.dropped_fills + counts.lost_fills)
        into.put(metric_names.SOURCE_FAILURES, self.metrics.failure_count)

    async def __aenter__(self) -> Self:
        """Start to export, if a receiver is configured.

        Raises:
            ConfigError: the environment asks for a protocol other than `http/protobuf`.
        """
        if _is_receiver_configured(self._endpoint):
            # Half a second of imports, for a process that exports.
            from fillwire.runtime.telemetry_export import export_thread  # noqa: PLC0415

            self._exporting = export_thread(
                tracer=self.tracer,
                orders=self._orders,
                service_name=self._service_name,
                instance=self._instance,
                endpoint=self._endpoint,
                series=self.latencies.series,
                families=from_loop(self.metrics.collect_in_turns, asyncio.get_running_loop()),
                dropped_fills=self._dropped_fills,
                span_interval_s=self._limits.export_interval_s,
            )
            self._exporting.start()
            self.tracer.export(self._exporting.wake)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Export what is left, for `close_deadline_s` at most; for half a second if the receiver is in trouble."""
        exporting = self._exporting
        if exporting is None:
            return
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def from_thread(callback: Callable[[], None]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
                loop.call_soon_threadsafe(callback)

        try:
            async with asyncio.timeout(self._limits.close_deadline_s) as deadline:

                def hurry() -> None:
                    by_then = loop.time() + _TROUBLE_GRACE_S
                    if not ended.is_set() and by_then < (deadline.when() or 0.0):
                        deadline.reschedule(by_then)

                exporting.finish(lambda: from_thread(ended.set), lambda: from_thread(hurry))
                await ended.wait()
            exporting.join()
        except TimeoutError:
            pass
        finally:
            ended.set()
            self._left_fills += exporting.abandon()


def _is_receiver_configured(endpoint: str | None) -> bool:
    return "true" not in os.environ.get("OTEL_SDK_DISABLED", "").lower() and (
        endpoint is not None or any(os.environ.get(name) for name in _ENDPOINT_VARIABLES)
    )


def from_loop(
    collect: Callable[[], Coroutine[Any, Any, list[Family]]], loop: asyncio.AbstractEventLoop
) -> Callable[[], list[Family]]:
    """Return `collect` for another thread: it runs on the loop, whose state it reads; a loop that is busy says nothing."""

    def collect_there() -> list[Family]:
        work = collect()
        try:
            future = asyncio.run_coroutine_threadsafe(work, loop)
        except RuntimeError:  # the loop has closed
            work.close()
            return []
        try:
            return future.result(_COLLECT_DEADLINE_S)
        except (TimeoutError, CancelledError):
            future.cancel()
            return []

    return collect_there
