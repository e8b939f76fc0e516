"""Rows of the REST API, against recordings of the real one."""

import dataclasses

from fillwire.simulator.coinbase_exchange.rows import (
    FillFacts,
    OrderFacts,
    fill_row,
    order_row,
    pending_row,
)

UNIT = 100_000_000
CREATED_US = 1_755_496_605_571_025
ORDER = OrderFacts(
    order_id="d96aad29-aa9d-471b-ab6d-0c2a3383479c",
    client_oid="",
    product="ETH-USD",
    profile_id="8058d771-2d88-4f0f-ab6e-299c153d4308",
    quote="USD",
    is_buy=True,
    type="limit",
    time_in_force="GTC",
    is_post_only=False,
    stp="dc",
    status="open",
    price=1_000_000,
    size=100 * UNIT,
    funds=0,
    stop="",
    stop_price=0,
    created_us=CREATED_US,
    expires_us=0,
    filled=0,
    executed_value="0",
    fees="0",
    done_us=0,
    done_reason="",
)


def test_a_placed_order_is_pending() -> None:
    """The answer to a placing request has the members of the recording of August 2025, and no profile."""
    assert pending_row(ORDER) == {
        "id": "d96aad29-aa9d-471b-ab6d-0c2a3383479c",
        "price": "0.01",
        "size": "100",
        "product_id": "ETH-USD",
        "side": "buy",
        "stp": "dc",
        "type": "limit",
        "time_in_force": "GTC",
        "post_only": False,
        "created_at": "2025-08-18T05:56:45.571025Z",
        "fill_fees": "0",
        "filled_size": "0",
        "executed_value": "0",
        "status": "pending",
        "settled": False,
    }


def test_an_open_order() -> None:
    """The same order, queried."""
    assert order_row(ORDER) == {
        "id": "d96aad29-aa9d-471b-ab6d-0c2a3383479c",
        "price": "0.01",
        "size": "100",
        "product_id": "ETH-USD",
        "profile_id": "8058d771-2d88-4f0f-ab6e-299c153d4308",
        "side": "buy",
        "type": "limit",
        "time_in_force": "GTC",
        "post_only": False,
        "created_at": "2025-08-18T05:56:45.571025Z",
        "fill_fees": "0",
        "filled_size": "0",
        "executed_value": "0",
        "market_type": "spot",
        "status": "open",
        "settled": False,
        "funding_currency": "USD",
    }


def test_a_market_order_that_is_done() -> None:
    """Neither price nor time in force, but when and how it ended."""
    row = order_row(
        dataclasses.replace(
            ORDER,
            type="market",
            status="done",
            price=0,
            size=0,
            funds=50 * UNIT,
            filled=1_000_000,
            executed_value="1067.042875",
            fees="0.42681715",
            done_us=CREATED_US,
            done_reason="filled",
            client_oid="496ffbba-7dae-4864-f7e8-a5bf52c6d0e2",
        )
    )
    assert not {"price", "size", "time_in_force"} & row.keys()
    assert (row["funds"], row["specified_funds"]) == ("50", "50")
    assert (row["status"], row["done_reason"], row["settled"]) == ("done", "filled", True)
    assert (row["filled_size"], row["executed_value"], row["fill_fees"]) == (
        "0.01",
        "1067.042875",
        "0.42681715",
    )
    assert row["client_oid"] == "496ffbba-7dae-4864-f7e8-a5bf52c6d0e2"


def test_a_stop_order_shows_its_stop() -> None:
    """Where it waits, and which way the price has to come."""
    row = order_row(
        dataclasses.replace(
            ORDER, status="active", stop="loss", stop_price=UNIT, expires_us=CREATED_US + 1_000_000
        )
    )
    assert (row["stop"], row["stop_price"]) == ("loss", "1")
    assert row["expire_time"] == "2025-08-18T05:56:46.571025Z"


def test_a_fill_as_recorded() -> None:
    """The recording of August 2025, but for its volume in dollars: the order's own side, the fee exact."""
    row = fill_row(
        FillFacts(
            trade_id=31641101,
            product="BTC-USDT",
            quote="USDT",
            order_id="580ef6d1-2309-4366-9447-3072f38779c0",
            user_id="5cf6e115aaf44503db300f1e",
            profile_id="8058d771-2d88-4f0f-ab6e-299c153d4308",
            is_maker=False,
            is_buy=False,
            price=11_895_007_000_000,
            size=237_000,
            rate=40_000,
            time_us=1_755_064_305_640_485,
        )
    )
    assert row == {
        "trade_id": 31641101,
        "product_id": "BTC-USDT",
        "order_id": "580ef6d1-2309-4366-9447-3072f38779c0",
        "user_id": "5cf6e115aaf44503db300f1e",
        "profile_id": "8058d771-2d88-4f0f-ab6e-299c153d4308",
        "liquidity": "T",
        "price": "118950.07",
        "size": "0.00237",
        "fee": "0.11276466636",
        "created_at": "2025-08-13T05:51:45.640485Z",
        "side": "sell",
        "settled": True,
        "usd_volume": "281.9116659",
        "market_type": "spot",
        "funding_currency": "USDT",
    }
