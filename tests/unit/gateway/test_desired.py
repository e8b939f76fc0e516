"""Wishes as hosts write them."""

import pytest

from fillwire.domain.errors import DecodeError
from fillwire.gateway.desired import Wish, read_wish
from fillwire.sdk.desired import Wish as WrittenWish


def test_what_a_host_writes_a_gateway_reads() -> None:
    """The host's own encoding, field by field."""
    assert read_wish(WrittenWish(("BTC-USDT", "ETH-USDT"), 3).encode()) == Wish(
        frozenset({"BTC-USDT", "ETH-USDT"}), 3
    )


def test_a_newer_host_may_say_more() -> None:
    """Unknown fields are passed over: hosts and gateways are not upgraded at one moment."""
    assert read_wish(b'{"v":1,"pairs":["*"],"bots":1,"urgent":true}') == Wish(frozenset({"*"}), 1)


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        (b"", "/"),
        (b"{", "/"),
        (b"[]", "/v"),
        (b'{"v":2,"pairs":[],"bots":1}', "/v"),
        (b'{"v":1,"bots":1}', "/pairs"),
        (b'{"v":1,"pairs":"BTC-USDT","bots":1}', "/pairs"),
        (b'{"v":1,"pairs":[1],"bots":1}', "/pairs"),
        (b'{"v":1,"pairs":[]}', "/bots"),
        (b'{"v":1,"pairs":[],"bots":-1}', "/bots"),
        (b'{"v":1,"pairs":[],"bots":true}', "/bots"),
    ],
)
def test_what_is_no_wish_is_refused_with_its_place(value: bytes, pointer: str) -> None:
    """The error points to the field that is wrong."""
    with pytest.raises(DecodeError) as caught:
        read_wish(value)
    assert caught.value.pointer == pointer
