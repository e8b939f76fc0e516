"""Where Coinbase Advanced Trade is reached."""

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.venues.coinbase_advanced.endpoints import FAIL_OVER_HOST, endpoints


def test_the_venue_has_one_environment_with_a_stream() -> None:
    """The host for user data, and REST."""
    found = endpoints("live")
    assert found.websocket_url == "wss://advanced-trade-ws-user.coinbase.com"
    assert found.rest_url == "https://api.coinbase.com"


def test_the_fail_over_is_a_matter_of_configuration() -> None:
    """Another host for the socket, the same for REST."""
    found = endpoints("live", f"wss://{FAIL_OVER_HOST}")
    assert (found.websocket_url, found.rest_url) == (f"wss://{FAIL_OVER_HOST}", "https://api.coinbase.com")


def test_a_simulator_serves_both_at_one_address() -> None:
    """Beside a socket on this machine the REST address may be left out."""
    found = endpoints("test", "ws://127.0.0.1:9000/")
    assert (found.websocket_url, found.rest_url) == ("ws://127.0.0.1:9000/", "http://127.0.0.1:9000")
    found = endpoints("test", "wss://ws.example.com", "https://rest.example.com:444/x")
    assert found.rest_url == "https://rest.example.com:444"


@pytest.mark.parametrize(
    ("environment", "websocket_url", "said"),
    [
        ("sandbox", None, "the venue's sandbox has no stream"),
        ("mine", "wss://ws.example.com", "expected a rest url beside"),
        ("live", "ws://ws.example.com", "websocket url of coinbase-advanced"),
        ("live", "wss://ws-feed.exchange.coinbase.com", "is one of Coinbase Exchange"),
    ],
)
def test_what_cannot_be_reached_so_is_said(environment: str, websocket_url: str | None, said: str) -> None:
    """An unknown environment, a missing or unsafe address, and that of the venue's other product."""
    with pytest.raises(ConfigError, match=said):
        endpoints(environment, websocket_url)
