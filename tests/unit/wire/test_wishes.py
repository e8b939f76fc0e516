"""Wishes as hosts write them."""

import pytest

from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account
from fillwire.sdk.desired import Wish as WrittenWish
from fillwire.wire.wishes import Wish, parse_wish_key, read_wish


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
        (b'{"v":1,"pairs":[],"bots":1e300}', "/bots"),
        (b'{"v":1,"pairs":[],"bots":18446744073709551615}', "/bots"),
    ],
)
def test_what_is_no_wish_is_refused_with_its_place(value: bytes, pointer: str) -> None:
    """The error points to the field that is wrong."""
    with pytest.raises(DecodeError) as caught:
        read_wish(value)
    assert caught.value.pointer == pointer


def test_a_key_says_whose_wish_it_is() -> None:
    """The account and the host; what a tenant writes beside that below their name is no key of a wish."""
    assert parse_wish_key("alice.binance.live.host-1") == (Account("alice", "binance", "live"), "host-1")
    for key in ("alice", "alice.x", "alice.binance.live", "alice.binance.live.more.h", "alice.\\xff.live.h"):
        with pytest.raises(DecodeError):
            parse_wish_key(key)
