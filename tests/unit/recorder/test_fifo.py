"""First in, first out: the worked example of the docs, fees in base currency, unmatched sales, short positions."""

import decimal
from decimal import Decimal

import pytest

from fillwire.recorder.fifo import Inventory
from fillwire.recorder.trades import Trade
from fillwire.wire.decimals import decimal_text
from support.trades import trade


def realised(*trades: Trade, shorts: bool = False) -> list[tuple[str, ...] | None]:
    """Return what each trade realised: quantity, proceeds, cost, unmatched quantity and value."""
    inventory = Inventory(shorts=shorts)
    found: list[tuple[str, ...] | None] = []
    for each in trades:
        result = inventory.apply(each)
        found.append(
            None
            if result is None
            else tuple(
                decimal_text(value)
                for value in (
                    result.quantity,
                    result.proceeds,
                    result.cost,
                    result.unmatched_quantity,
                    result.unmatched_value,
                )
            )
        )
    return found


def test_the_worked_example() -> None:
    """The example that the module and docs/recorder.md show."""
    assert realised(
        trade("buy", "2", "100", fee="0.01", fee_currency="BTC"),
        trade("buy", "1", "110"),
        trade("sell", "2", "120"),
        trade("sell", "1", "130"),
    ) == [None, None, ("2", "240", "201.1", "0", "0"), ("0.99", "128.7", "108.9", "0.01", "1.3")]


def test_a_fee_in_base_currency_of_a_sale_leaves_the_inventory_too() -> None:
    """What was taken as a fee was bought as well, and is part of the cost."""
    assert realised(trade("buy", "2", "100"), trade("sell", "1", "120", fee="0.5", fee_currency="BTC")) == [
        None,
        ("1.5", "120", "150", "0", "0"),
    ]


def test_the_amount_that_the_venue_says_counts() -> None:
    """The quote amount of the venue is taken where there is one, price times quantity elsewhere."""
    assert realised(trade("buy", "3", "0.333", quote="1"), trade("sell", "3", "2", quote="5.99")) == [
        None,
        ("3", "5.99", "1", "0", "0"),
    ]


def test_what_was_never_bought_is_unmatched() -> None:
    """A sale of something that came from elsewhere has no profit, and a later purchase does not change that."""
    assert realised(trade("sell", "1", "100"), trade("buy", "1", "90")) == [("0", "0", "0", "1", "100"), None]


def test_a_short_position_is_closed_by_purchases() -> None:
    """With short positions, what was sold first is bought back first; what is left over is held."""
    assert realised(
        trade("sell", "2", "100"), trade("buy", "3", "90"), trade("sell", "1", "80"), shorts=True
    ) == [None, ("2", "200", "180", "0", "0"), ("1", "80", "90", "0", "0")]


def test_rounding_loses_nothing() -> None:
    """Thirds of a lot cost thirds to 18 decimals, and together what the lot cost; the program's context is not asked."""
    with decimal.localcontext() as context:
        context.prec = 5
        sold = realised(
            trade("buy", "3", "1", quote="100.000000001"),
            *(trade("sell", "1", "50", time_ns=number) for number in range(3)),
        )
    costs = [Decimal(row[2]) for row in sold if row is not None]
    assert costs[0] == Decimal("33.333333333666666667")
    assert sum(costs) == Decimal("100.000000001")


@pytest.mark.parametrize(
    ("side", "fee", "expected"),
    [
        ("buy", "1", ("0", "0", "100", "0", "0")),
        ("buy", "1.5", ("0", "0", "100", "0.5", "0")),
        ("sell", "-1", ("0", "100", "0", "0", "0")),
        ("sell", "-1.5", ("0", "100", "0", "0", "0")),
    ],
)
def test_a_fee_that_takes_all_of_it(side: str, fee: str, expected: tuple[str, ...]) -> None:
    """A fee as large as the trade, or a rebate, is taken as it is told."""
    assert realised(trade(side, "1", "100", fee=fee, fee_currency="BTC")) == [expected]
