"""Trace and span ids as a pure function of the event id, and which traces are kept.

Nothing is carried but the event id: a fill that is redelivered, replayed or reported twice is the same trace, and
`fillwire trace` finds it from the fill alone.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from typing import Final, NamedTuple

from fillwire.domain.errors import ConfigError

SAMPLER_VARIABLE: Final = "OTEL_TRACES_SAMPLER"
SAMPLER_ARGUMENT_VARIABLE: Final = "OTEL_TRACES_SAMPLER_ARG"

_HALF: Final = 1 << 64
# In hexadecimal digits: trace id, then the spans emit, receive, parse and publish.
_DIGEST_BYTES: Final = 48
split_digest: Final = Struct("16s8s8s8s8s").unpack
"""Returns what `SpanDigests` holds, in its order, as a plain tuple."""
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


def fresh_digest(event_id: str) -> bytes:
    """Return what `digest_of` does, of an event that nobody has asked for: to remember it would cost as much again."""
    return blake2b(event_id.encode(), digest_size=_DIGEST_BYTES).digest()


digest_of: Final = lru_cache(16_384)(fresh_digest)
"""Returns the ids of an event's trace and gateway spans in one piece, for `split_digest`. A host asks for them with each
bot's call; it remembers as many as wait between two exports at 10,000 fills a second."""


def trace_ids(event_id: str) -> TraceIds:
    """Return the ids of the event's trace and gateway spans."""
    digest = digest_of(event_id)
    number = int.from_bytes
    return TraceIds(
        # An id of zeros is invalid; the odds are 1 in 2**64, the cost nothing.
        number(digest[:16]) or 1,
        number(digest[16:24]) or 1,
        number(digest[24:32]) or 1,
        number(digest[32:40]) or 1,
        number(digest[40:48]) or 1,
    )


def span_digests(event_id: str) -> SpanDigests:
    """Return the ids of the event's trace and gateway spans, as bytes."""
    return SpanDigests._make(split_digest(digest_of(event_id)))


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
    return HostSpanIds._make(ids_of_call(digest_of(event_id), bot, callback, delivery, attempt))


def ids_of_call(digest: bytes, bot: str, callback: str, delivery: int, attempt: int) -> tuple[bytes, bytes]:
    """Return what `host_span_ids` does as a plain tuple, of an event's `digest`: it is called for every kept trace.

    What is random in the event's own ids stays so when a number is laid over it that is the call's: no hash per call.
    """
    ids = (int.from_bytes(digest[32:]) ^ _call_number(bot, callback, delivery, attempt)).to_bytes(16)
    return ids[:8], ids[8:]


@lru_cache(4096)
def _call_number(bot: str, callback: str, delivery: int, attempt: int) -> int:
    delivered = f"{bot}\0{delivery}"
    called = f"{delivered}\0{callback}\0{attempt}"
    return int.from_bytes(child_id(delivered) + child_id(called))


def child_id(seed: str) -> bytes:
    """Return the id of the span that this text names."""
    return blake2b(seed.encode(), digest_size=8).digest()


def traceparent(event_id: str, *, is_sampled: bool = True) -> str:
    """Return the W3C header of the event: its trace, the span that publishes it, and whether the trace is kept."""
    digits = digest_of(event_id).hex()
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

    Raises:
        ConfigError: the ratio is outside its bounds.
    """

    __slots__ = ("_bound", "follows_parent", "ratio")

    def __init__(self, ratio: float, *, follows_parent: bool = True) -> None:
        if not 0 <= ratio <= 1:
            raise ConfigError(f"sample ratio {ratio:g}: expected a number from 0 to 1")
        self.ratio = ratio
        self.follows_parent = follows_parent
        self._bound = round(ratio * _HALF)  # as OpenTelemetry's TraceIdRatioBased

    def is_kept(self, event_id: str, parent: bool | None = None) -> bool:
        """Return whether the event's trace is kept.

        Args:
            event_id: the event.
            parent: what the message's `traceparent` said, None if it said nothing.
        """
        if parent is not None and self.follows_parent:
            return parent
        if self._bound == _HALF:
            return True
        return self._bound != 0 and self.keeps_ids(digest_of(event_id))

    def ids(self, event_id: str) -> bytes | None:
        """Return the digest of an event that has just come; None where no trace is kept, and none is asked for."""
        return fresh_digest(event_id) if self._bound else None

    def keeps_ids(self, digest: bytes) -> bool:
        """Return whether the trace is kept that has these ids."""
        return self._bound == _HALF or int.from_bytes(digest[8:16]) < self._bound

    def keeps(self, context: TraceContext) -> bool:
        """Return whether the trace of a message is kept that came with this context."""
        if self.follows_parent:
            return context.is_sampled
        return int.from_bytes(context.trace_id[8:]) < self._bound

    def header(self, digest: bytes) -> str | None:
        """Return the `traceparent` of an event with these ids whose trace is kept, None if it is not."""
        return f"00-{digest[:16].hex()}-{digest[40:].hex()}-01" if self.keeps_ids(digest) else None


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
