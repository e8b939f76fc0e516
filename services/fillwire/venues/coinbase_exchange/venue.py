"""Coinbase Exchange as a venue: addresses, keys, reference data and connections."""

from dataclasses import dataclass, field
from decimal import Decimal
from urllib.parse import parse_qsl, urlencode, urlsplit

from fillwire.domain.errors import VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.apart import read_apart
from fillwire.venues.coinbase_exchange import requests
from fillwire.venues.coinbase_exchange.auth import Signer, signer
from fillwire.venues.coinbase_exchange.endpoints import FULL, endpoints
from fillwire.venues.coinbase_exchange.names import ClientOrderIds
from fillwire.venues.coinbase_exchange.protocol import ExchangeProtocol
from fillwire.venues.coinbase_exchange.records import ExchangeRecords
from fillwire.venues.coinbase_exchange.refusals import http_error
from fillwire.venues.coinbase_exchange.rows import read_products, read_server_time_ns
from fillwire.venues.endpoints import Endpoints
from fillwire.venues.parsing import Parser
from fillwire.venues.protocol import ConnectionLimits, OrderDoubted, VenueProtocol
from fillwire.venues.questions import Question, known
from fillwire.venues.records import AccountRecords, OrderReport
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import VenueAccount, VenueKey

EXCHANGE = "coinbase"


@dataclass(frozen=True, slots=True)
class ExchangeAccount:
    """`VenueAccount` of Coinbase Exchange."""

    account: Account
    signer: Signer
    websocket_url: str
    names: ClientOrderIds = field(default_factory=ClientOrderIds)

    def address(self) -> Question[str]:
        """Return the address of the socket: nobody need be asked."""
        parts = urlsplit(self.websocket_url)
        query = [pair for pair in parse_qsl(parts.query) if pair[0] != FULL]
        return known(parts._replace(query=urlencode(query)).geturl())

    @property
    def follows(self) -> bool:
        """Whether losses are noticed on the channel `full`: not where the configured address says `?full=false`."""
        return dict(parse_qsl(urlsplit(self.websocket_url).query)).get(FULL, "true").lower() != "false"

    def records(self) -> AccountRecords:
        """Return what can be asked of the venue's own records of the account."""
        return ExchangeRecords(self.account, self.signer, self.names)

    def read_frame(
        self, frame: bytes, received_time_ns: int, symbols: SymbolTable, clock_offset_ns: int
    ) -> list[OrderReport | OrderDoubted]:
        """Return the order events and doubts of one frame, read apart from any connection.

        Without the messages before it nobody knows what it means for its order: all but its first is a doubt.
        """
        parser = Parser(self.account, symbols.pairs, clock_offset_ns=clock_offset_ns)
        for name in self.names.items():
            parser.name_client(*name)
        return read_apart(parser, frame, received_time_ns)

    def protocol(
        self,
        *,
        symbols: SymbolTable,
        pairs: frozenset[str],
        limits: ConnectionLimits,
        clock_offset_ns: int,
        dialled_ns: int,
    ) -> VenueProtocol:
        """Return the protocol of a connection that is being dialled."""
        return ExchangeProtocol(
            account=self.account,
            signer=self.signer,
            names=self.names,
            symbols=symbols,
            pairs=pairs,
            follows=self.follows,
            limits=limits,
            clock_offset_ns=clock_offset_ns,
            dialled_ns=dialled_ns,
        )


class CoinbaseExchange:
    """`Venue` of Coinbase Exchange."""

    exchange = EXCHANGE
    # The venue names no age; once a day a connection is renewed at our time rather than at that of a deployment.
    lifetime_s = 86_400.0
    # Eight a second by the venue's rules, over all programs on the machine.
    connects_per_minute = 96
    weight_per_minute = requests.PER_SECOND * 60
    weight_per_second = requests.PER_SECOND
    weight_burst = requests.BURST
    request_life_s = 30.0

    def __init__(self) -> None:
        self._names: dict[Account, ClientOrderIds] = {}

    def trade_key(self, trade_id: str, cumulative: Decimal) -> str:  # noqa: ARG002 - all reports have the trade id
        """Return the trade id."""
        return trade_id

    def endpoints(self, environment: str, websocket_url: str | None, rest_url: str | None) -> Endpoints:
        """Return where the environment is reached."""
        return endpoints(environment, websocket_url, rest_url)

    def account(self, account: Account, key: VenueKey, endpoints: Endpoints) -> VenueAccount:
        """Return the account with its key."""
        return ExchangeAccount(
            account,
            signer(key.api_key, key.secret, key.passphrase),
            endpoints.websocket_url,
            self.order_names(account),
        )

    def order_names(self, account: Account) -> ClientOrderIds:
        """Return the names of an account's orders, for all of its connections."""
        # Beyond one connection: an order may be met again by the next, or by a poll.
        return self._names.setdefault(account, ClientOrderIds())

    def time_request(self) -> HttpRequest:
        """Return the request for the venue's clock."""
        return requests.server_time()

    def read_time_ns(self, response: HttpResponse) -> int:
        """Return the venue's clock."""
        return read_server_time_ns(response)

    def symbols_request(self) -> HttpRequest:
        """Return the request for the venue's products."""
        return requests.products()

    def read_symbols(self, response: HttpResponse) -> SymbolTable:
        """Return the venue's products."""
        return read_products(response)

    def error(self, response: HttpResponse) -> VenueError:
        """Return what an answer other than 200 means."""
        return http_error(EXCHANGE, response)

    def read_weight_per_minute(self, response: HttpResponse) -> int | None:  # noqa: ARG002 - nowhere said
        """Return None: the venue counts by the second and does not say it there."""
        return None

    def used_weight(self, response: HttpResponse) -> int | None:  # noqa: ARG002 - nowhere said
        """Return None: the venue does not say it."""
        return None
