"""Asks Jaeger for a trace, by the HTTP query API that all of Jaeger 2 has: `GET /api/v3/traces/<id>`."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
import orjson
from yarl import URL

from fillwire.cli.trace.waterfall import Link, Span
from fillwire.domain.errors import ConfigError, FillwireError
from fillwire.runtime import telemetry_names as names
from fillwire.runtime.redaction import redacted_text

TIMEOUT_S = 10.0
MAX_BYTES = 32 << 20  # a trace of a fill has a few kilobytes for each bot
_NOT_FOUND = 404
_OK = 200
_ERROR = 2  # the status of a span that failed


class JaegerError(FillwireError):
    """Jaeger cannot be asked, or does not answer as Jaeger does."""


class Jaeger:
    """Jaeger's query API.

    Args:
        session: makes the requests.
        url: base address, such as `http://127.0.0.1:16686`.

    Raises:
        ConfigError: `url` is no address of that kind.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        try:
            base = URL(url)
        except ValueError:
            base = URL()
        if base.scheme not in {"http", "https"} or not base.host:
            raise ConfigError(
                f"--jaeger is {redacted_text(url)!r}: expected an address such as http://127.0.0.1:16686"
            )
        self._session = session
        self._base = base

    async def spans(self, trace_id: str) -> list[Span] | None:
        """Return the spans of a trace, None if Jaeger has no such trace.

        Raises:
            JaegerError: no answer within ten seconds, or one that Jaeger would not give.
        """
        where = redacted_text(str(self._base))
        url = self._base / "api/v3/traces" / trace_id
        try:
            async with (
                asyncio.timeout(TIMEOUT_S),
                # raw: without it Jaeger moves spans whose clocks differ
                self._session.get(url, params={"raw_traces": "true"}) as response,
            ):
                body = await response.content.read(MAX_BYTES)
                while not response.content.at_eof() and len(body) < MAX_BYTES:
                    body += await response.content.read(MAX_BYTES)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            reason = redacted_text(str(error)) or type(error).__name__
            raise JaegerError(f"cannot ask Jaeger at {where}: {reason}") from error
        try:
            answer = orjson.loads(body)
            if response.status == _NOT_FOUND and "error" in answer:
                return None
            if response.status != _OK and "error" in answer:
                raise JaegerError(f"Jaeger at {where} answers with status {response.status}: expected 200")
            return list(read_spans(answer["result"]))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise JaegerError(
                f"what answers at {where} is not Jaeger's query API: expected the address of its user interface, "
                "on port 16686 unless configured otherwise"
            ) from error


def read_spans(result: Mapping[str, Any]) -> Iterator[Span]:
    """Return the spans of a document of OTLP JSON.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is none.
    """
    for of_resource in result["resourceSpans"]:
        resource = _attributes(of_resource.get("resource", {}))
        service = resource.get("service.name")
        for of_scope in of_resource["scopeSpans"]:
            for span in of_scope["spans"]:
                yield _span(span, None if service is None else str(service))


def _span(span: Mapping[str, Any], service: str | None) -> Span:
    status = span.get("status", {})
    return Span(
        span_id=str(span["spanId"]),
        parent_id=span.get("parentSpanId") or None,
        name=str(span["name"]),
        service=service,
        start_ns=int(span["startTimeUnixNano"]),
        end_ns=int(span["endTimeUnixNano"]),
        error=str(status.get("message") or "failed") if status.get("code") == _ERROR else None,
        attributes=_attributes(span),
        links=tuple(
            Link(
                trace_id=str(link["traceId"]),
                event_id=_attributes(link).get(names.MESSAGING_MESSAGE_ID),
            )
            for link in span.get("links", ())
        ),
    )


def _attributes(holder: Mapping[str, Any]) -> dict[str, Any]:
    return {pair["key"]: _value(pair["value"]) for pair in holder.get("attributes", ())}


def _value(value: Mapping[str, Any]) -> Any:
    if "intValue" in value:  # a string, since JSON's numbers end at 2**53
        return int(value["intValue"])
    return next(iter(value.values()), None)
