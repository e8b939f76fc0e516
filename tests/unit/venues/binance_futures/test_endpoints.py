"""Where Binance USD-M Futures is reached, and what it is told to read in an address."""

import pytest

from fillwire.domain.errors import ConfigError, VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.binance_futures.endpoints import endpoints
from fillwire.venues.binance_futures.venue import BinanceFutures
from fillwire.venues.rest import HttpResponse
from fillwire.venues.venue import VenueKey
from support.binance_keys import API_KEY, HMAC_SECRET
from support.questions import asked

KEY = "pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1"


@pytest.mark.parametrize(
    ("environment", "websocket_url", "rest_url"),
    [
        ("live", "wss://fstream.binance.com/private/ws", "https://fapi.binance.com"),
        ("testnet", "wss://fstream.binancefuture.com/ws", "https://testnet.binancefuture.com"),
        ("demo", "wss://demo-fstream.binance.com/ws", "https://demo-fapi.binance.com"),
    ],
)
def test_each_environment_has_its_addresses(environment: str, websocket_url: str, rest_url: str) -> None:
    """The venue's own addresses of 2026 need no configuration."""
    found = endpoints(environment)
    assert (found.websocket_url, found.rest_url, found.warning) == (websocket_url, rest_url, None)


@pytest.mark.parametrize("path", ["/ws", "/ws/", "/stream"])
def test_the_address_before_the_split_is_replaced(path: str) -> None:
    """The live stream as it was before April 2026 is taken with a warning, and today's is used."""
    found = endpoints("live", f"wss://fstream.binance.com{path}")
    assert found.websocket_url == "wss://fstream.binance.com/private/ws"
    assert found.warning is not None
    assert "ended on 2026-04-23" in found.warning


def test_a_socket_on_this_machine_serves_rest_too() -> None:
    """A simulator is reached by one address."""
    found = endpoints("live", "ws://127.0.0.1:9000")
    assert (found.websocket_url, found.rest_url) == (
        "ws://127.0.0.1:9000/private/ws",
        "http://127.0.0.1:9000",
    )


def test_what_is_not_known_or_not_safe_is_refused() -> None:
    """An unknown environment, and an address that a key must not be sent to."""
    with pytest.raises(
        ConfigError, match="environment 'paper' of binance-futures: expected live, testnet, demo"
    ):
        endpoints("paper")
    with pytest.raises(ConfigError, match="expected a rest url beside the websocket url"):
        endpoints("paper", "wss://example.com/ws")
    with pytest.raises(ConfigError, match="websocket url of binance-futures"):
        endpoints("live", "ws://example.com/ws")


def test_the_address_is_asked_for_with_a_key() -> None:
    """Before each dial the venue is asked for the listenKey, which ends the address of the socket."""
    venue = BinanceFutures()
    account = venue.account(
        Account("alice", "binance-futures", "live"),
        VenueKey(api_key=API_KEY, secret=HMAC_SECRET),
        venue.endpoints("live", None, None),
    )
    answer = HttpResponse(status=200, body=b'{"listenKey":"%s"}' % KEY.encode())
    url, (request,) = asked(account.address(), [answer])
    assert url == f"wss://fstream.binance.com/private/ws/{KEY}"
    assert (request.method, request.target) == ("POST", "/fapi/v1/listenKey")
    assert request.headers == (("X-MBX-APIKEY", API_KEY),)
    for body in (b"{}", b'{"listenKey":7}', b'{"listenKey":"../../etc?x="}', b"no json"):
        with pytest.raises(VenueError, match="holds no such key"):
            asked(account.address(), [HttpResponse(status=200, body=body)])
    refused = HttpResponse(
        status=401, body=b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}'
    )
    with pytest.raises(VenueError, match="Invalid API-key"):
        asked(account.address(), [refused])
