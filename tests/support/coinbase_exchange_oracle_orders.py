"""What the oracle of Coinbase Exchange keeps: the life of each order, and the numbers of each product."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from support.coinbase_exchange_oracle_events import Trade


@dataclass(slots=True)
class Count:
    """Numbers of one product: all up to `frontier` have come or were missed, those in `early` have come beyond it."""

    frontier: int | None = None
    is_alone: bool = False
    early: set[int] = field(default_factory=set)
    heartbeat: int | None = None

    def move(self, number: int) -> bool:
        """Take `number` for the frontier; return whether one between was missed."""
        assert self.frontier is not None
        missed = set(range(self.frontier + 1, number)) - self.early
        self.frontier = number
        while self.frontier + 1 in self.early:
            self.frontier += 1
        self.early = {early for early in self.early if early > self.frontier}
        return bool(missed)


@dataclass(slots=True)
class Order:
    """An order; `base` and `base_quote` were executed up to trade `base_id` and are in the records."""

    symbol: str
    side: str
    facts: dict[str, Any] = field(default_factory=dict)
    trades: list[Trade] = field(default_factory=list)
    base: Decimal = Decimal(0)
    base_quote: Decimal | None = Decimal(0)
    base_id: int = -1
    last: int = -1
    doubted_ns: int | None = None
    was_received: bool = False
    is_stop: bool = False
    held: Trade | None = None

    @property
    def cumulative(self) -> Decimal:
        """What is executed."""
        return self.base + sum((trade.quantity for trade in self.trades), Decimal(0))

    @property
    def quote(self) -> Decimal | None:
        """The amount of that."""
        if self.base_quote is None:
            return None
        return self.base_quote + sum((trade.price * trade.quantity for trade in self.trades), Decimal(0))

    @property
    def quantity(self) -> Decimal | None:
        """What was ordered."""
        quantity: Decimal | None = self.facts.get("quantity")
        return quantity

    @property
    def is_doubted(self) -> bool:
        """Whether its messages say no more than that the records must tell."""
        return self.doubted_ns is not None

    @property
    def is_behind(self) -> bool:
        """Whether trades were not told."""
        return any(not trade.is_told for trade in self.trades)

    def doubt(self, now_ns: int) -> None:
        """Doubt it from now on."""
        if self.doubted_ns is None:
            self.doubted_ns = now_ns

    def prove(self, remaining: Decimal | None) -> None:
        """Believe what is known, if it leaves just `remaining`."""
        if remaining is not None and self.fits(remaining) and not self.is_behind:
            self.doubted_ns = None

    def fits(self, remaining: Decimal) -> bool:
        """Whether what remains and what is executed are the whole."""
        return self.quantity is not None and self.cumulative + remaining == self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the records show of an open order, for the oracle."""

    order_id: str
    symbol: str
    values: Mapping[str, Any]
    side: str
    executed: Decimal
    quote: Decimal | None
    last_trade_id: int | None
    is_open: bool = True
