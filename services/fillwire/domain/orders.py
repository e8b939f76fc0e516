"""What a bot asks of a venue, and what it is told."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from fillwire.domain.enums import Kind, OrderType, Side, TimeInForce


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


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderQuery:
    """A question for one order, named by either id."""

    pair: str
    order_id: str | None = None
    client_order_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrdersQuery:
    """A question for the open orders of an account.

    Attributes:
        pair: only of this pair; None for all.
        label: only those whose client order ids have this label; None for everybody's.
    """

    pair: str | None = None
    label: str | None = None


class Outcome(StrEnum):
    """What is known about a request after it was sent."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOrder:
    """The venue's answer to a request, or an order as its records show it. Fills do not arrive here but as events.

    What the venue did not say is None.

    Attributes:
        outcome: `unknown` when no answer came: the order may exist, query it before asking again.
        venue_status: the venue's own word, None unless accepted.
        cumulative_quantity: base quantity executed when the venue answered.
        reason: why it was rejected or is unknown.
        code: the venue's error code.
        kind: the state of the order: `new`, `partially_filled`, or how it ended.
        quantity: base quantity ordered.
        price: limit price.
        cumulative_quote: quote amount executed when the venue answered.
    """

    outcome: Outcome
    pair: str
    client_order_id: str | None
    order_id: str | None = None
    venue_status: str | None = None
    cumulative_quantity: Decimal | None = None
    reason: str | None = None
    code: int | None = None
    kind: Kind | None = None
    side: Side | None = None
    type: OrderType | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    cumulative_quote: Decimal | None = None

    @property
    def is_open(self) -> bool:
        """Whether the order was open when the venue answered; False also where the answer does not say its state."""
        return self.kind in _OPEN


_OPEN = frozenset({Kind.NEW, Kind.PARTIALLY_FILLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrders:
    """The answer to a question for open orders.

    Attributes:
        orders: all that were asked for; None if they are not known, so that an empty list is a statement.
        reason: why they are not known.
    """

    orders: tuple[TradeOrder, ...] | None
    reason: str | None = None
