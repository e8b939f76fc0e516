"""The parser's face: errors as data, identities, exact amounts, answers."""

import json
import pickle
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from fillwire._fastparse import ParseError, error_codes  # noqa: TID251 - compared with what the module says of it
from fillwire.domain.enums import ErrorClass
from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account, execution_event_id, state_event_id
from fillwire.venues.parsing import (
    FRAME_ERROR_CODES,
    MAX_FRAME_BYTES,
    Control,
    ExecutionReport,
    Parser,
)

ACCOUNT = Account("alice", "binance", "live")
NOW_MS = 1_773_000_060_000
NOW_NS = NOW_MS * 10**6
SYMBOLS = {"SOLUSDT": "SOL-USDT", "１２３": "１２-３"}  # noqa: RUF001 - the venue has such symbols

# The documents' example of a partial fill.
TRADE: Mapping[str, Any] = MappingProxyType(
    {
        "e": "executionReport",
        "E": 1773000007411,
        "s": "SOLUSDT",
        "c": "acme-0001",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "10.00000000",
        "p": "150.00000000",
        "P": "0.00000000",
        "F": "0.00000000",
        "g": -1,
        "C": "",
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "r": "NONE",
        "i": 7000000101,
        "l": "4.00000000",
        "z": "4.00000000",
        "L": "150.00000000",
        "n": "0.00400000",
        "N": "SOL",
        "T": 1773000007410,
        "t": 41000001,
        "I": 14000001010,
        "w": True,
        "m": True,
        "M": True,
        "O": 1773000000122,
        "Z": "600.00000000",
        "Y": "600.00000000",
        "Q": "0.00000000",
        "W": 1773000000122,
        "V": "EXPIRE_MAKER",
    }
)
# What a report has in place of a last fill.
NO_FILL = {"l": "0.00000000", "L": "0.00000000", "Y": "0.00000000", "n": "0", "N": None, "t": -1}


def frame(*without: str, **fields: Any) -> bytes:
    """Return the trade's frame without some fields and with others."""
    event = {**TRADE, **fields}
    event = {key: value for key, value in event.items() if key not in without}
    return json.dumps(
        {"subscriptionId": 0, "event": event}, ensure_ascii=False, separators=(",", ":")
    ).encode()


def step(execution_type: str, status: str, **fields: Any) -> bytes:
    """Return the frame of a step in the order's life that is no execution."""
    return frame(x=execution_type, X=status, **{**NO_FILL, **fields})


def parse(data: bytes, *, microseconds: bool = False) -> ExecutionReport:
    """Return the order event of a frame."""
    (report,) = Parser(ACCOUNT, SYMBOLS, microseconds=microseconds).parse(data, NOW_NS)
    assert isinstance(report, ExecutionReport)
    return report


def event(data: bytes) -> Any:
    """Return the document of a frame's order event."""
    return json.loads(parse(data).json)


def control(data: bytes) -> Any:
    """Return the document of a frame's control."""
    (report,) = Parser(ACCOUNT, SYMBOLS).parse(data, NOW_NS)
    assert isinstance(report, Control)
    return json.loads(report.json)


def refusal(data: bytes) -> FrameError:
    """Return the error of a frame."""
    with pytest.raises(FrameError) as caught:
        Parser(ACCOUNT, SYMBOLS).parse(data, NOW_NS)
    return caught.value


# Codes of what the frames of other venues hold; their own tests show them.
ELSEWHERE = {
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


def test_a_fill_has_the_identity_of_its_execution() -> None:
    """The event id of a fill is the one that every source of it gives."""
    report = parse(frame())
    assert report.event_id == execution_event_id(ACCOUNT, "SOLUSDT", "7000000101", "41000001")
    assert (report.kind, report.pair, report.symbol) == ("partially_filled", "SOL-USDT", "SOLUSDT")
    assert (report.order_id, report.client_order_id, report.trade_id) == (
        "7000000101",
        "acme-0001",
        "41000001",
    )
    assert (report.quantity, report.cumulative_quantity, report.last_quantity) == ("10", "4", "4")
    assert report.exchange_time_ns == 1773000007411 * 10**6
    assert report.transaction_time_ns == 1773000007410 * 10**6
    assert report.received_time_ns == NOW_NS


def test_names_are_escaped_alike() -> None:
    """Event ids of non-ASCII symbols are byte for byte those of the domain."""
    account = Account("al.ice ü", "binance", "test net")
    (report,) = Parser(account, SYMBOLS).parse(frame(s="１２３"), NOW_NS)  # noqa: RUF001 - as above
    assert isinstance(report, ExecutionReport)
    assert report.event_id == execution_event_id(account, "１２３", "7000000101", "41000001")  # noqa: RUF001 - as above
    assert report.symbol == "１２３"  # noqa: RUF001 - as above


def test_an_allocation_stands_in_for_a_trade_id() -> None:
    """A fill by the venue's order router is identified by its allocation."""
    report = parse(frame(t=-1, a=1234, b="ONE_PARTY_TRADE_REPORT", k="SOR", uS=True))
    assert report.trade_id == "alloc:1234"
    assert report.event_id == execution_event_id(ACCOUNT, "SOLUSDT", "7000000101", "alloc:1234")


@pytest.mark.parametrize(
    ("data", "kind", "suffix"),
    [
        (step("NEW", "NEW", z="0.00000000", Z="0.00000000"), "new", "new"),
        (step("NEW", "PENDING_NEW", z="0.00000000"), "new", "pending"),
        (step("NEW", "NEW", o="STOP_LOSS_LIMIT", w=False, z="0.00000000"), "new", "new"),
        (step("NEW", "NEW", o="TAKE_PROFIT", w=True, z="0.00000000"), "new", "working"),
        (step("CANCELED", "CANCELED"), "cancelled", "cancelled"),
        (step("EXPIRED", "EXPIRED"), "expired", "expired"),
        (step("REJECTED", "REJECTED"), "rejected", "rejected"),
        (step("REPLACED", "NEW"), "replaced", "replaced-14000001010"),
        (step("TRADE_PREVENTION", "EXPIRED_IN_MATCH"), "expired", "expired"),
        (step("TRADE_PREVENTION", "NEW", v=12), "replaced", "prevented-12"),
        (step("TRADE_PREVENTION", "NEW"), "replaced", "prevented-14000001010"),
    ],
)
def test_a_step_has_the_identity_of_its_place_in_the_orders_life(data: bytes, kind: str, suffix: str) -> None:
    """A step that happens once has a fixed word, one that can repeat carries the venue's counter."""
    report = parse(data)
    assert report.kind == kind
    assert report.event_id == state_event_id(ACCOUNT, "SOLUSDT", "7000000101", suffix)
    assert report.trade_id is None
    assert report.last_quantity is None


def test_a_repeated_step_of_an_old_capture_is_told_apart_by_what_is_left() -> None:
    """Without execution id, status, total and time take its place."""
    event_ = {**TRADE, "x": "REPLACED", "X": "PARTIALLY_FILLED", **NO_FILL}
    del event_["I"]
    report = parse(json.dumps(event_).encode())
    assert report.event_id.endswith(":~replaced-partially_filled-4-1773000007410")


def test_a_cancel_is_told_under_the_orders_own_id() -> None:
    """The id of the cancel request does not become the order's."""
    document = event(step("CANCELED", "CANCELED", c="cancel-1", C="acme-0001"))
    assert document["client_order_id"] == "acme-0001"
    assert document["new_client_order_id"] is None
    for unusable in ("", "null", None):
        document = event(step("CANCELED", "CANCELED", c="own", C=unusable))
        assert document["client_order_id"] == "own"


def test_an_amended_order_tells_its_new_id() -> None:
    """A replaced order has the id it went by and the one it goes by from now on."""
    document = event(step("REPLACED", "NEW", c="new-id", C="old-id"))
    assert (document["client_order_id"], document["new_client_order_id"]) == ("old-id", "new-id")
    document = event(step("REPLACED", "NEW", c="only-id", C=""))
    assert (document["client_order_id"], document["new_client_order_id"]) == ("only-id", None)


def test_reasons_of_rejection_and_expiry_share_a_field() -> None:
    """The reject reason comes first, then the expiry reason; NONE is none."""
    assert event(step("EXPIRED", "EXPIRED", eR="OCO_TRIGGER"))["reject_reason"] == "OCO_TRIGGER"
    assert event(step("REJECTED", "REJECTED", r="X", eR="Y"))["reject_reason"] == "X"
    assert event(step("EXPIRED", "EXPIRED", eR="NONE"))["reject_reason"] is None


def test_amounts_are_exact() -> None:
    """No amount passes through a float, however many digits it has."""
    document = event(
        frame(
            q="123456789012345678.123456789012345678",
            l="0.000000000000000003",
            z="000.000000000000000003000",
            L="1.0",
            Y="0.000000000000000003",
            Z="0.000000000000000010",
        )
    )
    assert document["quantity"] == "123456789012345678.123456789012345678"
    assert document["cumulative_quantity"] == "0.000000000000000003"
    assert document["average_price"] == "3.3333333333333333"
    assert event(frame(p="-0.00"))["price"] is None


@pytest.mark.parametrize(
    ("quote", "quantity", "average"),
    [
        ("600.00000000", "4.00000000", "150"),
        ("1000.00000000", "3.00000000", "333.3333333333333333"),
        ("2000.00000000", "3.00000000", "666.6666666666666667"),
        ("0.000000000000000900", "6", "0.0000000000000002"),  # 1.5 units: the even one is above
        ("0.000000000000001500", "6", "0.0000000000000002"),  # 2.5 units: the even one is below
        ("0.00000001", "8000000.00000000", "0.0000000000000012"),  # 12.5 units
        ("0.00000003", "8000000.00000000", "0.0000000000000038"),  # 37.5 units
        ("0.00000001", "200000000.00000000", "0"),  # half a unit
        ("-1.00000000", "4.00000000", None),
        ("0.00000000", "4.00000000", "0"),
    ],
)
def test_the_average_price_is_rounded_half_to_even(quote: str, quantity: str, average: str | None) -> None:
    """Cumulative quote by cumulative quantity, to sixteen decimals."""
    assert event(step("CANCELED", "CANCELED", q=quantity, z=quantity, Z=quote))["average_price"] == average


def test_ids_beyond_53_bits_are_exact() -> None:
    """Ids are text from the frame, never floats."""
    report = parse(frame(i=2**63 - 1, t=2**53 + 1, I=2**53 + 3, g=2**53 + 5))
    assert (report.order_id, report.trade_id) == ("9223372036854775807", "9007199254740993")
    document = json.loads(report.json)
    assert (document["execution_id"], document["order_list_id"]) == ("9007199254740995", "9007199254740997")


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


def test_a_quote_may_be_rounded_either_way() -> None:
    """The last quote is last price times last quantity, cut or rounded at the venue's decimals."""
    for quote in ("0.01219326", "0.01219327"):
        event(frame(l="0.12345679", L="0.09876543", z="1.00000000", Y=quote))
    assert (
        refusal(frame(l="0.12345679", L="0.09876543", z="1.00000000", Y="0.01219328")).code
        == "quote_mismatch"
    )


def test_an_order_by_quote_amount_may_exceed_its_quantity() -> None:
    """The base quantity of an order placed by quote amount is the venue's estimate."""
    assert event(frame(q="3.00000000", Q="600.00000000"))["quote_quantity"] == "600"


def test_fields_that_old_captures_lack_are_null() -> None:
    """What the venue did not say is null."""
    document = event(frame(*"IZYCOwmMrgPFQWV"))
    for field in (
        "cumulative_quote",
        "average_price",
        "is_working",
        "execution_id",
        "order_list_id",
        "stop_price",
    ):
        assert document[field] is None
    assert document["last_fill"]["quote"] is None
    assert document["last_fill"]["liquidity"] is None


def test_microseconds_are_read_by_the_setting() -> None:
    """The unit of times is the connection's, not guessed from their digits."""
    data = frame(E=1773000007411204, T=1773000007410987)
    assert parse(data, microseconds=True).exchange_time_ns == 1773000007411204000
    assert refusal(data).code == "time_out_of_range"
    with pytest.raises(FrameError, match="expected microseconds"):
        parse(frame(), microseconds=True)


def test_every_wrapper_is_taken() -> None:
    """The event stands alone, under `event`, or in a combined stream."""
    inner = json.dumps(dict(TRADE))
    for data in (
        inner,
        f'{{"event":{inner}}}',
        f'{{"stream":"k","data":{inner}}}',
        f' {{ "event" : {inner} }} ',
    ):
        assert parse(data.encode()).event_id.endswith(":41000001")


@pytest.mark.parametrize("call_id", ['"a\\u0062"', "9007199254740993", "null"])
def test_an_answer_keeps_the_venues_json(call_id: str) -> None:
    """Id and result stand in the control as the venue wrote them, on one line."""
    (answer,) = Parser(ACCOUNT, SYMBOLS).parse(
        b'{"id":%s,"status":200,"result":{"price" : 0.10,\r\n"a":"x y"},"rateLimits":[]}' % call_id.encode(),
        NOW_NS,
    )
    assert answer.json == (
        b'{"type":"response","id":%s,"status":200,"result":{"price":0.10,"a":"x y"},"error":null,"rate_limits":[]}'
        % call_id.encode()
    )


def test_a_refusal_of_the_venue_is_an_answer() -> None:
    """An error of the venue is no error of the frame."""
    document = control(b'{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key."}}')
    assert (document["id"], document["status"], document["error"]["code"]) == (None, 401, -2015)
    assert document["result"] is None


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


def test_symbols_may_be_any_mapping() -> None:
    """The table may be read-only; it is copied."""
    table = dict(SYMBOLS)
    parser = Parser(ACCOUNT, MappingProxyType(table))
    table.clear()
    assert len(parser.parse(frame(), NOW_NS)) == 1


def test_without_a_table_pairs_are_guessed() -> None:
    """The longest known quote asset is split off; a symbol without one is refused."""
    parser = Parser(ACCOUNT, symbols=None)
    (report,) = parser.parse(frame(s="FDUSDUSDT"), NOW_NS)
    assert isinstance(report, ExecutionReport)
    assert report.pair == "FDUSD-USDT"
    with pytest.raises(FrameError) as caught:
        parser.parse(frame(s="USDT"), NOW_NS)
    assert caught.value.code == "unknown_symbol"


def test_only_bytes_are_frames() -> None:
    """Anything but bytes is a programming error, not a frame error."""
    parser: Any = Parser(ACCOUNT, SYMBOLS)
    for wrong in ("{}", None, 5):
        with pytest.raises(TypeError):
            parser.parse(wrong, NOW_NS)
