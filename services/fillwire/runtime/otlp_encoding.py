"""Spans as the bytes of an OTLP export request, without the SDK's objects.

The SDK takes some 25 µs per span, of objects that are made to be read once. What is the same in many spans is encoded
once and kept; a span is then a join of a dozen pieces.
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
NO_SPAN: Final = b""

# Tags of the protocol's fields: number << 3 | wire type.
_KEY, _VALUE, _STRING, _INT = b"\x0a", b"\x12", b"\x0a", b"\x18"
_TRACE_ID, _SPAN_ID, _PARENT_ID = b"\x0a\x10", b"\x12\x08", b"\x22\x08"
_NAME, _KIND, _ATTRIBUTE, _EVENT, _LINK, _STATUS = b"\x2a", b"\x30", b"\x4a", b"\x5a", b"\x6a", b"\x7a"
_LINK_ATTRIBUTE, _EVENT_ATTRIBUTE = b"\x22", b"\x1a"
_RESOURCE_SPANS, _SCOPE_SPANS, _SPANS = b"\x0a", b"\x12", b"\x12"
_TIMES: Final = Struct("<BQBQ")  # start and end, each behind its tag
_START, _END = 0x39, 0x41
_EVENT_TIME: Final = Struct("<BQ")
_AT = 0x09
# Flags: the trace is kept, it is known whether the parent is remote, and whether it is.
_LOCAL: Final = b"\x85\x01\x01\x01\x00\x00"
_REMOTE: Final = b"\x85\x01\x01\x03\x00\x00"
_LINK_FLAGS: Final = b"\x35\x01\x03\x00\x00"
_ERROR: Final = b"\x18\x02"
_LOW: Final = 0x7F
_MORE: Final = 0x80
_UNSIGNED: Final = 2**64 - 1
_ANY_CONTEXT: Final = SpanContext(1, 1, is_remote=False)


class SpanKind(IntEnum):
    """What a span is to its neighbours, as OTLP numbers it."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


def _varint(number: int) -> bytes:
    written = bytearray()
    while number >= _MORE:
        written.append(number & _LOW | _MORE)
        number >>= 7
    written.append(number)
    return bytes(written)


_SHORT: Final = [_varint(number) for number in range(4096)]  # almost every length; 150 KiB


def varint(number: int) -> bytes:
    """Return a number from 0 to 2**64 - 1 as the protocol writes it."""
    return _SHORT[number] if number < 4096 else _varint(number)  # noqa: PLR2004 - as above; a name costs a look-up


def field(tag: bytes, body: bytes) -> bytes:
    """Return a field that holds a text or a message."""
    return tag + varint(len(body)) + body


def _utf8(text: str) -> bytes:
    return text.encode(errors="replace")  # half a surrogate pair costs a character, not the batch


@lru_cache(256)
def _key(key: str) -> bytes:
    return field(_KEY, key.encode()) + _VALUE


def _text_pair(key: str, value: str) -> bytes:
    text = _utf8(value)
    said = _STRING + varint(len(text)) + text
    return _key(key) + varint(len(said)) + said


def text_attribute(key: str, value: str) -> bytes:
    """Return an attribute of a span that is seldom the same twice."""
    pair = _text_pair(key, value)
    return _ATTRIBUTE + varint(len(pair)) + pair


def number_attribute(key: str, value: int) -> bytes:
    """Return an attribute of a span that is a number of 64 bits."""
    said = _INT + varint(value & _UNSIGNED)
    pair = _key(key) + varint(len(said)) + said
    return _ATTRIBUTE + varint(len(pair)) + pair


known_text: Final = lru_cache(8192)(text_attribute)
"""`text_attribute` for what is the same in several spans, such as the id of an order."""
known_number: Final = lru_cache(8192)(number_attribute)
"""`number_attribute` for small numbers."""


@lru_cache(1024)
def shape(name: str, kind: SpanKind) -> bytes:
    """Return the name and the kind of a span."""
    return field(_NAME, _utf8(name)) + _KIND + varint(kind)


def span(  # noqa: PLR0913, PLR0917 - positional for speed: it is called six times per fill
    trace_id: bytes,
    span_id: bytes,
    parent_id: bytes,
    shape: bytes,
    start_ns: int,
    end_ns: int,
    attributes: bytes = b"",
    rest: bytes = b"",
    *,
    is_parent_remote: bool = False,
) -> bytes:
    """Return a span.

    Args:
        trace_id: of 16 bytes.
        span_id: of 8 bytes.
        parent_id: of 8 bytes, or `NO_SPAN` for a root.
        shape: of `shape`.
        start_ns: a stamp may be whatever its sender wrote, so it is brought into the protocol's range.
        end_ns: not before the start, though stamps of two machines may cross.
        attributes: one behind the other.
        rest: links, events and status.
        is_parent_remote: whether another process made the parent.
    """
    if not 0 <= start_ns <= end_ns <= MAX_NS:
        start_ns = min(max(start_ns, 0), MAX_NS)
        end_ns = min(max(end_ns, start_ns), MAX_NS)
    body = b"".join(
        (
            _TRACE_ID,
            trace_id,
            _SPAN_ID,
            span_id,
            _PARENT_ID + parent_id if parent_id else b"",
            shape,
            _TIMES.pack(_START, start_ns, _END, end_ns),
            attributes,
            rest,
            _REMOTE if is_parent_remote else _LOCAL,
        )
    )
    return _SPANS + varint(len(body)) + body


def link(trace_id: bytes, span_id: bytes, *attributes: tuple[str, str]) -> bytes:
    """Return a link to a span of another trace."""
    said = b"".join(field(_LINK_ATTRIBUTE, _text_pair(key, value)) for key, value in attributes)
    return field(_LINK, _TRACE_ID + trace_id + _SPAN_ID + span_id + said + _LINK_FLAGS)


def event(name: str, at_ns: int, *attributes: tuple[str, str]) -> bytes:
    """Return an event of a span."""
    said = b"".join(field(_EVENT_ATTRIBUTE, _text_pair(key, value)) for key, value in attributes)
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
