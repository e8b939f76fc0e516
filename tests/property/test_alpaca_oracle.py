"""The fast parser of Alpaca's frames and the plain one say the same of every frame."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account
from fillwire.venues.parsing import FRAME_ERROR_CODES, Control, Parser
from fillwire.wire.codec import decode_order, encode_order
from support.alpaca_frames import NOW_NS, TABLE, controls, damaged_frames, frames
from support.alpaca_oracle import Oracle
from support.binance_frames import Layout
from support.message_pack import packed

ACCOUNT = Account("alicé", "alpaca", "paper")
PARSER = Parser(ACCOUNT, TABLE)
ORACLE = Oracle(ACCOUNT, TABLE)


def check_facts(error: FrameError, frame: bytes) -> None:
    """Check what must hold of every error."""
    assert error.error_class is FRAME_ERROR_CODES[error.code]
    assert 0 <= error.offset <= len(frame)
    assert len(error.message) < 700


def fast(frame: bytes) -> tuple[str, Any]:
    """Return what the fast parser says of a frame, in the oracle's form."""
    try:
        reports = PARSER.parse(frame, NOW_NS)
    except FrameError as error:
        check_facts(error, frame)
        return "error", error.code
    said: list[Any] = []
    for report in reports:
        if isinstance(report, Control):
            said.append(json.loads(report.json))
            assert said[-1]["type"] == report.type
        else:
            said.append(report.json)
    return "said", said


@given(frames())
def test_valid_frames_are_read_alike(frame: bytes) -> None:
    """A valid frame is no error, and both parsers read it to the same bytes."""
    kind, said = fast(frame)
    assert kind == "said", said
    assert (kind, said) == ORACLE.parse(frame, NOW_NS)


@given(frames())
def test_events_are_canonical(frame: bytes) -> None:
    """What is written is what the codec writes, and the single fields are those of the event."""
    for report in PARSER.parse(frame, NOW_NS):
        if isinstance(report, Control):
            continue
        event = decode_order(report.json)
        assert encode_order(event) == report.json
        assert (report.event_id, report.kind, report.pair) == (event.event_id, event.kind, event.pair)
        assert (report.symbol, report.order_id) == (event.symbol, event.order_id)
        assert report.client_order_id == event.client_order_id
        fill = event.last_fill
        assert report.trade_id == (None if fill is None else fill.trade_id)


@given(frames())
def test_both_codecs_say_the_same(frame: bytes) -> None:
    """A frame as MessagePack is read as its JSON is."""
    assert fast(packed(json.loads(frame))) == fast(frame)


@given(controls.map(Layout().write))
def test_controls_are_read_alike(frame: str) -> None:
    """Answers to authentication and subscription, and reports of errors."""
    assert fast(frame.encode()) == ORACLE.parse(frame.encode(), NOW_NS)


@given(damaged_frames())
@example(b'{"stream":"trade_updates","data":null}')
@example(b'[{"T":"error","code":406,"msg":"connection limit exceeded"}]')
@example(b'[{"T":"error"')
@example(b'[1,{"T":1}]')
@example(b'{"order":{}}')
@example(b'{"action":"error","data":[]}')
@example(b'{"action":7}')
def test_damaged_frames_are_judged_alike(frame: bytes) -> None:
    """A damaged frame says the same, or has the same error code, with both parsers."""
    assert fast(frame) == ORACLE.parse(frame, NOW_NS)


@given(st.binary(max_size=200).filter(lambda frame: not frame or not 0x80 <= frame[0] <= 0xDF))
def test_no_bytes_break_the_parser(frame: bytes) -> None:
    """Any bytes at all are a frame or an error, the same with both parsers."""
    assert fast(frame) == ORACLE.parse(frame, NOW_NS)


@given(st.binary(max_size=200).map(lambda tail: b"\x83" + tail))
def test_no_message_pack_breaks_the_parser(frame: bytes) -> None:
    """Bytes that begin as MessagePack does are a frame or an error with a place in the frame."""
    assert fast(frame)[0] in {"said", "error"}


@pytest.mark.parametrize("levels", [29, 30, 31, 32])
def test_nesting_ends_at_the_same_level(levels: int) -> None:
    """Both parsers refuse the same number of levels."""
    frame = b'{"stream":"listening","data":{"streams":[],"x":' + b"[" * levels + b"]" * levels + b"}}"
    assert fast(frame) == ORACLE.parse(frame, NOW_NS)
    assert (fast(frame)[0] == "error") == (levels > 30)
