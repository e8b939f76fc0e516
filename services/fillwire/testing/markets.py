"""The pairs of a scripted venue: price, rules, and what the venue takes of an execution."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from fillwire.domain.enums import OrderType, Side
from fillwire.domain.rules import PairRules, broken_rule

if TYPE_CHECKING:
    from fillwire.domain.orders import OrderRequest

_FEE_UNIT = Decimal("1e-8")
RECEIVED = "received"


@dataclass(slots=True, kw_only=True)
class Market:
    """One pair of a scripted venue.

    Attributes:
        pair: our spelling, `BASE-QUOTE`.
        rules: what the venue demands of orders.
        price: of now: bids rest below it, asks above.
        depth: base quantity that takers find at this price until it moves; None for as much as they like.
        maker_fee: rate, of the executed amount.
        taker_fee: rate, of the executed amount.
        fee_in: `received` for the asset that was received, or a currency.
        fee_price: of one unit of that currency in quote currency, if it is neither base nor quote.
        tells_fees: whether executions say their fee; a venue whose stream does not is told apart by this.
    """

    pair: str
    rules: PairRules
    price: Decimal
    depth: Decimal | None = None
    maker_fee: Decimal = Decimal(0)
    taker_fee: Decimal = Decimal(0)
    fee_in: str = RECEIVED
    fee_price: Decimal = Decimal(1)
    tells_fees: bool = True

    @property
    def base(self) -> str:
        """The asset that is traded."""
        return self.pair.rpartition("-")[0]

    @property
    def quote(self) -> str:
        """The asset that it is paid in."""
        return self.pair.rpartition("-")[2]

    def fee_currency(self, side: Side) -> str:
        """Return in which currency the fee of an execution is taken."""
        if self.fee_in != RECEIVED:
            return self.fee_in
        return self.base if side is Side.BUY else self.quote

    def fee(self, side: Side, quantity: Decimal, quote: Decimal, *, is_maker: bool) -> Decimal:
        """Return the fee of an execution, rounded down to eight decimals."""
        rate = self.maker_fee if is_maker else self.taker_fee
        currency = self.fee_currency(side)
        if currency == self.base:
            value = quantity
        elif currency == self.quote:
            value = quote
        else:
            value = quote / self.fee_price
        return (value * rate).quantize(_FEE_UNIT, ROUND_DOWN)

    def crosses(self, side: Side, price: Decimal | None) -> bool:
        """Return whether an order of this price trades at once; one without a price does."""
        return price is None or (price >= self.price if side is Side.BUY else price <= self.price)

    def objection(self, request: "OrderRequest") -> str | None:
        """Return what the rules have against an order, None if nothing."""
        broken = broken_rule(self.rules, request)
        if broken is not None:
            return broken
        notional = self.rules.min_notional
        if request.price is None and notional is not None and request.quantity * self.price < notional:
            return f"an order of {request.quantity * self.price} {self.quote}: expected at least {notional}"
        if request.type is OrderType.LIMIT_MAKER and self.crosses(request.side, request.price):
            return f"price {request.price} would trade at once, at {self.price}: expected one that rests"
        return None
