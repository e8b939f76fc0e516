"""What a bot has, owes and has earned: sums over its executions, exact, each fee in its own currency."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from fillwire.domain.amounts import difference, product, share, total
from fillwire.domain.enums import Side
from fillwire.domain.events import Fill
from fillwire.wire.decimals import decimal_text

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One execution as the books take it.

    Attributes:
        quantity: base quantity.
        quote: quote amount, without fee.
        fee: None where the venue has not said it.
        fee_currency: of the fee.
        time_ns: when the venue executed it.
    """

    side: Side
    quantity: Decimal
    quote: Decimal
    fee: Decimal | None
    fee_currency: str | None
    time_ns: int

    @classmethod
    def of(cls, side: Side, fill: Fill, time_ns: int) -> "Execution":
        """Return what an event says of its execution."""
        return cls(
            side=side,
            quantity=fill.quantity,
            quote=product(fill.price, fill.quantity) if fill.quote is None else fill.quote,
            fee=fill.fee,
            fee_currency=fill.fee_currency,
            time_ns=time_ns,
        )

    def fee_in(self, currency: str) -> Decimal:
        """Return the fee if it was taken in this currency, else 0; also while it is not said."""
        return self.fee if self.fee is not None and self.fee_currency == currency else _ZERO


@dataclass(slots=True)
class Books:
    """What all executions of a bot add up to.

    Attributes:
        base_currency: what is traded.
        quote_currency: what it is paid in.
        base: bought less sold, less fees taken in it.
        quote: received less paid, less fees taken in it.
        fees: by currency.
        realised: profit of what was sold, by currency: in quote currency after the cost of what was sold and its fees; in
            a third currency the fees that were paid in it, as a loss.
        round_count: how often a purchase was sold again.
        execution_count: how many executions there were.
        untold_fee_count: of these, so many of which the venue has not said the fee.
    """

    base_currency: str
    quote_currency: str
    base: Decimal = _ZERO
    quote: Decimal = _ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)
    realised: dict[str, Decimal] = field(default_factory=dict)
    round_count: int = 0
    execution_count: int = 0
    untold_fee_count: int = 0

    def take(self, execution: Execution) -> None:
        """Add an execution."""
        self.execution_count += 1
        sign = 1 if execution.side is Side.BUY else -1
        self.base = total((self.base, sign * execution.quantity, -execution.fee_in(self.base_currency)))
        self.quote = total((self.quote, -sign * execution.quote, -execution.fee_in(self.quote_currency)))
        if execution.fee is None or execution.fee_currency is None:
            self.untold_fee_count += 1
            return
        currency = execution.fee_currency
        self.fees[currency] = total((self.fees.get(currency, _ZERO), execution.fee))
        if currency not in {self.base_currency, self.quote_currency}:
            self.realise(currency, -execution.fee)

    def realise(self, currency: str, profit: Decimal) -> None:
        """Add a profit or a loss."""
        self.realised[currency] = total((self.realised.get(currency, _ZERO), profit))

    def document(self) -> dict[str, Any]:
        """Return the books as JSON can hold them."""
        return {
            "base": decimal_text(self.base),
            "quote": decimal_text(self.quote),
            "fees": _texts(self.fees),
            "realised": _texts(self.realised),
            "rounds": self.round_count,
            "executions": self.execution_count,
            "untold_fees": self.untold_fee_count,
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take over what `document` returned."""
        self.base, self.quote = Decimal(document["base"]), Decimal(document["quote"])
        self.fees = {currency: Decimal(text) for currency, text in document["fees"].items()}
        self.realised = {currency: Decimal(text) for currency, text in document["realised"].items()}
        self.round_count = int(document["rounds"])
        self.execution_count = int(document["executions"])
        self.untold_fee_count = int(document["untold_fees"])


def _texts(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: decimal_text(amount) for currency, amount in amounts.items()}


@dataclass(slots=True)
class Position:
    """What was bought and not sold yet, and what it cost.

    Attributes:
        held: base quantity, after fees taken in it.
        cost: in quote currency, with fees taken in it.
    """

    held: Decimal = _ZERO
    cost: Decimal = _ZERO

    def buy(self, execution: Execution, base: str, quote: str, untold_fee: Decimal = _ZERO) -> None:
        """Add a purchase; where its fee is not said, `untold_fee` of it, a rate, is taken for gone."""
        gone = product(execution.quantity, untold_fee) if execution.fee is None else execution.fee_in(base)
        self.held = total((self.held, execution.quantity, -gone))
        self.cost = total((self.cost, execution.quote, execution.fee_in(quote)))

    def sell(self, execution: Execution, base: str, quote: str) -> Decimal:
        """Take a sale out, with its share of the cost; return the profit in quote currency."""
        gone = total((execution.quantity, execution.fee_in(base)))
        cost = self.cost if gone >= self.held else share(self.cost, gone, self.held)
        self.held = difference(self.held, gone)
        self.cost = difference(self.cost, cost)
        return total((execution.quote, -execution.fee_in(quote), -cost))

    def absorb(self, other: "Position") -> None:
        """Take over all of another position."""
        self.held, self.cost = total((self.held, other.held)), total((self.cost, other.cost))
        other.held = other.cost = _ZERO

    def document(self) -> list[str]:
        """Return the position as JSON can hold it."""
        return [decimal_text(self.held), decimal_text(self.cost)]

    @classmethod
    def restored(cls, document: list[str]) -> "Position":
        """Return what `document` returned."""
        return cls(Decimal(document[0]), Decimal(document[1]))
