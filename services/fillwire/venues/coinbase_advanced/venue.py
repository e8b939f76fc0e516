"""Coinbase Advanced Trade as a venue: addresses, keys, reference data and connections."""

from dataclasses import dataclass
from decimal import Decimal

from fillwire.domain.errors import VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.apart import read_apart
from fillwire.venues.coinbase_advanced import requests
from fillwire.venues.coinbase_advanced.auth import ORDER_LIFE_S, TokenSigner
from fillwire.venues.coinbase_advanced.endpoints import endpoints
from fillwire.venues.coinbase_advanced.permissions import permissions
from fillwire.venues.coinbase_advanced.products import read_products, read_time_ns
from fillwire.venues.coinbase_advanced.protocol import AdvancedProtocol
from fillwire.venues.coinbase_advanced.records import AdvancedRecords
from fillwire.venues.coinbase_advanced.refusals import OK, VENUE, http_error
from fillwire.venues.endpoints import Endpoints
from fillwire.venues.parsing import Parser
from fillwire.venues.permissions import Permissions
from fillwire.venues.protocol import ConnectionLimits, OrderDoubted, VenueProtocol
from fillwire.venues.questions import Question, known
from fillwire.venues.records import AccountRecords, OrderReport
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import VenueAccount, VenueKey


@dataclass(frozen=True, slots=True)
class AdvancedAccount:
    """`VenueAccount` of Coinbase Advanced Trade."""

    account: Account
    signer: TokenSigner
    websocket_url: str
    own_records: AdvancedRecords
    proven: set[str]

    def address(self) -> Question[str]:
        """Return the address of the socket: nobody need be asked."""
        return known(self.websocket_url)

    def records(self) -> AccountRecords:
        """Return what can be asked of the venue's own records of the account."""
        return self.own_records

    def permissions(self) -> Question[Permissions]:
        """Ask what the key may do."""
        return permissions(self.signer)

    def read_frame(
        self, frame: bytes, received_time_ns: int, symbols: SymbolTable, clock_offset_ns: int
    ) -> list[OrderReport | OrderDoubted]:
        """Return the order events and doubts of one frame, read apart from any connection.

        Without the frames before it nobody knows what is new in it: an order that is open is news, any other a doubt.
        """
        parser = Parser(self.account, symbols.pairs, clock_offset_ns=clock_offset_ns)
        return read_apart(parser, frame, received_time_ns)

    def protocol(
        self,
        *,
        symbols: SymbolTable,
        pairs: frozenset[str],  # noqa: ARG002 - the stream is of all products
        limits: ConnectionLimits,
        clock_offset_ns: int,
        dialled_ns: int,
    ) -> VenueProtocol:
        """Return the protocol of a connection that is being dialled."""
        return AdvancedProtocol(
            account=self.account,
            signer=self.signer,
            records=self.own_records,
            symbols=symbols,
            limits=limits,
            clock_offset_ns=clock_offset_ns,
            dialled_ns=dialled_ns,
            proven=self.proven,
        )


class CoinbaseAdvanced:
    """`Venue` of Coinbase Advanced Trade."""

    exchange = VENUE
    # The venue ends no connection by its age.
    lifetime_s = 30 * 86_400.0
    # Eight a second by the venue's rules; accounts are few, and outages are for everybody.
    connects_per_minute = 60
    # Thirty a second for each user: the least that a machine has.
    weight_per_minute = 30 * 60
    weight_per_second = 30
    weight_burst = 30
    request_life_s = float(ORDER_LIFE_S)

    def __init__(self) -> None:
        self._proven: set[str] = set()

    def trade_key(self, trade_id: str, cumulative: Decimal) -> str:  # noqa: ARG002 - the records alone have executions
        """Return the trade id."""
        return trade_id

    def endpoints(self, environment: str, websocket_url: str | None, rest_url: str | None) -> Endpoints:
        """Return where the environment is reached."""
        return endpoints(environment, websocket_url, rest_url)

    def account(self, account: Account, key: VenueKey, endpoints: Endpoints) -> VenueAccount:
        """Return the account with its key."""
        signer = TokenSigner(key.api_key, key.secret)
        records = AdvancedRecords(account, signer)
        return AdvancedAccount(account, signer, endpoints.websocket_url, records, self._proven)

    def time_request(self) -> HttpRequest:
        """Return the request for the venue's clock."""
        return requests.server_time()

    def read_time_ns(self, response: HttpResponse) -> int:
        """Return the venue's clock."""
        if response.status != OK:
            raise self.error(response)
        try:
            return read_time_ns(response.body)
        except ValueError as error:  # orjson's is one too
            raise VenueError(
                VENUE, f"the answer to a question for the time cannot be read: {error}"
            ) from error

    def symbols_request(self) -> HttpRequest:
        """Return the request for the venue's products."""
        return requests.products()

    def read_symbols(self, response: HttpResponse) -> SymbolTable:
        """Return the venue's products."""
        if response.status != OK:
            raise self.error(response)
        return read_products(response.body)

    def error(self, response: HttpResponse) -> VenueError:
        """Return what an answer other than 200 means."""
        return http_error(response)

    def read_weight_per_minute(self, response: HttpResponse) -> int | None:  # noqa: ARG002 - nowhere said
        """Return None: the venue counts by the second and does not say it there."""
        return None

    def used_weight(self, response: HttpResponse) -> int | None:  # noqa: ARG002 - nowhere said
        """Return None: the venue says what is left of this second, not what was used in this minute."""
        return None
