"""What clients say to the feed: subscriptions, read from their frames, and the acknowledgement of all there are."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fillwire.simulator.coinbase_exchange.refusals import FeedRefusal, not_subscribed
from fillwire.simulator.exchange.accounts import Account

CHANNELS = frozenset({"user", "full", "matches", "heartbeat"})
"""Channels of the venue that are simulated."""
_PROTECTED = frozenset({"full", "level2", "level3"})
_UNSIGNED = "level2, level3, and full channels now require authentication."
SIGNATURE_MEMBERS = ("signature", "key", "passphrase", "timestamp")


@dataclass(frozen=True, slots=True)
class Wish:
    """What one frame asks for.

    Attributes:
        is_subscribe: whether to begin or to end.
        channels: channels with their products; None for an `unsubscribe` from all of them.
        signature: what signs it, by member; empty if it is not signed.
    """

    is_subscribe: bool
    channels: tuple[tuple[str, tuple[str, ...] | None], ...]
    signature: dict[str, str] = field(default_factory=dict, repr=False)


def read_wish(text: str, products: Iterable[str]) -> Wish:
    """Return what a frame asks for.

    Raises:
        FeedRefusal: it asks for nothing that can be done.
    """
    try:
        document = json.loads(text)
    except ValueError:
        raise FeedRefusal("Malformed JSON", "the message is not valid JSON") from None
    if not isinstance(document, dict) or document.get("type") not in ("subscribe", "unsubscribe"):
        kind = document.get("type") if isinstance(document, dict) else None
        raise FeedRefusal("Invalid message type", f"{kind} is not a valid type")
    is_subscribe = document["type"] == "subscribe"
    known = frozenset(products)
    shared = _products(document.get("product_ids"), known, is_subscribe=is_subscribe)
    entries = document.get("channels")
    if not isinstance(entries, list) or not entries:
        raise _refused("No channels provided", is_subscribe=is_subscribe)
    signature = _signature(document)
    if is_subscribe and not signature and not _PROTECTED.isdisjoint(map(_name, entries)):
        raise not_subscribed(_UNSIGNED)
    channels = tuple(_channel(entry, shared, known, is_subscribe=is_subscribe) for entry in entries)
    return Wish(is_subscribe, channels, signature)


def _name(entry: Any) -> str:
    name = entry.get("name") if isinstance(entry, dict) else entry
    return name if isinstance(name, str) else ""


def _refused(reason: str, *, is_subscribe: bool) -> FeedRefusal:
    return not_subscribed(reason) if is_subscribe else FeedRefusal("Failed to unsubscribe", reason)


def _channel(
    entry: Any, shared: tuple[str, ...] | None, known: frozenset[str], *, is_subscribe: bool
) -> tuple[str, tuple[str, ...] | None]:
    name = _name(entry)
    if name not in CHANNELS:
        raise _refused(f"{name} is not a valid channel", is_subscribe=is_subscribe)
    own = entry.get("product_ids") if isinstance(entry, dict) else None
    products = _products(own, known, is_subscribe=is_subscribe) or shared
    if is_subscribe and not products:
        raise not_subscribed("No product_ids provided")
    return name, products or None


def _products(value: Any, known: frozenset[str], *, is_subscribe: bool) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise _refused("product_ids must be a list", is_subscribe=is_subscribe)
    for name in value:
        if not isinstance(name, str) or name not in known:
            raise _refused(f"{name} is not a valid product", is_subscribe=is_subscribe)
    return tuple(dict.fromkeys(value))


def _signature(document: dict[str, Any]) -> dict[str, str]:
    # the time may be written as a number: what was signed is its text
    return {name: str(document[name]) for name in SIGNATURE_MEMBERS if document.get(name) is not None}


class Channels:
    """What one connection is subscribed to, and as whom."""

    def __init__(self) -> None:
        self._channels: dict[str, dict[str, Account | None]] = {}

    def add(self, channel: str, products: Sequence[str], account: Account | None) -> None:
        """Subscribe. Who was there without a signature stays without, whatever a later subscription carries."""
        known = self._channels.setdefault(channel, {})
        for product in products:
            known.setdefault(product, account)

    def remove(self, channel: str, products: Sequence[str] | None) -> None:
        """Unsubscribe from some products of a channel, or from all of it."""
        known = self._channels.get(channel, {})
        for product in tuple(known) if products is None else products:
            known.pop(product, None)
        if not known:
            self._channels.pop(channel, None)

    def has(self, channel: str, product: str) -> bool:
        """Return whether the connection is to hear of the product on the channel."""
        return product in self._channels.get(channel, ())

    def listener(self, channel: str, product: str) -> Account | None:
        """Return as whom it hears of the product on the channel, None if it does not, or has not signed."""
        return self._channels.get(channel, {}).get(product)

    def products(self, channel: str) -> tuple[str, ...]:
        """Return the products of a channel."""
        return tuple(self._channels.get(channel, ()))

    def acknowledgement(self) -> dict[str, Any]:
        """Return the frame that lists all subscriptions."""
        if not self._channels:
            return {"type": "subscriptions", "product_ids": [], "channels": []}
        return {
            "type": "subscriptions",
            "channels": [
                {"name": name, "product_ids": list(products), "account_ids": None}
                for name, products in self._channels.items()
            ],
        }
