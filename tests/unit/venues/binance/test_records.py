"""Binance's records as the documents show them, and the events that they become."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import pytest

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, Source, TimeInForce
from fillwire.domain.errors import ConnectionLost, Throttled, VenueError
from fillwire.venues.binance.auth import signer
from fillwire.venues.binance.records import BinanceRecords
from fillwire.venues.records import ExecutionRow, OrderRow, PartlyReadRecords
from fillwire.venues.rest import HttpResponse
from fillwire.wire.codec import decode_order, encode_order
from support.order_events import ALICE
from support.questions import asked

RECORDS = BinanceRecords(ALICE, signer("key", "secret"))
RECEIVED_NS = 1_660_801_800_000_000_000
# GET /api/v3/order and GET /api/v3/myTrades in the venue's documents.
ORDER: dict[str, Any] = orjson.loads(
    b'{"symbol":"BTCUSDT","orderId":12569099453,"orderListId":-1,"clientOrderId":"4d96324ff9d44481926157",'
    b'"price":"23416.10000000","origQty":"0.00847000","executedQty":"0.00847000","cummulativeQuoteQty":"198.33521500",'
    b'"status":"FILLED","timeInForce":"GTC","type":"LIMIT","side":"SELL","stopPrice":"0.00000000",'
    b'"icebergQty":"0.00000000","time":1660801715639,"updateTime":1660801717945,"isWorking":true,'
    b'"workingTime":1660801715639,"origQuoteOrderQty":"0.00000000","selfTradePreventionMode":"NONE"}'
)
TRADES = (
    b'[{"symbol":"BTCUSDT","id":1650422481,"orderId":12569099453,"orderListId":-1,"price":"23416.10000000",'
    b'"qty":"0.00635000","quoteQty":"148.69223500","commission":"0.00000000","commissionAsset":"BNB",'
    b'"time":1660801715793,"isBuyer":false,"isMaker":true,"isBestMatch":true},'
    b'{"symbol":"BTCUSDT","id":1650422482,"orderId":12569099453,"orderListId":-1,"price":"23416.50000000",'
    b'"qty":"0.00212000","quoteQty":"49.64298000","commission":"0.00000000","commissionAsset":"BNB",'
    b'"time":1660801715793,"isBuyer":false,"isMaker":true,"isBestMatch":true}]'
)


def read_order(response: HttpResponse) -> OrderRow | None:
    """Return the order that the venue answers with."""
    return asked(RECORDS.order(("BTCUSDT", "12569099453")), [response])[0]


def read_orders(response: HttpResponse) -> list[OrderRow]:
    """Return the orders that the venue answers with."""
    return asked(RECORDS.open_orders(None), [response])[0]


def read_executions(response: HttpResponse) -> list[ExecutionRow]:
    """Return the executions that the venue answers with."""
    return asked(RECORDS.executions_of(("BTCUSDT", "12569099453"), None), [response])[0]


def answer(document: object, status: int = 200, **more: Any) -> HttpResponse:
    """Return an answer with this document, or these bytes."""
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return HttpResponse(status=status, body=body, **more)


def test_an_order_is_read_as_the_documents_show_it() -> None:
    """Amounts are exact, zero prices are none, times are nanoseconds."""
    order = read_order(answer(ORDER))
    assert order is not None
    assert order.key == ("BTCUSDT", "12569099453")
    assert (order.side, order.type, order.time_in_force) == (Side.SELL, OrderType.LIMIT, TimeInForce.GTC)
    assert (order.price, order.stop_price, order.quote_quantity) == (Decimal("23416.1"), None, None)
    assert (order.executed, order.executed_quote) == (Decimal("0.00847"), Decimal("198.335215"))
    assert (order.ending, order.order_list_id) == (Kind.FILLED, None)
    assert (order.created_ns, order.updated_ns) == (1_660_801_715_639_000_000, 1_660_801_717_945_000_000)


def test_executions_become_the_events_that_the_stream_would_have_brought() -> None:
    """Same identity, cumulative values by summation, filled at the last one, and canonical bytes."""
    order = read_order(answer(ORDER | {"executedQty": "0.00847", "cummulativeQuoteQty": "198.335215"}))
    rows = read_executions(answer(TRADES))
    assert order is not None
    first, last = RECORDS.fills("BTC-USDT", order, rows, Decimal(0), RECEIVED_NS)
    assert first.event_id == "binance:live:alice:BTCUSDT:12569099453:1650422481"
    assert (first.kind, first.venue_status) == (Kind.PARTIALLY_FILLED, "PARTIALLY_FILLED")
    assert (first.cumulative_quantity, first.cumulative_quote) == (Decimal("0.00635"), Decimal("148.692235"))
    assert (last.kind, last.venue_status) == (Kind.FILLED, "FILLED")
    assert (last.cumulative_quantity, last.cumulative_quote) == (Decimal("0.00847"), Decimal("198.335215"))
    assert last.average_price == Decimal("23416.2001180637544274")
    assert last.last_fill is not None
    assert (last.last_fill.fee, last.last_fill.fee_currency) == (Decimal(0), "BNB")
    assert last.last_fill.liquidity is Liquidity.MAKER
    assert (last.source, last.exchange_time_ns) == (Source.REST, None)
    assert last.transaction_time_ns == 1_660_801_715_793_000_000
    assert decode_order(encode_order(last)) == last


def test_executions_after_known_ones_go_on_from_their_sums() -> None:
    """The quote before them is what the order's total leaves."""
    order = read_order(answer(ORDER))
    rows = read_executions(answer(TRADES))[1:]
    assert order is not None
    (event,) = RECORDS.fills("BTC-USDT", order, rows, Decimal("0.00635"), RECEIVED_NS)
    assert (event.cumulative_quantity, event.cumulative_quote) == (Decimal("0.00847"), Decimal("198.335215"))


@pytest.mark.parametrize(
    ("status", "kind", "suffix"),
    [
        ("CANCELED", Kind.CANCELLED, "~cancelled"),
        ("EXPIRED", Kind.EXPIRED, "~expired"),
        ("EXPIRED_IN_MATCH", Kind.EXPIRED, "~expired"),
        ("REJECTED", Kind.REJECTED, "~rejected"),
    ],
)
def test_an_end_has_the_identity_it_has_by_the_stream(status: str, kind: Kind, suffix: str) -> None:
    """So that an end told by both is one."""
    order = read_order(answer(ORDER | {"status": status}))
    assert order is not None
    event = RECORDS.ending("BTC-USDT", order, RECEIVED_NS)
    assert event is not None
    assert (event.kind, event.venue_status, event.is_working) == (kind, status, False)
    assert event.event_id.endswith(f":{suffix}")
    assert event.transaction_time_ns == order.updated_ns


@pytest.mark.parametrize("status", ["NEW", "PARTIALLY_FILLED", "FILLED"])
def test_open_and_filled_orders_have_no_end_of_their_own(status: str) -> None:
    """Filled is said by the last execution."""
    order = read_order(answer(ORDER | {"status": status}))
    assert order is not None
    assert RECORDS.ending("BTC-USDT", order, RECEIVED_NS) is None


def test_a_cancelled_order_does_not_say_its_own_client_id() -> None:
    """The venue shows the id of the cancel request in its place, which is nobody's order."""
    order = read_order(answer(ORDER | {"status": "CANCELED", "clientOrderId": "web_1"}))
    assert order is not None
    assert order.client_order_id is None


@pytest.mark.parametrize(
    ("status", "suffix"), [("NEW", "~new"), ("FILLED", "~new"), ("PENDING_NEW", "~pending")]
)
def test_an_order_that_was_accepted_has_a_beginning(status: str, suffix: str) -> None:
    """Nothing executed, at the time of its placing, whatever it is now."""
    order = read_order(answer(ORDER | {"status": status}))
    assert order is not None
    event = RECORDS.opening("BTC-USDT", order, RECEIVED_NS)
    assert event is not None
    assert event.event_id.endswith(f":{suffix}")
    assert (event.kind, event.cumulative_quantity, event.average_price) == (Kind.NEW, Decimal(0), None)
    assert event.transaction_time_ns == order.created_ns


def test_a_rejected_order_has_none() -> None:
    """It was never accepted."""
    order = read_order(answer(ORDER | {"status": "REJECTED"}))
    assert order is not None
    assert RECORDS.opening("BTC-USDT", order, RECEIVED_NS) is None


def test_an_order_that_the_venue_does_not_know_is_none() -> None:
    """Directly after placing it is not known yet; that is no error."""
    assert read_order(answer({"code": -2013, "msg": "Order does not exist."}, 400)) is None


def test_a_full_stop_and_a_failure_say_what_is_to_be_done() -> None:
    """Throttled with the venue's time to wait, a failing server as a lost connection."""
    with pytest.raises(Throttled) as throttled:
        read_orders(answer({"code": -1003, "msg": "Too many."}, 429, retry_after_s=7.0))
    assert throttled.value.retry_after_s == 7.0
    with pytest.raises(ConnectionLost):
        read_executions(answer(b"<html>", 502))


@pytest.mark.parametrize(
    "change",
    [
        {"status": "UNHEARD_OF"},
        {"executedQty": "a lot"},
        {"executedQty": None},
        {"executedQty": 1.5},
        {"orderId": "12"},
        {"side": "HOLD"},
        {"updateTime": "now"},
    ],
)
def test_a_row_that_is_not_what_the_documents_say_is_refused(change: dict[str, Any]) -> None:
    """Nothing is guessed; the sentence names the key or the value."""
    with pytest.raises(VenueError, match="cannot be read"):
        read_order(answer(ORDER | change))


def test_an_order_that_cannot_be_read_takes_no_other_with_it() -> None:
    """It is named once for each answer that has it, to be looked up; one that names no order is no answer."""
    page = answer([ORDER | {"orderId": 7, "status": "UNHEARD_OF"}, ORDER])
    for question in (
        RECORDS.open_orders("BTCUSDT"),
        RECORDS.changed_orders("BTCUSDT", RECEIVED_NS - 1, RECEIVED_NS),
    ):
        rows, _ = asked(question, [page])
        assert [row.order_id for row in rows] == [str(ORDER["orderId"])]
        assert isinstance(RECORDS, PartlyReadRecords)
        assert RECORDS.take_unread() == [(ORDER["symbol"], "7")]
        assert RECORDS.take_unread() == []
    nameless: tuple[Any, ...] = ({"status": "NEW"}, [], None)
    for document in nameless:
        with pytest.raises(VenueError, match="cannot be read"):
            asked(RECORDS.open_orders("BTCUSDT"), [answer([document])])


def test_a_page_with_an_order_that_cannot_be_read_is_full_all_the_same() -> None:
    """There may be more behind it: both halves of its time are asked for."""
    records = replace(RECORDS, page_size=2)
    page = answer([ORDER | {"orderId": 7, "status": "UNHEARD_OF"}, ORDER])
    pages = [page, answer([ORDER | {"orderId": 8}]), answer([ORDER | {"orderId": 9}])]
    rows, _ = asked(records.changed_orders("BTCUSDT", RECEIVED_NS - 1, RECEIVED_NS), pages)
    assert [row.order_id for row in rows] == ["8", "9"]


def test_the_first_page_of_an_order_begins_with_its_first_execution() -> None:
    """Without a first id the venue would show the newest."""
    _, (request,) = asked(RECORDS.executions_of(("BTCUSDT", "7"), None), [answer([])])
    assert "fromId=0" in request.query
    assert "orderId=7" in request.query
    assert request.weight == 5
