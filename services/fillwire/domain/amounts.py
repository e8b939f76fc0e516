"""Arithmetic on amounts, exact or rounded in one stated way, whatever decimal context a strategy sets."""

from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

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


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the sum of amounts, unrounded."""
    result = Decimal(0)
    for amount in amounts:
        result = _EXACT.add(result, amount)
    return result


def product(factor: Decimal, other: Decimal) -> Decimal:
    """Return `factor` times `other`, unrounded."""
    return _EXACT.multiply(factor, other)


def share(whole: Decimal, part: Decimal, of: Decimal) -> Decimal:
    """Return `whole` times `part` / `of`, half to even at 16 decimals; `of` is not 0."""
    return _EXACT.quantize(_EXACT.divide(_EXACT.multiply(whole, part), of), _AVERAGE_UNIT)


def floored(amount: Decimal, step: Decimal | None) -> Decimal:
    """Return the largest multiple of `step` that is not above `amount`; without a step, `amount`."""
    return stepped(amount, step, ROUND_FLOOR)


def raised(amount: Decimal, step: Decimal | None) -> Decimal:
    """Return the smallest multiple of `step` that is not below `amount`; without a step, `amount`."""
    return stepped(amount, step, ROUND_CEILING)


def nearest(amount: Decimal, step: Decimal | None) -> Decimal:
    """Return the multiple of `step` nearest to `amount`, half to even; without a step, `amount`."""
    return stepped(amount, step, ROUND_HALF_EVEN)


def stepped(amount: Decimal, step: Decimal | None, rounding: str) -> Decimal:
    """Return the multiple of `step` that `amount` is rounded to in this way; without a step, `amount`."""
    if step is None:
        return amount
    count = _EXACT.divide(amount, step).to_integral_value(rounding)
    return _EXACT.multiply(count, step)
