"""Spans of one fill: their names, order, times and what they say."""

from itertools import pairwise

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from fillwire.runtime.fill_spans import SpanBuilder
from fillwire.runtime.tracing import host_span_ids, trace_ids
from support import fill_records as fill
from support.fill_records import gateway_trace, host_trace

BUILDER = SpanBuilder(Resource({"service.name": "test"}), "1.2.3")


def _times(spans: list[ReadableSpan]) -> dict[str, tuple[int | None, int | None]]:
    return {span.name: (span.start_time, span.end_time) for span in spans}


def _parent_id(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


def test_a_gateways_record_is_a_chain_of_four() -> None:
    """The venue's emission is the root, each step is the child of the one before, in one trace of the event's id."""
    spans = BUILDER.spans(gateway_trace())
    assert [span.name for span in spans] == ["emit binance", "receive", "parse", "publish orders"]
    assert _parent_id(spans[0]) is None
    for parent, child in pairwise(spans):
        assert _parent_id(child) == parent.context.span_id
    ids = trace_ids(fill.EVENT_ID)
    assert {span.context.trace_id for span in spans} == {ids.trace_id}
    assert [span.context.span_id for span in spans] == list(ids[1:])


def test_times_are_the_stamps_with_the_venues_clock_corrected() -> None:
    """The root begins when the venue emitted by our clock, and the rest is as stamped."""
    assert _times(BUILDER.spans(gateway_trace())) == {
        "emit binance": (fill.EMITTED_NS, fill.RECEIVED_NS),
        "receive": (fill.RECEIVED_NS, fill.PUBLISHED_NS),
        "parse": (fill.RECEIVED_NS, fill.PARSED_NS),
        "publish orders": (fill.PUBLISHED_NS, fill.ACKNOWLEDGED_NS),
    }


def test_the_hosts_record_continues_the_gateways() -> None:
    """`deliver` is the remote child of `publish`, `callback` the child of `deliver`."""
    deliver, callback = BUILDER.spans(host_trace())
    ids = host_span_ids(fill.EVENT_ID, "grid", "on_order_partially_filled")
    assert (deliver.name, callback.name) == ("deliver orders", "callback on_order_partially_filled")
    assert deliver.context.span_id == ids.deliver
    assert callback.context.span_id == ids.callback
    assert deliver.parent is not None
    assert (deliver.parent.span_id, deliver.parent.is_remote) == (trace_ids(fill.EVENT_ID).publish, True)
    assert _parent_id(callback) == ids.deliver
    assert _times([deliver, callback]) == {
        deliver.name: (fill.PUBLISHED_NS, fill.DELIVERED_NS),
        callback.name: (fill.STARTED_NS, fill.RETURNED_NS),
    }


def test_what_the_spans_say() -> None:
    """The fill's identity, OpenTelemetry's messaging conventions, and what each step alone knows."""
    gateway = {span.name: dict(span.attributes or {}) for span in BUILDER.spans(gateway_trace())}
    host = {span.name: dict(span.attributes or {}) for span in BUILDER.spans(host_trace())}
    identity = {
        "fillwire.exchange": "binance",
        "fillwire.environment": "live",
        "fillwire.user": "alice",
        "fillwire.pair": "BTC-USDT",
        "fillwire.order_id": "12510053279",
        "fillwire.trade_id": "28457",
        "fillwire.kind": "partially_filled",
    }
    message = {
        "messaging.system": "nats",
        "messaging.destination.name": fill.SUBJECT,
        "messaging.destination.template": "orders.{user}.{exchange}.{environment}.{pair}.{kind}",
        "messaging.message.id": fill.EVENT_ID,
        "messaging.message.body.size": 720,
    }
    bot = {"messaging.consumer.group.name": "grid", "fillwire.bot": "grid", "fillwire.delivery": 1}
    assert gateway["emit binance"] == identity | {
        "fillwire.exchange_time_ns": fill.EMITTED_NS + fill.CLOCK_OFFSET_NS,
        "fillwire.clock_offset_ns": fill.CLOCK_OFFSET_NS,
    }
    assert gateway["receive"] == {"fillwire.frame.size": 540}
    assert gateway["parse"] == {}
    assert gateway["publish orders"] == message | {
        "messaging.operation.type": "send",
        "messaging.operation.name": "publish",
    }
    assert host["deliver orders"] == message | bot | {
        "messaging.operation.type": "receive",
        "messaging.operation.name": "deliver",
    }
    assert host["callback on_order_partially_filled"] == identity | message | bot | {
        "messaging.operation.type": "process",
        "messaging.operation.name": "on_order_partially_filled",
        "fillwire.attempt": 1,
    }


def test_kinds_follow_the_messaging_conventions() -> None:
    """Whoever draws a service map from span kinds sees producer and consumer on both sides of the broker."""
    spans = BUILDER.spans(gateway_trace()) + BUILDER.spans(host_trace())
    assert {span.name: span.kind for span in spans} == {
        "emit binance": SpanKind.PRODUCER,
        "receive": SpanKind.CONSUMER,
        "parse": SpanKind.INTERNAL,
        "publish orders": SpanKind.PRODUCER,
        "deliver orders": SpanKind.CONSUMER,
        "callback on_order_partially_filled": SpanKind.CONSUMER,
    }


def test_a_callback_that_raised_is_an_error_with_its_exception() -> None:
    """The span carries the status and the exception, with known secrets and named ones masked."""
    try:
        raise ValueError("cannot sign: apiKey=abcdef123456")  # noqa: TRY301 - an exception with a traceback
    except ValueError as error:
        callback = BUILDER.spans(host_trace(error=error))[-1]
    assert callback.status.status_code is StatusCode.ERROR
    assert callback.status.description == "ValueError: cannot sign: apiKey=***"
    (event,) = callback.events
    attributes = dict(event.attributes or {})
    assert (event.name, event.timestamp) == ("exception", fill.RETURNED_NS)
    assert attributes["exception.type"] == "ValueError"
    assert attributes["exception.message"] == "cannot sign: apiKey=***"
    stacktrace = str(attributes["exception.stacktrace"])
    assert "test_a_callback_that_raised" in stacktrace
    assert "abcdef123456" not in stacktrace


def test_an_exception_that_cannot_print_itself_is_traced_all_the_same() -> None:
    """A strategy's broken `__str__` costs the message, not the batch."""

    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    callback = BUILDER.spans(host_trace(error=Mute()))[-1]
    assert callback.status.description == "Mute: (no message: str() of the exception raised)"


def test_later_calls_for_the_same_delivery_are_further_children() -> None:
    """A second callback and a retry hang under the one `deliver`, which is not sent again."""
    deliver = BUILDER.spans(host_trace())[0]
    (second,) = BUILDER.spans(host_trace(callback="on_fill", callback_index=1))
    (retry,) = BUILDER.spans(host_trace(attempt=2))
    assert _parent_id(second) == _parent_id(retry) == deliver.context.span_id
    assert second.context.span_id != retry.context.span_id


def test_a_trace_kept_by_the_host_alone_is_whole() -> None:
    """The ratio left it out, so the gateway sent nothing: the host tells the gateway's steps from the stamps."""
    spans = BUILDER.spans(host_trace(error=ValueError("x")), "error")
    assert _times(spans[:4]) == _times(BUILDER.spans(gateway_trace(acknowledged_ns=None)))
    for parent, child in pairwise(spans):
        assert _parent_id(child) == parent.context.span_id
    assert {span.name: (span.attributes or {}).get("fillwire.kept_for") for span in spans} == {
        "emit binance": "error",
        "receive": None,
        "parse": None,
        "publish orders": None,
        "deliver orders": None,
        "callback on_order_partially_filled": "error",
    }


def test_a_message_without_stamps_still_makes_spans() -> None:
    """Somebody else's publisher sends no stamps: what is unknown has no length."""
    trace = host_trace(clock_offset_ns=None, parsed_ns=None, published_ns=None, exchange_time_ns=None)
    times = _times(BUILDER.spans(trace, "slow"))
    assert times["emit binance"] == times["parse"] == (fill.RECEIVED_NS, fill.RECEIVED_NS)
    assert times["deliver orders"] == (fill.DELIVERED_NS, fill.DELIVERED_NS)


@pytest.mark.parametrize("nonsense", [-(2**70), 0, 2**70])
def test_nonsensical_stamps_stay_in_the_protocols_range(nonsense: int) -> None:
    """A header anyone may write cannot make a span that loses its whole batch."""
    trace = host_trace(
        clock_offset_ns=nonsense, parsed_ns=nonsense, published_ns=nonsense, received_ns=nonsense
    )
    for start, end in _times(BUILDER.spans(trace, "slow")).values():
        assert start is not None
        assert end is not None
        assert 0 <= start <= end < 2**63
