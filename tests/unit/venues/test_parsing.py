"""The parser's face: identities, exact amounts, times, answers."""

import json
from types import MappingProxyType

import pytest

from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account, execution_event_id, state_event_id
from fillwire.venues.parsing import ExecutionReport, Parser
from support.spot_frames import (
    ACCOUNT,
    NO_FILL,
    NOW_NS,
    SYMBOLS,
    TRADE,
    control,
    event,
    frame,
    parse,
    refusal,
    step,
)


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
