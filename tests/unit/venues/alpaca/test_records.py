"""What is asked of Alpaca's records, and what the answers are read to."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest

from fillwire.domain.enums import Kind, OrderType, Side, Source, TimeInForce
from fillwire.domain.errors import AuthRejected, VenueError
from fillwire.domain.identifiers import execution_event_id, state_event_id
from fillwire.venues.alpaca.records import AlpacaRecords
from fillwire.venues.alpaca.rows import execution_row, order_row
from fillwire.venues.parsing import ExecutionReport, Parser
from fillwire.venues.records import OrderRow
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.wire.codec import decode_order
from support.alpaca_oracle_reader import time_ns
from support.alpaca_venue import ACCOUNT, KEY, ORDER_ID, Activities, answer, fill_row, order, update
from support.questions import asked

RECORDS = AlpacaRecords(ACCOUNT, KEY)
AAPL = ("AAPL", ORDER_ID)
S = 1_000_000_000
NOW_NS = time_ns("2026-06-01T15:00:00Z")
SINCE_NS = time_ns("2026-06-01T14:00:00Z")
DATA = Path(__file__).parents[3] / "data" / "alpaca" / "rest.jsonl"
LEG = {"order_class": "mleg", "type": "", "order_type": "", "asset_class": "us_option", "limit_price": None}


def query(request: HttpRequest) -> dict[str, str]:
    """Return the parameters of a request."""
    return {name: value[0] for name, value in parse_qs(request.query).items()}


def row_of(**changes: Any) -> OrderRow:
    """Return the row of an order."""
    return order_row(order(**changes))


def test_open_orders_are_asked_for_at_once() -> None:
    """One question tells of all symbols, with the legs of each order."""
    rows, (request,) = asked(RECORDS.open_orders(None), [answer([order(), order(id="b", symbol="MSFT")])])
    assert [row.key for row in rows] == [AAPL, ("MSFT", "b")]
    assert query(request) == {"status": "open", "limit": "500", "direction": "asc", "nested": "true"}
    assert request.headers == KEY.headers


def test_pages_of_orders_overlap() -> None:
    """The last time of a full page is asked for again, for others may have been submitted then."""
    times = [f"2026-06-01T14:{number // 60:02d}:{number % 60:02d}.000000500Z" for number in range(700)]
    orders = [order(id=f"o{number}", submitted_at=time) for number, time in enumerate(times)]
    rows, requests = asked(
        RECORDS.changed_orders(None, SINCE_NS, NOW_NS), [answer(orders[:500]), answer(orders[499:])]
    )
    assert len(rows) == 700
    assert query(requests[0])["after"] == "2026-06-01T14:00:00.000000000Z"
    assert query(requests[1])["after"] == "2026-06-01T14:08:19.000000499Z"
    assert query(requests[1])["status"] == "all"


def test_an_order_that_was_not_submitted_yet_is_read() -> None:
    """It is the last of a page, be it a short one or a full one: then the last that was submitted says where to go on."""
    unsent = order(id="unsent", submitted_at=None)
    rows, _ = asked(RECORDS.open_orders(None), [answer([order(), unsent])])
    assert [row.order_id for row in rows] == [ORDER_ID, "unsent"]
    full = [order(id=f"o{number}", submitted_at="2026-06-01T14:10:00Z") for number in range(499)]
    rows, requests = asked(
        RECORDS.changed_orders(None, SINCE_NS, NOW_NS), [answer([*full, unsent]), answer([])]
    )
    assert len(rows) == 500
    assert query(requests[1])["after"] == "2026-06-01T14:09:59.999999999Z"
    assert len(asked(RECORDS.open_orders(None), [answer([unsent] * 500), answer([])])[0]) == 1


def test_an_order_whose_last_execution_was_told_while_it_was_shown_open_has_an_end() -> None:
    """Inferred, without a fill, and of when it was filled: the venue touches filled orders later."""
    shown = row_of(
        status="filled",
        filled_qty="100",
        filled_at="2026-06-01T14:00:05Z",
        updated_at="2026-06-01T20:00:00Z",
    )
    event = RECORDS.ending("AAPL-USD", shown, NOW_NS)
    assert event is not None
    assert (event.kind, event.source, event.last_fill) == (Kind.FILLED, Source.INFERRED, None)
    assert event.event_id == state_event_id(ACCOUNT, "AAPL", ORDER_ID, "filled")
    assert event.transaction_time_ns == time_ns("2026-06-01T14:00:05Z")
    assert RECORDS.ending("AAPL-USD", row_of(), NOW_NS) is None


def test_paging_ends_where_a_page_brings_nothing_new() -> None:
    """A page full of orders of one time cannot be left behind, and must not be asked for for ever."""
    page = [order(id=f"o{number}") for number in range(500)]
    rows, requests = asked(RECORDS.changed_orders(None, SINCE_NS, NOW_NS), [answer(page), answer(page)])
    assert (len(rows), len(requests)) == (500, 2)


def test_an_order_may_not_be_known_yet() -> None:
    """404 is no error: what the stream tells precedes the records."""
    row, (request,) = asked(RECORDS.order(AAPL), [answer({"message": "order not found"}, 404)])
    assert (row, request.path) == (None, f"/v2/orders/{ORDER_ID}")
    row, _ = asked(RECORDS.order(AAPL), [answer(order())])
    assert row is not None
    assert (row.side, row.type, row.time_in_force) == (Side.BUY, OrderType.LIMIT, TimeInForce.DAY)


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        ("filled", Kind.FILLED),
        ("canceled", Kind.CANCELLED),
        ("replaced", Kind.CANCELLED),
        ("expired", Kind.EXPIRED),
        ("rejected", Kind.REJECTED),
        ("done_for_day", None),
        ("held", None),
        ("pending_replace", None),
    ],
)
def test_a_status_says_how_an_order_ended(status: str, ending: Kind | None) -> None:
    """Done for the day goes on tomorrow; what is replaced goes on under another id and has ended under this one."""
    assert row_of(status=status).ending is ending


def test_a_word_that_is_not_known_is_no_order() -> None:
    """The refusal names the field and what stands there."""
    for field in ("status", "side", "type"):
        with pytest.raises(VenueError, match="mystery"):
            asked(RECORDS.order(AAPL), [answer(order(**{field: "mystery"}))])


def test_an_order_that_cannot_be_read_takes_no_other_with_it() -> None:
    """It is named, to be looked up, be it a leg; a time in force that has no word of ours is no obstacle."""
    package = order(
        id="parent",
        symbol="",
        order_class="mleg",
        legs=[order(id="call", symbol="AAPL250321C00380000", side="mystery", **LEG), order(id="put", **LEG)],
    )
    page = [order(id="bad", type="mystery"), order(time_in_force="mystery"), package]
    for question in (RECORDS.open_orders(None), RECORDS.changed_orders(None, SINCE_NS, NOW_NS)):
        rows, _ = asked(question, [answer(page)])
        assert [(row.order_id, row.order_list_id) for row in rows] == [(ORDER_ID, None), ("put", "parent")]
        assert rows[0].time_in_force is None
        assert RECORDS.take_unread() == [("AAPL", "bad"), ("AAPL250321C00380000", "call")]


def test_legs_are_orders_and_their_parent_is_none() -> None:
    """Each leg names its parent as its list; the legs of a bracket stand beside it and name none."""
    package = order(
        id="parent",
        symbol="",
        asset_class="",
        order_class="mleg",
        legs=[
            order(id="put", symbol="AAPL250321P00200000", filled_qty="2", filled_avg_price="1.6", **LEG),
            order(id="call", symbol="AAPL250321C00380000", side="sell", **LEG),
        ],
    )
    bracket = order(id="entry", order_class="bracket", legs=[order(id="stop", status="held")])
    rows, _ = asked(RECORDS.open_orders(None), [answer([package, bracket])])
    assert [(row.order_id, row.order_list_id) for row in rows] == [
        ("put", "parent"),
        ("call", "parent"),
        ("entry", None),
        ("stop", None),
    ]
    assert (rows[0].type, rows[0].executed_quote) == (OrderType.MARKET, Decimal(320))


def test_executions_are_known_by_what_is_executed_after_them() -> None:
    """The identity is that of the stream, though the row's id is another."""
    rows, (request,) = asked(
        RECORDS.executions_of(AAPL, None), [answer([fill_row(2, "60", "100"), fill_row(1, "40.0", "40.0")])]
    )
    assert [RECORDS.event_id(row) for row in rows] == [
        execution_event_id(ACCOUNT, "AAPL", ORDER_ID, "40"),
        execution_event_id(ACCOUNT, "AAPL", ORDER_ID, "100"),
    ]
    assert query(request) == {"direction": "asc", "page_size": "100", "order_id": ORDER_ID}
    frame = update(
        "partial_fill",
        last=("e1", "200.4", "40"),
        filled_qty="40",
        filled_avg_price="200.4",
        status="partially_filled",
    )
    (report,) = Parser(ACCOUNT, None).parse(frame, NOW_NS)
    assert isinstance(report, ExecutionReport)
    assert report.event_id == RECORDS.event_id(rows[0])


def test_what_a_page_skips_shows_the_other_way_round() -> None:
    """More executions in a millisecond than a page has room for: the pages of both directions make the order whole."""
    rows = [fill_row(number // 7, "1", str(number + 1)) for number in range(160)]
    for number, row in enumerate(rows):
        row["id"] = f"{row['id'].partition('::')[0]}::{number:08d}"
    found, requests = asked(RECORDS.executions_of(AAPL, None), Activities(rows))
    assert [row.cumulative for row in found] == [Decimal(number + 1) for number in range(160)]
    assert {query(request)["direction"] for request in requests} == {"asc", "desc"}


def test_executions_since_a_time_are_those_of_all_orders() -> None:
    """One walk over the account, and the whole of each order in whose millisecond a page ended."""
    rows = [fill_row(number // 7, "1", str(number + 1)) for number in range(160)]
    for number, row in enumerate(rows):
        row["id"] = f"{row['id'].partition('::')[0]}::{number:08d}"
    early = fill_row(900, "5", "5", order_id="early", transaction_time="2026-06-01T13:59:59.9999Z")
    found, requests = asked(
        RECORDS.executions_since(None, SINCE_NS, NOW_NS, None), Activities([early, *rows])
    )
    assert len(found) == 160
    assert query(requests[0])["after"] == "2026-06-01T13:59:59.999000000Z"
    assert "order_id" in query(requests[2])


def test_an_execution_missed_is_rebuilt_as_the_stream_would_have_told_it() -> None:
    """Stream and records agree in identity, kind, amounts and average; the ids of the trade are each their own."""
    shown = row_of(status="filled", filled_qty="100", filled_avg_price="200.45")
    rows = [execution_row(fill_row(1, "40", "40")), execution_row(fill_row(2, "60", "100"))]
    first, second = RECORDS.fills("AAPL-USD", shown, rows, Decimal(0), NOW_NS)
    frame = update(
        "fill", last=("e2", "200.4", "60"), filled_qty="100", filled_avg_price="200.45", status="filled"
    )
    (report,) = Parser(ACCOUNT, None).parse(frame, NOW_NS)
    assert isinstance(report, ExecutionReport)
    told = decode_order(report.json)
    same = (
        *(
            "event_id",
            "kind",
            "pair",
            "symbol",
            "order_id",
            "client_order_id",
            "side",
            "type",
            "time_in_force",
        ),
        *("price", "quantity", "cumulative_quantity", "cumulative_quote", "average_price", "venue_status"),
    )
    assert {name: getattr(second, name) for name in same} == {name: getattr(told, name) for name in same}
    assert second.last_fill is not None
    assert told.last_fill is not None
    assert (second.last_fill.trade_id, told.last_fill.trade_id) == (rows[1].trade_id, "e2")
    assert (first.kind, first.cumulative_quantity, first.cumulative_quote) == (
        Kind.PARTIALLY_FILLED,
        Decimal(40),
        None,
    )


def test_an_option_averages_by_the_unit_and_costs_by_the_contract() -> None:
    """What was paid is a hundredfold, the price is that of one."""
    shown = row_of(
        symbol="AAPL250321P00200000",
        asset_class="us_option",
        qty="2",
        filled_qty="1",
        filled_avg_price="1.6",
        status="canceled",
    )
    event = RECORDS.ending("AAPL250321P00200000-USD", shown, NOW_NS)
    assert event is not None
    assert (event.cumulative_quote, event.average_price) == (Decimal(160), Decimal("1.6"))


def test_beginning_and_end_have_the_words_of_the_stream() -> None:
    """So that what both tell is told once."""
    shown = row_of(status="replaced")
    opening = RECORDS.opening("AAPL-USD", shown, NOW_NS)
    ending = RECORDS.ending("AAPL-USD", shown, NOW_NS)
    assert opening is not None
    assert ending is not None
    assert opening.event_id == state_event_id(ACCOUNT, "AAPL", ORDER_ID, "new")
    assert ending.event_id == state_event_id(ACCOUNT, "AAPL", ORDER_ID, "cancelled")
    assert RECORDS.opening("AAPL-USD", row_of(status="rejected"), NOW_NS) is None


@pytest.mark.parametrize(
    "response", [HttpResponse(status=200, body=b"<html>"), answer({}), answer([1]), answer([{"id": "x"}])]
)
def test_an_answer_that_cannot_be_read_is_named(response: HttpResponse) -> None:
    """Whatever is asked, the answer's defect is one sentence."""
    for question in (RECORDS.open_orders(None), RECORDS.executions_since(None, SINCE_NS, NOW_NS, None)):
        with pytest.raises(VenueError, match="cannot be read"):
            asked(question, [response])


def test_a_refused_key_is_told_as_such() -> None:
    """The gateway stops asking with it."""
    with pytest.raises(AuthRejected):
        asked(RECORDS.open_orders(None), [answer({"message": "forbidden."}, 403)])


ANSWERS = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("line", [line for line in ANSWERS if "FILL" in line["channel"]])
def test_activities_of_the_documents_are_read(line: dict[str, Any]) -> None:
    """Each row has the price, the quantity, the total and the time that the documents show."""
    for row, expected in zip(map(execution_row, orjson.loads(line["raw"])), line["expect"], strict=True):
        fill = expected["last_fill"]
        assert (row.price, row.quantity) == (Decimal(fill["price"]), Decimal(fill["quantity"]))
        assert (row.trade_id, row.order_id) == (expected["fill_key_rest"], expected["order_id"])
        assert (row.cumulative, row.side) == (Decimal(expected["cumulative_quantity"]), expected["side"])
        assert row.time_ns == time_ns(expected["transaction_time"])
        assert (row.fee, row.liquidity) == (None, None)


@pytest.mark.parametrize("line", [line for line in ANSWERS if "FILL" not in line["channel"]])
def test_orders_of_the_documents_are_read(line: dict[str, Any]) -> None:
    """Each order has the words and amounts that the documents show."""
    row, expected = order_row(orjson.loads(line["raw"])), line["expect"]
    assert (row.order_id, row.client_order_id) == (expected["order_id"], expected["client_order_id"])
    assert (row.side, row.type, row.time_in_force) == (
        expected["side"],
        expected["type"],
        expected["time_in_force"],
    )
    assert (row.quantity, row.executed) == (Decimal(expected["quantity"]), Decimal(0))
    assert row.price == (None if expected["price"] is None else Decimal(expected["price"]))
    assert row.ending is None
