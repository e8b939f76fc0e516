"""Scripted venues of one pair with round numbers, and what is open there."""

from decimal import Decimal

from fillwire.testing import ScriptedVenue, VenueOrder, market
from fillwire.wire.decimals import decimal_text

PAIR = "BTC-USDT"


def venue_at(price: int, fee: str = "0", fee_in: str = "received", **balances: int) -> ScriptedVenue:
    """Return a venue whose price is there; a fee in a third currency is paid at 10 for each of it."""
    return ScriptedVenue(
        market(
            PAIR,
            price,
            price_step="0.01",
            quantity_step="0.01",
            min_notional=10,
            maker_fee=fee,
            taker_fee=fee,
            fee_in=fee_in,
            fee_price=10,
        ),
        balances=balances or None,
    )


def orders(venue: ScriptedVenue) -> list[str]:
    """Return the open orders as people read them, lowest price first."""
    found = sorted(venue.open_orders(PAIR), key=lambda order: order.request.price or 0)
    return [
        f"{order.request.side} {decimal_text(order.request.quantity)} at {decimal_text(order.request.price or Decimal(0))}"
        for order in found
    ]


def order_at(venue: ScriptedVenue, price: int) -> VenueOrder:
    """Return the open order of a price."""
    return next(order for order in venue.open_orders() if order.request.price == price)
