"""Amounts are computed exactly, or rounded in the one stated way."""

from decimal import ROUND_UP, Decimal, localcontext

import pytest

from fillwire.domain.amounts import average_price, difference


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
