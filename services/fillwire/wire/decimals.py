"""Amounts as text: decimal strings without exponent, leading or trailing zeros."""

from decimal import Decimal


def decimal_text(value: Decimal) -> str:
    """Return `value` as a canonical decimal string: `0.0100` and `1E-2` are both `0.01`, `-0.0` is `0`.

    Raises:
        ValueError: `value` is infinite or not a number, which no amount is.
    """
    if not value.is_finite():
        raise ValueError(f"expected a finite amount, was {value}")
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text if value else "0"
