"""Sends encoded spans by OTLP over HTTP, as OpenTelemetry's own exporter does: its settings, retries and deadline."""

from typing import ClassVar

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter


class SpanSender(OTLPSpanExporter):
    """OpenTelemetry's exporter without the SDK's spans, of which `export` would make the bytes that we have.

    Its client is not public, so `pyproject.toml` holds it to one minor version, and the tests of the export use it.
    """

    LOGGER: ClassVar[str] = OTLPSpanExporter.__module__
    """Name under which it logs."""

    def send(self, request: bytes) -> bool:
        """Return whether the receiver has taken the request, after retries, within `OTEL_EXPORTER_OTLP_TIMEOUT`."""
        return not self._shutdown and self._client.export(request).success
