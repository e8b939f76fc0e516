"""The records of Coinbase Advanced Trade as the documents show them, and the events that they become."""

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, Source, TimeInForce
from fillwire.domain.errors import AuthRejected, ConnectionLost, Throttled, VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.coinbase_advanced.auth import TokenSigner
from fillwire.venues.coinbase_advanced.records import AdvancedRecords
from fillwire.venues.records import ExecutionRow, OrderRow
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.wire.codec import decode_order, encode_order
from support.advanced_rows import FILL, ORDER, answer, fills_page, order_answer, orders_page
from support.coinbase_keys import ED25519_KEY_NAME, ES256_PEM
from support.questions import asked

ALICE = Account("alice", "coinbase-advanced", "live")
RECORDS = AdvancedRecords(ALICE, TokenSigner(ED25519_KEY_NAME, ES256_PEM))
KEY = ("BTC-USD", ORDER["order_id"])
RECEIVED_NS = 1_725_023_300_000_000_000
SINCE_NS = 1_725_023_245_000_000_000  # 2024-08-30T13:07:25Z


def read_order(response: HttpResponse) -> OrderRow:
    """Return the order that the venue answers with."""
    order = asked(RECORDS.order(KEY), [response])[0]
    assert order is not None
    return order


def executions(*pages: HttpResponse) -> list[ExecutionRow]:
    """Return the executions that the venue answers with."""
    return asked(RECORDS.executions_of(KEY, None), pages)[0]


def query(request: HttpRequest) -> list[tuple[str, str]]:
    """Return what a request asks for, but for the length of a page."""
    return [(name, value) for name, value in parse_qsl(request.query) if name != "limit"]


def test_an_order_is_read_as_the_documents_show_it() -> None:
    """Its terms stand in an object named for its kind; amounts are exact, times are nanoseconds."""
    order = read_order(
        order_answer(filled_size="0.2", filled_value="4000", last_fill_time=FILL["trade_time"])
    )
    assert order.key == KEY
    assert (order.side, order.type, order.time_in_force) == (Side.BUY, OrderType.LIMIT, TimeInForce.GTD)
    assert (order.price, order.stop_price) == (Decimal(20000), None)
    assert (order.quantity, order.quote_quantity) == (Decimal("0.5"), None)
    assert (order.executed, order.executed_quote) == (Decimal("0.2"), Decimal(4000))
    assert (order.ending, order.is_working, order.reject_reason) == (None, True, None)
    assert (order.created_ns, order.updated_ns) == (1_725_023_245_942_018_000, 1_725_023_246_091_377_090)


@pytest.mark.parametrize(
    ("changes", "ending", "reason"),
    [
        ({"status": "FILLED"}, Kind.FILLED, None),
        (
            {"status": "CANCELLED", "cancel_message": "User requested cancel"},
            Kind.CANCELLED,
            "User requested cancel",
        ),
        ({"status": "EXPIRED"}, Kind.EXPIRED, None),
        ({"status": "FAILED", "reject_reason": "INSUFFICIENT_FUND"}, Kind.REJECTED, "INSUFFICIENT_FUND"),
        ({"status": "FAILED", "reject_message": "too poor"}, Kind.REJECTED, "too poor"),
        ({"status": "CANCEL_QUEUED"}, None, None),
    ],
)
def test_how_an_order_ended_is_told(changes: dict[str, Any], ending: Kind | None, reason: str | None) -> None:
    """With the venue's word for the reason, where it has one."""
    order = read_order(order_answer(**changes))
    assert (order.ending, order.reject_reason) == (ending, reason)


def test_an_order_by_quote_amount_has_no_quantity() -> None:
    """And a market order no price."""
    order = read_order(
        order_answer(
            order_configuration={"market_market_ioc": {"quote_size": "6.36"}},
            order_type="MARKET",
            time_in_force="IMMEDIATE_OR_CANCEL",
            client_order_id="",
        )
    )
    assert (order.quantity, order.quote_quantity, order.price) == (None, Decimal("6.36"), None)
    assert (order.type, order.time_in_force, order.client_order_id) == (
        OrderType.MARKET,
        TimeInForce.IOC,
        None,
    )


def test_a_stop_order_waits_for_its_trigger() -> None:
    """It is open, and does not work yet."""
    terms = {"stop_limit_stop_limit_gtc": {"base_size": "1", "limit_price": "9", "stop_price": "10"}}
    order = read_order(
        order_answer(order_configuration=terms, order_type="STOP_LIMIT", trigger_status="STOP_PENDING")
    )
    assert (order.type, order.price, order.stop_price) == (OrderType.STOP_LOSS_LIMIT, Decimal(9), Decimal(10))
    assert order.is_working is False


def test_an_order_that_the_venue_does_not_know_is_none() -> None:
    """Not yet, or no more."""
    response = answer({"error": "NOT_FOUND", "message": "order with this orderID was not found"}, 404)
    assert asked(RECORDS.order(KEY), [response])[0] is None


def test_executions_become_events_of_the_venues_order() -> None:
    """Newest first by the venue; told by time, with their sums, and filled at the last one."""
    first = {"trade_id": "b", "entry_id": "1"}
    last = {
        "trade_id": "a",
        "entry_id": "2",
        "size": "0.3",
        "price": "19000",
        "trade_time": "2024-08-30T13:07:27Z",
    }
    rows = executions(fills_page(last, first))
    order = read_order(order_answer(status="FILLED", filled_size="0.5", filled_value="9700"))
    one, two = RECORDS.fills("BTC-USD", order, rows, Decimal(0), RECEIVED_NS)
    assert one.event_id == f"coinbase-advanced:live:alice:BTC-USD:{ORDER['order_id']}:b"
    assert (one.kind, one.cumulative_quantity, one.cumulative_quote) == (
        Kind.PARTIALLY_FILLED,
        Decimal("0.2"),
        Decimal(4000),
    )
    assert (two.kind, two.cumulative_quantity, two.average_price) == (
        Kind.FILLED,
        Decimal("0.5"),
        Decimal(19400),
    )
    assert one.last_fill is not None
    assert (one.last_fill.fee, one.last_fill.fee_currency) == (Decimal("4.8"), "USD")
    assert one.last_fill.liquidity is Liquidity.MAKER
    assert (two.source, two.exchange_time_ns, two.transaction_time_ns) == (
        Source.REST,
        None,
        1_725_023_247 * 10**9,
    )
    assert decode_order(encode_order(two)) == two


def test_equal_times_keep_one_order() -> None:
    """However the venue lists them: by when it recorded them, then by their ids."""
    rows: list[dict[str, Any]] = [
        {"trade_id": "z", "entry_id": "1", "sequence_timestamp": "2024-08-30T13:07:26.0925Z"},
        {"trade_id": "b", "entry_id": "2"},
        {"trade_id": "c", "entry_id": "3"},
    ]
    for listed in (rows, rows[::-1], [rows[1], rows[2], rows[0]]):
        assert [row.trade_id for row in executions(fills_page(*listed))] == ["z", "b", "c"]


def test_pages_are_asked_to_the_end_and_rows_counted_once() -> None:
    """The cursor of each page leads to the next; a page that leads to itself is the last."""
    pages = [
        fills_page({"entry_id": "1"}, {"entry_id": "2", "trade_id": "t2"}, cursor="x"),
        fills_page({"entry_id": "2", "trade_id": "t2"}, cursor="y"),
        fills_page({"entry_id": "3", "trade_id": "t3"}, cursor="y"),
    ]
    rows, requests = asked(RECORDS.executions_of(KEY, "t1"), pages)
    assert len(rows) == 3
    assert [query(request)[1:] for request in requests] == [[], [("cursor", "x")], [("cursor", "y")]]
    assert query(requests[0]) == [("order_ids", KEY[1])]


def test_what_takes_a_fill_back_is_no_fill(caplog: pytest.LogCaptureFixture) -> None:
    """It is told once to whoever reads the log, and never to a bot."""
    records = AdvancedRecords(ALICE, TokenSigner(ED25519_KEY_NAME, ES256_PEM))
    page = fills_page(
        {}, {"entry_id": "2", "trade_type": "REVERSAL"}, {"entry_id": "3", "trade_type": "CORRECTION"}
    )
    for _ in range(2):
        rows, _ = asked(records.executions_of(KEY, None), [page])
        assert [row.trade_id for row in rows] == [FILL["trade_id"]]
    assert list(records.anomalies) == ["2", "3"]
    assert len(caplog.records) == 2


def test_a_fill_without_trade_id_is_known_by_its_entry() -> None:
    """The venue promises that only the entry is always there."""
    (row,) = executions(fills_page({"trade_id": ""}))
    assert row.trade_id == FILL["entry_id"]


def test_sizes_in_quote_currency_become_base_quantities() -> None:
    """As of a recorded order: the sum is what the venue says was executed, to the last digit."""
    fills: list[dict[str, Any]] = [
        {"entry_id": "1", "trade_id": "a", "size": "0.0046830664333996"},
        {"entry_id": "2", "trade_id": "b", "size": "6.317384528"},
    ]
    page = fills_page(*({"price": "21220.64", "size_in_quote": True} | fill for fill in fills))
    order = order_answer(status="FILLED", filled_size="0.000297920684505", filled_value="6.3220675944333996")
    rows = executions(page, order)
    assert [row.quantity for row in rows] == [Decimal("2.20684505E-7"), Decimal("0.0002977")]
    assert [row.quote for row in rows] == [Decimal("0.0046830664333996"), Decimal("6.317384528")]
    assert sum(row.quantity for row in rows) == read_order(order).executed
    # Rounded by the venue at another digit: the last one takes the rest.
    order = order_answer(status="FILLED", filled_size="0.00029792068451", filled_value="6.3220675944333996")
    assert [row.quantity for row in executions(page, order)][1] == Decimal("0.000297700000005")


def test_sizes_in_quote_currency_wait_for_the_end() -> None:
    """Until then nobody knows what their sum is; and with one missing it is not what was executed."""
    page = fills_page({"size_in_quote": True, "size": "4000"})
    assert executions(page, order_answer(filled_size="0.2")) == []
    (row,) = executions(page, order_answer(status="FILLED", filled_size="0.3"))
    assert row.quantity == Decimal("0.2")


def test_a_future_has_no_pair_and_no_known_amounts() -> None:
    """Its quote amount depends on the size of the contract."""
    (row,) = executions(fills_page({"product_id": "BIT-28JUN24-CDE"}))
    assert (row.quote, row.fee_currency, row.fee) == (None, None, Decimal("4.8"))


def test_open_orders_are_asked_for_by_their_status_alone() -> None:
    """Of all products, page by page."""
    pages = [orders_page({}, cursor="x", has_next=True), orders_page({"order_id": "o2"}, cursor="z")]
    rows, requests = asked(RECORDS.open_orders(None), pages)
    assert [row.order_id for row in rows] == [ORDER["order_id"], "o2"]
    assert [query(request) for request in requests] == [
        [("order_status", "OPEN")],
        [("order_status", "OPEN"), ("cursor", "x")],
    ]


def test_orders_that_changed_are_those_placed_and_those_executed() -> None:
    """The venue finds an order by when it was placed only: one of last week that was executed is asked for by its id."""
    pages = [
        orders_page({}),
        fills_page({}, {"entry_id": "2", "order_id": "old"}),
        orders_page({"order_id": "old", "filled_size": "0.2"}),
    ]
    rows, requests = asked(RECORDS.changed_orders(None, SINCE_NS, 0), pages)
    assert [row.order_id for row in rows] == [ORDER["order_id"], "old"]
    assert [query(request) for request in requests] == [
        [("start_date", "2024-08-30T13:07:25.000000000Z")],
        [("start_sequence_timestamp", "2024-08-30T13:07:25.000000000Z")],
        [("order_ids", "old")],
    ]


def test_executions_since_then_are_of_all_orders() -> None:
    """Those of an order by quote amount are asked for with their order."""
    pages = [
        fills_page({}, {"entry_id": "2", "order_id": "q", "size_in_quote": True, "size": "4000"}),
        fills_page({"entry_id": "2", "order_id": "q", "size_in_quote": True, "size": "4000"}),
        order_answer(order_id="q", status="FILLED", filled_size="0.2"),
    ]
    rows, _ = asked(RECORDS.executions_since(None, SINCE_NS, 0, None), pages)
    assert [(row.order_id, row.quantity) for row in rows] == [
        (ORDER["order_id"], Decimal("0.2")),
        ("q", Decimal("0.2")),
    ]


def test_an_end_is_told_also_where_the_last_execution_did_not_say_so() -> None:
    """The venue showed the order open while it was published as partially filled."""
    order = read_order(order_answer(status="FILLED", filled_size="0.5", filled_value="9700"))
    event = RECORDS.ending("BTC-USD", order, RECEIVED_NS)
    assert event is not None
    assert (event.kind, event.last_fill, event.source) == (Kind.FILLED, None, Source.INFERRED)
    assert event.event_id.endswith(":~filled")
    assert RECORDS.ending("BTC-USD", read_order(order_answer()), RECEIVED_NS) is None


@pytest.mark.parametrize(
    ("response", "error", "said"),
    [
        (answer(b"Unauthorized", 401), AuthRejected, "http status 401"),
        (answer({"error": "PERMISSION_DENIED", "message": "no"}, 403), AuthRejected, "PERMISSION_DENIED: no"),
        (answer(b"<html>", 403), Throttled, "http status 403"),
        (
            answer({"errors": [{"id": "rate_limit_exceeded", "message": "Too many"}]}, 429),
            Throttled,
            "Too many",
        ),
        (answer(b"<html>", 502), ConnectionLost, "http status 502"),
        (answer({"error": "INVALID_ARGUMENT", "message": "bad"}, 400), VenueError, "INVALID_ARGUMENT: bad"),
        (answer(b"[]"), VenueError, "cannot be read"),
        (answer(b"{"), VenueError, "cannot be read"),
        (answer({"orders": [{}]}), VenueError, "cannot be read"),
        (orders_page({"order_id": ""}), VenueError, "expected a text"),
    ],
)
def test_what_is_no_answer_is_an_error(response: HttpResponse, error: type[VenueError], said: str) -> None:
    """With the class that says what is to be done, and a sentence that says what was found."""
    with pytest.raises(error, match=said) as caught:
        asked(RECORDS.open_orders(None), [response])
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"status": "UNKNOWN_ORDER_STATUS"}, "expected one of FILLED"),
        ({"filled_size": "1e5"}, "expected a decimal string"),
        ({"filled_size": "--1"}, "expected a decimal string"),
        ({"created_time": "yesterday"}, "expected a time"),
        ({"side": "?"}, "cannot be read"),
        ({"client_order_id": 7}, "expected a text"),
        ({"order_type": "ROLL_OPEN"}, "ROLL_OPEN"),
    ],
)
def test_an_order_that_cannot_be_read_takes_no_other_with_it(changes: dict[str, Any], said: str) -> None:
    """Asked for by itself it is an error; in a list it is left out, and named to be looked up."""
    with pytest.raises(VenueError, match=said):
        read_order(order_answer(**changes))
    rows, _ = asked(
        RECORDS.open_orders(None), [orders_page({"order_id": "bad"} | changes, {"order_id": "good"})]
    )
    assert [row.order_id for row in rows] == ["good"]
    assert RECORDS.take_unread() == [("BTC-USD", "bad")]


def test_a_time_in_force_without_a_word_of_ours_is_null() -> None:
    """The order is read all the same."""
    assert read_order(order_answer(time_in_force="SOME_OTHER_TIME")).time_in_force is None


def test_a_fill_of_nothing_is_none() -> None:
    """A price of 0 would be no quotient either."""
    with pytest.raises(VenueError, match="expected more than 0"):
        executions(fills_page({"price": "0"}))


def test_the_wait_is_the_one_that_the_venue_names() -> None:
    """In the header, or a second: it counts by the second."""
    for headers, wait_s in (
        ({}, 1.0),
        ({"x-ratelimit-reset": "7"}, 7.0),
        ({"x-ratelimit-reset": "soon"}, 1.0),
    ):
        with pytest.raises(Throttled) as caught:
            asked(RECORDS.open_orders(None), [answer(b"", 429, headers=headers)])
        assert caught.value.retry_after_s == wait_s


def test_each_request_has_a_token_of_its_own() -> None:
    """Bound to its path, without the query."""
    _, requests = asked(RECORDS.open_orders("BTC-USD"), [orders_page()])
    (name, value) = requests[0].headers[0]
    assert (name, value.split(" ")[0]) == ("Authorization", "Bearer")
    assert RECORDS.is_time_refused(answer(b"Unauthorized", 401))
    assert not RECORDS.is_time_refused(answer(b"", 403))


def test_an_order_that_is_not_among_the_newest_is_looked_for_among_the_open_ones() -> None:
    """Only if there are more than were looked through; one that is in neither may be there all the same."""
    more = [orders_page({}, cursor=str(number), has_next=True) for number in range(4)]
    mine = {"client_order_id": "mine", "order_id": "o9"}
    found, requests = asked(RECORDS.order_named("BTC-USD", "mine"), [*more, orders_page(mine)])
    assert found is not None
    assert (found.order_id, len(requests)) == ("o9", 5)
    with pytest.raises(VenueError, match="is not among the newest 4 of BTC-USD, nor among its open ones"):
        asked(RECORDS.order_named("BTC-USD", "mine"), [*more, orders_page()])
    assert asked(RECORDS.order_named("BTC-USD", "mine"), [*more[:3], orders_page({})])[0] is None
