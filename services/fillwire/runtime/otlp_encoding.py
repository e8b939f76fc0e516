"""Spans of orders as the bytes of an OTLP export request, without the SDK's objects, of which each takes some 25 µs.

Those of fills, of which there are more, are written by the extension (`fastparse/src/fill/otlp.rs`).
"""

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from struct import Struct
from typing import Final

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext

MAX_NS: Final = 2**63 - 1

# Tags of the protocol's fields: number << 3 | wire type.
_KEY, _VALUE, _STRING, _INT = b"\x0a", b"\x12", b"\x0a", b"\x18"
_TRACE_ID, _SPAN_ID, _PARENT_ID = b"\x0a\x10", b"\x12\x08", b"\x22\x08"  # each with its length
_NAME, _KIND, _ATTRIBUTE, _EVENT, _STATUS = b"\x2a", b"\x30", b"\x4a", b"\x5a", b"\x7a"
_EVENT_ATTRIBUTE = b"\x1a"
_RESOURCE_SPANS, _SCOPE_SPANS, _SPANS = b"\x0a", b"\x12", b"\x12"
_START, _END = 0x39, 0x41
_EVENT_TIME: Final = Struct("<BQ")
_AT = 0x09
# Flags: the trace is kept, it is known whether the parent is remote, and whether it is.
_LOCAL: Final = b"\x85\x01\x01\x01\x00\x00"
_REMOTE: Final = b"\x85\x01\x01\x03\x00\x00"
_ERROR: Final = b"\x18\x02"
_LOW: Final = 0x7F
_MORE: Final = 0x80
_TIMES: Final = Struct("<BQBQ").pack
_ANY_CONTEXT: Final = SpanContext(1, 1, is_remote=False)


class SpanKind(IntEnum):
    """What a span is to its neighbours, as OTLP numbers it."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


def varint(number: int) -> bytes:
    """Return a number of 0 or more as the protocol writes it."""
    written = bytearray()
    while number >= _MORE:
        written.append(number & _LOW | _MORE)
        number >>= 7
    written.append(number)
    return bytes(written)


def field(tag: bytes, body: bytes) -> bytes:
    """Return a field that holds a text or a message."""
    return tag + varint(len(body)) + body


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace")  # half a surrogate pair costs a character, not the batch


@lru_cache(4096)
def _text_head(tag: bytes, key: str, text_bytes: int) -> bytes:
    """Return what stands before the text in a pair of key and text: it is the same for all texts of one length."""
    said = _STRING + varint(text_bytes)
    pair = field(_KEY, key.encode()) + _VALUE + varint(len(said) + text_bytes) + said
    return tag + varint(len(pair) + text_bytes) + pair


def _text_pair(tag: bytes, key: str, value: str) -> bytes:
    text = _utf8(value)
    return _text_head(tag, key, len(text)) + text


def text_attribute(key: str, value: str) -> bytes:
    """Return an attribute of a span that is seldom the same twice."""
    text = _utf8(value)
    return _text_head(_ATTRIBUTE, key, len(text)) + text


known_text: Final = lru_cache(8192)(text_attribute)
"""`text_attribute` for what is the same in several spans, such as the id of an order."""


def span(  # noqa: PLR0913 - the parts of a span
    name: str,
    kind: SpanKind,
    *,
    trace_id: bytes,
    span_id: bytes,
    parent_id: bytes,
    start_ns: int,
    end_ns: int,
    said: bytes = b"",
    is_parent_remote: bool = False,
) -> bytes:
    """Return a span.

    Args:
        name: what it is of.
        kind: what it is to its neighbours.
        trace_id: of 16 bytes.
        span_id: of 8 bytes.
        parent_id: of 8 bytes.
        start_ns: may be any number: stamps of two machines may cross, and are brought into the protocol's range.
        end_ns: as `start_ns`.
        said: attributes, events and status, one behind the other.
        is_parent_remote: whether another process made the parent.
    """
    start_ns = min(max(start_ns, 0), MAX_NS)
    times = _TIMES(_START, start_ns, _END, min(max(end_ns, start_ns), MAX_NS))
    shape = field(_NAME, _utf8(name)) + _KIND + varint(kind)
    flags = _REMOTE if is_parent_remote else _LOCAL
    ids = (_TRACE_ID, trace_id, _SPAN_ID, span_id, _PARENT_ID, parent_id)
    return field(_SPANS, b"".join((shape, flags, said, *ids, times)))


def event(name: str, at_ns: int, *attributes: tuple[str, str]) -> bytes:
    """Return an event of a span."""
    said = b"".join([_text_pair(_EVENT_ATTRIBUTE, key, value) for key, value in attributes])
    at = _EVENT_TIME.pack(_AT, min(max(at_ns, 0), MAX_NS))
    return field(_EVENT, at + field(b"\x12", _utf8(name)) + said)


def error_status(message: str) -> bytes:
    """Return the status of a span that failed."""
    return field(_STATUS, field(b"\x12", _utf8(message)) + _ERROR)


class Envelope:
    """What stands around the spans of a process in a request.

    Args:
        resource: the process, as OpenTelemetry describes it.
        scope: what made the spans.
    """

    def __init__(self, resource: Resource, scope: InstrumentationScope) -> None:
        # Once per process, so the SDK's own encoder may do it; its one span is left out.
        encoded = encode_spans(
            [ReadableSpan("", resource=resource, instrumentation_scope=scope, context=_ANY_CONTEXT)]
        )
        of_resource = encoded.resource_spans[0]
        of_scope = of_resource.scope_spans[0]
        of_scope.ClearField("spans")
        self._scope = of_scope.SerializeToString()
        of_resource.ClearField("scope_spans")
        self._resource = of_resource.SerializeToString()

    def request(self, spans: Sequence[bytes]) -> bytes:
        """Return the request that exports `spans`."""
        # Lengths first, so that the spans are copied once.
        scope_bytes = len(self._scope) + sum(map(len, spans))
        scope_head = _SCOPE_SPANS + varint(scope_bytes) + self._scope
        resource_bytes = len(self._resource) + len(scope_head) - len(self._scope) + scope_bytes
        return b"".join((_RESOURCE_SPANS, varint(resource_bytes), self._resource, scope_head, *spans))
