"""Amounts as integers: exact, padded, and strict about what they read."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.simulator.exchange.units import (
    SCALE,
    TooPrecise,
    parse_units,
    product,
    signed_units_text,
    units_text,
)


@given(st.integers(0, 10**19))
def test_text_and_units_are_inverse(units: int) -> None:
    """What is written is read back, has eight decimals and means the same number."""
    text = units_text(units)
    assert parse_units(text) == units
    assert text.partition(".")[2] == text[-8:]
    assert Decimal(text) * SCALE == units


@pytest.mark.parametrize("text", ["", ".5", "1.", "-1", "1e3", "NaN", "0x1", " 1", "\u0661"])
def test_what_is_no_plain_decimal_is_refused(text: str) -> None:
    """Signs, exponents, blanks and foreign digits are no amounts."""
    with pytest.raises(ValueError, match="expected a decimal string"):
        parse_units(text)


def test_more_than_eight_decimals_are_refused_unless_zero() -> None:
    """A ninth decimal is refused where it says something."""
    assert parse_units("1.2345678900") == 123456789
    with pytest.raises(TooPrecise):
        parse_units("1.234567891")


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_product_is_exact_or_rounded_down(price: int, quantity: int) -> None:
    """The product is the exact one, cut after eight decimals."""
    exact = Decimal(price) * Decimal(quantity) / SCALE
    assert 0 <= exact - product(price, quantity) < 1


def test_signed_amounts_carry_a_minus() -> None:
    """A withdrawal is written with a minus sign."""
    assert [signed_units_text(units) for units in (-5, 5)] == ["-0.00000005", "0.00000005"]
