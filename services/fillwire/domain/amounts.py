"""Arithmetic on amounts, exact or rounded in one stated way, whatever decimal context a strategy sets."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

# Wide enough that no sum or difference of amounts is rounded.
_EXACT = Context(prec=200, rounding=ROUND_HALF_EVEN)
_AVERAGE_UNIT = Decimal("1e-16")


def difference(minuend: Decimal, subtrahend: Decimal) -> Decimal:
    """Return `minuend` - `subtrahend`, unrounded."""
    return _EXACT.subtract(minuend, subtrahend)


def average_price(cumulative_quote: Decimal | None, cumulative_quantity: Decimal) -> Decimal | None:
    """Return the price that an order's executions average to, as the parser computes it: half to even at 16 decimals.

    None before the first execution, and where the venue does not say the quote amount.
    """
    if cumulative_quote is None or not cumulative_quantity:
        return None
    return _EXACT.quantize(_EXACT.divide(cumulative_quote, cumulative_quantity), _AVERAGE_UNIT)
