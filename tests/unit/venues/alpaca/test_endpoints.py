"""Where Alpaca is reached, and with which keys."""

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.venues.alpaca.auth import key
from fillwire.venues.alpaca.endpoints import endpoints
from support.alpaca_venue import KEY


def test_each_environment_has_its_addresses() -> None:
    """Live and paper are two systems with two kinds of key."""
    assert endpoints("live").websocket_url == "wss://api.alpaca.markets/stream"
    assert endpoints("paper").rest_url == "https://paper-api.alpaca.markets"


def test_a_simulated_venue_needs_one_address() -> None:
    """Beside a socket on this machine REST is at the same port, and the path may be left out."""
    found = endpoints("simulated", "ws://127.0.0.1:9000")
    assert (found.websocket_url, found.rest_url) == ("ws://127.0.0.1:9000/stream", "http://127.0.0.1:9000")


@pytest.mark.parametrize(
    ("environment", "url", "said"),
    [
        ("testnet", None, "expected live or paper"),
        ("testnet", "wss://example.org/stream", "expected a rest url"),
        ("live", "ws://api.alpaca.markets/stream", "expected wss://"),
        ("live", "wss://stream.data.alpaca.markets/v2/iex", "was the market data stream"),
    ],
)
def test_an_address_that_cannot_be_used_is_named(environment: str, url: str | None, said: str) -> None:
    """One sentence says what was found and what was expected."""
    with pytest.raises(ConfigError, match=said):
        endpoints(environment, url)


@pytest.mark.parametrize("halves", [("", "x"), ("x", ""), ("a b", "x"), ("x", "tab\t"), ("x", "é")])
def test_what_is_no_key_is_refused_without_showing_it(halves: tuple[str, str]) -> None:
    """Neither half stands in the message."""
    with pytest.raises(ConfigError) as caught:
        key(*halves)
    assert not any(half and half in str(caught.value).split() for half in halves)


def test_a_key_does_not_print() -> None:
    """Neither half stands in its representation."""
    assert repr(KEY) == "Key()"
