"""How the engine says no; a venue puts it into its own words."""

from enum import Enum


class Reason(Enum):
    """Why an order or a request cannot be."""

    UNKNOWN_SYMBOL = "unknown symbol"
    DUPLICATE_ORDER = "client order id belongs to an open order"
    INSUFFICIENT_BALANCE = "insufficient balance"
    WOULD_MATCH = "order would match immediately"
    WOULD_TRIGGER = "order would trigger immediately"
    NO_LIQUIDITY = "order book liquidity is below one step"
    QUANTITY_INCREASED = "an amendment cannot increase the quantity"
    NOTHING_CHANGED = "the amendment would change no state"
    TOO_MANY_AMENDMENTS = "order was amended too often"


class Refused(Exception):
    """The engine does not do what was asked; nothing has changed."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
