"""Amounts as text: decimal strings without exponent, leading or trailing zeros."""

from decimal import Decimal


def decimal_text(value: Decimal) -> str:
    """Return `value` as a canonical decimal string: `0.0100` and `1E-2` are both `0.01`, `-0.0` is `0`."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
