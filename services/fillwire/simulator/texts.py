"""How venues write amounts and times that they do not pad: decimals without trailing zeros, times by RFC 3339."""

from datetime import UTC, datetime, timedelta

DECIMALS = 8
"""Decimals of a unit: amounts are integers of 10^-8."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NS = 1_000_000_000


def plain_text(units: int) -> str:
    """Return units as a decimal string without trailing zeros."""
    return decimal_text(units, DECIMALS)


def exact_product_text(*factors: int) -> str:
    """Return the product of amounts in units as a decimal string, with all the decimals it has."""
    result = 1
    for factor in factors:
        result *= factor
    return decimal_text(result, DECIMALS * len(factors))


def quotient_text(dividend: int, divisor: int, decimals: int) -> str:
    """Return dividend by divisor as a decimal string rounded down, without trailing zeros; `0` where nothing divides."""
    return "0" if divisor == 0 else decimal_text(dividend * 10**decimals // divisor, decimals)


def decimal_text(number: int, decimals: int) -> str:
    """Return an integer of 10^-decimals as a decimal string without trailing zeros."""
    sign = "-" if number < 0 else ""
    digits = str(abs(number)).rjust(decimals + 1, "0")
    whole, fraction = digits[:-decimals], digits[-decimals:].rstrip("0")
    return f"{sign}{whole}.{fraction}" if fraction else sign + whole


def rfc3339(time_ns: int, digits: int = 6) -> str:
    """Return a time in UTC with up to `digits` digits of the second's fraction, zeros at its end left out."""
    seconds, fraction_ns = divmod(time_ns, _NS)
    whole = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{fraction_ns:09d}"[:digits].rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


def read_rfc3339_us(text: str) -> int:
    """Return a time written by RFC 3339, or by its date alone, in microseconds since the epoch.

    Raises:
        ValueError: it is neither.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)
