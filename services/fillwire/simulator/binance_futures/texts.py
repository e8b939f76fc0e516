"""Numbers as USD-M Futures writes them: without padding."""

from functools import lru_cache

from fillwire.simulator.exchange.units import signed_units_text

_AVERAGE_DECIMALS = 5


@lru_cache(maxsize=16_384)
def plain(units: int) -> str:
    """Return units as a decimal string without superfluous zeros."""
    return signed_units_text(units).rstrip("0").rstrip(".")


def average(quote: int, quantity: int) -> str:
    """Return the average price as the venue rounds it; `0` before the first execution."""
    if quantity == 0:
        return "0"
    scale = 10**_AVERAGE_DECIMALS
    rounded = (2 * quote * scale + quantity) // (2 * quantity)
    whole, fraction = divmod(rounded, scale)
    return f"{whole}.{fraction:0{_AVERAGE_DECIMALS}d}".rstrip("0").rstrip(".")
