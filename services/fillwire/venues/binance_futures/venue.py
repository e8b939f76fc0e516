"""Binance USD-M Futures as a venue: addresses, keys, reference data and connections."""

import re
from dataclasses import dataclass

import orjson

from fillwire.domain.errors import VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.apart import read_apart
from fillwire.venues.binance.auth import Signer, signer
from fillwire.venues.binance.family import BinanceVenue
from fillwire.venues.binance.refusals import http_error
from fillwire.venues.binance_futures import requests
from fillwire.venues.binance_futures.endpoints import EXCHANGE, endpoints, with_key
from fillwire.venues.binance_futures.permissions import permissions
from fillwire.venues.binance_futures.protocol import FuturesProtocol
from fillwire.venues.binance_futures.records import FuturesRecords
from fillwire.venues.binance_futures.symbols import read_symbols
from fillwire.venues.endpoints import Endpoints
from fillwire.venues.parsing import Parser
from fillwire.venues.permissions import Permissions
from fillwire.venues.protocol import ConnectionLimits, OrderDoubted, VenueProtocol
from fillwire.venues.questions import Question
from fillwire.venues.records import AccountRecords, OrderReport
from fillwire.venues.rest import HttpRequest
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import VenueAccount, VenueKey

_OK = 200
_LISTEN_KEY = re.compile(r"[A-Za-z0-9_-]{8,256}")


@dataclass(frozen=True, slots=True)
class FuturesAccount:
    """`VenueAccount` of Binance USD-M Futures."""

    account: Account
    signer: Signer
    websocket_url: str

    def address(self) -> Question[str]:
        """Ask for the account's listenKey, which the venue makes if there is none and gives an hour; it is part of the address."""
        response = yield lambda _: requests.listen_key(self.signer, "POST")
        if response.status != _OK:
            raise http_error(EXCHANGE, response)
        listen_key = _listen_key(response.body)
        if listen_key is None:  # what was found may be a key all the same, and is not shown
            raise VenueError(EXCHANGE, "the answer to a question for a listenKey holds no such key")
        return with_key(self.websocket_url, listen_key)

    def records(self) -> AccountRecords:
        """Return what can be asked of the venue's own records of the account."""
        return FuturesRecords(self.account, self.signer)

    def permissions(self) -> Question[Permissions]:
        """Ask what the account may do."""
        return permissions(self.signer)

    def read_frame(
        self, frame: bytes, received_time_ns: int, symbols: SymbolTable, clock_offset_ns: int
    ) -> list[OrderReport | OrderDoubted]:
        """Return the order events and doubts of one frame, read apart from any connection."""
        parser = Parser(self.account, symbols.pairs, clock_offset_ns=clock_offset_ns)
        return read_apart(parser, frame, received_time_ns)

    def protocol(
        self,
        *,
        symbols: SymbolTable,
        pairs: frozenset[str],  # noqa: ARG002 - the stream is of all symbols
        limits: ConnectionLimits,
        clock_offset_ns: int,
        dialled_ns: int,  # noqa: ARG002 - the stream begins with the socket, whose dialling has its own limit
    ) -> VenueProtocol:
        """Return the protocol of a connection that is being dialled."""
        return FuturesProtocol(
            account=self.account,
            signer=self.signer,
            symbols=symbols,
            limits=limits,
            clock_offset_ns=clock_offset_ns,
        )


def _listen_key(body: bytes) -> str | None:
    try:
        found = orjson.loads(body)["listenKey"]
    except (ValueError, LookupError, TypeError):
        return None
    return found if isinstance(found, str) and _LISTEN_KEY.fullmatch(found) else None


class BinanceFutures(BinanceVenue):
    """`Venue` of Binance USD-M Futures."""

    exchange = EXCHANGE
    weight_per_minute = 2400
    request_life_s = requests.RECV_WINDOW_MS / 1e3

    def endpoints(self, environment: str, websocket_url: str | None, rest_url: str | None) -> Endpoints:
        """Return where the environment is reached."""
        return endpoints(environment, websocket_url, rest_url)

    def account(self, account: Account, key: VenueKey, endpoints: Endpoints) -> VenueAccount:
        """Return the account with its key."""
        return FuturesAccount(account, signer(key.api_key, key.secret, EXCHANGE), endpoints.websocket_url)

    def time_request(self) -> HttpRequest:
        """Return the request for the venue's clock."""
        return requests.server_time()

    def symbols_request(self) -> HttpRequest:
        """Return the request for the venue's symbols."""
        return requests.exchange_info()

    def _symbols(self, body: bytes) -> SymbolTable:
        return read_symbols(body)
