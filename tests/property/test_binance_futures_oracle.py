"""The fast parser of Binance USD-M Futures and the plain one say the same of every frame."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account
from fillwire.venues.parsing import FRAME_ERROR_CODES, Control, Parser
from fillwire.wire.codec import decode_order, encode_order
from support.binance_frames import NOW_MS
from support.binance_futures_frames import SYMBOLS, damaged_frames, frames, order_updates
from support.binance_futures_oracle import FuturesOracle
from support.binance_oracle import Setting

ACCOUNT = Account("alicé", "binance-futures", "live")
NOW_NS = NOW_MS * 10**6
PARSER = Parser(ACCOUNT, SYMBOLS)
ORACLE = FuturesOracle(Setting(ACCOUNT, SYMBOLS))


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


@given(frames(order_updates()))
def test_events_are_canonical(frame: bytes) -> None:
    """The event that the parser writes is what the codec writes of it."""
    kind, said = fast(frame)
    if kind == "event":
        assert encode_order(decode_order(said)) == said
    else:
        assert said["type"] == "order_doubted"


@given(frames(order_updates()), st.integers(-(10**9), 10**9).map(lambda offset: offset * 10**9))
def test_times_are_judged_by_the_venues_clock(frame: bytes, offset_ns: int) -> None:
    """What is too far in the future is so by the venue's clock, not by ours."""
    parser = Parser(ACCOUNT, SYMBOLS, clock_offset_ns=offset_ns)
    oracle = FuturesOracle(Setting(ACCOUNT, SYMBOLS, clock_offset_ns=offset_ns))
    assert fast(frame, parser) == oracle.parse(frame, NOW_NS)


@given(damaged_frames())
@example(b'{"e":"ORDER_TRADE_UPDATE","E":1795000000000,"T":1795000000000,"o":null}')
@example(b'{"e":"ORDER_TRADE_UPDATE","E":1795000000000,"o":{}}')
@example(b'{"e":"MARGIN_CALL","E":1795000000000,"p":{}}')
@example(b'{"e":"ACCOUNT_UPDATE","E":1795000000000,"T":1795000000000,"a":{"m":"x","B":[1]}}')
@example(b'{"stream":"x","data":[]}')
@example(b'{"stream":1,"data":{}}')
def test_damaged_frames_are_judged_alike(frame: bytes) -> None:
    """A damaged frame has the same event, or the same error code, with both parsers."""
    assert fast(frame) == ORACLE.parse(frame, NOW_NS)


@given(frames(order_updates()))
def test_the_predicted_order_of_keys_changes_nothing(frame: bytes) -> None:
    """A frame reads the same when a leading space keeps the parser from predicting its keys."""
    assert fast(frame) == fast(b" " + frame)


@given(damaged_frames())
def test_the_predicted_order_of_keys_changes_nothing_in_a_damaged_frame(frame: bytes) -> None:
    """Nor does it hide what is wrong."""
    assert fast(frame) == fast(b" " + frame)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(frame: bytes) -> None:
    """Any bytes at all are a frame or an error, the same with both parsers."""
    assert fast(frame) == ORACLE.parse(frame, NOW_NS)
