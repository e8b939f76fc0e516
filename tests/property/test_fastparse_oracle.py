"""The fast parser and the plain one say the same of every frame."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account
from fillwire.venues.parsing import FRAME_ERROR_CODES, Control, ExecutionReport, Parser
from fillwire.wire.codec import decode_order, encode_order
from support.binance_frames import (
    NOW_MS,
    SYMBOLS,
    Layout,
    damaged_frames,
    execution_reports,
    frames,
    responses,
)
from support.binance_oracle import Oracle, Setting

ACCOUNT = Account("alicé", "binance", "live")
NOW_NS = NOW_MS * 10**6
PROPERTIES = [
    name
    for name in dir(ExecutionReport)
    if not name.startswith("_") and name not in {"json", "last_quantity", "trade_id"}
]
PARSER = Parser(ACCOUNT, SYMBOLS)
EVENT_OF_NOW = b'{"e":"serverShutdown","E":%d}' % NOW_MS
ORACLE = Oracle(Setting(ACCOUNT, SYMBOLS))


def check_facts(error: FrameError, frame: bytes) -> None:
    """Check what must hold of every error."""
    assert error.error_class is FRAME_ERROR_CODES[error.code]
    assert 0 <= error.offset <= len(frame)
    assert len(error.message) < 400


def fast(frame: bytes, parser: Parser = PARSER) -> tuple[str, Any]:
    """Return what the fast parser says of a frame, in the oracle's form."""
    try:
        (report,) = parser.parse(frame, NOW_NS)
    except FrameError as error:
        check_facts(error, frame)
        return "error", error.code
    if isinstance(report, Control):
        document = json.loads(report.json)
        assert document["type"] == report.type
        return "control", document
    return "event", report.json


@given(frames())
def test_valid_frames_are_read_alike(frame: bytes) -> None:
    """A valid frame is no error, and both parsers read it to the same bytes."""
    kind, said = fast(frame)
    assert kind != "error", said
    assert (kind, said) == ORACLE.parse(frame, NOW_NS)


@given(frames(execution_reports()))
def test_events_are_canonical(frame: bytes) -> None:
    """The event that the parser writes is what the codec writes of it."""
    kind, said = fast(frame)
    assert kind == "event"
    assert encode_order(decode_order(said)) == said


@given(frames(execution_reports()), st.integers(-(10**9), 10**9).map(lambda offset: offset * 10**9))
@example(EVENT_OF_NOW, -60 * 10**9)
@example(EVENT_OF_NOW, -60 * 10**9 - 1)
def test_times_are_judged_by_the_venues_clock(frame: bytes, offset_ns: int) -> None:
    """What is too far in the future is so by the venue's clock, not by ours."""
    parser = Parser(ACCOUNT, SYMBOLS, clock_offset_ns=offset_ns)
    oracle = Oracle(Setting(ACCOUNT, SYMBOLS, clock_offset_ns=offset_ns))
    assert fast(frame, parser) == oracle.parse(frame, NOW_NS)


@given(frames(execution_reports()))
def test_properties_say_what_the_json_says(frame: bytes) -> None:
    """What is asked of a report singly is what stands in its event, whatever the report before was about."""
    (report,) = PARSER.parse(frame, NOW_NS)
    assert isinstance(report, ExecutionReport)
    event = json.loads(report.json)
    fill = event["last_fill"] or {"quantity": None, "trade_id": None}
    for name in PROPERTIES:
        assert getattr(report, name) == event[name], name
    assert (report.last_quantity, report.trade_id) == (fill["quantity"], fill["trade_id"])


@given(responses().map(Layout().write))
def test_responses_are_read_alike(frame: str) -> None:
    """An answer keeps the venue's result or error as it is."""
    kind, said = fast(frame.encode())
    assert kind == "control"
    assert (kind, said) == ORACLE.parse(frame.encode(), NOW_NS)


@given(damaged_frames())
@example(b'{"event":{}}')
@example(b'{"event":{"e":"executionReport"},"data":{},"stream":"x"}')
@example(b'{"data":{"e":"serverShutdown","E":1795000000000},"event":{"e":"balanceUpdate"},"stream":"x"}')
@example(b'{"id":1,"status":200,"result":null,"error":{"code":1}}')
@example(b'{"id":1,"status":200,"result":{},"error":null}')
@example(b'{"e":"balanceUpdate","E":1795000000000,"subscriptionId":99999999999999999999}')
def test_damaged_frames_are_judged_alike(frame: bytes) -> None:
    """A damaged frame has the same event, or the same error code, with both parsers."""
    assert fast(frame) == ORACLE.parse(frame, NOW_NS)


@given(frames(execution_reports()))
def test_the_predicted_order_of_keys_changes_nothing(frame: bytes) -> None:
    """A frame reads the same when a leading space keeps the parser from predicting its keys."""
    assert fast(frame) == fast(b" " + frame)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(frame: bytes) -> None:
    """Any bytes at all are a frame or an error, the same with both parsers."""
    assert fast(frame) == ORACLE.parse(frame, NOW_NS)


@given(st.text(alphabet='{}[]",:\\ue0-1.9Etrfalsn \n', max_size=60).map(lambda text: "{" + text))
def test_near_json_is_judged_alike(text: str) -> None:
    """What is nearly JSON has the same defect with both parsers."""
    frame = text.encode("utf-8", "surrogatepass")
    assert fast(frame) == ORACLE.parse(frame, NOW_NS)


@pytest.mark.parametrize("levels", [30, 31, 32, 33])
def test_nesting_ends_at_the_same_level(levels: int) -> None:
    """Both parsers refuse the same number of levels."""
    frame = b'{"e":"serverShutdown","E":1795000000000,"x":' + b"[" * levels + b"]" * levels + b"}"
    assert fast(frame) == ORACLE.parse(frame, NOW_NS)
    assert (fast(frame)[0] == "error") == (levels > 31)
