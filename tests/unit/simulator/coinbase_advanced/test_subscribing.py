"""Subscriptions: one channel per message, products optional."""

import json
from typing import Any

import pytest

from fillwire.simulator.coinbase_advanced.subscribing import Wish, WishRefused, read_wish


def test_a_subscription() -> None:
    """No products means all of them, and the token never prints."""
    text = json.dumps({"type": "subscribe", "channel": "user", "product_ids": ["BTC-USD"], "jwt": "abc"})
    wish = read_wish(text)
    assert wish == Wish(is_subscribe=True, channel="user", products=("BTC-USD",), token="abc")
    assert "abc" not in repr(wish)
    assert read_wish('{"type":"unsubscribe","channel":"heartbeats"}') == Wish(
        is_subscribe=False, channel="heartbeats", products=(), token=""
    )


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        ({"type": "subscribe", "channel": "heartbeat"}, "authentication failure"),
        ({"type": "subscribe"}, "authentication failure"),
        ({"type": "hello", "channel": "user"}, "invalid message"),
        ([], "invalid message"),
        ({"type": "subscribe", "channel": "user", "product_ids": [1]}, "invalid product_ids"),
    ],
)
def test_what_cannot_be_subscribed_to(document: Any, answer: str) -> None:
    """The singular `heartbeat` is answered as the real venue answers it."""
    with pytest.raises(WishRefused, match=answer):
        read_wish(json.dumps(document))


def test_what_is_not_json() -> None:
    """It is answered, and the connection stays."""
    with pytest.raises(WishRefused, match="invalid message"):
        read_wish("{")
