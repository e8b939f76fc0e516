"""Messages of the user feed and rows of REST, against the documentation's examples."""

import dataclasses
from decimal import Decimal

from fillwire.simulator.coinbase_advanced import messages, rows
from fillwire.simulator.coinbase_advanced.orders import OrderView

UNIT = 100_000_000
CREATED_US = 1_718_994_553_909_347
ORDER = OrderView(
    order_id="4c22e9e1-54cc-449d-97da-8f6ca6782e3e",
    client_order_id="113b22a6-1fb3-4187-9d0d-a4476e91913c",
    product="BTC-USD",
    quote="USD",
    portfolio_id="e0b87645-7245-5705-8f29-6550318cda60",
    user_id="e0b87645-7245-5705-8f29-6550318cda60",
    is_buy=True,
    type="LIMIT",
    time_in_force="GOOD_UNTIL_CANCELLED",
    status="OPEN",
    limit_price=50_000 * UNIT,
    stop_price=0,
    base_size=1_000_000,
    quote_size=0,
    is_post_only=False,
    filled=0,
    filled_value=0,
    fees=0,
    fills=0,
    held=500 * UNIT,
    created_us=CREATED_US,
    expires_us=0,
    last_fill_us=0,
    trigger_status="INVALID_ORDER_TYPE",
    cancel_reason="",
    configuration={"limit_limit_gtc": {"base_size": "0.01", "limit_price": "50000", "post_only": False}},
)
FILLED = dataclasses.replace(
    ORDER,
    status="FILLED",
    filled=1_000_000,
    filled_value=1_000_000 * 50_000 * UNIT,
    fees=1_000_000 * 50_000 * UNIT * (4 * UNIT // 1_000),
    fills=1,
    held=0,
    last_fill_us=CREATED_US + 5,
)


def test_a_filled_order_as_documented() -> None:
    """The documentation's example: 0.01 at 50000 with a fee of 2, every amount a string, post_only too."""
    assert messages.order_document(FILLED) == {
        "avg_price": "50000",
        "cancel_reason": "",
        "client_order_id": "113b22a6-1fb3-4187-9d0d-a4476e91913c",
        "completion_percentage": "100.00",
        "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
        "cumulative_quantity": "0.01",
        "filled_value": "500",
        "leaves_quantity": "0",
        "limit_price": "50000",
        "number_of_fills": "1",
        "order_id": "4c22e9e1-54cc-449d-97da-8f6ca6782e3e",
        "order_side": "BUY",
        "order_type": "Limit",
        "outstanding_hold_amount": "0",
        "post_only": "false",
        "product_id": "BTC-USD",
        "product_type": "SPOT",
        "reject_reason": "",
        "retail_portfolio_id": "e0b87645-7245-5705-8f29-6550318cda60",
        "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
        "status": "FILLED",
        "stop_price": "",
        "time_in_force": "GOOD_UNTIL_CANCELLED",
        "total_fees": "2",
        "total_value_after_fees": "502",
        "trigger_status": "INVALID_ORDER_TYPE",
        "creation_time": "2024-06-21T18:29:13.909347Z",
        "end_time": "0001-01-01T00:00:00Z",
        "start_time": "0001-01-01T00:00:00Z",
    }


def test_leaves_are_zero_as_soon_as_an_order_has_ended() -> None:
    """A cancelled order shows nothing of what was left of it."""
    half = dataclasses.replace(ORDER, filled=400_000, filled_value=400_000 * 50_000 * UNIT, fills=2)
    assert (half.leaves_text, half.completion_text) == ("0.006", "40.00")
    assert dataclasses.replace(half, status="CANCELLED").leaves_text == "0"


def test_an_order_by_quote_size_is_open_in_quote() -> None:
    """Leaves count in the currency that the order was placed in."""
    market = dataclasses.replace(
        ORDER, type="MARKET", base_size=0, quote_size=1_000 * UNIT, limit_price=0, filled=1_000_000
    )
    market = dataclasses.replace(market, filled_value=1_000_000 * 50_000 * UNIT)
    assert (market.leaves_text, market.completion_text) == ("500", "50.00")
    document = messages.order_document(market)
    assert (document["order_type"], document["limit_price"]) == ("Market", "0")


def test_the_average_is_of_all_fills() -> None:
    """It is cut after sixteen decimals, so that differences of it are no fill's price."""
    mixed = dataclasses.replace(
        ORDER, filled=3, filled_value=1 * 100 * UNIT + 2 * 101 * UNIT, fills=2, base_size=3
    )
    assert mixed.average_price_text == "100.6666666666666666"
    assert ORDER.average_price_text == "0"


def test_envelopes() -> None:
    """Messages have no client_id; heartbeats count in numbers and tell the time as Go prints it."""
    now_ns = 1_728_025_480_825_062_088
    beat = messages.heartbeat(now_ns, 66_987_628_148_662)
    assert beat == {
        "current_time": "2024-10-04 07:04:40.825062088 +0000 UTC m=+66987.628148662",
        "heartbeat_counter": 66987,
    }
    assert messages.envelope("heartbeats", now_ns, 1, [beat]) == {
        "channel": "heartbeats",
        "timestamp": "2024-10-04T07:04:40.825062088Z",
        "sequence_num": 1,
        "events": [beat],
    }
    assert messages.subscribed({"user": ["u"]}) == {"subscriptions": {"user": ["u"]}}
    event = messages.orders_event("snapshot", [ORDER])
    assert event["type"] == "snapshot"
    assert [order["status"] for order in event["orders"]] == ["OPEN"]


def test_a_row_has_other_names_than_the_feed() -> None:
    """Side, creation time, filled size and average price are called otherwise on REST."""
    row = rows.order_row(FILLED)
    assert (row["side"], row["created_time"]) == ("BUY", "2024-06-21T18:29:13.909347Z")
    assert (row["filled_size"], row["average_filled_price"], row["total_fees"]) == ("0.01", "50000", "2")
    assert row["order_configuration"] == ORDER.configuration
    assert rows.order_row(ORDER)["last_fill_time"] is None
    assert rows.order_row(dataclasses.replace(ORDER, status="CANCEL_QUEUED"))["pending_cancel"]


def fill(*, is_in_quote: bool) -> rows.FillFacts:
    """Return a fill."""
    return rows.FillFacts(
        trade_id="cdc39e45-bbd3-44ec-bf02-61742dfb16a1",
        product="BTC-USD",
        order_id=ORDER.order_id,
        user_id=ORDER.user_id,
        portfolio_id=ORDER.portfolio_id,
        is_buy=True,
        is_maker=False,
        is_in_quote=is_in_quote,
        price=2_122_064_000_000,
        size=22_069,
        rate=600_000,
        time_us=CREATED_US,
    )


def test_fills_in_quote_currency_give_back_their_base_size() -> None:
    """Size by price is exact, so that a client which divides gets the base size."""
    base, quote = (rows.fill_row(fill(is_in_quote=is_in_quote)) for is_in_quote in (False, True))
    assert (base["size"], base["size_in_quote"]) == ("0.00022069", False)
    assert quote["size_in_quote"] is True
    assert Decimal(quote["size"]) / Decimal(quote["price"]) == Decimal("0.00022069")
    assert base["commission"] == quote["commission"] == "0.0280990982496"


def test_an_entry_has_an_id_of_its_own() -> None:
    """It is 64 hexadecimal digits, the same whenever it is asked for, another for another trade."""
    row = rows.fill_row(fill(is_in_quote=False))
    assert row == rows.fill_row(fill(is_in_quote=False))
    other = rows.fill_row(dataclasses.replace(fill(is_in_quote=False), trade_id="another"))
    assert len(row["entry_id"]) == 64
    assert row["entry_id"] != other["entry_id"]


def test_both_shapes_of_the_answer_to_a_placed_order() -> None:
    """Newer answers have the id inside `success_response` only."""
    new, old = (rows.placed(ORDER, shows_id_twice=twice) for twice in (False, True))
    assert "order_id" not in new
    assert old["order_id"] == new["success_response"]["order_id"] == ORDER.order_id


def test_results_of_a_cancel() -> None:
    """A queued cancel carries the unknown reason of failure."""
    assert rows.cancel_result("x") == {
        "success": True,
        "failure_reason": "UNKNOWN_CANCEL_FAILURE_REASON",
        "order_id": "x",
    }
    assert not rows.cancel_result("x", "UNKNOWN_CANCEL_ORDER")["success"]
