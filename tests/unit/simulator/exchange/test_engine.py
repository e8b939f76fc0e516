"""The engine against the documents: orders of events, amounts, and what each order type does."""

from itertools import pairwise

import pytest

from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.refused import Reason, Refused
from fillwire.simulator.exchange.units import parse_units, units_text
from support.simulated_market import EMIT_US, SimulatedMarket, rendered, rules, steps


@pytest.fixture
def sim() -> SimulatedMarket:
    """Return a market with an empty book."""
    return SimulatedMarket()


@pytest.fixture
def alice(sim: SimulatedMarket) -> Account:
    """Return a trader."""
    return sim.trader("alice")


@pytest.fixture
def bob(sim: SimulatedMarket) -> Account:
    """Return another trader."""
    return sim.trader("bob")


def free_and_locked(account: Account, asset: str) -> tuple[str, str]:
    """Return the amounts of an asset."""
    balance = account.balances[asset]
    return units_text(balance.free), units_text(balance.locked)


def test_resting_order_locks_its_cost_and_is_reported_with_every_documented_field(
    sim: SimulatedMarket, alice: Account
) -> None:
    """A resting order yields NEW, then the changed balances; the report has the fields of the venue's own sample."""
    order, events = sim.place(alice, "BUY", "10", "99.50", client_id="acme-1")
    report, position = rendered(events)
    moment = order.created_us // 1_000
    assert report == {
        "e": "executionReport",
        "E": EMIT_US // 1_000,
        "s": "LTCUSDT",
        "c": "acme-1",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "10.00000000",
        "p": "99.50000000",
        "P": "0.00000000",
        "F": "0.00000000",
        "g": -1,
        "C": "",
        "x": "NEW",
        "X": "NEW",
        "r": "NONE",
        "i": order.order_id,
        "l": "0.00000000",
        "z": "0.00000000",
        "L": "0.00000000",
        "n": "0",
        "N": None,
        "T": moment,
        "t": -1,
        "I": report["I"],
        "w": True,
        "m": False,
        "M": False,
        "O": moment,
        "Z": "0.00000000",
        "Y": "0.00000000",
        "Q": "0.00000000",
        "W": moment,
        "V": "NONE",
    }
    assert position == {
        "e": "outboundAccountPosition",
        "E": EMIT_US // 1_000,
        "u": moment,
        "B": [
            {"a": "LTC", "f": "10000.00000000", "l": "0.00000000"},
            {"a": "USDT", "f": "999005.00000000", "l": "995.00000000"},
        ],
    }


def test_market_order_that_empties_the_book_is_told_as_in_the_market_orders_faq(
    sim: SimulatedMarket, alice: Account, bob: Account
) -> None:
    """MARKET BUY 6 of 4: NEW, two TRADEs, EXPIRED, balances; one time, growing execution ids with gaps."""
    for _ in range(2):
        sim.place(bob, "SELL", "2", "1.00")
    order, events = sim.place(alice, "BUY", "6", kind="MARKET")
    mine = rendered(events, alice)
    assert steps(mine) == [
        "NEW/NEW",
        "TRADE/PARTIALLY_FILLED",
        "TRADE/PARTIALLY_FILLED",
        "EXPIRED/EXPIRED",
        "outboundAccountPosition",
    ]
    reports = mine[:-1]
    assert {report["T"] for report in reports} == {mine[-1]["u"]}
    assert [report["w"] for report in reports] == [True, False, False, False]
    assert [report["z"] for report in reports] == ["0.00000000", "2.00000000", "4.00000000", "4.00000000"]
    assert [report["n"] for report in reports] == ["0", "0.00200000", "0.00200000", "0"]
    assert [report["N"] for report in reports] == [None, "LTC", "LTC", None]
    executions = [report["I"] for report in reports]
    assert [later - earlier for earlier, later in pairwise(executions)] == [1, 2, 2]
    assert reports[2]["t"] == reports[1]["t"] + 1
    assert reports[-1]["eR"] == "INSUFFICIENT_LIQUIDITY"
    assert order.status == "EXPIRED"
    assert free_and_locked(alice, "USDT") == ("999996.00000000", "0.00000000")
    assert free_and_locked(alice, "LTC") == ("10003.99600000", "0.00000000")


def test_better_price_and_then_older_order_trade_first(
    sim: SimulatedMarket, alice: Account, bob: Account
) -> None:
    """Asks trade by ascending price, and at one price in the order of their arrival."""
    late = sim.place(bob, "SELL", "1", "101")[0]
    first = sim.place(bob, "SELL", "1", "100")[0]
    second = sim.place(bob, "SELL", "1", "100")[0]
    sim.place(alice, "BUY", "1.5", "102")
    assert (first.status, second.status, late.status) == ("FILLED", "PARTIALLY_FILLED", "NEW")
    sim.place(alice, "BUY", "1", "102")
    assert (second.status, late.status) == ("FILLED", "PARTIALLY_FILLED")


def test_taker_pays_the_makers_price_and_gets_the_difference_back(
    sim: SimulatedMarket, alice: Account, bob: Account
) -> None:
    """A crossing limit order trades at the resting price; nothing of the better price stays locked."""
    maker = sim.place(bob, "SELL", "1", "99")[0]
    order, events = sim.place(alice, "BUY", "3", "101")
    assert (order.status, units_text(order.executed_quote)) == ("PARTIALLY_FILLED", "99.00000000")
    assert free_and_locked(alice, "USDT") == ("999699.00000000", "202.00000000")
    trade = rendered(events, bob)[0]
    assert (trade["i"], trade["m"], trade["w"], trade["n"], trade["N"]) == (
        maker.order_id,
        True,
        False,
        "0.09900000",
        "USDT",
    )


def test_immediate_or_cancel_expires_its_remainder(
    sim: SimulatedMarket, alice: Account, bob: Account
) -> None:
    """An IOC order takes what is there and expires with the reason; the lock is given back."""
    sim.place(bob, "SELL", "2", "100")
    order, events = sim.place(alice, "BUY", "5", "100", tif="IOC")
    mine = rendered(events, alice)
    assert steps(mine) == ["NEW/NEW", "TRADE/PARTIALLY_FILLED", "EXPIRED/EXPIRED", "outboundAccountPosition"]
    assert mine[2]["eR"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    assert units_text(order.executed) == "2.00000000"
    assert free_and_locked(alice, "USDT") == ("999800.00000000", "0.00000000")


def test_fill_or_kill_fills_whole_or_not_at_all(sim: SimulatedMarket, alice: Account, bob: Account) -> None:
    """A FOK order that cannot fill is announced and expires without a trade; one that can fills."""
    sim.place(bob, "SELL", "2", "100")
    _, events = sim.place(alice, "BUY", "3", "100", tif="FOK")
    mine = rendered(events, alice)
    assert steps(mine) == ["NEW/NEW", "EXPIRED/EXPIRED", "outboundAccountPosition"]
    assert mine[1]["eR"] == "UNFILLED_FOK_ORDER_EXPIRED"
    assert sim.place(alice, "BUY", "2", "100", tif="FOK")[0].status == "FILLED"


def test_market_order_by_amount_computes_its_quantity_from_the_book(
    sim: SimulatedMarket, alice: Account, bob: Account
) -> None:
    """quoteOrderQty: every event shows the amount and the computed quantity, which ends filled a little below the amount."""
    sim.place(bob, "SELL", "0.2", "152.10")
    order, events = sim.place(alice, "BUY", kind="MARKET", amount="25")
    reports = rendered(events, alice)[:-1]
    assert {(report["q"], report["Q"], report["p"]) for report in reports} == {
        ("0.16400000", "25.00000000", "0.00000000")
    }
    assert (reports[-1]["X"], reports[-1]["Z"]) == ("FILLED", "24.94440000")
    assert order.executed == order.quantity


def test_refusals_leave_nothing_behind(sim: SimulatedMarket, alice: Account, bob: Account) -> None:
    """A refused order changes neither book nor balances."""
    sim.place(bob, "SELL", "1", "100")
    sim.place(alice, "BUY", "1", "90", client_id="twice")
    before = free_and_locked(alice, "USDT")
    refused = {
        Reason.INSUFFICIENT_BALANCE: sim.ticket("BUY", "100000", "99"),
        Reason.DUPLICATE_ORDER: sim.ticket("BUY", "1", "91", client_id="twice"),
        Reason.WOULD_MATCH: sim.ticket("BUY", "1", "100", kind="LIMIT_MAKER"),
        Reason.WOULD_TRIGGER: sim.ticket("BUY", "1", "99", kind="STOP_LOSS_LIMIT", stop="99"),
    }
    for reason, ticket in refused.items():
        with pytest.raises(Refused) as caught:
            sim.engine.place(alice, ticket)
        assert caught.value.reason is reason
    assert free_and_locked(alice, "USDT") == before
    assert len(alice.open_orders) == 1


def test_cancel_is_reported_under_its_own_id(sim: SimulatedMarket, alice: Account, bob: Account) -> None:
    """CANCELED carries the cancel's id in c and the order's in C, keeps z, unlocks the rest, and frees the client id."""
    order, _ = sim.place(alice, "BUY", "3", "100", client_id="mine")
    sim.place(bob, "SELL", "1", "100")
    report, position = rendered(sim.engine.cancel(order, "cancel-1"))
    assert (report["x"], report["X"], report["c"], report["C"], report["z"]) == (
        "CANCELED",
        "CANCELED",
        "cancel-1",
        "mine",
        "1.00000000",
    )
    assert position["B"][1] == {"a": "USDT", "f": "999900.00000000", "l": "0.00000000"}
    assert sim.market.book.bids.best() is None
    assert sim.place(alice, "BUY", "1", "50", client_id="mine")[0].is_open


def test_stop_order_is_new_twice(sim: SimulatedMarket, alice: Account, bob: Account) -> None:
    """A stop order is NEW off the book without W, and NEW again, on the book, when a trade reaches its price."""
    stop, events = sim.place(alice, "SELL", "1", "94", kind="STOP_LOSS_LIMIT", stop="95")
    first = rendered(events)[0]
    assert (first["X"], first["w"], first["P"]) == ("NEW", False, "95.00000000")
    assert "W" not in first
    sim.place(bob, "BUY", "1", "94")
    sim.place(bob, "BUY", "1", "95")
    _, events = sim.place(alice, "SELL", "1", "95")
    assert stop.status == "FILLED"
    triggered = [report for report in rendered(events, alice) if report.get("i") == stop.order_id]
    assert steps(triggered) == ["NEW/NEW", "TRADE/FILLED"]
    assert triggered[0]["w"] is True
    assert triggered[0]["W"] == triggered[0]["T"] >= first["T"]


def test_stop_market_buy_without_money_is_rejected_at_activation(sim: SimulatedMarket, bob: Account) -> None:
    """A triggered order that the account cannot pay for appears as EXPIRED with eR=REJECTED."""
    poor = sim.trader("poor", USDT="100.01")
    stop = sim.place(poor, "BUY", "1", kind="STOP_LOSS", stop="100.01")[0]
    sim.place(bob, "SELL", "10", "101")
    other = sim.trader("other")
    _, events = sim.place(other, "BUY", "0.5", "101")
    report = rendered(events, poor)[0]
    assert (report["i"], report["x"], report["eR"]) == (stop.order_id, "EXPIRED", "REJECTED")
    assert free_and_locked(poor, "USDT") == ("100.01000000", "0.00000000")


@pytest.mark.parametrize(
    ("mode", "taker_status", "maker_status"),
    [
        ("EXPIRE_TAKER", "EXPIRED_IN_MATCH", "NEW"),
        ("EXPIRE_MAKER", "NEW", "EXPIRED_IN_MATCH"),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH"),
    ],
)
def test_self_trade_prevention_expires_by_the_takers_mode(
    sim: SimulatedMarket, alice: Account, mode: str, taker_status: str, maker_status: str
) -> None:
    """No trade happens; the orders that the mode names end in TRADE_PREVENTION with what would have traded."""
    maker = sim.place(alice, "BUY", "1.2", "100")[0]
    taker, events = sim.place(alice, "SELL", "3", "99", stp=mode)
    assert (taker.status, maker.status) == (taker_status, maker_status)
    prevented = [report for report in rendered(events) if report.get("x") == "TRADE_PREVENTION"]
    assert {report["i"] for report in prevented} == {
        order.order_id for order in (taker, maker) if order.status == "EXPIRED_IN_MATCH"
    }
    for report in prevented:
        assert (report["l"], report["L"], report["Y"], report["t"]) == ("0.00000000",) * 3 + (-1,)
        assert (report["pl"], report["pL"], report["pY"]) == ("1.20000000", "100.00000000", "120.00000000")
        assert report["U"] == (maker if report["i"] == taker.order_id else taker).order_id
        assert (report["v"], report["u"]) == (0, -1)
        assert report["A"] == report["B"] == units_text(parse_units(report["q"]))
    assert len(alice.executions) == 0


def test_self_trade_without_prevention_shares_one_trade_id(sim: SimulatedMarket, alice: Account) -> None:
    """Mode NONE: both orders of the account fill under one trade id, in two rows of its trades."""
    maker = sim.place(alice, "BUY", "1", "100")[0]
    taker, events = sim.place(alice, "SELL", "1", "100")
    trades = [report for report in rendered(events) if report.get("x") == "TRADE"]
    assert [trade["i"] for trade in trades] == [taker.order_id, maker.order_id]
    assert trades[0]["t"] == trades[1]["t"]
    rows = [alice.executions.execution(row) for row in alice.executions.rows_of_symbol("LTCUSDT")]
    assert {(row.trade_id, row.order_id) for row in rows} == {
        (trades[0]["t"], trade["i"]) for trade in trades
    }


def test_amendment_keeps_priority(sim: SimulatedMarket, alice: Account, bob: Account) -> None:
    """REPLACED reduces the quantity in place: same id, same place in the queue, new client id, less locked."""
    order = sim.place(alice, "BUY", "5", "100", client_id="old")[0]
    behind = sim.place(bob, "BUY", "5", "100")[0]
    execution_id, events = sim.engine.amend(order, parse_units("3"), "new")
    report, position = rendered(events)
    assert (report["x"], report["X"], report["c"], report["C"], report["q"], report["I"]) == (
        "REPLACED",
        "NEW",
        "new",
        "old",
        "3.00000000",
        execution_id,
    )
    assert position["B"][1]["l"] == "300.00000000"
    assert sim.place(alice, "BUY", "1", "50", client_id="old")[0].is_open  # the old id is free again
    sim.place(sim.trader("carol"), "SELL", "3", "100")
    assert (order.status, behind.status) == ("FILLED", "NEW")
    for quantity, reason in (("5", Reason.NOTHING_CHANGED), ("6", Reason.QUANTITY_INCREASED)):
        with pytest.raises(Refused) as caught:
            sim.engine.amend(behind, parse_units(quantity), "again")
        assert caught.value.reason is reason


def test_commission_leaves_bnb_when_it_runs_out(bob: Account) -> None:
    """With the option on, fills pay 3/4 of the rate in BNB as long as there is enough, then in the received asset."""
    sim = SimulatedMarket(rules("BNB", "USDT", "600"))
    payer = sim.trader("payer", USDT="10000", BNB="0.0002")
    payer.pays_in_other_asset = True
    order = sim.place(payer, "BUY", "2", "100")[0]
    fees = []
    for _ in range(2):
        _, events = sim.place(bob, "SELL", "1", "100")
        report, position = rendered(events, payer)
        fees.append((report["n"], report["N"]))
        assert report["N"] in {row["a"] for row in position["B"]}
    assert fees == [("0.00012500", "BNB"), ("0.00100000", "LTC")]
    assert order.status == "FILLED"


def test_account_without_commission_is_charged_zero_of_nothing(sim: SimulatedMarket, bob: Account) -> None:
    """A free account's fills say n=0 and N=null."""
    free = sim.trader("free")
    free.maker_rate = free.taker_rate = 0
    sim.place(free, "BUY", "1", "100")
    report = rendered(sim.place(bob, "SELL", "1", "100")[1], free)[0]
    assert (report["x"], report["n"], report["N"]) == ("TRADE", "0", None)


def test_only_the_first_fill_of_an_order_counts(sim: SimulatedMarket, alice: Account, bob: Account) -> None:
    """An order that fills in parts is told once to whoever counts unfilled orders, with its liquidity."""
    told: list[tuple[str, bool]] = []
    sim.engine.matcher.on_first_fill = lambda account, is_maker: told.append((account.user, is_maker))
    sim.place(alice, "BUY", "3", "100")
    for _ in range(3):
        sim.place(bob, "SELL", "1", "100")
    assert told == [("bob", False), ("alice", True), ("bob", False), ("bob", False)]


def test_rejected_leg_of_cancel_replace_is_told_on_the_stream(sim: SimulatedMarket, alice: Account) -> None:
    """REJECTED has its reason in r, no creation time, no W, and leaves no order behind."""
    ticket = sim.ticket("BUY", "2", "160", kind="LIMIT_MAKER", client_id="new-leg")
    (report,) = rendered(sim.engine.reject(alice, ticket, Reason.WOULD_MATCH))
    assert (report["x"], report["X"], report["r"], report["O"]) == (
        "REJECTED",
        "REJECTED",
        "WOULD_MATCH_IMMEDIATELY",
        -1,
    )
    assert "W" not in report
    assert not alice.orders


def test_lagging_view_shows_an_order_as_it_was(sim: SimulatedMarket, alice: Account, bob: Account) -> None:
    """While states are kept, an order's earlier state can still be seen after it has changed."""
    sim.engine.matcher.keeps_history = True
    order = sim.place(alice, "BUY", "2", "100")[0]
    placed_us = order.updated_us
    sim.place(bob, "SELL", "1", "100")
    assert [(state.updated_us, state.status) for state in order.history] == [(placed_us, "NEW")]
    assert order.status == "PARTIALLY_FILLED"
