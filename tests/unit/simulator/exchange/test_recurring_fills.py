"""Fills formatted in advance are the engine's own, byte for byte and unit for unit."""

import re
from collections.abc import Sequence

import pytest

from fillwire.simulator.binance.events import render
from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.clock import MICROSECONDS, MILLISECONDS
from fillwire.simulator.exchange.recurring_fills import RecurringFill
from fillwire.simulator.exchange.units import parse_units
from support.simulated_market import EMIT_US, SimulatedMarket

QUANTITY = parse_units("0.5")


def texts(events: Sequence[AccountEvent], divisor: int) -> list[str]:
    """Return the events as they are written, but for the engine's times."""
    return [re.sub(r'"([TuOW])":\d+', r'"\1":0', render(event, EMIT_US, divisor)[1]) for event in events]


def run(
    side: str, divisor: int, *, prepares: bool, rate: str = "0.001", bnb: bool = False
) -> tuple[list[str], Account, SimulatedMarket]:
    """Fill an order of 4 in parts of 0.5, and return what was written, the account and the market."""
    sim = SimulatedMarket()
    trader = sim.trader("trader")
    trader.maker_rate = parse_units(rate)
    trader.pays_in_other_asset = bnb
    order, _ = sim.engine.place(trader, sim.ticket(side, "4", "99.99", client_id="mine"))
    written: list[str] = []
    recurring: RecurringFill | None = None
    used = 0
    while order.is_open:
        if recurring is not None and recurring.is_next:
            written += texts(recurring.execute(tells_position=True), divisor)
            used += 1
            continue
        written += texts(sim.engine.execute_resting(order, QUANTITY), divisor)
        recurring = RecurringFill.of(sim.engine, order, QUANTITY) if prepares else None
    assert used == (6 if prepares and not bnb else 0)
    return written, trader, sim


@pytest.mark.parametrize("divisor", [MILLISECONDS, MICROSECONDS])
@pytest.mark.parametrize("side", ["BUY", "SELL"])
@pytest.mark.parametrize("rate", ["0.001", "0"])
def test_prepared_fills_are_what_the_engine_says(side: str, divisor: int, rate: str) -> None:
    """Both ways write the same frames, and leave the same balances, orders, executions, house and fees behind."""
    plain, plain_account, plain_sim = run(side, divisor, prepares=False, rate=rate)
    prepared, account, sim = run(side, divisor, prepares=True, rate=rate)
    assert prepared == plain
    for ours, theirs in (
        (account, plain_account),
        (sim.engine.house, plain_sim.engine.house),
        (sim.engine.matcher.fees, plain_sim.engine.matcher.fees),
    ):
        for asset in ("LTC", "USDT"):
            assert ours.balances[asset].free == theirs.balances[asset].free
            assert ours.balances[asset].locked == theirs.balances[asset].locked
    rows = range(len(account.executions))
    assert [account.executions.execution(row)._replace(time_us=0, emitted_ns=0) for row in rows] == [
        plain_account.executions.execution(row)._replace(time_us=0, emitted_ns=0) for row in rows
    ]


def test_account_that_pays_in_other_asset_is_not_prepared() -> None:
    """Where the asset of the commission may change in the middle, every fill is computed."""
    assert (
        run("BUY", MILLISECONDS, prepares=True, bnb=True)[0]
        == run("BUY", MILLISECONDS, prepares=False, bnb=True)[0]
    )


def test_changed_order_is_no_longer_prepared() -> None:
    """An amendment or a cancel in the middle ends the fills that were prepared before it."""
    sim = SimulatedMarket()
    trader = sim.trader("trader")
    order, _ = sim.engine.place(trader, sim.ticket("BUY", "4", "99"))
    assert RecurringFill.of(sim.engine, order, QUANTITY) is None  # the first fill is not like the others
    sim.engine.execute_resting(order, QUANTITY)
    recurring = RecurringFill.of(sim.engine, order, QUANTITY)
    assert recurring is not None
    assert recurring.is_next
    sim.engine.amend(order, parse_units("3"), "other")
    assert not recurring.is_next
    sim.engine.execute_resting(order, QUANTITY)
    again = RecurringFill.of(sim.engine, order, QUANTITY)
    assert again is not None
    assert again.is_next
    sim.engine.cancel(order, "bye")
    assert not again.is_next
