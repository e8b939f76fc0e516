"""Trace and span ids as a pure function of the event id, and which traces are kept.

Nothing is carried but the event id: a fill that is redelivered, replayed or reported twice is the same trace, and
`fillwire trace` finds it from the fill alone.
"""

import re
from collections.abc import Mapping
from struct import Struct
from typing import Final, NamedTuple

from fillwire.domain.errors import ConfigError
from fillwire.runtime.fill_tracer import call_ids, child_id, fill_ids

__all__ = [
    "SAMPLER_ARGUMENT_VARIABLE",
    "SAMPLER_VARIABLE",
    "HostSpanIds",
    "Sampling",
    "SpanDigests",
    "TraceContext",
    "TraceIds",
    "child_id",
    "encode_context",
    "host_span_ids",
    "is_parent_sampled",
    "parse_traceparent",
    "sampling_from",
    "span_digests",
    "trace_ids",
    "traceparent",
]

SAMPLER_VARIABLE: Final = "OTEL_TRACES_SAMPLER"
SAMPLER_ARGUMENT_VARIABLE: Final = "OTEL_TRACES_SAMPLER_ARG"

_HALF: Final = 1 << 64
_split: Final = Struct("16s8s8s8s8s").unpack  # trace id, then the spans emit, receive, parse and publish
_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class TraceIds(NamedTuple):
    """Ids of one fill's trace and of the spans that the gateway makes of it."""

    trace_id: int
    emit: int
    receive: int
    parse: int
    publish: int


class SpanDigests(NamedTuple):
    """The same as the bytes that go into spans."""

    trace_id: bytes
    emit: bytes
    receive: bytes
    parse: bytes
    publish: bytes


class HostSpanIds(NamedTuple):
    """Ids of the spans that a host makes of one delivery to one bot, as the bytes that go into spans."""

    deliver: bytes
    callback: bytes


class TraceContext(NamedTuple):
    """What a `traceparent` header says.

    Attributes:
        trace_id: of 16 bytes.
        span_id: of 8 bytes, of the span that sent the header.
        is_sampled: whether the trace is kept.
    """

    trace_id: bytes
    span_id: bytes
    is_sampled: bool


def trace_ids(event_id: str) -> TraceIds:
    """Return the ids of the event's trace and gateway spans."""
    # An id of zeros is invalid; the odds are 1 in 2**64, the cost nothing.
    return TraceIds._make(int.from_bytes(found) or 1 for found in span_digests(event_id))


def span_digests(event_id: str) -> SpanDigests:
    """Return the ids of the event's trace and gateway spans, as bytes."""
    return SpanDigests._make(_split(fill_ids(event_id)))


def host_span_ids(
    event_id: str, bot: str, callback: str, *, delivery: int = 1, attempt: int = 1
) -> HostSpanIds:
    """Return the ids of the spans of one call of one bot's method.

    Args:
        event_id: the event that was delivered.
        bot: name of the bot; two bots that take the same event differ.
        callback: name of the bot's method.
        delivery: the broker's count of deliveries of the event to the bot, from 1.
        attempt: count of calls of the method for this delivery, from 1.
    """
    return HostSpanIds._make(call_ids(event_id, bot, callback, delivery, attempt))


def traceparent(event_id: str, *, is_sampled: bool = True) -> str:
    """Return the W3C header of the event: its trace, the span that publishes it, and whether the trace is kept."""
    digits = fill_ids(event_id).hex()
    return f"00-{digits[:32]}-{digits[80:]}-0{is_sampled:d}"


def encode_context(context: TraceContext) -> str:
    """Return the header that says it."""
    return f"00-{context.trace_id.hex()}-{context.span_id.hex()}-0{context.is_sampled:d}"


def parse_traceparent(header: str | None) -> TraceContext | None:
    """Return what a `traceparent` header says; None where there is none, or one that cannot be read."""
    found = None if header is None else _TRACEPARENT.fullmatch(header)
    if found is None:
        return None
    return TraceContext(bytes.fromhex(found[1]), bytes.fromhex(found[2]), bool(int(found[3], 16) & 1))


def is_parent_sampled(header: str | None) -> bool | None:
    """Return whether a `traceparent` header says that its trace is kept; None where there is no such header."""
    return None if not header or len(header) < 55 else header[53:55] in {"01", "03"}  # noqa: PLR2004 - W3C level 1


class Sampling:
    """Which traces are kept, by the ratio of their ids: every process with the same ratio keeps the same ones.

    Args:
        ratio: share of the traces that are kept, from 0 to 1.
        follows_parent: whether a decision that came with the message overrides the ratio.

    Attributes:
        bound: a trace is kept whose last 64 bits are below it, from 0 to 2**64.

    Raises:
        ConfigError: the ratio is outside its bounds.
    """

    __slots__ = ("bound", "follows_parent", "ratio")

    def __init__(self, ratio: float, *, follows_parent: bool = True) -> None:
        if not 0 <= ratio <= 1:
            raise ConfigError(f"sample ratio {ratio:g}: expected a number from 0 to 1")
        self.ratio = ratio
        self.follows_parent = follows_parent
        self.bound = round(ratio * _HALF)  # as OpenTelemetry's TraceIdRatioBased

    def keeps(self, context: TraceContext) -> bool:
        """Return whether the trace of a message is kept that came with this context."""
        if self.follows_parent:
            return context.is_sampled
        return int.from_bytes(context.trace_id[8:]) < self.bound


def sampling_from(environ: Mapping[str, str], default_ratio: float) -> Sampling:
    """Return the sampling that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` ask for.

    Without them it is `parentbased_traceidratio` of `default_ratio`.

    Raises:
        ConfigError: a sampler that OpenTelemetry does not define, or an argument that is no ratio.
    """
    name = environ.get(SAMPLER_VARIABLE, "").strip().lower()
    if not name:
        return Sampling(default_ratio)
    kind = name.removeprefix("parentbased_")
    follows_parent = kind != name
    if kind == "always_on":
        return Sampling(1.0, follows_parent=follows_parent)
    if kind == "always_off":
        return Sampling(0.0, follows_parent=follows_parent)
    if kind != "traceidratio":
        expected = "[parentbased_]always_on, always_off or traceidratio"
        raise ConfigError(f"{SAMPLER_VARIABLE}: expected {expected}, found {name!r}")
    argument = environ.get(SAMPLER_ARGUMENT_VARIABLE, "1.0")
    try:
        return Sampling(float(argument), follows_parent=follows_parent)
    except (ValueError, ConfigError):
        raise ConfigError(
            f"{SAMPLER_ARGUMENT_VARIABLE}: expected a number from 0 to 1, found {argument!r}"
        ) from None
