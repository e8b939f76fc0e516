"""What a bot asks of a venue, and what it is told."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from fillwire.domain.enums import OrderType, Side, TimeInForce


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order to be placed.

    Attributes:
        client_order_id: derived from the bot and the event that caused the order, so that asking twice places once.
        pair: our spelling, `BASE-QUOTE`.
        quantity: base quantity.
        price: limit price, None for market orders.
        time_in_force: None where the order type has none.
    """

    client_order_id: str
    pair: str
    side: Side
    type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequest:
    """An order to be cancelled, named by either id."""

    pair: str
    order_id: str | None = None
    client_order_id: str | None = None


class Outcome(StrEnum):
    """What is known about a request after it was sent."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOrder:
    """The venue's answer to a request. Fills do not arrive here but as events.

    Attributes:
        outcome: `unknown` when no answer came: the order may exist, query it before asking again.
        venue_status: the venue's own word, None unless accepted.
        cumulative_quantity: base quantity executed when the venue answered.
        reason: why it was rejected or is unknown.
        code: the venue's error code.
    """

    outcome: Outcome
    pair: str
    client_order_id: str | None
    order_id: str | None = None
    venue_status: str | None = None
    cumulative_quantity: Decimal | None = None
    reason: str | None = None
    code: int | None = None
