"""Coinbase Exchange as a venue."""

import base64

import pytest

from fillwire.domain.identifiers import Account
from fillwire.venues.coinbase_exchange.venue import CoinbaseExchange, ExchangeAccount
from fillwire.venues.parsing import ExecutionReport
from fillwire.venues.protocol import OrderDoubted
from fillwire.venues.registry import venue
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import CountsBySecond, VenueKey
from support.questions import asked

ACCOUNT = Account("alice", "coinbase", "live")
KEY = VenueKey(api_key="k", secret=base64.b64encode(b"secret").decode(), passphrase="phrase")
NOW_NS = 1_795_000_000 * 10**9
HEAD = b'"side":"buy","product_id":"BTC-USD","time":"2026-11-07T08:19:27Z","sequence":5,"user_id":"u","profile_id":"p",'


def account(websocket_url: str | None = None) -> ExchangeAccount:
    """Return an account that is reached at this address."""
    coinbase = venue("coinbase")
    found = coinbase.account(ACCOUNT, KEY, coinbase.endpoints("live", websocket_url, None))
    assert isinstance(found, ExchangeAccount)
    return found


@pytest.mark.parametrize(
    ("configured", "dialled", "follows"),
    [
        (None, "wss://ws-feed.exchange.coinbase.com", True),
        ("wss://ws-direct.exchange.coinbase.com?full=false", "wss://ws-direct.exchange.coinbase.com", False),
        (
            "wss://ws-direct.exchange.coinbase.com?full=true&x=1",
            "wss://ws-direct.exchange.coinbase.com?x=1",
            True,
        ),
    ],
)
def test_the_configured_address_says_whether_losses_are_noticed(
    configured: str | None, dialled: str, *, follows: bool
) -> None:
    """And the venue does not hear of it."""
    found = account(configured)
    assert asked(found.address(), []) == (dialled, [])
    assert found.follows is follows


def test_a_frame_read_again_is_an_event_or_a_doubt() -> None:
    """Only the first message of an order stands for itself."""
    symbols = SymbolTable.of([("BTC-USD", "BTC-USD")])
    begun = b'{"type":"received",%b"order_id":"o1","order_type":"limit","size":"1","price":"2"}' % HEAD
    (event,) = account().read_frame(begun, NOW_NS, symbols, 0)
    assert isinstance(event, ExecutionReport)
    ended = b'{"type":"done",%b"order_id":"o1","reason":"filled"}' % HEAD
    assert account().read_frame(ended, NOW_NS, symbols, 0) == [OrderDoubted(("BTC-USD", "o1"))]
    assert account().read_frame(b'{"type":"heartbeat","sequence":9,"last_trade_id":2,"product_id":"BTC-USD",'
                                b'"time":"2026-11-07T08:19:28Z"}', NOW_NS, symbols, 0) == []  # fmt: skip


def test_the_venue_counts_by_the_second() -> None:
    """The gateway paces what it asks of it."""
    coinbase = CoinbaseExchange()
    assert isinstance(coinbase, CountsBySecond)
    assert coinbase.weight_per_minute == 60 * coinbase.weight_per_second


def test_client_order_ids_outlive_the_connection() -> None:
    """An order may be met again by the next connection, or by a poll: by the id that its bot gave it."""
    coinbase = CoinbaseExchange()
    endpoints = coinbase.endpoints("live", None, None)
    before, after = (coinbase.account(ACCOUNT, KEY, endpoints) for _ in range(2))
    assert isinstance(before, ExchangeAccount)
    assert isinstance(after, ExchangeAccount)
    name = before.names.name("bot-1")
    assert after.names.ours(name) == "bot-1"
    other = coinbase.account(Account("bob", "coinbase", "live"), KEY, endpoints)
    assert isinstance(other, ExchangeAccount)
    assert other.names.ours(name) == name
