"""Decimals as the venue writes them, without trailing zeros, and as clients send them: strings or numbers."""

import re
from decimal import Decimal

from fillwire.simulator.exchange.units import parse_units, units_text

_AVERAGE_SCALE = 1_000_000_000
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,2})?")


def plain(units: int) -> str:
    """Return units as a decimal string without trailing zeros."""
    sign, text = ("-", units_text(-units)) if units < 0 else ("", units_text(units))
    return sign + text.rstrip("0").rstrip(".")


def average(quote: int, quantity: int) -> str | None:
    """Return the average price of what was executed, rounded to nine decimals; None if nothing was."""
    if quantity == 0:
        return None
    value = (2 * quote * _AVERAGE_SCALE + quantity) // (2 * quantity)
    whole, fraction = divmod(value, _AVERAGE_SCALE)
    return f"{whole}.{fraction:09d}".rstrip("0").rstrip(".")


def read_units(text: str) -> int:
    """Return a decimal, also one with an exponent as some clients write small numbers, as units.

    Raises:
        ValueError: it is no decimal, is negative, or has more than eight decimals.
    """
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"expected a decimal, found {text!r}")
    return parse_units(format(Decimal(text), "f"))
