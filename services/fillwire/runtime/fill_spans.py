"""Spans of a fill, built in bulk from its stamps by the thread that exports them; never on a fill's path.

The fill's identity stands on the first span and the last; those between say it in the subject and the message id. All
spans of a record are one join: what is the same in many records is kept encoded, by what it depends on.
"""

from functools import lru_cache
from typing import Final

from fillwire.runtime import telemetry_names as names
from fillwire.runtime.fill_traces import Ancestor, GatewayTrace, HostTrace, emitted_ns
from fillwire.runtime.otlp_encoding import (
    CHILD_BYTES,
    END,
    MAX_NS,
    PARENT_ID,
    ROOT_BYTES,
    SPAN_ID,
    START,
    TRACE_ID,
    SpanKind,
    clamped_times,
    form,
    known_number,
    known_text,
    link,
    number_attribute,
    opening,
    pack_times,
    shape,
    text_attribute,
)
from fillwire.runtime.span_errors import error_parts
from fillwire.runtime.tracing import digest_of, ids_of_call, split_digest

GATEWAY_SPANS: Final = 4
_PUBLISH: Final = shape(f"{names.PUBLISH} {names.DESTINATION}", SpanKind.PRODUCER)
_DELIVER: Final = shape(f"{names.DELIVER} {names.DESTINATION}", SpanKind.CONSUMER)


def gateway_spans(trace: GatewayTrace, kept_for: str | None = None) -> bytes:
    """Return the four spans of a gateway's record, encoded, each the child of the one before.

    Args:
        trace: the record.
        kept_for: why the trace is kept although the ratio left it out.
    """
    return _steps_of_gateway(
        trace,
        split_digest(trace.ids or digest_of(trace.event_id)),
        kept_for,
        trace.acknowledged_ns,
        trace.frame_bytes,
        b"".join(map(_link, trace.earlier)),
    )


def host_spans(
    trace: HostTrace,
    kept_for: str | None = None,
    *,
    tells_gateway: bool = False,
    tells_delivery: bool | None = None,
) -> tuple[bytes, int]:
    """Return the spans of a host's record, encoded, each the child of the one before, and how many they are.

    Args:
        trace: the record.
        kept_for: why the trace is kept although the ratio left it out.
        tells_gateway: whether it yields the gateway's spans too, as far as the message's stamps tell them: the gateway
            has sent nothing of a trace that the ratio left out.
        tells_delivery: whether it yields the span `deliver`; None: the first call of a delivery does.
    """
    digest = digest_of(trace.event_id)
    if tells_delivery is None:
        tells_delivery = trace.attempt == 1 and trace.callback_index == 0
    spans = _steps_of_host(trace, digest, kept_for, is_alone=not tells_gateway, with_delivery=tells_delivery)
    count = 1 + tells_delivery
    if tells_gateway:
        return _steps_of_gateway(trace, split_digest(digest), kept_for) + spans, GATEWAY_SPANS + count
    return spans, count


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


@lru_cache(1024)
def _emitted(  # noqa: PLR0913, PLR0917 - what it depends on, positional for speed
    exchange: str, environment: str, user: str, pair: str, kind: str, kept_for: str | None
) -> bytes:
    account = _account(exchange, environment, user, pair, kind)
    return form(shape(f"{names.EMIT} {exchange}", SpanKind.PRODUCER), account + _why(kept_for))


@lru_cache(1024)
def _received(frame_bytes: int | None) -> bytes:
    frame = b"" if frame_bytes is None else number_attribute(names.FRAME_BYTES, frame_bytes)
    return _whole(form(shape(names.RECEIVE, SpanKind.CONSUMER), frame))


@lru_cache(1024)
def _published(subject: str) -> bytes:
    return form(_PUBLISH, _operation(subject, "send", names.PUBLISH))


@lru_cache(1024)
def _delivered(subject: str, *, is_alone: bool) -> bytes:
    return form(_DELIVER, _operation(subject, "receive", names.DELIVER), is_parent_remote=is_alone)


@lru_cache(1024)
def _called(  # noqa: PLR0913, PLR0917 - what it depends on, positional for speed
    exchange: str,
    environment: str,
    user: str,
    pair: str,
    kind: str,
    subject: str,
    callback: str,
    attempt: int,
    kept_for: str | None,
) -> bytes:
    attributes = (
        _account(exchange, environment, user, pair, kind),
        _operation(subject, "process", callback),
        known_number(names.ATTEMPT, attempt),
        _why(kept_for),
    )
    return form(shape(f"{names.CALLBACK} {callback}", SpanKind.CONSUMER), b"".join(attributes))


@lru_cache(4096)
def _bot(bot: str, delivery: int) -> bytes:
    return b"".join(
        (
            known_text(names.MESSAGING_CONSUMER_GROUP_NAME, bot),
            known_text(names.BOT, bot),
            known_number(names.DELIVERY, delivery),
        )
    )


@lru_cache(8192)  # an event is linked by each of the next few of its order
def _link(ancestor: Ancestor) -> bytes:
    """Return a link to the first span of an earlier event of the same order."""
    event_id, digest = ancestor
    return link(digest[:16], digest[16:24], names.MESSAGING_MESSAGE_ID, event_id)


def _whole(form: bytes) -> bytes:
    """Return all of a span that has a parent and says nothing of its own, but for its ids and times."""
    return opening(len(form) + CHILD_BYTES) + form


_PARSED: Final = _whole(form(shape(names.PARSE, SpanKind.INTERNAL)))


def _order(trace: GatewayTrace | HostTrace) -> bytes:
    order = known_text(names.ORDER_ID, trace.order_id)
    return order if trace.trade_id is None else order + text_attribute(names.TRADE_ID, trace.trade_id)


def _message(trace: GatewayTrace | HostTrace) -> bytes:
    return text_attribute(names.MESSAGING_MESSAGE_ID, trace.event_id) + known_number(
        names.MESSAGING_MESSAGE_BODY_SIZE, trace.body_bytes
    )


def _steps_of_gateway(  # noqa: PLR0913, PLR0917 - four spans in one join, positional for speed
    trace: GatewayTrace | HostTrace,
    ids: tuple[bytes, ...],
    kept_for: str | None,
    acknowledged_ns: int | None = None,
    frame_bytes: int | None = None,
    links: bytes = b"",
) -> bytes:
    trace_id, emit, receive, parse, publish = ids
    received_ns = trace.received_ns
    # A host that got no stamps knows only when the frame was read.
    parsed_ns = received_ns if trace.parsed_ns is None else trace.parsed_ns
    published_ns = parsed_ns if trace.published_ns is None else trace.published_ns
    stored_ns = published_ns if acknowledged_ns is None else acknowledged_ns
    venue_ns, offset_ns = trace.exchange_time_ns, trace.clock_offset_ns
    begun_ns = emitted_ns(venue_ns, offset_ns, received_ns)
    is_sane = 0 <= begun_ns <= received_ns <= parsed_ns <= published_ns <= stored_ns <= MAX_NS
    times = pack_times if is_sane else clamped_times

    order = _order(trace)
    venue = b""
    if venue_ns is not None and abs(venue_ns) <= MAX_NS:
        venue = number_attribute(names.EXCHANGE_TIME_NS, venue_ns)
    if offset_ns is not None and abs(offset_ns) <= MAX_NS:
        venue += known_number(names.CLOCK_OFFSET_NS, offset_ns)
    emitted = _emitted(trace.exchange, trace.environment, trace.user, trace.pair, trace.kind, kept_for)
    published = _published(trace.subject)
    message = _message(trace)
    own = TRACE_ID + trace_id + SPAN_ID
    return b"".join(
        (
            opening(len(emitted) + len(order) + len(venue) + len(links) + ROOT_BYTES),
            emitted,
            order,
            venue,
            links,
            own,
            emit,
            times(START, begun_ns, END, received_ns),
            _received(frame_bytes),
            own,
            receive,
            PARENT_ID,
            emit,
            times(START, received_ns, END, published_ns),
            _PARSED,
            own,
            parse,
            PARENT_ID,
            receive,
            times(START, received_ns, END, parsed_ns),
            opening(len(published) + len(message) + CHILD_BYTES),
            published,
            message,
            own,
            publish,
            PARENT_ID,
            parse,
            times(START, published_ns, END, stored_ns),
        )
    )


def _steps_of_host(
    trace: HostTrace,
    digest: bytes,
    kept_for: str | None,
    *,
    is_alone: bool,
    with_delivery: bool,
) -> bytes:
    subject, bot, callback = trace.subject, trace.bot, trace.callback
    deliver, call = ids_of_call(digest, bot, callback, trace.delivery, trace.attempt)
    delivered_ns, started_ns, returned_ns = trace.delivered_ns, trace.started_ns, trace.returned_ns
    sent_ns = trace.published_ns
    if sent_ns is None or sent_ns > delivered_ns:
        sent_ns = delivered_ns
    is_sane = 0 <= sent_ns <= delivered_ns <= started_ns <= returned_ns <= MAX_NS
    times = pack_times if is_sane else clamped_times

    message = _message(trace) + _bot(bot, trace.delivery)
    order = _order(trace)
    called = _called(
        trace.exchange,
        trace.environment,
        trace.user,
        trace.pair,
        trace.kind,
        subject,
        callback,
        trace.attempt,
        kept_for,
    )
    error = b"" if trace.error is None else error_parts(trace.error, returned_ns)
    own = TRACE_ID + digest[:16] + SPAN_ID
    delivery: tuple[bytes, ...] = ()
    if with_delivery:
        delivered = _delivered(subject, is_alone=is_alone)
        delivery = (
            opening(len(delivered) + len(message) + CHILD_BYTES),
            delivered,
            message,
            own,
            deliver,
            PARENT_ID,
            digest[40:],  # the span `publish`
            times(START, sent_ns, END, delivered_ns),
        )
    return b"".join(
        (
            *delivery,
            opening(len(called) + len(order) + len(message) + len(error) + CHILD_BYTES),
            called,
            order,
            message,
            error,
            own,
            call,
            PARENT_ID,
            deliver,
            times(START, started_ns, END, returned_ns),
        )
    )
