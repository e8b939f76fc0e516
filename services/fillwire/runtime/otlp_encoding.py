"""Spans as the bytes of an OTLP export request, without the SDK's objects.

The SDK takes some 25 µs per span, of objects that are made to be read once. What is the same in many spans, its form, is
encoded once and kept; a span is that, what it alone says, its ids and its times.
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
TRACE_ID, SPAN_ID, PARENT_ID = b"\x0a\x10", b"\x12\x08", b"\x22\x08"  # each with its length
_NAME, _KIND, _ATTRIBUTE, _EVENT, _LINK, _STATUS = b"\x2a", b"\x30", b"\x4a", b"\x5a", b"\x6a", b"\x7a"
_LINK_ATTRIBUTE, _EVENT_ATTRIBUTE = b"\x22", b"\x1a"
_RESOURCE_SPANS, _SCOPE_SPANS, _SPANS = b"\x0a", b"\x12", b"\x12"
START, END = 0x39, 0x41
_EVENT_TIME: Final = Struct("<BQ")
_AT = 0x09
# Flags: the trace is kept, it is known whether the parent is remote, and whether it is.
_LOCAL: Final = b"\x85\x01\x01\x01\x00\x00"
_REMOTE: Final = b"\x85\x01\x01\x03\x00\x00"
_LINK_FLAGS: Final = b"\x35\x01\x03\x00\x00"
_ERROR: Final = b"\x18\x02"
_LOW: Final = 0x7F
_MORE: Final = 0x80
_LONG: Final = 1 << 28
_UNSIGNED: Final = 2**64 - 1
pack_times: Final = Struct("<BQBQ").pack
"""Returns start and end of a span, of tag, start, tag, end; 0 <= start <= end <= `MAX_NS`."""
_TIMES_BYTES: Final = 18
ROOT_BYTES: Final = len(TRACE_ID) + 16 + len(SPAN_ID) + 8 + _TIMES_BYTES
"""What ids and times take in a span without a parent."""
CHILD_BYTES: Final = ROOT_BYTES + len(PARENT_ID) + 8
"""What ids and times take in a span with a parent."""
_LINK_BYTES: Final = ROOT_BYTES - _TIMES_BYTES + len(_LINK_FLAGS)
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
_OPENINGS: Final = [_SPANS + length for length in _SHORT]


def varint(number: int) -> bytes:
    """Return a number from 0 to 2**64 - 1 as the protocol writes it."""
    if number < 4096:  # noqa: PLR2004 - as above; a name costs a look-up
        return _SHORT[number]
    if number < _LONG:
        return _varint(number)
    low = number & _LONG - 1
    return bytes(
        (low & 127 | 128, low >> 7 & 127 | 128, low >> 14 & 127 | 128, low >> 21 | 128)
    ) + _known_varint(number >> 28)


_known_varint: Final = lru_cache(1024)(_varint)
"""The upper half of a time: the same for a quarter of a second."""


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


@lru_cache(1024)
def _number_head(key: str, number_bytes: int) -> bytes:
    pair = field(_KEY, key.encode()) + _VALUE + varint(len(_INT) + number_bytes) + _INT
    return _ATTRIBUTE + varint(len(pair) + number_bytes) + pair


def number_attribute(key: str, value: int) -> bytes:
    """Return an attribute of a span that is a number of 64 bits."""
    number = varint(value & _UNSIGNED)
    return _number_head(key, len(number)) + number


known_text: Final = lru_cache(8192)(text_attribute)
"""`text_attribute` for what is the same in several spans, such as the id of an order."""
known_number: Final = lru_cache(8192)(number_attribute)
"""`number_attribute` for small numbers."""


@lru_cache(1024)
def shape(name: str, kind: SpanKind) -> bytes:
    """Return the name and the kind of a span."""
    return field(_NAME, _utf8(name)) + _KIND + varint(kind)


def form(shape: bytes, attributes: bytes = b"", *, is_parent_remote: bool = False) -> bytes:
    """Return what is the same in many spans: the protocol leaves open in which order the parts of a span come.

    Args:
        shape: of `shape`.
        attributes: one behind the other.
        is_parent_remote: whether another process made the parent.
    """
    return shape + attributes + (_REMOTE if is_parent_remote else _LOCAL)


def opening(body_bytes: int) -> bytes:
    """Return what a span begins with: `body_bytes` is the length of its form, ids and times and of what else it says."""
    return _OPENINGS[body_bytes] if body_bytes < 4096 else _SPANS + _varint(body_bytes)  # noqa: PLR2004 - as `varint`


def clamped_times(start_tag: int, start_ns: int, end_tag: int, end_ns: int) -> bytes:
    """Return what `pack_times` does, of stamps that may be whatever their sender wrote.

    They are brought into the protocol's range, and the end is not before the start: stamps of two machines may cross.
    """
    start_ns = min(max(start_ns, 0), MAX_NS)
    return pack_times(start_tag, start_ns, end_tag, min(max(end_ns, start_ns), MAX_NS))


def span(  # noqa: PLR0913, PLR0917 - the parts of a span
    trace_id: bytes,
    span_id: bytes,
    parent_id: bytes,
    form: bytes,
    start_ns: int,
    end_ns: int,
    rest: bytes = b"",
) -> bytes:
    """Return a span.

    Args:
        trace_id: of 16 bytes.
        span_id: of 8 bytes.
        parent_id: of 8 bytes.
        form: of `form`.
        start_ns: may be any number, as that of `clamped_times`.
        end_ns: as `start_ns`.
        rest: attributes, links, events and status.
    """
    times = clamped_times(START, start_ns, END, end_ns)
    head = opening(len(form) + len(rest) + CHILD_BYTES)
    return b"".join((head, form, rest, TRACE_ID, trace_id, SPAN_ID, span_id, PARENT_ID, parent_id, times))


def link(trace_id: bytes, span_id: bytes, key: str, value: str) -> bytes:
    """Return a link to a span of another trace, with an attribute."""
    text = _utf8(value)
    head, pair = _link_heads(key, len(text))
    return b"".join((head, trace_id, SPAN_ID, span_id, pair, text, _LINK_FLAGS))


@lru_cache(1024)
def _link_heads(key: str, text_bytes: int) -> tuple[bytes, bytes]:
    """Return what a link begins with, and what stands before the text in it."""
    pair = _text_head(_LINK_ATTRIBUTE, key, text_bytes)
    return _LINK + varint(len(pair) + text_bytes + _LINK_BYTES) + TRACE_ID, pair


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
