"""Amounts have one spelling."""

from decimal import Decimal

import pytest

from fillwire.wire.decimals import decimal_text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.000", "0"),
        ("0E+7", "0"),
        ("-0E-7", "0"),
        ("1.0", "1"),
        ("100", "100"),
        ("1E+2", "100"),
        ("0.0100", "0.01"),
        ("1E-8", "0.00000001"),
        ("-1.50", "-1.5"),
        ("-1E+3", "-1000"),
        ("64000.00000000", "64000"),
        ("00012.3400", "12.34"),
        (
            "123456789012345678901234567890.123456789012345678",
            "123456789012345678901234567890.123456789012345678",
        ),
    ],
)
def test_amount_is_plain_text(value: str, text: str) -> None:
    """However a number was built, it is written without exponent, padding or a sign of zero, and without rounding."""
    assert decimal_text(Decimal(value)) == text


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_what_is_no_amount_has_no_text(value: str) -> None:
    """A number that is none is refused before it is written anywhere."""
    with pytest.raises(ValueError, match=f"expected a finite amount, was {value}"):
        decimal_text(Decimal(value))
