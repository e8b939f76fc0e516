"""Addresses of Binance Spot, the venue's own and configured ones."""

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.venues.binance.endpoints import endpoints, speaks_microseconds

QUERY = "?timeUnit=MICROSECOND&returnRateLimits=false"


@pytest.mark.parametrize(
    ("environment", "websocket_url", "rest_url"),
    [
        ("live", "wss://ws-api.binance.com:443/ws-api/v3", "https://api.binance.com"),
        ("testnet", "wss://ws-api.testnet.binance.vision/ws-api/v3", "https://testnet.binance.vision"),
        ("demo", "wss://demo-ws-api.binance.com/ws-api/v3", "https://demo-api.binance.com"),
    ],
)
def test_each_environment_has_its_addresses(environment: str, websocket_url: str, rest_url: str) -> None:
    """Nothing configured: the venue's own addresses, times in microseconds."""
    found = endpoints(environment)
    assert (found.websocket_url, found.rest_url, found.warning) == (websocket_url + QUERY, rest_url, None)
    assert speaks_microseconds(found.websocket_url)


@pytest.mark.parametrize(
    "url",
    [
        "wss://stream.binance.com:9443/ws",
        "wss://stream.binance.com/stream?streams=x",
        "wss://testnet.binance.vision/ws",
    ],
)
def test_the_retired_stream_is_replaced_and_said_so(url: str) -> None:
    """The listenKey address leads to today's endpoint of the environment, with a warning that names both."""
    found = endpoints("live", url)
    assert found.websocket_url == endpoints("live").websocket_url
    assert found.warning is not None
    assert url in found.warning
    assert "wss://ws-api.binance.com:443/ws-api/v3" in found.warning
    assert endpoints("testnet", url).websocket_url == endpoints("testnet").websocket_url


def test_a_configured_address_is_used_as_it_stands() -> None:
    """Host, port, path and time unit of a configured address stay; the other parameters are completed."""
    found = endpoints("live", "wss://ws-api.binance.com:9443/ws-api/v3?timeUnit=millisecond")
    assert (
        found.websocket_url
        == "wss://ws-api.binance.com:9443/ws-api/v3?timeUnit=millisecond&returnRateLimits=false"
    )
    assert not speaks_microseconds(found.websocket_url)
    assert found.rest_url == "https://api.binance.com"
    assert found.warning is None


@pytest.mark.parametrize("url", ["ws://127.0.0.1:8080", "ws://localhost:8080/", "ws://[::1]:8080/ws-api/v3"])
def test_a_venue_on_this_machine_needs_one_address(url: str) -> None:
    """Beside a socket on loopback REST is on the same port, and the path may be left out."""
    found = endpoints("sim", url)
    assert found.websocket_url.endswith(":8080/ws-api/v3" + QUERY)
    assert found.rest_url == url.replace("ws://", "http://").removesuffix("/").removesuffix("/ws-api/v3")


@pytest.mark.parametrize(
    ("environment", "websocket_url", "rest_url", "sentence"),
    [
        ("paper", None, None, "environment 'paper' of binance: expected live, testnet, demo"),
        ("paper", "wss://example.com/x", None, "expected a rest url beside"),
        ("live", "ws://ws-api.binance.com/ws-api/v3", None, "websocket url of binance: expected wss://"),
        ("live", "https://api.binance.com", None, "websocket url of binance: expected an address"),
        ("live", None, "http://api.binance.com", "rest url of binance: expected https://"),
        ("live", None, "ftp://api.binance.com", "rest url of binance: expected an address"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(
    environment: str, websocket_url: str | None, rest_url: str | None, sentence: str
) -> None:
    """Unknown environments, missing and unsafe addresses: an error that says which and what was expected."""
    with pytest.raises(ConfigError, match=sentence):
        endpoints(environment, websocket_url, rest_url)
