"""Sums over an order's executions, exact and kept up to date, for venues that show them all the time."""

from collections.abc import Iterable
from dataclasses import dataclass

from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.orders import Order


@dataclass(slots=True)
class Tally:
    """Sums over executions.

    Attributes:
        value: price times size, in units of units.
        fees: price times size times rate, in units of units of units.
        last_us: time of the latest, 0 before the first.
    """

    value: int = 0
    fees: int = 0
    fills: int = 0
    last_us: int = 0

    def add(self, account: Account, rows: Iterable[int]) -> None:
        """Add executions of an account."""
        log = account.executions
        for row in rows:
            fill = log.execution(row)
            value = fill.price * fill.quantity
            self.value += value
            self.fees += value * (account.maker_rate if fill.is_maker else account.taker_rate)
            self.fills += 1
            self.last_us = fill.time_us


class Tallies:
    """Sums over all executions of each order."""

    def __init__(self) -> None:
        self._tallies: dict[Order, Tally] = {}

    def of(self, order: Order) -> Tally:
        """Return an order's sums as they are now; the object changes with the order."""
        tally = self._tallies.setdefault(order, Tally())
        tally.add(order.account, order.rows[tally.fills :])
        return tally

    def clear(self) -> None:
        """Forget all orders."""
        self._tallies.clear()
