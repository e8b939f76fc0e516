"""Amounts as integers of 10^-8: exact, and padded to eight decimals as the venue writes them."""

import re
from functools import lru_cache

SCALE = 100_000_000
DECIMALS = 8

_DECIMAL = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,20}))?")


class TooPrecise(ValueError):
    """A number has more than eight decimals."""


def parse_units(text: str) -> int:
    """Return a decimal string as units.

    Raises:
        TooPrecise: it has more than eight significant decimals.
        ValueError: it is no decimal string, or is negative.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a decimal string, found {text!r}")
    fraction = (match[2] or "").rstrip("0")
    if len(fraction) > DECIMALS:
        raise TooPrecise(f"expected at most {DECIMALS} decimals, found {len(fraction)}")
    return int(match[1]) * SCALE + int(fraction.ljust(DECIMALS, "0"))


def units_text(units: int) -> str:
    """Return units, zero or more, as a decimal string padded to eight decimals."""
    digits = str(units)
    if len(digits) <= DECIMALS:
        return "0." + digits.rjust(DECIMALS, "0")
    return digits[:-DECIMALS] + "." + digits[-DECIMALS:]


cached_units_text = lru_cache(maxsize=16_384)(units_text)
"""`units_text` for values that recur, such as prices and lot sizes."""


def signed_units_text(units: int) -> str:
    """Return units as a decimal string padded to eight decimals, with a minus where they are negative."""
    return f"-{units_text(-units)}" if units < 0 else units_text(units)


def product(price: int, quantity: int) -> int:
    """Return price times quantity in units, rounded down."""
    return price * quantity // SCALE
