"""Binance Spot as a venue: addresses, keys, reference data and connections."""

from dataclasses import dataclass

from fillwire.domain.identifiers import Account
from fillwire.venues.apart import read_apart
from fillwire.venues.binance import requests
from fillwire.venues.binance.auth import Signer, signer
from fillwire.venues.binance.endpoints import endpoints, speaks_microseconds
from fillwire.venues.binance.family import BinanceVenue
from fillwire.venues.binance.mapping import read_symbols
from fillwire.venues.binance.permissions import permissions
from fillwire.venues.binance.protocol import BinanceProtocol
from fillwire.venues.binance.records import BinanceRecords
from fillwire.venues.endpoints import Endpoints
from fillwire.venues.parsing import Parser
from fillwire.venues.permissions import Permissions
from fillwire.venues.protocol import ConnectionLimits, OrderDoubted, VenueProtocol
from fillwire.venues.questions import Question, known
from fillwire.venues.records import AccountRecords, OrderReport
from fillwire.venues.rest import HttpRequest
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import VenueAccount, VenueKey

EXCHANGE = "binance"


@dataclass(frozen=True, slots=True)
class BinanceAccount:
    """`VenueAccount` of Binance Spot."""

    account: Account
    signer: Signer
    websocket_url: str

    @property
    def microseconds(self) -> bool:
        """Whether the venue answers with times in microseconds."""
        return speaks_microseconds(self.websocket_url)

    def address(self) -> Question[str]:
        """Return the address of the socket."""
        return known(self.websocket_url)

    def records(self) -> AccountRecords:
        """Return what can be asked of the venue's own records of the account."""
        return BinanceRecords(self.account, self.signer)

    def permissions(self) -> Question[Permissions]:
        """Ask what the key may do."""
        return permissions(self.signer)

    def read_frame(
        self, frame: bytes, received_time_ns: int, symbols: SymbolTable, clock_offset_ns: int
    ) -> list[OrderReport | OrderDoubted]:
        """Return the order events of one frame, read apart from any connection."""
        parser = Parser(
            self.account, symbols.pairs, microseconds=self.microseconds, clock_offset_ns=clock_offset_ns
        )
        return read_apart(parser, frame, received_time_ns)

    def protocol(
        self,
        *,
        symbols: SymbolTable,
        pairs: frozenset[str],  # noqa: ARG002 - the stream is of all symbols
        limits: ConnectionLimits,
        clock_offset_ns: int,
        dialled_ns: int,
    ) -> VenueProtocol:
        """Return the protocol of a connection that is being dialled."""
        return BinanceProtocol(
            account=self.account,
            signer=self.signer,
            symbols=symbols,
            limits=limits,
            microseconds=self.microseconds,
            clock_offset_ns=clock_offset_ns,
            dialled_ns=dialled_ns,
        )


class BinanceSpot(BinanceVenue):
    """`Venue` of Binance Spot."""

    exchange = EXCHANGE
    weight_per_minute = 6000
    request_life_s = requests.RECV_WINDOW_MS / 1e3

    def endpoints(self, environment: str, websocket_url: str | None, rest_url: str | None) -> Endpoints:
        """Return where the environment is reached."""
        return endpoints(environment, websocket_url, rest_url)

    def account(self, account: Account, key: VenueKey, endpoints: Endpoints) -> VenueAccount:
        """Return the account with its key."""
        return BinanceAccount(account, signer(key.api_key, key.secret), endpoints.websocket_url)

    def time_request(self) -> HttpRequest:
        """Return the request for the venue's clock."""
        return requests.server_time()

    def symbols_request(self) -> HttpRequest:
        """Return the request for the venue's symbols."""
        return requests.exchange_info()

    def _symbols(self, body: bytes) -> SymbolTable:
        return read_symbols(body)
