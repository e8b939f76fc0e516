"""Spans of a fill, built in bulk from its stamps by the thread that exports them; never on a fill's path.

The fill's identity stands on the first span and the last; those between say it in the subject and the message id.
"""

from functools import lru_cache
from typing import Final

from fillwire.runtime import telemetry_names as names
from fillwire.runtime.fill_traces import GatewayTrace, HostTrace, emitted_ns
from fillwire.runtime.otlp_encoding import (
    MAX_NS,
    NO_SPAN,
    SpanKind,
    known_number,
    known_text,
    link,
    number_attribute,
    shape,
    span,
    text_attribute,
)
from fillwire.runtime.span_errors import error_parts
from fillwire.runtime.tracing import SpanDigests, host_span_ids, span_digests

_RECEIVE: Final = shape(names.RECEIVE, SpanKind.CONSUMER)
_PARSE: Final = shape(names.PARSE, SpanKind.INTERNAL)
_PUBLISH: Final = shape(f"{names.PUBLISH} {names.DESTINATION}", SpanKind.PRODUCER)
_DELIVER: Final = shape(f"{names.DELIVER} {names.DESTINATION}", SpanKind.CONSUMER)


def gateway_spans(trace: GatewayTrace, kept_for: str | None = None) -> list[bytes]:
    """Return the spans of a gateway's record, encoded, each the child of the one before.

    Args:
        trace: the record.
        kept_for: why the trace is kept although the ratio left it out.
    """
    return _steps_of_gateway(
        trace,
        span_digests(trace.event_id),
        _why(kept_for),
        trace.acknowledged_ns,
        known_number(names.FRAME_BYTES, trace.frame_bytes),
        b"".join(map(_link, trace.earlier)),
    )


def host_spans(
    trace: HostTrace,
    kept_for: str | None = None,
    *,
    tells_gateway: bool = False,
    tells_delivery: bool | None = None,
) -> list[bytes]:
    """Return the spans of a host's record, encoded, each the child of the one before.

    Args:
        trace: the record.
        kept_for: why the trace is kept although the ratio left it out.
        tells_gateway: whether it yields the gateway's spans too, as far as the message's stamps tell them: the gateway
            has sent nothing of a trace that the ratio left out.
        tells_delivery: whether it yields the span `deliver`; None: the first call of a delivery does.
    """
    digests = span_digests(trace.event_id)
    why = _why(kept_for)
    spans = _steps_of_gateway(trace, digests, why, None) if tells_gateway else []
    if tells_delivery is None:
        tells_delivery = trace.is_first_call
    spans += _steps_of_host(trace, digests, why, is_alone=not tells_gateway, with_delivery=tells_delivery)
    return spans


def _why(kept_for: str | None) -> bytes:
    return b"" if kept_for is None else known_text(names.KEPT_FOR, kept_for)


@lru_cache(1024)
def _account(exchange: str, environment: str, user: str, pair: str, kind: str) -> bytes:
    return b"".join(
        (
            known_text(names.EXCHANGE, exchange),
            known_text(names.ENVIRONMENT, environment),
            known_text(names.USER, user),
            known_text(names.PAIR, pair),
            known_text(names.KIND, kind),
        )
    )


def _identity(trace: GatewayTrace | HostTrace) -> bytes:
    account = _account(trace.exchange, trace.environment, trace.user, trace.pair, trace.kind)
    order = account + known_text(names.ORDER_ID, trace.order_id)
    return order if trace.trade_id is None else order + text_attribute(names.TRADE_ID, trace.trade_id)


@lru_cache(1024)
def _operation(subject: str, operation_type: str, operation: str) -> bytes:
    return b"".join(
        (
            known_text(names.MESSAGING_SYSTEM, names.NATS),
            known_text(names.MESSAGING_DESTINATION_NAME, subject),
            known_text(names.MESSAGING_DESTINATION_TEMPLATE, names.DESTINATION_TEMPLATE),
            known_text(names.MESSAGING_OPERATION_TYPE, operation_type),
            known_text(names.MESSAGING_OPERATION_NAME, operation),
        )
    )


def _message(trace: GatewayTrace | HostTrace) -> bytes:
    return text_attribute(names.MESSAGING_MESSAGE_ID, trace.event_id) + known_number(
        names.MESSAGING_MESSAGE_BODY_SIZE, trace.body_bytes
    )


@lru_cache(1024)
def _bot(bot: str, delivery: int) -> bytes:
    return b"".join(
        (
            known_text(names.MESSAGING_CONSUMER_GROUP_NAME, bot),
            known_text(names.BOT, bot),
            known_number(names.DELIVERY, delivery),
        )
    )


def _steps_of_gateway(  # noqa: PLR0913, PLR0917 - positional for speed
    trace: GatewayTrace | HostTrace,
    ids: SpanDigests,
    why: bytes,
    acknowledged_ns: int | None,
    frame: bytes = b"",
    links: bytes = b"",
) -> list[bytes]:
    trace_id, emit, receive, parse, publish = ids
    received_ns = trace.received_ns
    # A host that got no stamps knows only when the frame was read.
    parsed_ns = received_ns if trace.parsed_ns is None else trace.parsed_ns
    published_ns = parsed_ns if trace.published_ns is None else trace.published_ns
    emitted = _identity(trace) + why
    if trace.exchange_time_ns is not None and abs(trace.exchange_time_ns) <= MAX_NS:
        emitted += number_attribute(names.EXCHANGE_TIME_NS, trace.exchange_time_ns)
    if trace.clock_offset_ns is not None and abs(trace.clock_offset_ns) <= MAX_NS:
        emitted += known_number(names.CLOCK_OFFSET_NS, trace.clock_offset_ns)
    begun_ns = emitted_ns(trace.exchange_time_ns, trace.clock_offset_ns, received_ns)
    emit_shape = shape(f"{names.EMIT} {trace.exchange}", SpanKind.PRODUCER)
    message = _operation(trace.subject, "send", names.PUBLISH) + _message(trace)
    stored_ns = published_ns if acknowledged_ns is None else acknowledged_ns
    return [
        span(trace_id, emit, NO_SPAN, emit_shape, begun_ns, received_ns, emitted, links),
        span(trace_id, receive, emit, _RECEIVE, received_ns, published_ns, frame),
        span(trace_id, parse, receive, _PARSE, received_ns, parsed_ns),
        span(trace_id, publish, parse, _PUBLISH, published_ns, stored_ns, message),
    ]


@lru_cache(8192)  # an event is linked by each of the next few of its order
def _link(event_id: str) -> bytes:
    """Return a link to the first span of an earlier event of the same order."""
    earlier = span_digests(event_id)
    return link(earlier.trace_id, earlier.emit, (names.MESSAGING_MESSAGE_ID, event_id))


def _steps_of_host(
    trace: HostTrace, ids: SpanDigests, why: bytes, *, is_alone: bool, with_delivery: bool
) -> list[bytes]:
    deliver, callback = host_span_ids(
        trace.event_id, trace.bot, trace.callback, delivery=trace.delivery, attempt=trace.attempt
    )
    message = _message(trace) + _bot(trace.bot, trace.delivery)
    spans = []
    if with_delivery:
        published_ns = trace.delivered_ns if trace.published_ns is None else trace.published_ns
        spans.append(
            span(
                ids.trace_id,
                deliver,
                ids.publish,
                _DELIVER,
                min(published_ns, trace.delivered_ns),
                trace.delivered_ns,
                _operation(trace.subject, "receive", names.DELIVER) + message,
                is_parent_remote=is_alone,
            )
        )
    called = b"".join(
        (
            _identity(trace),
            _operation(trace.subject, "process", trace.callback),
            message,
            known_number(names.ATTEMPT, trace.attempt),
            why,
        )
    )
    spans.append(
        span(
            ids.trace_id,
            callback,
            deliver,
            shape(f"{names.CALLBACK} {trace.callback}", SpanKind.CONSUMER),
            trace.started_ns,
            trace.returned_ns,
            called,
            b"" if trace.error is None else error_parts(trace.error, trace.returned_ns),
        )
    )
    return spans
