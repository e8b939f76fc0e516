"""Messages of the feed as JSON documents: what everybody may see of an order, and what its owner sees more.

Decimals are strings without trailing zeros; `sequence` and `trade_id` are numbers. `match.side` is the maker's side.
"""

from dataclasses import dataclass
from typing import Any

from fillwire.simulator.texts import plain_text, rfc3339

TIME_IN_FORCE = "101:Time In Force"
SELF_TRADE_PREVENTION = "102:Self Trade Prevention"
INSUFFICIENT_FUNDS = "105:Insufficient Funds"
INSUFFICIENT_LIQUIDITY = "106:Insufficient Liquidity"
"""Reasons of a cancellation that nobody asked for; the owner's own cancel carries none."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an account is on the feed."""

    user_id: str
    profile_id: str

    def fields(self) -> dict[str, str]:
        """Return the members by which an owner knows a message as its own."""
        return {"user_id": self.user_id, "profile_id": self.profile_id}

    def maker_fields(self, rate: str) -> dict[str, str]:
        """Return what a maker sees more of its match."""
        return {
            **self.fields(),
            "maker_user_id": self.user_id,
            "maker_profile_id": self.profile_id,
            "maker_fee_rate": rate,
        }

    def taker_fields(self, rate: str) -> dict[str, str]:
        """Return what a taker sees more of its match."""
        return {
            **self.fields(),
            "taker_user_id": self.user_id,
            "taker_profile_id": self.profile_id,
            "taker_fee_rate": rate,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in a product's feed a message stands.

    Attributes:
        time_us: time of the matching event, the same for all its messages.
        sequence: number of the message among all of the product.
    """

    product: str
    time_us: int
    sequence: int

    def document(self, kind: str, side: str) -> dict[str, Any]:
        """Return the members that begin every message of an order."""
        return {
            "type": kind,
            "side": side,
            "product_id": self.product,
            "time": rfc3339(self.time_us * 1_000),
            "sequence": self.sequence,
        }


def side_text(is_buy: bool) -> str:
    """Return a side as the venue writes it."""
    return "buy" if is_buy else "sell"


def received(  # noqa: PLR0913 - the facts of an order
    place: Place, order_id: str, *, is_buy: bool, size: int, price: int, funds: int = 0
) -> dict[str, Any]:
    """Return the message that an order has been accepted; amounts that are 0 were not sent. No price: a market order."""
    document = place.document("received", side_text(is_buy))
    document |= {"order_id": order_id, "order_type": "limit" if price else "market"}
    for name, units in (("size", size), ("funds", funds), ("price", price)):
        if units:
            document[name] = plain_text(units)
    return document


def opened(place: Place, order_id: str, *, is_buy: bool, price: int, remaining: int) -> dict[str, Any]:
    """Return the message that an order, or what is left of it, rests on the book."""
    return place.document("open", side_text(is_buy)) | {
        "price": plain_text(price),
        "order_id": order_id,
        "remaining_size": plain_text(remaining),
    }


def matched(  # noqa: PLR0913 - the facts of a trade
    place: Place,
    *,
    trade_id: int,
    maker_order_id: str,
    taker_order_id: str,
    maker_is_buy: bool,
    size: int,
    price: int,
) -> dict[str, Any]:
    """Return the message of a trade. It says nothing of what is left of either order."""
    return place.document("match", side_text(maker_is_buy)) | {
        "trade_id": trade_id,
        "maker_order_id": maker_order_id,
        "taker_order_id": taker_order_id,
        "size": plain_text(size),
        "price": plain_text(price),
    }


def done(  # noqa: PLR0913 - the facts of an order
    place: Place, order_id: str, *, is_buy: bool, is_filled: bool, price: int, remaining: int
) -> dict[str, Any]:
    """Return an order's last message; a market order's shows neither price nor what is left."""
    document = place.document("done", side_text(is_buy)) | {
        "order_id": order_id,
        "reason": "filled" if is_filled else "canceled",
    }
    if price:
        document |= {"price": plain_text(price), "remaining_size": plain_text(remaining)}
    return document


def decremented(  # noqa: PLR0913 - the facts of a change
    place: Place, order_id: str, *, is_buy: bool, price: int, old_size: int, new_size: int
) -> dict[str, Any]:
    """Return the message that self-trade prevention made an order smaller; sizes are what is open of it."""
    document = place.document("change", side_text(is_buy)) | {
        "reason": "STP",
        "order_id": order_id,
        "old_size": plain_text(old_size),
        "new_size": plain_text(new_size),
    }
    if price:
        document["price"] = plain_text(price)
    return document


def modified(  # noqa: PLR0913 - the facts of a change
    place: Place,
    order_id: str,
    *,
    is_buy: bool,
    old_price: int,
    new_price: int,
    old_size: int,
    new_size: int,
) -> dict[str, Any]:
    """Return the message that its owner changed an order; sizes are what is open of it."""
    return place.document("change", side_text(is_buy)) | {
        "reason": "modify_order",
        "order_id": order_id,
        "old_size": plain_text(old_size),
        "new_size": plain_text(new_size),
        "old_price": plain_text(old_price),
        "new_price": plain_text(new_price),
    }


def activated(  # noqa: PLR0913 - the facts of a stop order
    *,
    product: str,
    time_us: int,
    order_id: str,
    stop_type: str,
    is_buy: bool,
    stop_price: int,
    size: int,
    funds: int = 0,
) -> dict[str, Any]:
    """Return the message that a stop order has been placed: for its owner alone, without a sequence."""
    document = {
        "type": "activate",
        "product_id": product,
        "timestamp": f"{time_us // 1_000_000}.{time_us % 1_000_000:06d}",
        "order_id": order_id,
        "stop_type": stop_type,
        "side": side_text(is_buy),
        "stop_price": plain_text(stop_price),
        "size": plain_text(size),
    }
    if funds:
        document["funds"] = plain_text(funds)
    return document | {"private": True}


def heartbeat(place: Place, last_trade_id: int) -> dict[str, Any]:
    """Return a product's sign of life, with the last sequence that was given away."""
    return {
        "type": "heartbeat",
        "sequence": place.sequence,
        "last_trade_id": last_trade_id,
        "product_id": place.product,
        "time": rfc3339(place.time_us * 1_000),
    }
