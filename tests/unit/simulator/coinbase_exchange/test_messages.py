"""Messages of the feed, against recordings of the real one and the examples of its documentation."""

from fillwire.simulator.coinbase_exchange import messages
from fillwire.simulator.coinbase_exchange.messages import Identity, Place

UNIT = 100_000_000
ME = Identity("54fc141576dcf32596000133", "774ee0ce-fdda-405f-aa8d-47189a14ba0a")
TIME_US = 1_614_962_541_878_177
ORDER_ID = "11838707-bf9c-4d65-8cec-b57c9a7cab42"


def place(sequence: int) -> Place:
    """Return a place in the recorded product's feed."""
    return Place(product="BTC-USDC", time_us=TIME_US, sequence=sequence)


def test_received_and_open_as_recorded() -> None:
    """A resting sell order of 0.0001 at 50000, recorded in March 2021."""
    received = messages.received(place(5641953814), ORDER_ID, is_buy=False, size=10_000, price=50_000 * UNIT)
    assert received | ME.fields() | {"client_oid": "a317abb9-2b30-4370-ebfe-0deecb300180"} == {
        "type": "received",
        "side": "sell",
        "product_id": "BTC-USDC",
        "time": "2021-03-05T16:42:21.878177Z",
        "sequence": 5641953814,
        "profile_id": "774ee0ce-fdda-405f-aa8d-47189a14ba0a",
        "user_id": "54fc141576dcf32596000133",
        "order_id": ORDER_ID,
        "order_type": "limit",
        "size": "0.0001",
        "price": "50000",
        "client_oid": "a317abb9-2b30-4370-ebfe-0deecb300180",
    }
    opened = messages.opened(place(5641953815), ORDER_ID, is_buy=False, price=50_000 * UNIT, remaining=10_000)
    assert opened == {
        "type": "open",
        "side": "sell",
        "product_id": "BTC-USDC",
        "time": "2021-03-05T16:42:21.878177Z",
        "sequence": 5641953815,
        "price": "50000",
        "order_id": ORDER_ID,
        "remaining_size": "0.0001",
    }


def test_market_orders_show_what_they_were_placed_by() -> None:
    """A market order has no price; by funds alone it has no size either."""
    by_funds = messages.received(place(1), ORDER_ID, is_buy=True, size=0, price=0, funds=3_000 * UNIT)
    assert by_funds["order_type"] == "market"
    assert by_funds["funds"] == "3000"
    assert not {"size", "price"} & by_funds.keys()


def test_a_match_names_the_makers_side_and_adds_to_its_owner_alone() -> None:
    """Maker and taker see the same trade with their own names and rates."""
    match = messages.matched(
        place(50),
        trade_id=5455505,
        maker_order_id="e5f5754d-70a3-4346-95a6-209bcb503629",
        taker_order_id="88bf7086-7b15-40ff-8b19-ab4e08516d69",
        maker_is_buy=False,
        size=21_019,
        price=4_733_846_000_000,
    )
    assert (match["side"], match["size"], match["price"]) == ("sell", "0.00021019", "47338.46")
    assert match["trade_id"] == 5455505
    assert "user_id" not in match
    taker = ME.taker_fields("0.005")
    assert taker == {
        **ME.fields(),
        "taker_user_id": ME.user_id,
        "taker_profile_id": ME.profile_id,
        "taker_fee_rate": "0.005",
    }
    assert ME.maker_fields("0.001")["maker_fee_rate"] == "0.001"
    assert not taker.keys() & {"maker_user_id", "maker_profile_id", "maker_fee_rate"}


def test_done_shows_what_was_left_of_a_limit_order_only() -> None:
    """A market order's last message has neither price nor remaining size."""
    cancelled = messages.done(
        place(10), ORDER_ID, is_buy=False, is_filled=False, price=20_020_000_000, remaining=8 * UNIT
    )
    assert cancelled["reason"] == "canceled"
    assert (cancelled["price"], cancelled["remaining_size"]) == ("200.2", "8")
    filled = messages.done(place(11), ORDER_ID, is_buy=False, is_filled=True, price=0, remaining=0)
    assert filled["reason"] == "filled"
    assert not {"price", "remaining_size", "cancel_reason"} & filled.keys()


def test_a_decrement_shows_open_sizes() -> None:
    """The example of the documentation: 12.234412 becomes 5.23512."""
    change = messages.decremented(
        place(80),
        ORDER_ID,
        is_buy=False,
        price=40_023_000_000,
        old_size=1_223_441_200,
        new_size=523_512_000,
    )
    assert change["reason"] == "STP"
    assert (change["old_size"], change["new_size"], change["price"]) == ("12.234412", "5.23512", "400.23")


def test_activate_has_its_own_shape() -> None:
    """Neither sequence nor time, but epoch seconds with six decimals in a string."""
    activate = messages.activated(
        product="BTC-USD",
        time_us=1_483_736_448_299_000,
        order_id=ORDER_ID,
        stop_type="entry",
        is_buy=True,
        stop_price=80 * UNIT,
        size=2 * UNIT,
        funds=50 * UNIT,
    )
    assert activate == {
        "type": "activate",
        "product_id": "BTC-USD",
        "timestamp": "1483736448.299000",
        "order_id": ORDER_ID,
        "stop_type": "entry",
        "side": "buy",
        "stop_price": "80",
        "size": "2",
        "funds": "50",
        "private": True,
    }


def test_a_heartbeat_names_the_last_trade() -> None:
    """Sequence and last trade are numbers."""
    assert messages.heartbeat(Place(product="BTC-USD", time_us=TIME_US, sequence=90), 20) == {
        "type": "heartbeat",
        "sequence": 90,
        "last_trade_id": 20,
        "product_id": "BTC-USD",
        "time": "2021-03-05T16:42:21.878177Z",
    }
