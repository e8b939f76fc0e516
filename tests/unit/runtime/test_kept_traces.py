"""Which traces are kept beyond the ratio, and that nothing of them is told twice."""

from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from fillwire.runtime.fill_exemplars import FillExemplars
from fillwire.runtime.fill_tracer import FillTracer
from fillwire.runtime.metrics import Exemplar
from fillwire.runtime.otlp_encoding import Envelope
from fillwire.runtime.span_errors import error_parts
from fillwire.runtime.telemetry_names import KeptFor, Stage
from fillwire.runtime.tracing import trace_ids
from support import fill_records as fill
from support.fill_records import called
from support.otlp_receiver import received_spans

SLOW_NS = 1_000_000_000
REMEMBERED = 4_096
GATEWAY = ["emit", "receive", "parse", "publish"]
ENVELOPE = Envelope(Resource({}), InstrumentationScope("fillwire", "1", "schema"))


def _tracer(slow_ns: int | None = SLOW_NS) -> FillTracer:
    tracer = FillTracer(bound=0, follows_parent=True, slow_ns=slow_ns, capacity=64)
    tracer.export(lambda: None)
    return tracer


def _told(tracer: FillTracer, **changes: Any) -> tuple[str | None, list[str]]:
    """Return why what is told of a call is told, and the first words of its spans."""
    called(tracer, **changes)
    spans = received_spans(ENVELOPE.request([tracer.take(1_000_000, error_parts)[0]]))
    reasons = {
        str(span.attributes["fillwire.kept_for"]) for span in spans if "fillwire.kept_for" in span.attributes
    }
    assert len(reasons) <= 1
    return next(iter(reasons), None), [span.name.split()[0] for span in spans]


def test_a_fill_without_trouble_is_left_to_the_ratio() -> None:
    """Nothing is told of it, and nothing remembered."""
    tracer = _tracer()
    assert _told(tracer) == (None, [])
    assert tracer.reason(fill.EVENT_ID) is None


def test_what_follows_a_slow_call_is_told_with_it() -> None:
    """The steps before stand once: the second callback of the delivery, and another bot, hang under them."""
    tracer = _tracer()
    late_ns = fill.EMITTED_NS + SLOW_NS + 1
    assert _told(tracer, started_ns=late_ns) == ("slow", [*GATEWAY, "deliver", "callback"])
    second: dict[str, Any] = {"started_ns": late_ns, "callback": "on_order_filled", "callback_index": 1}
    assert _told(tracer, **second) == ("slow", ["callback"])
    assert _told(tracer, bot="dca") == ("slow", ["deliver", "callback"])
    assert _told(tracer, delivery=2) == ("slow", ["deliver", "callback"])
    assert _told(tracer, event_id="another") == (None, [])


def test_a_fill_is_not_slow_at_the_limit_nor_without_one() -> None:
    """What took just as long as allowed is no trouble; nor is a later call of what came in time."""
    assert _told(_tracer(), started_ns=fill.EMITTED_NS + SLOW_NS) == (None, [])
    assert _told(_tracer(), started_ns=fill.EMITTED_NS + 2 * SLOW_NS, attempt=2) == (None, [])
    assert _told(_tracer(None), started_ns=fill.EMITTED_NS + 100 * SLOW_NS) == (None, [])


def test_the_retry_of_a_call_that_raised_is_told() -> None:
    """Also the attempt that succeeded: it shows when the bot had dealt with the fill."""
    tracer = _tracer()
    assert _told(tracer, error=ValueError("x")) == ("error", [*GATEWAY, "deliver", "callback"])
    assert _told(tracer, attempt=2) == ("error", ["callback"])


def test_a_counter_order_that_failed_keeps_its_fill() -> None:
    """It fails while the callback runs; the callback's own record comes after it. The first reason stays."""
    tracer = _tracer()
    tracer.note(fill.EVENT_ID, KeptFor.ORDER)
    tracer.note(fill.EVENT_ID, KeptFor.ERROR)
    assert _told(tracer) == ("order", [*GATEWAY, "deliver", "callback"])


def test_a_reason_that_there_is_not_is_refused() -> None:
    """Each that there is, is one of the extension's."""
    tracer = _tracer()
    with pytest.raises(ValueError, match='expected error, slow or order, found "bored"'):
        tracer.note(fill.EVENT_ID, "bored")
    for reason in KeptFor:
        tracer.note(reason, reason)
        assert tracer.reason(reason) == reason


def test_memory_is_bounded() -> None:
    """The oldest is forgotten first."""
    tracer = _tracer()
    for number in range(REMEMBERED + 1):
        tracer.note(f"e{number}", KeptFor.ERROR)
    assert [tracer.reason(f"e{number}") for number in (0, 1, REMEMBERED)] == [None, "error", "error"]


def test_the_newest_of_each_bucket_shows_its_trace() -> None:
    """Of what has been taken to be exported, and remembered until a newer one comes; those that are rare are not pushed out."""
    tracer = _tracer()
    exemplars = FillExemplars(tracer)
    place = ("binance", "live", Stage.CALLBACK)
    called(tracer, event_id="e0", error=ValueError("x"))
    assert exemplars.collect() == {}
    tracer.take(1_000_000, error_parts)
    (found,) = exemplars.collect()[place]
    assert found == Exemplar(trace_ids("e0").trace_id, 5_000 * fill.US, fill.RETURNED_NS)
    for number in range(1, 301):
        tracer.take(1_000_000, error_parts)
        called(
            tracer,
            event_id=f"e{number}",
            is_parent_sampled=True,
            returned_ns=fill.STARTED_NS + number * fill.US,
        )
    called(tracer, event_id="none", trade_id=None, is_parent_sampled=True)
    called(tracer, event_id="last", error=ValueError("x"))
    tracer.take(1_000_000, error_parts)
    traces = {exemplar.trace_id for exemplar in exemplars.collect()[place]}
    assert {trace_ids(event_id).trace_id for event_id in ("e300", "last")} <= traces
    assert not {trace_ids(event_id).trace_id for event_id in ("e0", "e1", "e299", "none")} & traces
