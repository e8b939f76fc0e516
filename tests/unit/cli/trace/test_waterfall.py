"""The tree of a trace, and what the log alone tells of a fill's way."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from fillwire.cli.trace.finding import Logged
from fillwire.cli.trace.jaeger import read_spans
from fillwire.cli.trace.waterfall import Span, logged_spans, rows
from fillwire.wire.headers import Stamps
from support.order_events import EPOCH_NS, order_event

TRACE = Path(__file__).parents[3] / "data" / "jaeger" / "trace.json"
RECEIVED_NS = EPOCH_NS + 1_000_000


def _span(span_id: str, parent_id: str | None = None, start_ns: int = 0, **changes: Any) -> Span:
    return Span(
        span_id=span_id,
        parent_id=parent_id,
        name=span_id,
        service=None,
        start_ns=start_ns,
        end_ns=9,
        **changes,
    )


def _shape(*spans: Span) -> list[tuple[int, str]]:
    return [(row.depth, row.span.name) for row in rows(spans)]


def test_each_step_stands_below_the_one_that_caused_it() -> None:
    """As Jaeger has answered, whatever the order in which it told the spans."""
    spans = list(read_spans(orjson.loads(TRACE.read_bytes())["result"]))
    expected = [
        (0, "emit binance"),
        (1, "receive"),
        (2, "parse"),
        (3, "publish orders"),
        (4, "deliver orders"),
        (5, "callback on_order_filled"),
        (6, "place_order"),
        (7, "handle place_order"),
        (8, "note"),
        (8, "send"),
        (8, "answer binance"),
    ]
    assert _shape(*spans) == _shape(*reversed(spans)) == expected


def test_what_jaeger_says_of_a_span_is_read() -> None:
    """Service, times, attributes of both kinds, and the links to earlier events of the order."""
    spans = {span.name: span for span in read_spans(orjson.loads(TRACE.read_bytes())["result"])}
    emit, asked = spans["emit binance"], spans["place_order"]
    assert (emit.service, emit.parent_id, emit.error) == ("fillwire-gateway", None, None)
    assert emit.end_ns - emit.start_ns == 135_745
    assert emit.attributes["fillwire.trade_id"] == "1650583299"
    assert spans["receive"].attributes["fillwire.frame.size"] > 400
    order = "binance:simulated:demo:BTCUSDT:12569854618"
    assert [link.event_id for link in emit.links] == [f"{order}:~new", f"{order}:1650583298"]
    assert (asked.service, asked.attributes["fillwire.outcome"]) == ("fillwire-host", "accepted")


@pytest.mark.parametrize(
    ("status", "error"),
    [({}, None), ({"code": 1}, None), ({"code": 2, "message": "no"}, "no"), ({"code": 2}, "failed")],
)
def test_a_span_that_failed_says_why(status: dict[str, Any], error: str | None) -> None:
    """Where it gives no reason, that it failed is what there is to say."""
    span = {
        "spanId": "01",
        "name": "place_order",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
        "status": status,
    }
    (read,) = read_spans({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
    assert (read.error, read.service, read.parent_id) == (error, None, None)


def test_siblings_stand_by_their_start_and_twice_told_spans_once() -> None:
    """Two hosts may both have told a gateway's steps."""
    spans = [_span("root"), _span("late", "root", 5), _span("early", "root", 1), _span("late", "root", 5)]
    assert _shape(*spans) == [(0, "root"), (1, "early"), (1, "late")]


def test_a_span_without_its_parent_is_shown_all_the_same() -> None:
    """The host's part may be there before the gateway's; and whoever names itself its ancestor loses nobody."""
    assert _shape(_span("deliver", "publish"), _span("callback", "deliver")) == [
        (0, "deliver"),
        (1, "callback"),
    ]
    assert sorted(_shape(_span("a", "b"), _span("b", "a"), _span("c"))) == [(0, "a"), (0, "b"), (0, "c")]


def test_the_log_tells_the_way_to_the_broker() -> None:
    """From the venue's emission, its clock corrected, to when the broker had stored the event."""
    stamps = Stamps(-200_000, RECEIVED_NS + 10_000, RECEIVED_NS + 40_000)
    logged = Logged(order_event(received_time_ns=RECEIVED_NS), 7, RECEIVED_NS + 90_000, stamps)
    spans = logged_spans(logged)
    assert [(span.name, span.service, span.start_ns, span.end_ns) for span in spans] == [
        ("emit binance", "fillwire-gateway", EPOCH_NS + 200_000, RECEIVED_NS),
        ("receive", "fillwire-gateway", RECEIVED_NS, RECEIVED_NS + 40_000),
        ("parse", "fillwire-gateway", RECEIVED_NS, RECEIVED_NS + 10_000),
        ("publish orders", "broker", RECEIVED_NS + 40_000, RECEIVED_NS + 90_000),
    ]
    assert [row.depth for row in rows(spans)] == [0, 1, 2, 3]


def test_a_message_without_stamps_tells_less() -> None:
    """Somebody else's publisher; a broker whose clock is behind makes no negative step."""
    logged = Logged(order_event(received_time_ns=RECEIVED_NS), 7, RECEIVED_NS - 5, None)
    spans = logged_spans(logged)
    assert [(span.name, span.end_ns - span.start_ns) for span in spans] == [
        ("emit binance", 1_000_000),
        ("publish orders", 0),
    ]
