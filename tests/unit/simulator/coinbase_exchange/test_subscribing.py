"""Subscriptions: what a frame may ask for, and the acknowledgement that lists all of them."""

import json
from typing import Any

import pytest

from fillwire.simulator.coinbase_exchange.refusals import FeedRefusal, Refusal, unauthenticated
from fillwire.simulator.coinbase_exchange.subscribing import Channels, Wish, read_wish
from fillwire.simulator.exchange.accounts import Account

ME = Account("me", 1)
PRODUCTS = ("BTC-USD", "ETH-USD")
SIGNED = {"signature": "c2ln", "key": "key", "passphrase": "word", "timestamp": 1700000000}


def read(**members: Any) -> Wish:
    """Return what a subscription with these members asks for."""
    return read_wish(json.dumps({"type": "subscribe", **members}), PRODUCTS)


def test_products_stand_at_the_root_or_with_their_channel() -> None:
    """A channel's own products win over those of the root."""
    wish = read(product_ids=["BTC-USD"], channels=["user", {"name": "heartbeat", "product_ids": ["ETH-USD"]}])
    assert wish.channels == (("user", ("BTC-USD",)), ("heartbeat", ("ETH-USD",)))
    assert wish.signature == {}


def test_the_signature_is_read_as_text() -> None:
    """Clients write the time as a number, too; what was signed is its text."""
    wish = read(product_ids=["BTC-USD"], channels=["full"], **SIGNED)
    assert wish.signature == {**SIGNED, "timestamp": "1700000000"}
    assert "c2ln" not in repr(wish)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"product_ids": ["BTC-USD"]}, "No channels provided"),
        ({"product_ids": ["BTC-USD"], "channels": []}, "No channels provided"),
        ({"product_ids": ["BTCUSD"], "channels": ["user"]}, "BTCUSD is not a valid product"),
        ({"product_ids": [7], "channels": ["user"]}, "7 is not a valid product"),
        ({"product_ids": ["BTC-USD"], "channels": ["users"]}, "users is not a valid channel"),
        ({"product_ids": ["BTC-USD"], "channels": [7]}, " is not a valid channel"),
        ({"channels": ["user"]}, "No product_ids provided"),
        (
            {"product_ids": ["BTC-USD"], "channels": ["heartbeat", {"name": "full"}]},
            "level2, level3, and full channels now require authentication.",
        ),
    ],
)
def test_what_cannot_be_subscribed_to(members: dict[str, Any], reason: str) -> None:
    """The answer names what is wrong, and the connection stays."""
    with pytest.raises(FeedRefusal) as caught:
        read(**members)
    assert caught.value.frame() == {"type": "error", "message": "Failed to subscribe", "reason": reason}
    assert not caught.value.closes


@pytest.mark.parametrize("text", ["{", "[]", '"subscribe"', '{"type":"hello"}', "{}"])
def test_other_messages(text: str) -> None:
    """What is no subscription is answered with an error, too."""
    with pytest.raises(FeedRefusal):
        read_wish(text, PRODUCTS)


def test_an_end_without_channels() -> None:
    """The venue's own example of a failed unsubscription."""
    with pytest.raises(FeedRefusal) as caught:
        read_wish('{"type":"unsubscribe"}', PRODUCTS)
    assert caught.value.frame() == {
        "type": "error",
        "message": "Failed to unsubscribe",
        "reason": "No channels provided",
    }


def test_a_refused_signature_is_told_inside_the_reason() -> None:
    """The reason is JSON in a string, and the connection ends."""
    refusal = unauthenticated(Refusal("Invalid API Key", 401))
    assert refusal.frame() == {
        "type": "error",
        "message": "Authentication Failed",
        "reason": '{"message":"Invalid API Key"}',
    }
    assert refusal.closes


def test_the_acknowledgement_lists_everything() -> None:
    """It is cumulative, and empty after the last channel has ended."""
    channels = Channels()
    channels.add("user", ("BTC-USD",), ME)
    channels.add("heartbeat", PRODUCTS, ME)
    channels.add("user", ("ETH-USD",), ME)
    assert channels.acknowledgement() == {
        "type": "subscriptions",
        "channels": [
            {"name": "user", "product_ids": ["BTC-USD", "ETH-USD"], "account_ids": None},
            {"name": "heartbeat", "product_ids": ["BTC-USD", "ETH-USD"], "account_ids": None},
        ],
    }
    channels.remove("heartbeat", ("BTC-USD",))
    assert channels.products("heartbeat") == ("ETH-USD",)
    channels.remove("heartbeat", None)
    channels.remove("user", PRODUCTS)
    assert channels.acknowledgement() == {"type": "subscriptions", "product_ids": [], "channels": []}


def test_who_came_unsigned_stays_unsigned() -> None:
    """A signature that comes later does not lift an earlier subscription without one."""
    channels = Channels()
    channels.add("user", ("BTC-USD",), None)
    channels.add("user", ("BTC-USD", "ETH-USD"), ME)
    assert channels.has("user", "BTC-USD")
    assert channels.listener("user", "BTC-USD") is None
    assert channels.listener("user", "ETH-USD") is ME
