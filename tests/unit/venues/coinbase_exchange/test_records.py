"""Coinbase Exchange's records as documents and recordings show them, and the events that they become."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from fillwire.domain.enums import Kind, Liquidity, OrderType, Reach, Side, Source, TimeInForce
from fillwire.domain.errors import AuthRejected, ConnectionLost, Throttled, VenueError
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.venues.coinbase_exchange.auth import signer
from fillwire.venues.coinbase_exchange.names import ClientOrderIds
from fillwire.venues.coinbase_exchange.records import ExchangeRecords
from fillwire.venues.coinbase_exchange.refusals import http_error
from fillwire.venues.coinbase_exchange.rows import read_products, read_server_time_ns, time_ns
from fillwire.venues.records import ForgetfulRecords, OrderRow
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.wire.codec import decode_order, encode_order
from support.questions import asked

ACCOUNT = Account("alice", "coinbase", "live")
NAMES = ClientOrderIds()
RECORDS = ExchangeRecords(ACCOUNT, signer("key", "AAAA", "phrase"), NAMES, page_size=2)
S = 1_000_000_000
RECEIVED_NS = 1_760_000_000 * S
ID = "d96aad29-aa9d-471b-ab6d-0c2a3383479c"
# Recorded in August 2025.
OPEN: dict[str, Any] = {
    "id": ID,
    "price": "0.01",
    "size": "100.0",
    "product_id": "ETH-USD",
    "profile_id": "8058d771-2d88-4f0f-ab6e-299c153d4308",
    "side": "buy",
    "type": "limit",
    "time_in_force": "GTC",
    "post_only": False,
    "created_at": "2025-08-18T05:56:45.571025Z",
    "fill_fees": "0.0",
    "filled_size": "0.0",
    "executed_value": "0.0",
    "market_type": "spot",
    "status": "open",
    "settled": False,
    "funding_currency": "USD",
}
DONE = OPEN | {"status": "done", "done_at": "2025-08-18T05:57:00Z", "done_reason": "filled", "settled": True}


def fill(trade_id: int, size: str, price: str = "0.01", **more: Any) -> dict[str, Any]:
    """Return a fill as the venue shows it."""
    return {
        "trade_id": trade_id,
        "product_id": "ETH-USD",
        "order_id": ID,
        "user_id": "5cf6e115aaf44503db300f1e",
        "profile_id": "8058d771-2d88-4f0f-ab6e-299c153d4308",
        "liquidity": "T",
        "price": price,
        "size": size,
        "fee": "0.0001",
        "created_at": "2025-08-18T05:56:50.640485Z",
        "side": "buy",
        "settled": True,
        "usd_volume": "1",
        "market_type": "spot",
        "funding_currency": "USD",
    } | more


def answer(document: object, status: int = 200, after: str | None = None) -> HttpResponse:
    """Return an answer with this document, or these bytes."""
    body = document if isinstance(document, bytes) else orjson.dumps(document)
    return HttpResponse(status=status, body=body, headers={} if after is None else {"cb-after": after})


def order_of(row: dict[str, Any], *fills: dict[str, Any]) -> OrderRow:
    """Return the order that the venue answers with, and its fills if they are asked for."""
    answers = [answer(row), *([answer(list(fills))] if fills else [])]
    order = asked(RECORDS.order(("ETH-USD", ID)), answers)[0]
    assert order is not None
    return order


def test_an_order_is_read_as_the_recording_shows_it() -> None:
    """Amounts are exact, times are nanoseconds, and what is not said is None."""
    order = order_of(OPEN)
    assert order.key == ("ETH-USD", ID)
    assert (order.side, order.type, order.time_in_force) == (Side.BUY, OrderType.LIMIT, TimeInForce.GTC)
    assert (order.price, order.quantity, order.quote_quantity) == (Decimal("0.01"), Decimal(100), None)
    assert (order.executed, order.executed_quote, order.ending) == (Decimal(0), Decimal(0), None)
    assert order.created_ns == order.updated_ns == time_ns("2025-08-18T05:56:45.571025Z")
    assert order.client_order_id is None


@pytest.mark.parametrize(
    ("changes", "ending"),
    [
        ({}, Kind.FILLED),
        ({"done_reason": "canceled"}, Kind.CANCELLED),
        ({"done_reason": "canceled", "time_in_force": "IOC"}, Kind.EXPIRED),
        (
            {"done_reason": "canceled", "time_in_force": "GTT", "expire_time": "2025-08-18T05:57:00Z"},
            Kind.EXPIRED,
        ),
        (
            {"done_reason": "canceled", "time_in_force": "GTT", "expire_time": "2025-08-19T05:57:00Z"},
            Kind.CANCELLED,
        ),
        ({"status": "rejected", "done_reason": "rejected"}, Kind.REJECTED),
    ],
)
def test_an_end_is_what_the_stream_would_have_said(changes: dict[str, Any], ending: Kind) -> None:
    """The records show that time ended an order only by what its time was."""
    assert order_of(DONE | changes).ending is ending


@pytest.mark.parametrize(
    ("stop", "side", "order_type"),
    [
        ("loss", "sell", OrderType.STOP_LOSS_LIMIT),
        ("entry", "buy", OrderType.STOP_LOSS_LIMIT),
        ("entry", "sell", OrderType.TAKE_PROFIT_LIMIT),
        ("loss", "buy", OrderType.TAKE_PROFIT_LIMIT),
    ],
)
def test_a_stop_order_is_named_by_where_it_waits(stop: str, side: str, order_type: OrderType) -> None:
    """Loss below the market, entry above it."""
    order = order_of(OPEN | {"status": "active", "stop": stop, "side": side, "stop_price": "5"})
    assert (order.type, order.stop_price, order.is_working) == (order_type, Decimal(5), False)


def test_a_market_order_by_funds_has_no_quantity() -> None:
    """What was asked for is an amount."""
    row = {name: value for name, value in DONE.items() if name not in {"size", "price", "time_in_force"}}
    order = order_of(row | {"type": "market", "funds": "49.7", "specified_funds": "50"})
    assert (order.quantity, order.quote_quantity) == (None, Decimal(50))
    assert (order.price, order.time_in_force) == (None, None)


@pytest.mark.parametrize(
    ("sizes", "last"), [(["30", "20"], "12"), (["30", "20", "1"], "12"), (["30"], None), (["49", "2"], None)]
)
def test_an_open_order_names_the_last_execution_that_it_counts(sizes: list[str], last: str | None) -> None:
    """The one with which the sum is the executed quantity; none if one of both answers lags."""
    fills = [fill(11 + index, size) for index, size in enumerate(sizes)]
    records = replace(RECORDS, page_size=100)
    answers = [answer(OPEN | {"filled_size": "50"}), answer(fills[::-1])]
    order, requests = asked(records.order(("ETH-USD", ID)), answers)
    assert order is not None
    assert order.last_trade_id == last
    assert [request.path for request in requests] == [f"/orders/{ID}", "/fills"]


def test_an_order_goes_by_the_client_id_of_its_owner() -> None:
    """Ours where it was placed through us, else the venue's."""
    name = NAMES.name("mine-1")
    assert order_of(OPEN | {"client_oid": name}).client_order_id == "mine-1"
    assert order_of(OPEN | {"client_oid": "x"}).client_order_id == "x"


def test_fills_are_walked_down_to_what_is_known() -> None:
    """Page by page, newest first, until one is old enough; told in the venue's order."""
    pages = [
        answer([fill(9, "1"), fill(8, "1")], after="8"),
        answer([fill(7, "1"), fill(5, "1", created_at="2025-08-18T05:00:00Z")], after="5"),
        answer([fill(4, "1"), fill(3, "1")], after="3"),
    ]
    since_ns = time_ns("2025-08-18T05:30:00Z")
    found, requests = asked(RECORDS.executions_since("ETH-USD", since_ns, RECEIVED_NS, None), pages[:2])
    assert [row.trade_id for row in found] == ["7", "8", "9"]
    assert [request.query for request in requests] == [
        "product_id=ETH-USD&limit=1000",
        "product_id=ETH-USD&limit=1000&after=8",
    ]
    found, requests = asked(RECORDS.executions_of(("ETH-USD", ID), "4"), pages)
    assert [row.trade_id for row in found] == ["3", "4", "5", "7", "8", "9"]
    assert requests[2].query == f"order_id={ID}&limit=1000&after=5"


def test_an_execution_has_the_fee_that_the_stream_does_not_tell() -> None:
    """And is otherwise what the stream tells."""
    (row,), _ = asked(RECORDS.executions_of(("ETH-USD", ID), None), [answer([fill(7, "1")])])
    assert RECORDS.event_id(row) == f"coinbase:live:alice:ETH-USD:{ID}:7"
    assert (row.fee, row.fee_currency, row.liquidity, row.quote) == (
        Decimal("0.0001"),
        "USD",
        Liquidity.TAKER,
        None,
    )


def test_executions_become_the_events_that_the_stream_would_have_brought() -> None:
    """Sums of base and quote from what was known before, filled at the last one, canonical bytes."""
    order = order_of(DONE | {"filled_size": "100", "executed_value": "1.3"})
    rows, _ = asked(
        RECORDS.executions_of(("ETH-USD", ID), None),
        [answer([fill(8, "30", "0.02"), fill(7, "20")], after="7"), answer([])],
    )
    first, last = RECORDS.fills("ETH-USD", order, rows, Decimal(50), RECEIVED_NS)
    assert (first.kind, first.cumulative_quantity, first.cumulative_quote) == (
        Kind.PARTIALLY_FILLED,
        Decimal(70),
        Decimal("0.7"),
    )
    assert (last.kind, last.cumulative_quantity, last.cumulative_quote) == (
        Kind.FILLED,
        Decimal(100),
        Decimal("1.3"),
    )
    assert last.average_price == Decimal("0.013")
    for event in (first, last):
        assert event.source is Source.REST
        assert decode_order(encode_order(event)) == event


def test_orders_are_walked_down_to_when_they_were_placed() -> None:
    """All since a time, and beside them those of which an execution shows that they changed."""
    rows = [OPEN | {"id": f"o{number}"} for number in range(100)]
    older = OPEN | {"id": "old", "created_at": "2025-08-01T00:00:00Z"}
    answers = [
        answer(rows, after="2025-08-18T05:56:45.571025Z"),
        answer([OPEN | {"id": "o100"}, older]),
        answer([fill(3, "1", order_id="old")]),
        answer(older | DONE | {"id": "old", "filled_size": "1", "executed_value": "0.01"}),
    ]
    since_ns = time_ns("2025-08-18T00:00:00Z")
    found, requests = asked(RECORDS.changed_orders("ETH-USD", since_ns, RECEIVED_NS), answers)
    assert {row.order_id for row in found} == {*(f"o{number}" for number in range(101)), "old"}
    assert "after=2025-08-18T05%3A56%3A45.571026Z" in requests[1].query
    assert requests[3].path == "/orders/old"


def test_an_order_that_cannot_be_read_takes_no_other_with_it() -> None:
    """It is named, to be looked up; words that may be null and are not known are no obstacle."""
    page = answer([DONE | {"id": "bad", "done_reason": "tired"}, OPEN | {"time_in_force": "GTX"}])
    rows, _ = asked(RECORDS.open_orders("ETH-USD"), [page])
    assert [(row.order_id, row.time_in_force) for row in rows] == [(ID, None)]
    assert RECORDS.take_unread() == [("ETH-USD", "bad")]
    (execution,), _ = asked(
        RECORDS.executions_of(("ETH-USD", ID), None), [answer([fill(7, "1", liquidity="X")])]
    )
    assert execution.liquidity is None


class Orders:
    """The venue's list of orders, newest first, of which `after` names a time that is left out."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = rows

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return a page."""
        after = parse_qs(request.query).get("after", ["9"])[0]
        page = [row for row in self.rows if row["created_at"] < after][:100]
        return answer(page, after=page[-1]["created_at"] if page else None)


@pytest.mark.parametrize("twins", [2, 150])
def test_orders_of_one_time_on_both_sides_of_a_pages_end_are_found(twins: int) -> None:
    """The time of the page's last order is asked for again; more of one time than a page holds are not asked for for ever."""
    times = [f"2025-08-18T05:56:{59 - number // 10:02d}.{9 - number % 10}00000Z" for number in range(300)]
    times[99 : 99 + twins] = [times[99]] * twins
    orders = [OPEN | {"id": f"o{number}", "created_at": time} for number, time in enumerate(times)]
    found, requests = asked(RECORDS.open_orders("ETH-USD"), Orders(orders))
    missing = {row["id"] for row in orders} - {row.order_id for row in found}
    assert missing == (set() if twins == 2 else {f"o{number}" for number in range(199, 249)})
    assert len(requests) <= 6


def test_a_page_of_fills_that_is_shorter_than_it_was_asked_for_may_not_be_the_last() -> None:
    """A thousand are asked for; the venue may give a hundred."""
    records = replace(RECORDS, page_size=ExchangeRecords(ACCOUNT, RECORDS.signer).page_size)
    pages = [
        answer([fill(number, "1") for number in range(250, 150, -1)], after="151"),
        answer([fill(number, "1") for number in range(150, 50, -1)], after="51"),
        answer([fill(50, "1")], after="50"),
    ]
    found, requests = asked(records.executions_of(("ETH-USD", ID), None), pages)
    assert [int(row.trade_id) for row in found] == list(range(50, 251))
    assert requests[0].query == f"order_id={ID}&limit=1000"


def opened() -> OrderEvent:
    """Return the event of an order that was accepted."""
    event = RECORDS.opening("ETH-USD", order_of(OPEN), RECEIVED_NS)
    assert event is not None
    return event


def test_an_order_that_is_gone_was_cancelled_without_a_fill() -> None:
    """No fill, not open, and long enough ago: the end is inferred and says so."""
    assert isinstance(RECORDS, ForgetfulRecords)
    missing = asked(RECORDS.order(("ETH-USD", ID)), [answer({"message": "NotFound"}, 404)])[0]
    assert missing is None
    row, requests = asked(RECORDS.forgotten(opened()), [answer([]), answer([])], RECEIVED_NS)
    assert row is not None
    assert [request.path for request in requests] == ["/fills", "/orders"]
    event = RECORDS.ending("ETH-USD", row, RECEIVED_NS)
    assert event is not None
    assert (event.kind, event.source, event.cumulative_quantity) == (
        Kind.CANCELLED,
        Source.INFERRED,
        Decimal(0),
    )
    assert event.event_id == f"coinbase:live:alice:ETH-USD:{ID}:~cancelled"


@pytest.mark.parametrize(
    ("event", "answers", "now_ns"),
    [
        (replace(opened(), cumulative_quantity=Decimal(1)), [], RECEIVED_NS),
        (opened(), [answer([fill(1, "1")])], RECEIVED_NS),
        (opened(), [answer([])], opened().transaction_time_ns + 29 * S),
        (opened(), [answer([]), answer([OPEN])], RECEIVED_NS),
    ],
    ids=["executed by the log", "executed by the records", "too young", "open"],
)
def test_an_order_is_not_taken_for_cancelled_against_what_is_known(
    event: OrderEvent, answers: list[HttpResponse], now_ns: int
) -> None:
    """Anything that contradicts it leaves the question open."""
    assert asked(RECORDS.forgotten(event), answers, now_ns)[0] is None


def test_an_order_filled_short_of_its_size_has_an_end() -> None:
    """Its funds were spent: no execution said that it was the last."""
    event = RECORDS.ending("ETH-USD", order_of(DONE | {"filled_size": "50"}), RECEIVED_NS)
    assert event is not None
    assert (event.kind, event.source, event.last_fill) == (Kind.FILLED, Source.INFERRED, None)
    assert event.event_id.endswith(":~filled")
    assert RECORDS.ending("ETH-USD", order_of(OPEN), RECEIVED_NS) is None


@pytest.mark.parametrize(
    "row",
    [
        OPEN | {"status": "sleeping"},
        OPEN | {"side": "short"},
        OPEN | {"filled_size": 1},
        OPEN | {"filled_size": "one"},
        OPEN | {"created_at": "yesterday"},
        OPEN | {"time_in_force": 7},
        DONE | {"done_reason": "tired"},
        {},
        [],
    ],
)
def test_an_answer_that_is_none_is_told(row: Any) -> None:
    """A row outside what the documents allow is an error, never a guess."""
    with pytest.raises(VenueError, match="order cannot be read"):
        asked(RECORDS.order(("ETH-USD", ID)), [answer(row)])


def test_an_exponent_is_a_decimal_in_the_records() -> None:
    """The venue has answered so."""
    assert order_of(OPEN | {"size": "6.081e-05"}).quantity == Decimal("0.00006081")


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (answer({"message": "Invalid API Key"}, 401), AuthRejected),
        (answer({"message": "request timestamp expired"}, 401), ConnectionLost),
        (answer({"message": "request timestamp expired"}, 400), ConnectionLost),
        (answer({"message": "Forbidden"}, 403), AuthRejected),
        (answer(b"<html>", 403), ConnectionLost),
        (answer(b"<html>", 502), ConnectionLost),
        (answer({"message": "Private rate limit exceeded"}, 429), Throttled),
        (answer({"message": "NotFound"}, 404), VenueError),
    ],
)
def test_refusals_say_what_is_to_be_done(response: HttpResponse, error: type[VenueError]) -> None:
    """By status and sentence."""
    found = http_error("coinbase", response)
    assert type(found) is error
    assert RECORDS.is_time_refused(response) == (b"expired" in response.body)
    if isinstance(found, Throttled):
        assert (found.retry_after_s, found.reach) == (2.0, Reach.MACHINE)


def test_reference_data_is_read() -> None:
    """The clock, and all products that can be subscribed to."""
    assert read_server_time_ns(answer({"iso": "2015-01-07T23:47:25.201Z", "epoch": 1420674445.201})) == (
        1_420_674_445_201_000_000
    )
    product = {"id": "BTC-USD", "base_currency": "BTC", "quote_currency": "USD", "status": "online"}
    gone = {"id": "OLD-USD", "base_currency": "OLD", "quote_currency": "USD", "status": "delisted"}
    assert read_products(answer([product, gone])).pairs == {"BTC-USD": "BTC-USD"}
