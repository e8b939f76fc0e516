"""Spans of one fill: their names, order, times and what they say."""

from itertools import pairwise
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from fillwire.runtime import telemetry_names
from fillwire.runtime.fill_tracer import FillTracer
from fillwire.runtime.otlp_encoding import Envelope
from fillwire.runtime.span_errors import error_parts
from fillwire.runtime.tracing import host_span_ids, span_digests, trace_ids
from support import fill_records as fill
from support.fill_records import called, published
from support.otlp_receiver import ReceivedSpan, received_spans

ENVELOPE = Envelope(Resource({"service.name": "test"}), InstrumentationScope("fillwire", "1.2.3", "schema"))


ALL = 2**64


def _tracer(bound: int = ALL) -> FillTracer:
    tracer = FillTracer(bound=bound, follows_parent=True, slow_ns=None, capacity=8)
    tracer.export(lambda: None)
    return tracer


def _taken(tracer: FillTracer) -> list[ReceivedSpan]:
    """Return what a receiver reads of the spans that were kept."""
    encoded, count, _ = tracer.take(ALL - 1, error_parts)
    spans = received_spans(ENVELOPE.request([encoded]))
    assert len(spans) == count
    return spans


def gateway_spans(**changes: Any) -> list[ReceivedSpan]:
    """Return the spans that the gateway makes of the fill, with `changes`."""
    tracer = _tracer()
    published(tracer, **changes)
    return _taken(tracer)


def host_spans(**changes: Any) -> list[ReceivedSpan]:
    """Return the spans that the host makes of the fill, with `changes`."""
    tracer = _tracer()
    called(tracer, **changes)
    return _taken(tracer)


def told_spans(reason: str, **changes: Any) -> list[ReceivedSpan]:
    """Return the spans that the host makes of the fill, with `changes`, if the gateway has made none."""
    tracer = _tracer(bound=0)
    tracer.note(changes.get("event_id", fill.EVENT_ID), reason)
    called(tracer, **changes)
    return _taken(tracer)


def _times(spans: list[ReceivedSpan]) -> dict[str, tuple[int, int]]:
    return {span.name: (span.start_ns, span.end_ns) for span in spans}


def test_a_gateways_record_is_a_chain_of_four() -> None:
    """The venue's emission is the root, each step is the child of the one before, in one trace of the event's id."""
    spans = gateway_spans()
    assert [span.name for span in spans] == ["emit binance", "receive", "parse", "publish orders"]
    assert spans[0].parent_id == ""
    for parent, child in pairwise(spans):
        assert child.parent_id == parent.span_id
    ids = trace_ids(fill.EVENT_ID)
    assert {span.trace_id for span in spans} == {f"{ids.trace_id:032x}"}
    assert [span.span_id for span in spans] == [f"{span_id:016x}" for span_id in ids[1:]]
    assert {(span.resource["service.name"], span.scope) for span in spans} == {("test", "fillwire")}


def test_times_are_the_stamps_with_the_venues_clock_corrected() -> None:
    """The root begins when the venue emitted by our clock, and the rest is as stamped."""
    assert _times(gateway_spans()) == {
        "emit binance": (fill.EMITTED_NS, fill.RECEIVED_NS),
        "receive": (fill.RECEIVED_NS, fill.PUBLISHED_NS),
        "parse": (fill.RECEIVED_NS, fill.PARSED_NS),
        "publish orders": (fill.PUBLISHED_NS, fill.ACKNOWLEDGED_NS),
    }


def test_the_hosts_record_continues_the_gateways() -> None:
    """`deliver` is the remote child of `publish`, `callback` the child of `deliver`."""
    deliver, callback = host_spans()
    ids = host_span_ids(fill.EVENT_ID, "grid", "on_order_partially_filled")
    assert (deliver.name, callback.name) == ("deliver orders", "callback on_order_partially_filled")
    assert deliver.span_id == callback.parent_id == ids.deliver.hex()
    assert callback.span_id == ids.callback.hex()
    assert deliver.parent_id == span_digests(fill.EVENT_ID).publish.hex()
    assert (deliver.is_parent_remote, callback.is_parent_remote) == (True, False)
    assert _times([deliver, callback]) == {
        deliver.name: (fill.PUBLISHED_NS, fill.DELIVERED_NS),
        callback.name: (fill.STARTED_NS, fill.RETURNED_NS),
    }


def test_what_the_spans_say() -> None:
    """The fill's identity, OpenTelemetry's messaging conventions, and what each step alone knows."""
    gateway = {span.name: span.attributes for span in gateway_spans()}
    host = {span.name: span.attributes for span in host_spans()}
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
    spans = gateway_spans() + host_spans()
    assert {span.name: span.kind for span in spans} == {
        "emit binance": "producer",
        "receive": "consumer",
        "parse": "internal",
        "publish orders": "producer",
        "deliver orders": "consumer",
        "callback on_order_partially_filled": "consumer",
    }


def test_a_callback_that_raised_is_an_error_with_its_exception() -> None:
    """The span carries the status and the exception, with known secrets and named ones masked."""
    try:
        raise ValueError("cannot sign: apiKey=abcdef123456")  # noqa: TRY301 - an exception with a traceback
    except ValueError as error:
        callback = host_spans(error=error)[-1]
    assert (callback.is_error, callback.status_message) == (True, "ValueError: cannot sign: apiKey=***")
    (event,) = callback.events
    attributes = event.attributes
    assert (event.name, event.time_ns) == ("exception", fill.RETURNED_NS)
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

    callback = host_spans(error=Mute())[-1]
    assert callback.status_message == "Mute: (no message: str() of the exception raised)"


def test_later_calls_for_the_same_delivery_are_further_children() -> None:
    """A second callback and a retry hang under the one `deliver`, which is not sent again."""
    deliver = host_spans()[0]
    (second,) = host_spans(callback="on_fill", callback_index=1)
    (retry,) = host_spans(attempt=2)
    assert second.parent_id == retry.parent_id == deliver.span_id
    assert second.span_id != retry.span_id


def test_a_trace_kept_by_the_host_alone_is_whole() -> None:
    """The ratio left it out, so the gateway sent nothing: the host tells the gateway's steps from the stamps."""
    spans = told_spans("error", error=ValueError("x"))
    assert _times(spans[:4]) == _times(gateway_spans(acknowledged_ns=fill.PUBLISHED_NS))
    for parent, child in pairwise(spans):
        assert child.parent_id == parent.span_id
    assert {span.name: span.attributes.get("fillwire.kept_for") for span in spans} == {
        "emit binance": "error",
        "receive": None,
        "parse": None,
        "publish orders": None,
        "deliver orders": None,
        "callback on_order_partially_filled": "error",
    }


def test_a_message_without_stamps_still_makes_spans() -> None:
    """Somebody else's publisher sends no stamps: what is unknown has no length."""
    times = _times(told_spans("slow", published_ns=None, exchange_time_ns=None))
    assert times["emit binance"] == times["parse"] == (fill.RECEIVED_NS, fill.RECEIVED_NS)
    assert times["deliver orders"] == (fill.DELIVERED_NS, fill.DELIVERED_NS)


def test_stamps_that_cross_cost_the_span_its_length_and_no_other() -> None:
    """Two clocks, or one that was set back, end a span before its beginning: it has no length, and the rest stays."""
    gateway = _times(gateway_spans(acknowledged_ns=fill.PUBLISHED_NS - 1))
    assert gateway == _times(gateway_spans()) | {"publish orders": (fill.PUBLISHED_NS, fill.PUBLISHED_NS)}
    host = _times(host_spans(returned_ns=fill.STARTED_NS - 1))
    assert host == _times(host_spans()) | {
        "callback on_order_partially_filled": (fill.STARTED_NS, fill.STARTED_NS)
    }
    late = _times(host_spans(delivered_ns=fill.PUBLISHED_NS - 1))
    assert late["deliver orders"] == (fill.PUBLISHED_NS - 1, fill.PUBLISHED_NS - 1)


def test_fills_that_share_a_subject_say_their_own() -> None:
    """What is the same in many fills is held by their subject: a neighbour's word is never told."""
    changes = {
        "exchange": "coinbase",
        "environment": "sandbox",
        "user": "bob",
        "pair": "ETH-USDT",
        "kind": "filled",
        "order_id": "1",
        "trade_id": "2",
    }
    tracer = _tracer()
    for name, value in changes.items():
        published(tracer)
        published(tracer, **{name: value})
        emit = _taken(tracer)[4]
        called(tracer)
        called(tracer, **{name: value})
        callback = _taken(tracer)[-1]
        assert emit.attributes[f"fillwire.{name}"] == callback.attributes[f"fillwire.{name}"] == value
    publish = gateway_spans(subject="orders.x", body_bytes=7, event_id="e")[-1]
    assert publish.attributes["messaging.destination.name"] == "orders.x"
    assert publish.attributes["messaging.message.body.size"] == 7
    assert publish.attributes["messaging.message.id"] == "e"
    deliver, callback = host_spans(subject="orders.x", body_bytes=7, bot="dca", delivery=2)
    for span in (deliver, callback):
        assert span.attributes["messaging.destination.name"] == "orders.x"
        assert span.attributes["messaging.message.body.size"] == 7
        assert (span.attributes["fillwire.bot"], span.attributes["fillwire.delivery"]) == ("dca", 2)
    *_, callback = told_spans("slow", callback="on_fill", attempt=3)
    assert (callback.name, callback.attributes["fillwire.attempt"]) == ("callback on_fill", 3)
    assert callback.attributes["fillwire.kept_for"] == "slow"


@pytest.mark.parametrize("nonsense", [-(2**70), 0, 2**70])
def test_nonsensical_stamps_stay_in_the_protocols_range(nonsense: int) -> None:
    """A header anyone may write cannot make a span that loses its whole batch."""
    stamps = dict.fromkeys(("clock_offset_ns", "parsed_ns", "published_ns", "received_ns"), nonsense)
    for start, end in _times(told_spans("slow", **stamps)).values():
        assert 0 <= start <= end < 2**63


def test_the_first_span_is_linked_to_the_orders_earlier_events() -> None:
    """Each link names the first span of the earlier event's trace, and the event itself."""
    earlier = ("binance:live:alice:BTCUSDT:12510053279:~new", "binance:live:alice:BTCUSDT:12510053279:28456")
    emit, *others = gateway_spans(earlier=earlier)
    assert [link.attributes["messaging.message.id"] for link in emit.links] == list(earlier)
    expected = [(trace_ids(event_id).trace_id, trace_ids(event_id).emit) for event_id in earlier]
    assert [(int(link.trace_id, 16), int(link.span_id, 16)) for link in emit.links] == expected
    assert not any(span.links for span in others)


@pytest.mark.parametrize("event_id", ["e", "a" * 60, "a" * 80, "a" * 200, "ä€🚀" * 5_000])
def test_links_to_events_with_names_of_every_length_arrive(event_id: str) -> None:
    """A link's own length is written in one byte or more, too."""
    (link,) = gateway_spans(earlier=(event_id,))[0].links
    assert link.attributes == {"messaging.message.id": event_id}


@pytest.mark.parametrize(
    "size", [0, 1, 127, 128, 4_095, 4_096, 2**14, 2**28 - 1, 2**28, 2**35, 2**56, 2**63 - 1]
)
def test_numbers_of_every_size_arrive(size: int) -> None:
    """The encoder is ours, so each length that it writes differently is read back by the protocol's own decoder."""
    spans = gateway_spans(frame_bytes=size, exchange_time_ns=-size, clock_offset_ns=size)
    assert spans[1].attributes == {"fillwire.frame.size": size}
    assert spans[0].attributes["fillwire.exchange_time_ns"] == -size


@pytest.mark.parametrize("text", ["", "a" * 127, "a" * 128, "ä€🚀" * 2_000, "half \ud800 of a pair"])
def test_texts_of_every_length_arrive(text: str) -> None:
    """Lengths are written in one, two or more bytes, in UTF-8; half a surrogate pair costs a character only."""
    emit = gateway_spans(order_id=text)[0]
    assert emit.attributes["fillwire.order_id"] == text.replace("\ud800", "?")


def test_all_that_is_said_has_a_declared_name() -> None:
    """The extension writes no attribute that `telemetry_names` does not document."""
    declared = {value for name, value in vars(telemetry_names).items() if name.isupper()}
    spans = told_spans("error", error=ValueError("x")) + gateway_spans(earlier=("e",))
    said = {name for span in spans for name in span.attributes}
    said |= {name for span in spans for event in span.events for name in event.attributes}
    said |= {name for span in spans for link in span.links for name in link.attributes}
    assert said - declared == set()
    assert {span.name.split()[0] for span in spans} <= declared
