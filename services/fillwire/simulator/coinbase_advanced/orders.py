"""An order as this venue shows it: its sums, and never which fills they are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fillwire.simulator.texts import DECIMALS, decimal_text, plain_text, quotient_text

TERMINAL = frozenset({"FILLED", "CANCELLED", "EXPIRED", "FAILED"})
_SCALE = 10**DECIMALS
_AVERAGE_DECIMALS = 16
_VALUE_DECIMALS = 2 * DECIMALS
_FEE_DECIMALS = 3 * DECIMALS


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """What may be seen of an order at one moment; amounts in units, 0 where not sent, times in microseconds.

    Attributes:
        type: LIMIT, MARKET or STOP_LIMIT.
        quote_size: amount in the quote currency by which it was placed, 0 if it was placed by base size.
        filled_value: price times size of all fills, in units of units.
        fees: fees of all fills, in units of units of units: price times size times rate.
        held: what is still locked for it.
        configuration: the order as the placing request said it, or as it was changed.
        edits: what it was changed to, oldest first.
    """

    order_id: str
    client_order_id: str
    product: str
    quote: str
    portfolio_id: str
    user_id: str
    is_buy: bool
    type: str
    time_in_force: str
    status: str
    limit_price: int
    stop_price: int
    base_size: int
    quote_size: int
    is_post_only: bool
    filled: int
    filled_value: int
    fees: int
    fills: int
    held: int
    created_us: int
    expires_us: int
    last_fill_us: int
    trigger_status: str
    cancel_reason: str
    configuration: dict[str, Any]
    edits: Sequence[Mapping[str, str]] = ()

    @property
    def side(self) -> str:
        """Side as the venue writes it."""
        return "BUY" if self.is_buy else "SELL"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in TERMINAL

    @property
    def average_price_text(self) -> str:
        """Mean price over all fills, which is no fill's price."""
        return quotient_text(self.filled_value, self.filled * _SCALE, _AVERAGE_DECIMALS)

    @property
    def filled_value_text(self) -> str:
        """Price times size of all fills."""
        return decimal_text(self.filled_value, _VALUE_DECIMALS)

    @property
    def fees_text(self) -> str:
        """Fees of all fills, in the quote currency."""
        return decimal_text(self.fees, _FEE_DECIMALS)

    @property
    def value_after_fees_text(self) -> str:
        """What was paid for a purchase, or got by a sale, with fees."""
        value = self.filled_value * _SCALE
        return decimal_text(value + self.fees if self.is_buy else value - self.fees, _FEE_DECIMALS)

    @property
    def leaves_text(self) -> str:
        """What is open of it, in the currency it was placed in; zero as soon as it has ended."""
        if self.is_terminal:
            return "0"
        if self.quote_size:
            return decimal_text(self.quote_size * _SCALE - self.filled_value, _VALUE_DECIMALS)
        return plain_text(self.base_size - self.filled)

    @property
    def completion_text(self) -> str:
        """How much of it is filled, in percent with two decimals."""
        part, whole = (
            (self.filled_value, self.quote_size * _SCALE)
            if self.quote_size
            else (self.filled, self.base_size)
        )
        if self.status == "FILLED":
            part = whole
        hundredths = part * 10_000 // whole if whole else 0
        return f"{hundredths // 100}.{hundredths % 100:02d}"
