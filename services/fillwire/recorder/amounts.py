"""Arithmetic on money: exact, or rounded in one stated place with nothing lost."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

# Wide enough that no sum, difference or product of amounts is rounded, whatever decimal context the program sets.
_EXACT = Context(prec=400, rounding=ROUND_HALF_EVEN)
_SHARE_UNIT = Decimal("1e-18")

ZERO = Decimal(0)


def total(left: Decimal, right: Decimal) -> Decimal:
    """Return the sum, unrounded."""
    return _EXACT.add(left, right)


def rest(minuend: Decimal, subtrahend: Decimal) -> Decimal:
    """Return the difference, unrounded."""
    return _EXACT.subtract(minuend, subtrahend)


def product(left: Decimal, right: Decimal) -> Decimal:
    """Return the product, unrounded."""
    return _EXACT.multiply(left, right)


def share(value: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return the part of a value that goes with a part of its quantity: half to even at 18 decimals.

    All of the value with all of the quantity. Who keeps the rest of the value with the rest of the quantity loses nothing.
    """
    if part == whole:
        return value
    return _rounded(_EXACT.divide(_EXACT.multiply(value, part), whole))


def average(value: Decimal, quantity: Decimal) -> Decimal:
    """Return a value by its quantity: half to even at 18 decimals."""
    return _rounded(_EXACT.divide(value, quantity))


def _rounded(value: Decimal) -> Decimal:
    return _EXACT.normalize(_EXACT.quantize(value, _SHARE_UNIT))
