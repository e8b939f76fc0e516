"""What clients say to the feed: one channel per message, each with a token of its own."""

import json
from dataclasses import dataclass, field

CHANNELS = frozenset({"user", "heartbeats"})
"""Channels of the venue that are simulated."""


class WishRefused(Exception):
    """A message asks for nothing that can be done; the text is what the venue answers."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one message asks for.

    Attributes:
        products: products of the channel; none means all.
        token: what signs it, empty if it is not signed.
    """

    is_subscribe: bool
    channel: str
    products: tuple[str, ...]
    token: str = field(repr=False)


def read_wish(text: str) -> Wish:
    """Return what a message asks for.

    Raises:
        WishRefused: it asks for nothing that can be done.
    """
    try:
        document = json.loads(text)
    except ValueError:
        raise WishRefused("invalid message") from None
    if not isinstance(document, dict) or document.get("type") not in ("subscribe", "unsubscribe"):
        raise WishRefused("invalid message")
    channel = document.get("channel")
    if not isinstance(channel, str) or channel not in CHANNELS:
        # the real venue says so, too, of a channel that it does not know
        raise WishRefused("authentication failure")
    products = document.get("product_ids") or ()
    if not isinstance(products, list | tuple) or not all(isinstance(name, str) for name in products):
        raise WishRefused("invalid product_ids")
    token = document.get("jwt")
    return Wish(
        document["type"] == "subscribe", channel, tuple(products), token if isinstance(token, str) else ""
    )
