"""The parser's errors: each code has its frame, each field its bounds, each message what was found and expected."""

import pickle
from typing import Any

import pytest

from fillwire._fastparse import ParseError, error_codes  # noqa: TID251 - compared with what the module says of it
from fillwire.domain.enums import ErrorClass
from fillwire.venues.parsing import FRAME_ERROR_CODES, MAX_FRAME_BYTES, Parser
from support.spot_frames import ACCOUNT, NOW_MS, NOW_NS, SYMBOLS, frame, parse, refusal, step

# Codes of what the frames of other venues hold; their own tests show them.
ELSEWHERE = {
    "cumulative_decreased",
    "invalid_message_pack",
    "invalid_time",
    "partial_fill_complete",
    "execution_busted",
    "execution_corrected",
    "order_restated",
    "self_trade",
    "trade_contradicted",
}
# A frame for each code.
BROKEN: dict[str, bytes] = {
    "empty_frame": b" \n",
    "frame_too_large": b" " * (MAX_FRAME_BYTES + 1),
    "invalid_utf8": frame(c="x").replace(b'"x"', b'"\xff"'),
    "invalid_json": frame()[:-20],
    "trailing_data": frame() + b"{}",
    "nesting_too_deep": frame(zz=0).replace(b'"zz":0', b'"zz":' + b"[" * 40 + b"]" * 40),
    "unpaired_surrogate": frame(c="x").replace(b'"x"', b'"\\ud800"'),
    "duplicate_key": frame().replace(b'"x":', b'"w":false,"x":'),
    "not_an_object": b"[]",
    "missing_field": frame("q"),
    "wrong_type": frame(q=10),
    "invalid_decimal": frame(q="1e5"),
    "unknown_event": frame(e="orderUpdate"),
    "unknown_execution_type": frame(x="CALCULATED"),
    "unknown_status": frame(X="DONE"),
    "unknown_side": frame(S="SHORT"),
    "unknown_order_type": frame(o="ICEBERG"),
    "unknown_time_in_force": frame(f="GTX"),
    "unknown_symbol": frame(s="NEWUSDT"),
    "ambiguous_response": b'{"id":1,"status":200,"result":{},"error":{"code":-1}}',
    "absurd_magnitude": frame(q="1234567890123456789"),
    "time_out_of_range": frame(E=NOW_MS + 60_001),
    "negative_id": frame(i=-1),
    "negative_amount": frame(n="-0.00400000"),
    "illegal_status": frame(X="NEW"),
    "fill_without_quantity": frame(l="0.00000000"),
    "fill_without_price": frame(L="0.00000000"),
    "fill_without_trade_id": frame(t=-1),
    "fill_outside_trade": step("CANCELED", "CANCELED", t=5),
    "last_exceeds_cumulative": frame(l="5.00000000"),
    "cumulative_exceeds_quantity": frame(q="3.00000000"),
    "filled_short": frame(X="FILLED"),
    "quote_mismatch": frame(Y="600.00000001"),
    "last_exceeds_cumulative_quote": frame(Z="599.99999999"),
}


def test_the_codes_are_those_of_the_extension() -> None:
    """Both sides list the same codes with the same classes, in the same order."""
    assert error_codes() == [(code, str(error_class)) for code, error_class in FRAME_ERROR_CODES.items()]


def test_the_size_limit_is_that_of_the_extension() -> None:
    """A frame of just the limit is read, a byte more is refused unread."""
    assert refusal(b" " * MAX_FRAME_BYTES).code == "empty_frame"
    assert refusal(b" " * (MAX_FRAME_BYTES + 1)).code == "frame_too_large"


def test_every_code_has_a_frame() -> None:
    """No code is without a frame that shows it."""
    assert BROKEN.keys() == FRAME_ERROR_CODES.keys() - ELSEWHERE


@pytest.mark.parametrize("code", BROKEN)
def test_a_broken_frame_has_its_code(code: str) -> None:
    """Each code is raised by its frame, with the class that belongs to it."""
    error = refusal(BROKEN[code])
    assert (error.code, error.error_class) == (code, FRAME_ERROR_CODES[code])
    assert error.venue == "binance"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            frame(N=None),
            "commission asset N missing at offset 351 in executionReport: expected a string, was null",
        ),
        (frame("S"), "side S missing at offset 530 in executionReport: expected a string, was absent"),
        (
            frame(q=10),
            (
                "quantity q has the wrong type at offset 135 in executionReport: "
                "expected a decimal string, was the number 10"
            ),
        ),
        (
            frame(l="0.1.2"),
            (
                "last quantity l is no decimal at offset 281 in executionReport: "
                'expected digits with at most one point between them, was "0.1.2"'
            ),
        ),
        (
            frame(X="NEW"),
            (
                "order status X illegal at offset 232 in executionReport: "
                'expected a status to which TRADE leads, was "NEW"'
            ),
        ),
        (
            frame(S="x" * 1000),
            f'side S unknown at offset 103 in executionReport: expected one of BUY, SELL, was "{"x" * 32}…"',
        ),
        (b"{'e':1}", "invalid JSON at offset 1: expected a key in double quotes, was '\\''"),
        (b'{"e":', "invalid JSON at offset 5: expected a value, was the end of the frame"),
        (b'{"e":1,"e":2}', 'key "e" repeated at offset 7: expected each key of an object once'),
        (b'{"event":{}}', "event type e missing at offset 10 in event: expected a string, was absent"),
        (
            b'{"e":"serverShutdown","E":1}',
            (
                "event time E out of range at offset 26 in serverShutdown: "
                "expected milliseconds between 2017 and a minute after receipt, was the number 1"
            ),
        ),
    ],
)
def test_errors_speak(data: bytes, message: str) -> None:
    """The message names the field, its place, what was expected and what was found, and is bounded."""
    assert refusal(data).message == message


def test_the_offset_is_that_of_the_value() -> None:
    """The offset points at the value that is wrong."""
    data = frame(z="1.2.3")
    assert data[refusal(data).offset :].startswith(b'"1.2.3"')


def test_an_error_names_the_order() -> None:
    """Symbol and order id are told where they can be read, even from a frame cut off behind them."""
    for data in (frame(x="CALCULATED"), frame("q"), frame()[:300]):
        error = refusal(data)
        assert (error.symbol, error.order_id) == ("SOLUSDT", "7000000101")
    assert refusal(frame()[:60]).symbol is None
    assert refusal(frame(s="X" * 65, x="CALCULATED")).symbol is None  # never more than a symbol can have
    assert refusal(frame(i=10**20)).order_id is None


def test_the_extensions_error_survives_pickling() -> None:
    """The extension's own error is an ordinary exception with its facts as attributes."""
    error = ParseError("malformed", "missing_field", "q", 5, "quantity q missing", None, "7")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (copy.error_class, copy.code, copy.field, copy.offset) == ("malformed", "missing_field", "q", 5)
    assert (str(copy), copy.symbol, copy.order_id) == ("quantity q missing", None, "7")


def test_undecodable_weighs_more_than_unknown_and_unknown_more_than_suspicious() -> None:
    """Of several defects the most basic one is told."""
    assert refusal(frame("T", x="CALCULATED", q="-1")).error_class is ErrorClass.MALFORMED
    assert refusal(frame(x="CALCULATED", q="-1")).error_class is ErrorClass.UNKNOWN
    assert refusal(frame(f="GTX", q="-1")).code == "negative_amount"


@pytest.mark.parametrize(("field", "least"), [("i", 0), ("g", -1), ("t", -1), ("I", 0)])
def test_ids_have_a_least_value(field: str, least: int) -> None:
    """Each id may be as low as the venue documents, and no lower."""
    fields = {"a": 7} | {field: least}
    assert parse(frame(**fields)).kind == "partially_filled"
    error = refusal(frame(**fields | {field: least - 1}))
    assert (error.code, error.field) == ("negative_id", field)


@pytest.mark.parametrize(
    "field", ["q", "p", "P", "l", "z", "L", "n", "Y", "Q", "A", "F", "B", "pl", "pL", "pY", "gp"]
)
def test_no_amount_is_negative(field: str) -> None:
    """Each amount is refused below zero, whether it is published or not."""
    error = refusal(frame(**{field: "-0.00000001"}))
    assert (error.code, error.field) == ("negative_amount", field)


@pytest.mark.parametrize(
    "field", ["E", "s", "c", "S", "o", "f", "q", "p", "x", "X", "i", "l", "z", "L", "n", "N", "T", "t"]
)
def test_mandatory_fields_must_be_there(field: str) -> None:
    """Each field without which a report means nothing is missed when it is absent or null."""
    for data in (frame(field), frame(**{field: None})):
        error = refusal(data)
        assert (error.code, error.field) == ("missing_field", field)


@pytest.mark.parametrize(
    "field", [*"PFgCrIwmMOZYQVWdDjJvABuUbaky", "Cs", "pl", "pL", "pY", "uS", "gP", "gOT", "gOV", "gp", "eR"]
)
def test_optional_fields_may_be_null_but_not_of_another_type(field: str) -> None:
    """A field that need not be there is null or of its documented type."""
    assert parse(frame(**{field: None})).kind == "partially_filled"
    error = refusal(frame(**{field: []}))
    assert (error.code, error.field) == ("wrong_type", field)


@pytest.mark.parametrize("number", [2**63, 2**64 + 7, 10**19, 10**30])
def test_ids_beyond_64_bits_are_absurd(number: int) -> None:
    """No venue has numbers of more than 64 bits, and none is cut to fit."""
    for field in ("i", "t", "I", "g"):
        error = refusal(frame(**{field: number}))
        assert (error.code, error.field) == ("absurd_magnitude", field)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"id":1,"status":200}', "missing_field"),
        (b'{"id":1.5,"status":200,"result":{}}', "wrong_type"),
        (b'{"id":1,"status":"200","result":{}}', "wrong_type"),
        (b'{"id":1,"status":200,"error":[]}', "wrong_type"),
        (b'{"subscriptionId":"0","event":{"e":"serverShutdown","E":1773000000000}}', "wrong_type"),
        (b'{"stream":1,"data":{"e":"serverShutdown","E":1773000000000}}', "wrong_type"),
        (b'{"event":[]}', "not_an_object"),
        (b'{"e":"outboundAccountPosition","E":1773000000000,"u":1773000000000,"B":[1]}', "wrong_type"),
        (
            b'{"e":"outboundAccountPosition","E":1773000000000,"u":1773000000000,"B":[{"a":"B","f":"-1","l":"0"}]}',
            "negative_amount",
        ),
        (b'{"e":"balanceUpdate","E":1773000000000,"a":"BTC","T":1773000000000}', "missing_field"),
        (b'{"result":{"a":1,"a":2},"id":1,"status":200}', "duplicate_key"),
    ],
)
def test_answers_and_account_events_are_checked_too(data: bytes, code: str) -> None:
    """What is no order event is read as strictly."""
    assert refusal(data).code == code


def test_only_bytes_are_frames() -> None:
    """Anything but bytes is a programming error, not a frame error."""
    parser: Any = Parser(ACCOUNT, SYMBOLS)
    for wrong in ("{}", None, 5):
        with pytest.raises(TypeError):
            parser.parse(wrong, NOW_NS)
