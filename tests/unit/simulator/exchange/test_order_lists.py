"""One-cancels-the-other pairs in the engine: one lock, one survivor, list states in between."""

import pytest

from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.orders import OrderList
from fillwire.simulator.exchange.units import parse_units, units_text
from support.simulated_market import SimulatedMarket, rendered, steps


@pytest.fixture
def sim() -> SimulatedMarket:
    """Return a market with an empty book."""
    return SimulatedMarket()


def sell_pair(sim: SimulatedMarket, account: Account) -> tuple[OrderList, list[str]]:
    """Place a sell pair around the last price of 100: take 110, stop 90."""
    order_list, events = sim.place_list(
        account,
        (
            sim.ticket("SELL", "2", "110", kind="LIMIT_MAKER"),
            sim.ticket("SELL", "2", "89", kind="STOP_LOSS_LIMIT", stop="90"),
        ),
    )
    return order_list, steps(rendered(events))


def test_pair_is_announced_and_locked_once(sim: SimulatedMarket) -> None:
    """EXEC_STARTED, a NEW per leg, balances; the quantity is locked once for both legs."""
    alice = sim.trader("alice")
    order_list, told = sell_pair(sim, alice)
    assert told == ["listStatus", "NEW/NEW", "NEW/NEW", "outboundAccountPosition"]
    assert units_text(alice.balances["LTC"].locked) == "2.00000000"
    above, below = order_list.legs
    assert (above.is_working, below.is_working) == (True, False)


def test_first_fill_of_the_limit_leg_expires_the_stop(sim: SimulatedMarket) -> None:
    """A partial fill of one leg ends the other with OCO_TRIGGER; the list is done when the survivor is."""
    alice, bob = sim.trader("alice"), sim.trader("bob")
    order_list, _ = sell_pair(sim, alice)
    above, below = order_list.legs
    told = rendered(sim.place(bob, "BUY", "0.5", "110")[1], alice)
    assert steps(told) == ["EXPIRED/EXPIRED", "TRADE/PARTIALLY_FILLED", "outboundAccountPosition"]
    assert (told[0]["i"], told[0]["eR"], told[0]["g"]) == (below.order_id, "OCO_TRIGGER", order_list.list_id)
    told = rendered(sim.place(bob, "BUY", "1.5", "110")[1], alice)
    assert steps(told) == ["TRADE/FILLED", "listStatus", "outboundAccountPosition"]
    assert (told[1]["l"], told[1]["L"], told[1]["c"]) == ("ALL_DONE", "ALL_DONE", "OCO")
    assert [leg["i"] for leg in told[1]["O"]] == [above.order_id, below.order_id]
    assert alice.balances["LTC"].locked == 0


def test_triggered_stop_leg_expires_the_limit(sim: SimulatedMarket) -> None:
    """When the stop triggers, the limit leg expires and the stop goes on the book with the whole lock."""
    alice, bob = sim.trader("alice"), sim.trader("bob")
    order_list, _ = sell_pair(sim, alice)
    sim.place(bob, "BUY", "1", "90")
    told = rendered(sim.place(bob, "SELL", "1", "90")[1], alice)
    assert steps(told) == ["EXPIRED/EXPIRED", "NEW/NEW", "outboundAccountPosition"]
    assert (told[0]["eR"], told[1]["w"]) == ("OCO_TRIGGER", True)
    assert [leg.is_open for leg in order_list.legs] == [False, True]
    assert order_list.legs[1].locked == parse_units("2")


def test_cancelling_one_leg_cancels_the_list(sim: SimulatedMarket) -> None:
    """One CANCELED per leg, ALL_DONE, and everything is unlocked."""
    alice = sim.trader("alice")
    order_list, _ = sell_pair(sim, alice)
    told = rendered(sim.engine.cancel(order_list.legs[1], "bye"))
    assert steps(told) == [
        "CANCELED/CANCELED",
        "CANCELED/CANCELED",
        "listStatus",
        "outboundAccountPosition",
    ]
    assert (alice.balances["LTC"].locked, alice.balances["LTC"].free) == (0, parse_units("10000"))


def test_amending_one_leg_amends_both(sim: SimulatedMarket) -> None:
    """The legs of a pair keep one quantity: REPLACED for each, and UPDATED because a client id has changed."""
    alice = sim.trader("alice")
    order_list, _ = sell_pair(sim, alice)
    told = rendered(sim.engine.amend(order_list.legs[0], parse_units("1.5"), "smaller")[1])
    assert steps(told) == ["REPLACED/NEW", "REPLACED/NEW", "listStatus", "outboundAccountPosition"]
    assert [report["c"] for report in told[:2]] == ["smaller", order_list.legs[1].client_order_id]
    assert told[2]["l"] == "UPDATED"
    assert alice.balances["LTC"].locked == parse_units("1.5")


def test_buy_pair_locks_the_dearer_leg_and_gives_the_difference_back(sim: SimulatedMarket) -> None:
    """A buy pair locks the cost of its dearer leg; once the cheaper fills, the rest is free again."""
    alice, bob = sim.trader("alice"), sim.trader("bob")
    sim.place_list(
        alice,
        (
            sim.ticket("BUY", "1", "112", kind="STOP_LOSS_LIMIT", stop="110"),
            sim.ticket("BUY", "1", "90", kind="LIMIT_MAKER"),
        ),
    )
    assert units_text(alice.balances["USDT"].locked) == "112.00000000"
    sim.place(bob, "SELL", "1", "90")
    assert alice.balances["USDT"].locked == 0
    assert units_text(alice.balances["USDT"].free) == "999910.00000000"
