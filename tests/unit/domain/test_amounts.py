"""Amounts are computed exactly, or rounded in the one stated way."""

from decimal import ROUND_UP, Decimal, localcontext

import pytest

from fillwire.domain.amounts import average_price, difference, floored, nearest, product, raised, share, total


def test_difference_is_exact() -> None:
    """More digits than the default context keeps are kept."""
    assert difference(Decimal("1e20"), Decimal("1e-18")) == Decimal("99999999999999999999.999999999999999999")


@pytest.mark.parametrize(
    ("quote", "quantity", "average"),
    [
        ("1500", "10", "150"),
        ("1", "3", "0.3333333333333333"),
        ("2", "3", "0.6666666666666667"),
        ("0.0000000000000001", "2", "0"),
        ("0.0000000000000003", "2", "0.0000000000000002"),
        ("0", "3", "0"),
    ],
)
def test_average_is_rounded_half_to_even_at_16_decimals(quote: str, quantity: str, average: str) -> None:
    """A quotient without end is rounded, a tie to the even digit."""
    assert average_price(Decimal(quote), Decimal(quantity)) == Decimal(average)


def test_average_needs_an_execution_and_a_quote() -> None:
    """Before the first execution there is no average, and none where the venue does not have the quote."""
    assert average_price(Decimal(0), Decimal(0)) is None
    assert average_price(None, Decimal(1)) is None


def test_context_of_the_thread_does_not_matter() -> None:
    """A strategy that sets a precision for its own arithmetic changes nothing of ours."""
    with localcontext(prec=3, rounding=ROUND_UP):
        assert average_price(Decimal(1), Decimal(3)) == Decimal("0.3333333333333333")
        assert difference(Decimal("1.23456"), Decimal("0.00001")) == Decimal("1.23455")


def test_sums_and_products_are_exact() -> None:
    """Whatever context a strategy has set."""
    with localcontext() as context:
        context.prec = 3
        assert total(map(Decimal, ("1e20", "1e-18", "-1e20"))) == Decimal("1e-18")
        assert product(Decimal("1234567.89"), Decimal("0.00000001")) == Decimal("0.0123456789")
        assert total(()) == 0


def test_a_share_is_rounded_half_to_even_at_16_decimals() -> None:
    """So that a part of a cost, and what is left of it, add up to the cost."""
    assert share(Decimal(1), Decimal(2), Decimal(3)) == Decimal("0.6666666666666667")
    assert share(Decimal(100), Decimal("0.5"), Decimal(2)) == 25


@pytest.mark.parametrize(
    ("amount", "step", "down", "near", "up"),
    [
        ("1.234", "0.01", "1.23", "1.23", "1.24"),
        ("1.235", "0.01", "1.23", "1.24", "1.24"),
        ("1.225", "0.01", "1.22", "1.22", "1.23"),
        ("1.23", "0.01", "1.23", "1.23", "1.23"),
        ("7", "2.5", "5", "7.5", "7.5"),
        ("0.4", "1", "0", "0", "1"),
        (
            "123456789012345678901234567890.5",
            "1",
            "123456789012345678901234567890",
            "123456789012345678901234567890",
            "123456789012345678901234567891",
        ),
        ("1.23", None, "1.23", "1.23", "1.23"),
    ],
)
def test_amounts_are_brought_to_steps(amount: str, step: str | None, down: str, near: str, up: str) -> None:
    """Down, to the nearest, and up; without a step they stay."""
    value, by = Decimal(amount), None if step is None else Decimal(step)
    with localcontext() as context:
        context.prec = 5
        found = (floored(value, by), nearest(value, by), raised(value, by))
    assert found == (Decimal(down), Decimal(near), Decimal(up))
