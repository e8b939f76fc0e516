"""Exchanges by name."""

import pytest

from fillwire.domain.errors import ConfigError, VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.binance.protocol import BinanceProtocol
from fillwire.venues.protocol import ConnectionLimits
from fillwire.venues.registry import VENUES, venue
from fillwire.venues.rest import HttpResponse
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import VenueKey
from support.binance_keys import API_KEY, HMAC_SECRET


def test_an_unknown_exchange_is_told_what_exists() -> None:
    """The error names what was asked for and every exchange there is."""
    with pytest.raises(ConfigError, match=r"exchange 'binnance' is unknown: expected .*binance"):
        venue("binnance")


def test_a_venue_makes_protocols_of_its_accounts() -> None:
    """From name and key to a connection's protocol, with no name of a venue on the way."""
    binance = venue("binance")
    endpoints = binance.endpoints("live", None, None)
    account = binance.account(
        Account("alice", "binance", "live"), VenueKey(api_key=API_KEY, secret=HMAC_SECRET), endpoints
    )
    protocol = account.protocol(
        symbols=SymbolTable.of([]),
        pairs=frozenset(),
        limits=ConnectionLimits(
            connect_timeout_ns=1,
            heartbeat_interval_ns=1,
            lifetime_ns=1,
            order_timeout_ns=1,
            max_pending_orders=1,
        ),
        clock_offset_ns=0,
        dialled_ns=0,
    )
    assert isinstance(protocol, BinanceProtocol)
    protocol.connected(0)
    assert len(protocol.frames_to_send()) == 1


def test_a_key_does_not_print() -> None:
    """Neither half of a key stands in its representation."""
    assert API_KEY not in repr(VenueKey(api_key=API_KEY, secret=HMAC_SECRET))
    assert HMAC_SECRET not in repr(VenueKey(api_key=API_KEY, secret=HMAC_SECRET))


@pytest.mark.parametrize("exchange", VENUES)
def test_every_venue_reads_its_own_reference_data(exchange: str) -> None:
    """Time and symbols are read from good answers, and a bad answer is an error of the venue."""
    found = venue(exchange)
    assert found.exchange == exchange
    assert found.time_request().method == found.symbols_request().method == "GET"
    for body in (b"{}", b"<html>"):
        with pytest.raises(VenueError):
            found.read_time_ns(HttpResponse(status=200, body=body))
        with pytest.raises(VenueError):
            found.read_symbols(HttpResponse(status=200, body=body))
    for read in (found.read_time_ns, found.read_symbols):
        with pytest.raises(VenueError, match="503"):
            read(HttpResponse(status=503, body=b""))


def test_binance_tells_its_time() -> None:
    """The answer of the documents, in nanoseconds."""
    response = HttpResponse(status=200, body=b'{"serverTime":1499827319559}')
    assert venue("binance").read_time_ns(response) == 1499827319559000000
