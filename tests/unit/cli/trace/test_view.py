"""How a fill's way is printed."""

import pytest
from rich.console import Console

from fillwire.cli.trace.finding import Logged
from fillwire.cli.trace.view import BAR_WIDTH, LOG, Shown, bar, document, duration_text, waterfall
from fillwire.cli.trace.waterfall import Link, Row, Span, logged_spans, rows
from fillwire.wire.headers import Stamps
from support.order_events import EPOCH_NS, order_event

RECEIVED_NS = EPOCH_NS + 1_000_000
LOGGED = Logged(
    order_event(received_time_ns=RECEIVED_NS),
    7,
    RECEIVED_NS + 90_000,
    Stamps(0, RECEIVED_NS + 10_000, RECEIVED_NS + 40_000),
)


def _printed(shown: Shown) -> str:
    console = Console(width=160, record=True, file=None, quiet=True)
    with console.capture() as captured:
        console.quiet = False
        console.print(waterfall(shown))
    return captured.get()


@pytest.mark.parametrize(
    ("duration_ns", "text"),
    [
        (0, "0 ns"),
        (999, "999 ns"),
        (1_000, "1.00 µs"),
        (86_420, "86.4 µs"),
        (864_200, "864 µs"),
        (1_530_000, "1.53 ms"),
        (2_080_000_000, "2.08 s"),
        (86_400_000_000_000, "86,400 s"),
        (-1_530_000, "-1.53 ms"),
    ],
)
def test_durations_have_three_digits_that_count(duration_ns: int, text: str) -> None:
    """Whatever their size; a clock that is behind makes a negative one."""
    assert duration_text(duration_ns) == text


@pytest.mark.parametrize(
    ("start_ns", "end_ns", "begin", "length"),
    [(0, 100, 0, 40), (50, 100, 20, 20), (0, 0, 0, 1), (100, 100, 39, 1)],
)
def test_a_bar_stands_where_the_step_was(start_ns: int, end_ns: int, begin: int, length: int) -> None:
    """The shortest can still be seen, and the last ends inside the scale."""
    drawn = bar(start_ns, end_ns, 0, 100)
    assert len(drawn) - len(drawn.lstrip()) == begin
    assert len(drawn.lstrip()) == length
    assert len(drawn) <= BAR_WIDTH


def test_the_waterfall_says_what_when_and_how_long() -> None:
    """Each step with its offset and duration, under what it is the way of."""
    printed = _printed(Shown(LOGGED, rows(logged_spans(LOGGED)), LOG))
    lines = [line.split() for line in printed.splitlines()]
    assert "trade 1: 0.5 at 64000, order 1 filled; alice@binance/live, BTC-USDT buy;" in printed
    assert lines[1] == ["trace", LOGGED.trace_id + ",", "as", "the", "log", "tells", "it"]
    assert [line[:-1] for line in lines[3:7]] == [
        ["emit", "binance", "fillwire-gateway", "+0", "ns", "1.00", "ms"],
        ["receive", "fillwire-gateway", "+1.00", "ms", "40.0", "µs"],
        ["parse", "fillwire-gateway", "+1.00", "ms", "10.0", "µs"],
        ["publish", "orders", "broker", "+1.04", "ms", "50.0", "µs"],
    ]
    assert lines[7][:2] == ["1.09", "ms"]


def test_failures_and_links_are_told_and_cannot_write_to_the_terminal() -> None:
    """What a venue said comes from elsewhere."""
    span = Span(
        span_id="1",
        parent_id=None,
        name="place_order",
        service="host",
        start_ns=0,
        end_ns=1,
        error="rejected: \x1b[2J",
        links=(Link(trace_id="ab", event_id="an earlier event"),),
    )
    printed = _printed(Shown(LOGGED, [Row(span, 0)], "jaeger"))
    assert "place_order: rejected: \\x1b[2J" in printed
    assert "earlier events of the order: an earlier event" in printed


def test_the_document_has_what_the_waterfall_shows() -> None:
    """For programs: ids, who told it, and each step with its place in the tree."""
    found = document(Shown(LOGGED, rows(logged_spans(LOGGED)), LOG, "a note"))
    assert (found["trade_id"], found["order_id"], found["source"], found["note"]) == ("1", "1", LOG, "a note")
    assert [(span["name"], span["depth"], span["duration_ns"]) for span in found["spans"]] == [
        ("emit binance", 0, 1_000_000),
        ("receive", 1, 40_000),
        ("parse", 2, 10_000),
        ("publish orders", 3, 50_000),
    ]
