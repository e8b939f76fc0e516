"""Events as bytes: canonical when written, strict when read, with an error that names the place."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from fillwire.domain.enums import ConnectionState, Kind
from fillwire.domain.errors import DecodeError
from fillwire.domain.events import ConnectionEvent
from fillwire.wire.codec import decode_connection, decode_order, encode_connection, encode_order
from support.order_events import order_event

EVENT = order_event()
CONNECTION = ConnectionEvent(
    user="alice",
    exchange="binance",
    environment="live",
    state=ConnectionState.RECEIVING,
    previous_state=ConnectionState.AUTHENTICATED,
    reason=None,
    attempt=0,
    subscription_count=1,
    connected_since_ns=1,
    last_event_time_ns=None,
    clock_offset_ns=-5,
    gateway="gateway-0",
    time_ns=2,
)
ABSENT = object()


def changed(data: bytes, pointer: str, value: object) -> bytes:
    """Return the document with one value changed, or taken away."""
    document = json.loads(data)
    *parents, key = pointer.split("/")[1:]
    node = document
    for parent in parents:
        node = node[parent]
    if value is ABSENT:
        del node[key]
    else:
        node[key] = value
    return json.dumps(document).encode()


def refusal(decode: Callable[[bytes], object], data: bytes) -> DecodeError:
    """Return the error with which `data` is refused."""
    with pytest.raises(DecodeError) as caught:
        decode(data)
    return caught.value


def test_order_is_written_canonically() -> None:
    """Keys stand in the order of the class behind the version, without white space; amounts are plain text."""
    event = replace(order_event(trade=None, kind=Kind.NEW), quantity=Decimal("1E+2"), price=Decimal("0.0100"))
    assert encode_order(event) == (
        b'{"v":1,"event_id":"binance:live:alice:BTCUSDT:1:~new","kind":"new","exchange":"binance","environment":"live",'
        b'"user":"alice","pair":"BTC-USDT","symbol":"BTCUSDT","order_id":"1","client_order_id":"mine-1",'
        b'"new_client_order_id":null,"order_list_id":null,"side":"buy","type":"limit","time_in_force":"gtc",'
        b'"price":"0.01","stop_price":null,"quantity":"100","quote_quantity":null,"cumulative_quantity":"0.5",'
        b'"cumulative_quote":"32000","average_price":"64000","prevented_quantity":null,"is_working":true,'
        b'"venue_status":"NEW","last_fill":null,"reject_reason":null,"execution_id":null,'
        b'"exchange_time_ns":1700000000000000000,"transaction_time_ns":1700000000000000000,'
        b'"received_time_ns":1700000000001000000,"source":"stream"}'
    )


def test_fill_is_written_in_its_event() -> None:
    """The execution stands under `last_fill`, amounts as text there too."""
    assert (
        b'"last_fill":{"trade_id":"1","price":"64000","quantity":"0.5","quote":null,"fee":"1.28",'
        b'"fee_currency":"USDT","liquidity":"maker"},' in encode_order(EVENT)
    )


def test_connection_is_written_canonically() -> None:
    """A connection event is written by the same rules."""
    assert encode_connection(CONNECTION) == (
        b'{"v":1,"user":"alice","exchange":"binance","environment":"live","state":"receiving",'
        b'"previous_state":"authenticated","reason":null,"attempt":0,"subscription_count":1,"connected_since_ns":1,'
        b'"last_event_time_ns":null,"clock_offset_ns":-5,"gateway":"gateway-0","time_ns":2,'
        b'"reconciled_ns":null,"missing_since_ns":null,"breaker":"closed","polling_since_ns":null,"waiting_count":0,"journal_count":0,"lease":null,"key_trouble":null}'
    )


def test_order_and_white_space_of_a_document_do_not_matter() -> None:
    """A document of another producer means the same with its keys in another order and spaces between."""
    document = json.loads(encode_order(EVENT))
    assert decode_order(json.dumps(dict(reversed(document.items())), indent=2).encode()) == EVENT


def test_unknown_keys_are_skipped() -> None:
    """A reader of version 1 survives what a later producer adds, in the event and in its fill."""
    data = changed(changed(encode_order(EVENT), "/venue_note", {"a": [1]}), "/last_fill/tax", "0.1")
    assert decode_order(data) == EVENT
    assert decode_connection(changed(encode_connection(CONNECTION), "/region", "eu")) == CONNECTION


def test_padded_amount_is_read() -> None:
    """A zero too many is no reason to lose a fill; written again, it is gone."""
    assert decode_order(changed(encode_order(EVENT), "/price", "64000.00")) == EVENT


def test_words_are_members() -> None:
    """Words become the members of their enumerations, so that `is` compares them."""
    assert decode_order(encode_order(EVENT)).kind is Kind.FILLED
    assert decode_connection(encode_connection(CONNECTION)).state is ConnectionState.RECEIVING


@pytest.mark.parametrize(
    ("pointer", "value", "reason"),
    [
        ("/v", ABSENT, "expected a value, the key is missing"),
        ("/v", 2, "expected 1, was integer 2"),
        ("/v", "1", 'expected 1, was string "1"'),
        ("/v", True, "expected 1, was boolean true"),
        ("/user", ABSENT, "expected a value, the key is missing"),
        ("/user", 5, "expected a string, was integer 5"),
        ("/user", None, "expected a string, was null"),
        ("/client_order_id", False, "expected a string or null, was boolean false"),
        (
            "/kind",
            "done",
            'expected one of new, partially_filled, filled, cancelled, expired, rejected, replaced, was string "done"',
        ),
        ("/side", "BUY", 'expected one of buy, sell, was string "BUY"'),
        (
            "/time_in_force",
            "DAY",
            'expected one of gtc, ioc, fok, day, gtd, opg, cls, gtx, rpi or null, was string "DAY"',
        ),
        ("/source", None, "expected one of stream, rest, inferred, was null"),
        ("/price", 64000.5, "expected a decimal string or null, was number 64000.5"),
        ("/price", 64000, "expected a decimal string or null, was integer 64000"),
        ("/price", "64,000", 'expected a decimal string or null, was string "64,000"'),
        ("/cumulative_quantity", "NaN", 'expected a decimal string, was string "NaN"'),
        ("/cumulative_quantity", "Infinity", 'expected a decimal string, was string "Infinity"'),
        ("/cumulative_quantity", "1e5", 'expected a decimal string, was string "1e5"'),
        ("/cumulative_quantity", "1_000", 'expected a decimal string, was string "1_000"'),
        ("/cumulative_quantity", " 1", 'expected a decimal string, was string " 1"'),
        ("/cumulative_quantity", "1-2", 'expected a decimal string, was string "1-2"'),
        ("/cumulative_quantity", "", 'expected a decimal string, was string ""'),
        ("/cumulative_quantity", None, "expected a decimal string, was null"),
        ("/cumulative_quantity", ABSENT, "expected a value, the key is missing"),
        ("/is_working", 0, "expected a boolean or null, was integer 0"),
        ("/received_time_ns", 1.5, "expected an integer, was number 1.5"),
        ("/received_time_ns", "1", 'expected an integer, was string "1"'),
        ("/received_time_ns", True, "expected an integer, was boolean true"),
        ("/last_fill", ["1"], "expected an object or null, was array"),
        ("/last_fill", "none", 'expected an object or null, was string "none"'),
        ("/last_fill/price", "x", 'expected a decimal string, was string "x"'),
        ("/last_fill/price", 1.5, "expected a decimal string, was number 1.5"),
        ("/last_fill/fee", "1E-8", 'expected a decimal string or null, was string "1E-8"'),
        ("/last_fill/trade_id", ABSENT, "expected a value, the key is missing"),
        ("/last_fill/liquidity", "both", 'expected one of maker, taker or null, was string "both"'),
    ],
)
def test_defect_of_an_order_event_is_named(pointer: str, value: object, reason: str) -> None:
    """Whatever is wrong in an event, the error points to it and says what was expected and what was found."""
    error = refusal(decode_order, changed(encode_order(EVENT), pointer, value))
    assert (error.what, error.pointer, error.reason) == ("order event", pointer, reason)


@pytest.mark.parametrize(
    ("pointer", "value", "reason"),
    [
        (
            "/state",
            "up",
            "expected one of disconnected, connecting, connected, authenticated, receiving, reconnecting, ",
        ),
        ("/attempt", "1", 'expected an integer, was string "1"'),
        ("/gateway", ABSENT, "expected a value, the key is missing"),
        ("/connected_since_ns", 1.5, "expected an integer or null, was number 1.5"),
    ],
)
def test_defect_of_a_connection_event_is_named(pointer: str, value: object, reason: str) -> None:
    """A connection event is read as strictly."""
    error = refusal(decode_connection, changed(encode_connection(CONNECTION), pointer, value))
    assert (error.what, error.pointer) == ("connection event", pointer)
    assert error.reason.startswith(reason)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"v":1',
        b'{"v":1} {}',
        b'{"v":1,"user":"\xff"}',
        b'{"v":1,"user":"\\ud800"}',
        b'{"v":1,"user":NaN}',
        b"{'v':1}",
        b'{"v":1,"deep":' + b"[" * 100_000,
        b'{"v":1,"deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=["empty", "cut", "trailing", "latin-1", "surrogate", "nan", "python", "deep and cut", "deep"],
)
def test_what_is_no_json_is_refused(data: bytes) -> None:
    """Bytes that are no JSON are refused as a whole, however they are broken, with the decoder's words for it."""
    error = refusal(decode_order, data)
    assert error.pointer == "/"
    assert re.fullmatch(r"expected JSON, [a-z'][^A-Z]*[^.]", error.reason)


@pytest.mark.parametrize(
    ("data", "found"),
    [(b"[]", "array"), (b'"filled"', 'string "filled"'), (b"null", "null"), (b"1", "integer 1")],
)
def test_what_is_no_object_is_refused(data: bytes, found: str) -> None:
    """JSON that is no object is refused as a whole."""
    error = refusal(decode_order, data)
    assert (error.pointer, error.reason) == ("/", f"expected an object, was {found}")


def test_long_values_are_cut_in_the_error() -> None:
    """An error stays a sentence, whatever is in the document."""
    error = refusal(decode_order, changed(encode_order(EVENT), "/side", "x" * 10_000))
    assert error.reason == f'expected one of buy, sell, was string "{"x" * 59}…'


def test_first_of_several_defects_is_named() -> None:
    """The error points to what comes first in the order of the fields."""
    data = changed(changed(encode_order(EVENT), "/source", "x"), "/pair", 1)
    assert refusal(decode_order, data).pointer == "/pair"


def test_error_keeps_its_cause() -> None:
    """The decoder's own words are chained, for the one who debugs it."""
    assert refusal(decode_order, b"{").__cause__ is not None
