"""Checks of parameters: each refusal names the parameter, what was found and what was expected."""

from decimal import Decimal

from fillwire.domain.amounts import nearest
from fillwire.domain.errors import ConfigError
from fillwire.wire.decimals import decimal_text

_SHOWN = Decimal("1e-8")


def positive(name: str, value: Decimal | None) -> None:
    """Refuse an amount that is not greater than 0; None passes.

    Raises:
        ConfigError: it is not.
    """
    if value is not None and not (value.is_finite() and value > 0):
        raise ConfigError(f"{name} is {value}: expected a decimal number greater than 0")


def rate(name: str, value: Decimal | None, *, may_be_zero: bool = False) -> None:
    """Refuse a rate that is not between 0 and 1, such as 0.01 for one percent; None passes.

    Raises:
        ConfigError: it is not.
    """
    if value is None:
        return
    is_rate = value.is_finite() and 0 <= value < 1
    if not is_rate or (value == 0 and not may_be_zero):
        raise ConfigError(f"{name} is {value}: expected a rate between 0 and 1, such as 0.01 for one percent")


def whole(name: str, value: int, least: int, most: int) -> None:
    """Refuse a number out of bounds.

    Raises:
        ConfigError: it is.
    """
    if not least <= value <= most:
        raise ConfigError(f"{name} is {value}: expected {least} to {most}")


def shown(amount: Decimal) -> str:
    """Return an amount as a person reads it, at eight decimals at most."""
    return decimal_text(nearest(amount, _SHOWN))
