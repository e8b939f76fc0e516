"""The symbol's filters: each refuses what it is for, and lets its limits through."""

from typing import Any

import pytest

from fillwire.simulator.binance.filters import check_filters
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance.symbols import MAX_NUM_ALGO_ORDERS
from support.simulated_market import SimulatedMarket


@pytest.mark.parametrize(
    ("order", "refused"),
    [
        ({"quantity": "1", "price": "0.01"}, "NOTIONAL"),
        ({"quantity": "1", "price": "100.001"}, "PRICE_FILTER"),
        ({"quantity": "1", "price": "100000.01"}, "PRICE_FILTER"),
        ({"quantity": "1", "price": "100000"}, None),
        ({"quantity": "0.0001", "price": "100"}, "LOT_SIZE"),
        ({"quantity": "100000.001", "price": "100"}, "LOT_SIZE"),
        ({"quantity": "100000", "price": "100"}, None),
        ({"quantity": "0.01", "price": "100"}, None),
        ({"quantity": "0.009", "price": "100"}, "NOTIONAL"),
        ({"quantity": "0.009", "kind": "MARKET"}, "NOTIONAL"),
        ({"amount": "0.99", "kind": "MARKET"}, "NOTIONAL"),
        ({"amount": "1", "kind": "MARKET"}, None),
        ({"quantity": "1", "price": "100", "stop": "99.999", "kind": "STOP_LOSS_LIMIT"}, "PRICE_FILTER"),
    ],
)
def test_filter_refuses_what_it_is_for(order: dict[str, Any], refused: str | None) -> None:
    """Off the tick or step, out of range, too little value: -1013 with the filter's name."""
    sim = SimulatedMarket()
    ticket = sim.ticket("BUY", **order)
    if refused is None:
        check_filters(sim.trader("alice"), ticket)
        return
    with pytest.raises(Refusal) as caught:
        check_filters(sim.trader("alice"), ticket)
    assert (caught.value.code, caught.value.message) == (-1013, f"Filter failure: {refused}")


def test_open_orders_are_limited_by_symbol() -> None:
    """As many open orders as the symbol allows, and five that wait for a stop price."""
    sim = SimulatedMarket()
    alice = sim.trader("alice")
    for _ in range(MAX_NUM_ALGO_ORDERS):
        sim.place(alice, "BUY", "1", stop="110", kind="STOP_LOSS")
    with pytest.raises(Refusal, match="MAX_NUM_ALGO_ORDERS"):
        check_filters(alice, sim.ticket("BUY", "1", stop="110", kind="STOP_LOSS"))
    while len(alice.open_orders) < sim.market.rules.max_open_orders:
        check_filters(alice, sim.ticket("BUY", "1", "50"))
        sim.place(alice, "BUY", "1", "50")
    with pytest.raises(Refusal, match="MAX_NUM_ORDERS"):
        check_filters(alice, sim.ticket("BUY", "1", "50"))


def test_an_account_that_may_not_trade_places_nothing() -> None:
    """-2010 with the venue's sentence, whatever the order is."""
    sim = SimulatedMarket()
    alice = sim.trader("alice")
    alice.may_trade = False
    with pytest.raises(Refusal, match="This action is disabled on this account") as caught:
        check_filters(alice, sim.ticket("BUY", "1", "50"))
    assert caught.value.code == -2010
