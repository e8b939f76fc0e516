"""A receiver of OTLP over HTTP on a real socket: it decodes what exporters send and keeps it for the test to read."""

import asyncio
import gzip
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

Attributes = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event of a span, such as an exception."""

    name: str
    time_ns: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class ReceivedLink:
    """A link of a span to one of another trace."""

    trace_id: str
    span_id: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span as it stood in an export request; ids are lower-case hexadecimal, `parent_id` is empty for a root."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    attributes: Attributes
    events: tuple[ReceivedEvent, ...]
    links: tuple[ReceivedLink, ...]
    is_error: bool
    status_message: str
    is_parent_remote: bool
    resource: Attributes
    scope: str


@dataclass(frozen=True, slots=True)
class ReceivedPoint:
    """One data point: a number, or an exponential histogram whose `buckets` are counts by index."""

    attributes: Attributes
    start_ns: int
    time_ns: int
    value: float = 0.0
    count: int = 0
    sum: float = 0.0
    min: float = 0.0
    max: float = 0.0
    scale: int = 0
    zero_count: int = 0
    buckets: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReceivedMetric:
    """A metric as it stood in an export request."""

    name: str
    unit: str
    points: tuple[ReceivedPoint, ...]
    resource: Attributes


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs}


def _span(span: trace_pb2.Span, resource: Attributes, scope: str) -> ReceivedSpan:
    return ReceivedSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        events=tuple(
            ReceivedEvent(event.name, event.time_unix_nano, _attributes(event.attributes))
            for event in span.events
        ),
        links=tuple(
            ReceivedLink(link.trace_id.hex(), link.span_id.hex(), _attributes(link.attributes))
            for link in span.links
        ),
        is_error=span.status.code == trace_pb2.Status.STATUS_CODE_ERROR,
        status_message=span.status.message,
        is_parent_remote=bool(span.flags & trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK),
        resource=resource,
        scope=scope,
    )


def received_spans(request: bytes) -> list[ReceivedSpan]:
    """Return the spans of an export request."""
    return [
        _span(span, _attributes(resource_spans.resource.attributes), scope_spans.scope.name)
        for resource_spans in ExportTraceServiceRequest.FromString(request).resource_spans
        for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]


def _points(metric: metrics_pb2.Metric) -> tuple[ReceivedPoint, ...]:
    kind = metric.WhichOneof("data")
    if kind == "exponential_histogram":
        return tuple(
            ReceivedPoint(
                attributes=_attributes(point.attributes),
                start_ns=point.start_time_unix_nano,
                time_ns=point.time_unix_nano,
                count=point.count,
                sum=point.sum,
                min=point.min,
                max=point.max,
                scale=point.scale,
                zero_count=point.zero_count,
                buckets={
                    point.positive.offset + place: count
                    for place, count in enumerate(point.positive.bucket_counts)
                    if count
                },
            )
            for point in metric.exponential_histogram.data_points
        )
    if kind not in {"sum", "gauge"}:
        raise AssertionError(
            f"metric {metric.name}: expected a sum, gauge or exponential histogram, was {kind}"
        )
    numbers = metric.sum.data_points if kind == "sum" else metric.gauge.data_points
    return tuple(
        ReceivedPoint(
            attributes=_attributes(point.attributes),
            start_ns=point.start_time_unix_nano,
            time_ns=point.time_unix_nano,
            value=point.as_int if point.WhichOneof("value") == "as_int" else point.as_double,
        )
        for point in numbers
    )


def _answer(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/x-protobuf")


class OtlpReceiver:
    """Takes `/v1/traces` and `/v1/metrics`; an asynchronous context manager.

    Attributes:
        spans: every span received, in order of arrival.
        metrics: every metric received, in order of arrival; a later export repeats a cumulative metric.
        requests: number of requests answered.
        waiting: number of requests that are not answered yet.
        largest_bytes: size of the largest request with spans.
        headers: headers of the last request, names in lower case.
        status: what it answers; anything but 200 is a refusal, and what came with it is not kept.
        gate: while cleared, requests are accepted but get no answer.
    """

    def __init__(self) -> None:
        self.spans: list[ReceivedSpan] = []
        self.metrics: list[ReceivedMetric] = []
        self.requests = 0
        self.waiting = 0
        self.largest_bytes = 0
        self.headers: Mapping[str, str] = {}
        self.status = 200
        self.gate = asyncio.Event()
        self.gate.set()
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._endpoint = ""

    @property
    def endpoint(self) -> str:
        """Base address, the value of `OTEL_EXPORTER_OTLP_ENDPOINT`."""
        return self._endpoint

    async def __aenter__(self) -> Self:
        """Listen on a free port of the loopback interface."""
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/traces", self._traces)
        app.router.add_post("/v1/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self._endpoint = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        self.gate.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def wait_for(self, predicate: Callable[["OtlpReceiver"], bool], deadline_s: float = 10.0) -> None:
        """Wait until `predicate` holds of the receiver.

        Raises:
            AssertionError: it does not hold within `deadline_s` seconds; the message says what has arrived.
        """
        try:
            async with asyncio.timeout(deadline_s), self._changed:
                await self._changed.wait_for(lambda: predicate(self))
        except TimeoutError:
            names = [span.name for span in self.spans], [metric.name for metric in self.metrics]
            raise AssertionError(
                f"not within {deadline_s:g} s; {self.requests} requests, received {names}"
            ) from None

    async def wait_for_request(self, deadline_s: float = 10.0) -> None:
        """Wait until a request has come in that is not answered yet."""
        await self.wait_for(lambda receiver: receiver.waiting > 0, deadline_s)

    def trace(self, trace_id: str | int) -> dict[str, ReceivedSpan]:
        """Return the spans of one trace by name; of two with one name, the later."""
        wanted = trace_id if isinstance(trace_id, str) else f"{trace_id:032x}"
        return {span.name: span for span in self.spans if span.trace_id == wanted}

    def points(self, name: str) -> list[ReceivedPoint]:
        """Return the data points of the last export of each process that holds the metric."""
        last = {
            str(metric.resource.get("service.instance.id")): metric
            for metric in self.metrics
            if metric.name == name
        }
        return [point for metric in last.values() for point in metric.points]

    async def _body(self, request: web.Request) -> bytes:
        self.headers = {name.lower(): value for name, value in request.headers.items()}
        # aiohttp has undone the encoding it knows; this stays for one that it passes through.
        body = await request.read()
        async with self._changed:
            self.waiting += 1
            self._changed.notify_all()
        await self.gate.wait()
        if body[:2] == b"\x1f\x8b":
            return gzip.decompress(body)
        return body

    async def _note(self) -> None:
        async with self._changed:
            self.requests += 1
            self.waiting -= 1
            self._changed.notify_all()

    async def _traces(self, request: web.Request) -> web.Response:
        status = self.status
        body = await self._body(request)
        self.largest_bytes = max(self.largest_bytes, len(body))
        if status == web.HTTPOk.status_code:
            self.spans += received_spans(body)
        await self._note()
        return _answer(status, ExportTraceServiceResponse().SerializeToString())

    async def _metrics(self, request: web.Request) -> web.Response:
        status = self.status
        message = ExportMetricsServiceRequest.FromString(await self._body(request))
        if status == web.HTTPOk.status_code:
            for resource_metrics in message.resource_metrics:
                resource = _attributes(resource_metrics.resource.attributes)
                self.metrics += [
                    ReceivedMetric(metric.name, metric.unit, _points(metric), resource)
                    for scope_metrics in resource_metrics.scope_metrics
                    for metric in scope_metrics.metrics
                ]
        await self._note()
        return _answer(status, ExportMetricsServiceResponse().SerializeToString())
