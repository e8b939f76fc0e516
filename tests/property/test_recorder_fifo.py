"""Whatever is traded, inventory and cash equal the sum of the executions, to the last digit."""

from decimal import Context, Decimal

from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.enums import Side
from fillwire.recorder.fifo import Inventory, base_change
from fillwire.recorder.reports import By, fees_of, profit_of
from fillwire.recorder.trades import Trade
from support.trades import trade

EXACT = Context(prec=400)
ZERO = Decimal(0)


def total(*values: Decimal) -> Decimal:
    """Return the exact sum."""
    found = ZERO
    for value in values:
        found = EXACT.add(found, value)
    return found


def decimals(smallest: str, largest: str) -> st.SearchStrategy[str]:
    """Return decimal strings of up to twelve places."""
    return st.decimals(smallest, largest, places=12, allow_nan=False, allow_infinity=False).map(
        lambda value: f"{value:f}"
    )


TRADES = st.lists(
    st.builds(
        trade,
        st.sampled_from(["buy", "sell"]),
        decimals("0.000000000001", "1000"),
        decimals("0.000000000001", "100000"),
        fee=st.none() | decimals("-10", "10"),
        fee_currency=st.sampled_from(["BTC", "USDT", "BNB"]),
        quote=st.none() | decimals("0.000000000001", "100000"),
        bot=st.sampled_from([None, "a", "b"]),
    ),
    max_size=25,
)


def paid(trades: list[Trade], side: Side) -> Decimal:
    """Return what all trades of a side come to in quote currency."""
    return total(*(each.value for each in trades if each.side is side))


@given(TRADES)
def test_without_short_positions(trades: list[Trade]) -> None:
    """Purchases are in costs and lots, sales in proceeds and what is unmatched, and so is the base currency."""
    inventory = Inventory()
    realised = [result for each in trades if (result := inventory.apply(each)) is not None]
    lots = inventory.longs
    assert not inventory.shorts
    assert total(*(r.cost for r in realised), *(lot.value for lot in lots)) == paid(trades, Side.BUY)
    assert total(*(r.proceeds for r in realised), *(r.unmatched_value for r in realised)) == paid(
        trades, Side.SELL
    )
    held = total(*(lot.quantity for lot in lots))
    unmatched = total(*(r.unmatched_quantity for r in realised))
    assert EXACT.subtract(held, unmatched) == total(*map(base_change, trades))
    assert all(lot.quantity > 0 and lot.value >= 0 for lot in lots)


@given(TRADES)
def test_with_short_positions(trades: list[Trade]) -> None:
    """The same, with what was sold first in lots of its own; only fees beyond what is held are unmatched."""
    inventory = Inventory(shorts=True)
    realised = [result for each in trades if (result := inventory.apply(each)) is not None]
    longs, shorts = inventory.longs, inventory.shorts
    assert total(*(r.cost for r in realised), *(lot.value for lot in longs)) == paid(trades, Side.BUY)
    assert total(*(r.proceeds for r in realised), *(lot.value for lot in shorts)) == paid(trades, Side.SELL)
    held = EXACT.subtract(total(*(lot.quantity for lot in longs)), total(*(lot.quantity for lot in shorts)))
    unmatched = total(*(r.unmatched_quantity for r in realised))
    assert EXACT.subtract(held, unmatched) == total(*map(base_change, trades))


@given(TRADES, st.sets(st.sampled_from(list(By))), st.booleans())
def test_however_it_is_told_apart_it_is_the_same(trades: list[Trade], by: set[By], across_bots: bool) -> None:
    """The rows of any grouping add up to the whole, and fees of profits are those of the fees."""
    whole = profit_of(trades, by=[], across_bots=across_bots)
    parts = profit_of(trades, by=sorted(by), across_bots=across_bots)
    for name in ("profit", "proceeds", "cost", "quote_fees", "unmatched_value"):
        assert total(*(getattr(row, name) for _, row in parts)) == total(
            *(getattr(row, name) for _, row in whole)
        )
    fees = {group.currency: row.amount for group, row in fees_of(trades) if row.trade_count}
    told = {"USDT": total(*(row.quote_fees for _, row in parts))}
    for _, row in parts:
        for currency, amount in row.other_fees.items():
            told[currency] = total(told.get(currency, ZERO), amount)
    assert {name: amount for name, amount in told.items() if amount} == {
        name: amount for name, amount in fees.items() if amount
    }
