"""Where Coinbase Exchange is reached."""

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.venues.coinbase_exchange.endpoints import endpoints


@pytest.mark.parametrize(
    ("environment", "websocket_url", "expected"),
    [
        ("live", None, ("wss://ws-feed.exchange.coinbase.com", "https://api.exchange.coinbase.com")),
        (
            "live",
            "wss://ws-feed.exchange.coinbase.com",
            ("wss://ws-feed.exchange.coinbase.com", "https://api.exchange.coinbase.com"),
        ),
        (
            "live",
            "wss://ws-direct.exchange.coinbase.com?full=false",
            ("wss://ws-direct.exchange.coinbase.com?full=false", "https://api.exchange.coinbase.com"),
        ),
        (
            "sandbox",
            None,
            (
                "wss://ws-feed-public.sandbox.exchange.coinbase.com",
                "https://api-public.sandbox.exchange.coinbase.com",
            ),
        ),
        (
            "live",
            "wss://ws-us.dma.prime.coinbase.com",
            ("wss://ws-us.dma.prime.coinbase.com", "https://api-us.dma.prime.coinbase.com"),
        ),
        ("test", "ws://127.0.0.1:8080", ("ws://127.0.0.1:8080", "http://127.0.0.1:8080")),
    ],
)
def test_each_feed_has_its_rest_interface(
    environment: str, websocket_url: str | None, expected: tuple[str, str]
) -> None:
    """The venue's own addresses by environment, and beside a configured feed what belongs to it."""
    found = endpoints(environment, websocket_url)
    assert (found.websocket_url, found.rest_url) == expected


@pytest.mark.parametrize(
    ("environment", "websocket_url", "message"),
    [
        ("demo", None, "expected live, sandbox"),
        ("mine", "wss://feed.example.com", "expected a rest url"),
        ("live", "wss://ws-feed.pro.coinbase.com", "Coinbase Pro, which the venue ended"),
        ("live", "wss://advanced-trade-ws.coinbase.com", "expected exchange coinbase-advanced"),
        ("live", "ws://ws-feed.exchange.coinbase.com", "expected wss://"),
    ],
)
def test_an_address_that_keys_must_not_be_sent_to_is_refused(
    environment: str, websocket_url: str | None, message: str
) -> None:
    """The error says what was found and what was expected."""
    with pytest.raises(ConfigError, match=message):
        endpoints(environment, websocket_url)


def test_a_configured_rest_address_wins() -> None:
    """Whoever names both has both."""
    found = endpoints("live", "wss://feed.example.com", "https://rest.example.com/x")
    assert (found.websocket_url, found.rest_url) == ("wss://feed.example.com", "https://rest.example.com")
