"""What an account of a scripted venue has."""

from collections.abc import Mapping
from decimal import Decimal

from fillwire.domain.enums import Side
from fillwire.sdk.trading import Amount
from fillwire.testing.markets import Market

_ZERO = Decimal(0)


class Balances:
    """Amounts by currency, and what of them is set aside for open orders.

    Args:
        amounts: what the account begins with.
    """

    def __init__(self, amounts: Mapping[str, Amount]) -> None:
        self._total = {currency: Decimal(value) for currency, value in amounts.items()}
        self._locked: dict[str, Decimal] = {}

    def total(self, currency: str) -> Decimal:
        """Return all that the account has."""
        return self._total.get(currency, _ZERO)

    def free(self, currency: str) -> Decimal:
        """Return what is not set aside."""
        return self.total(currency) - self._locked.get(currency, _ZERO)

    def add(self, currency: str, change: Decimal) -> None:
        """Deposit, or with a negative amount withdraw."""
        self._total[currency] = self.total(currency) + change

    def lock(self, currency: str, change: Decimal) -> None:
        """Set aside, or with a negative amount release."""
        self._locked[currency] = self._locked.get(currency, _ZERO) + change

    def trade(self, market: Market, side: Side, quantity: Decimal, quote: Decimal) -> None:
        """Book an execution without its fee."""
        sign = 1 if side is Side.BUY else -1
        self.add(market.base, sign * quantity)
        self.add(market.quote, -sign * quote)
