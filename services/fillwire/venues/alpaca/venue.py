"""Alpaca as a venue: addresses, keys, reference data and connections."""

from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus

import orjson

from fillwire.domain.errors import VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.alpaca import auth, requests
from fillwire.venues.alpaca.endpoints import endpoints
from fillwire.venues.alpaca.instruments import read_symbols
from fillwire.venues.alpaca.permissions import permissions
from fillwire.venues.alpaca.protocol import AlpacaProtocol
from fillwire.venues.alpaca.records import AlpacaRecords
from fillwire.venues.alpaca.refusals import VENUE, http_error
from fillwire.venues.alpaca.values import time_ns
from fillwire.venues.apart import read_apart
from fillwire.venues.endpoints import Endpoints
from fillwire.venues.parsing import Parser
from fillwire.venues.permissions import Permissions
from fillwire.venues.protocol import ConnectionLimits, OrderDoubted, VenueProtocol
from fillwire.venues.questions import Question, known
from fillwire.venues.records import AccountRecords, OrderReport
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.venue import VenueAccount, VenueKey
from fillwire.wire.decimals import decimal_text

EXCHANGE = VENUE
_LIMIT, _REMAINING = "x-ratelimit-limit", "x-ratelimit-remaining"


@dataclass(frozen=True, slots=True)
class AlpacaAccount:
    """`VenueAccount` of Alpaca, and `AsksWithKey`: the venue answers nobody without a key."""

    account: Account
    key: auth.Key
    websocket_url: str

    def address(self) -> Question[str]:
        """Return the address of the socket, without a question."""
        return known(self.websocket_url)

    def records(self) -> AccountRecords:
        """Return what can be asked of the venue's own records of the account."""
        return AlpacaRecords(self.account, self.key)

    def permissions(self) -> Question[Permissions]:
        """Ask what the account may do."""
        return permissions(self.key)

    def with_key(self, request: HttpRequest) -> HttpRequest:
        """Return a request that is not about the account as the venue answers it."""
        return requests.with_key(request, self.key)

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
        pairs: frozenset[str],
        limits: ConnectionLimits,
        clock_offset_ns: int,
        dialled_ns: int,
    ) -> VenueProtocol:
        """Return the protocol of a connection that is being dialled; the stream is of all pairs."""
        _ = pairs
        return AlpacaProtocol(
            account=self.account,
            key=self.key,
            symbols=symbols,
            limits=limits,
            clock_offset_ns=clock_offset_ns,
            dialled_ns=dialled_ns,
        )


class Alpaca:
    """`Venue` of Alpaca, and `HoldsOneConnection`."""

    exchange = EXCHANGE
    holds_one_connection = True
    # The venue names no age at which it ends a connection, and the protocol none to the gateway.
    lifetime_s = 10 * 365 * 86_400.0
    # Not documented; a venue that refuses the second connection of an account is not to be dialled in bursts.
    connects_per_minute = 30
    # Per key by the venue's rules; here over all accounts of a gateway, which is on the safe side.
    weight_per_minute = 200
    # A request carries no time that would bound this: so long one may be on its way.
    request_life_s = 5.0

    def trade_key(self, trade_id: str, cumulative: Decimal) -> str:  # noqa: ARG002 - the records have other ids
        """Return the quantity executed with it: stream and records give an execution different ids."""
        return decimal_text(cumulative)

    def endpoints(self, environment: str, websocket_url: str | None, rest_url: str | None) -> Endpoints:
        """Return where the environment is reached."""
        return endpoints(environment, websocket_url, rest_url)

    def account(self, account: Account, key: VenueKey, endpoints: Endpoints) -> VenueAccount:
        """Return the account with its key."""
        return AlpacaAccount(account, auth.key(key.api_key, key.secret), endpoints.websocket_url)

    def time_request(self) -> HttpRequest:
        """Return the request for the venue's clock."""
        return requests.clock()

    def read_time_ns(self, response: HttpResponse) -> int:
        """Return the venue's clock."""
        if response.status != HTTPStatus.OK:
            raise self.error(response)
        try:
            return time_ns(orjson.loads(response.body)["timestamp"])
        except (ValueError, LookupError, TypeError) as error:  # orjson's is one of the first
            raise VenueError(
                EXCHANGE, f"the answer to a question for the time cannot be read: {error}"
            ) from error

    def symbols_request(self) -> HttpRequest:
        """Return the request for the crypto pairs; of stocks and options no list is needed."""
        return requests.crypto_assets()

    def read_symbols(self, response: HttpResponse) -> SymbolTable:
        """Return the venue's symbols."""
        if response.status != HTTPStatus.OK:
            raise self.error(response)
        return read_symbols(response.body)

    def error(self, response: HttpResponse) -> VenueError:
        """Return what an answer other than 200 means."""
        return http_error(response)

    def read_weight_per_minute(self, response: HttpResponse) -> int | None:
        """Return how many requests a minute has room for."""
        return _number(response, _LIMIT)

    def used_weight(self, response: HttpResponse) -> int | None:
        """Return how many requests this key has made in this minute."""
        limit, remaining = _number(response, _LIMIT), _number(response, _REMAINING)
        return None if limit is None or remaining is None else max(0, limit - remaining)


def _number(response: HttpResponse, header: str) -> int | None:
    said = response.headers.get(header, "")
    return int(said) if said.isascii() and said.isdigit() else None
