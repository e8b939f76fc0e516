"""Where the traces of a test go: a real Jaeger where the machine has one, else a receiver of the same protocol."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import aiohttp
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from fillwire.cli.trace.jaeger import read_spans
from fillwire.cli.trace.waterfall import Link, Span
from fillwire.runtime.ports import free_ports
from support.eventually import eventually
from support.jaeger_binary import JAEGER
from support.otlp_receiver import OtlpReceiver

_START_DEADLINE_S = 30.0


class TracingBackend(Protocol):
    """Takes spans by OTLP and tells what it has.

    Attributes:
        name: which one it is, for the test's report.
        endpoint: the value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
        query_url: for `fillwire trace --jaeger`; None where there is nothing to ask.
    """

    name: str
    endpoint: str
    query_url: str | None

    async def services(self) -> set[str]:
        """Return the services of which there are spans."""

    async def trace(self, trace_id: str) -> list[Span]:
        """Return the spans of a trace, none if there is no such trace."""

    async def search(self, service: str, attribute: str, value: str) -> set[str]:
        """Return the ids of the traces in which a span of the service has the attribute."""


class JaegerBackend:
    """A real Jaeger, asked by its query API."""

    def __init__(self, session: aiohttp.ClientSession, otlp: int, query: int) -> None:
        self.name = "jaeger"
        self.endpoint = f"http://127.0.0.1:{otlp}"
        self.query_url: str | None = f"http://127.0.0.1:{query}"
        self._session = session

    async def _get(self, path: str, **parameters: str) -> dict[str, object]:
        async with self._session.get(f"{self.query_url}{path}", params=parameters) as answer:
            document: dict[str, object] = await answer.json(content_type=None) if answer.status == 200 else {}
            return document

    async def services(self) -> set[str]:
        """See `TracingBackend`."""
        found = (await self._get("/api/v3/services")).get("services") or []
        assert isinstance(found, list)
        return set(found)

    async def trace(self, trace_id: str) -> list[Span]:
        """See `TracingBackend`."""
        result = (await self._get(f"/api/v3/traces/{trace_id}", raw_traces="true")).get("result")
        return [] if not isinstance(result, dict) else list(read_spans(result))

    async def search(self, service: str, attribute: str, value: str) -> set[str]:
        """See `TracingBackend`."""
        # What the user interface asks; the third version of the API has no search by attribute.
        found = (
            await self._get(
                "/api/traces",
                service=service,
                tags=json.dumps({attribute: value}),
                limit="1000",
                lookback="1h",
            )
        ).get("data") or []
        assert isinstance(found, list)
        return {trace["traceID"] for trace in found}


class ReceiverBackend:
    """Our own receiver of the same protocol: what Jaeger would be sent, without Jaeger's storage and search."""

    def __init__(self, receiver: OtlpReceiver) -> None:
        self.name = "receiver"
        self.endpoint = receiver.endpoint
        self.query_url: str | None = None
        self._receiver = receiver

    async def services(self) -> set[str]:
        """See `TracingBackend`."""
        return {str(span.resource["service.name"]) for span in self._receiver.spans}

    async def trace(self, trace_id: str) -> list[Span]:
        """See `TracingBackend`."""
        return [
            Span(
                span_id=span.span_id,
                parent_id=span.parent_id or None,
                name=span.name,
                service=str(span.resource["service.name"]),
                start_ns=span.start_ns,
                end_ns=span.end_ns,
                error=span.status_message if span.is_error else None,
                attributes=span.attributes,
                links=tuple(
                    Link(trace_id=link.trace_id, event_id=str(link.attributes["messaging.message.id"]))
                    for link in span.links
                ),
            )
            for span in self._receiver.spans
            if span.trace_id == trace_id
        ]

    async def search(self, service: str, attribute: str, value: str) -> set[str]:
        """See `TracingBackend`."""
        return {
            span.trace_id
            for span in self._receiver.spans
            if span.resource["service.name"] == service and str(span.attributes.get(attribute)) == value
        }


def _configuration(otlp: int, query: int, query_grpc: int, health: int) -> str:
    document = {
        "service": {
            "extensions": ["jaeger_storage", "jaeger_query", "healthcheckv2"],
            "pipelines": {
                "traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]},
            },
            "telemetry": {"metrics": {"level": "none"}, "logs": {"level": "error"}},
        },
        "extensions": {
            "jaeger_query": {
                "storage": {"traces": "memory"},
                "http": {"endpoint": f"127.0.0.1:{query}"},
                "grpc": {"endpoint": f"127.0.0.1:{query_grpc}"},
            },
            "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": 100_000}}}},
            "healthcheckv2": {"use_v2": True, "http": {"endpoint": f"127.0.0.1:{health}"}},
        },
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{otlp}"}}}},
        "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
    }
    return json.dumps(document)  # JSON is YAML


@asynccontextmanager
async def _jaeger(binary: str, path: Path) -> AsyncIterator[JaegerBackend]:
    otlp, query, query_grpc, health = free_ports(4)
    config = path / "jaeger.yaml"
    config.write_text(_configuration(otlp, query, query_grpc, health))
    with (path / "jaeger.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            binary, "--config", str(config), stdout=log, stderr=log
        )
    try:
        async with aiohttp.ClientSession() as session:
            backend = JaegerBackend(session, otlp, query)

            async def is_up() -> bool:
                assert process.returncode is None, (path / "jaeger.log").read_text()[-2_000:]
                try:
                    async with session.get(f"{backend.query_url}/api/v3/services") as answer:
                        is_asked = answer.status == 200
                    # An export without spans is taken once the receiver listens.
                    empty = ExportTraceServiceRequest().SerializeToString()
                    headers = {"content-type": "application/x-protobuf"}
                    async with session.post(
                        f"{backend.endpoint}/v1/traces", data=empty, headers=headers
                    ) as answer:
                        return is_asked and answer.status == 200
                except aiohttp.ClientError:
                    return False

            await eventually(is_up, _START_DEADLINE_S, "Jaeger is up")
            yield backend
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def tracing_backend(path: Path) -> AsyncIterator[TracingBackend]:
    """Run Jaeger inside the block, or the receiver where there is no Jaeger.

    Args:
        path: where configuration and log are written.
    """
    if JAEGER is not None:
        async with _jaeger(JAEGER, path) as backend:
            yield backend
    else:
        async with OtlpReceiver() as receiver:
            yield ReceiverBackend(receiver)
