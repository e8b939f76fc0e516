"""ToyX as a venue: addresses, keys, reference data and connections."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import TypeVar

import orjson

from fillwire.domain.errors import ConfigError, VenueError
from fillwire.domain.identifiers import Account
from fillwire.domain.rules import PairRules
from fillwire.venues.apart import read_apart
from fillwire.venues.endpoints import Endpoints
from fillwire.venues.protocol import ConnectionLimits, OrderDoubted, VenueProtocol
from fillwire.venues.questions import Question, known
from fillwire.venues.records import AccountRecords, OrderReport
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.venues.symbols import SymbolTable, rule
from fillwire.venues.venue import VenueAccount, VenueKey
from toyx.venue import refusals, requests
from toyx.venue.endpoints import endpoints
from toyx.venue.parser import ToyParser
from toyx.venue.protocol import ToyProtocol
from toyx.venue.records import ToyRecords
from toyx.venue.rows import Defect, Row, text, time_ns

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ToyAccount:
    """`VenueAccount` of ToyX."""

    account: Account
    key: requests.Key
    websocket_url: str

    def address(self) -> Question[str]:
        """Return the address of the socket, without a question."""
        return known(self.websocket_url)

    def records(self) -> AccountRecords:
        """Return what can be asked of the venue's own records of the account."""
        return ToyRecords(self.account, self.key)

    def read_frame(
        self, frame: bytes, received_time_ns: int, symbols: SymbolTable, clock_offset_ns: int
    ) -> list[OrderReport | OrderDoubted]:
        """Return the order events of one frame, read apart from any connection."""
        _ = clock_offset_ns
        return read_apart(ToyParser(self.account, symbols.pairs), frame, received_time_ns)

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
        _ = pairs
        return ToyProtocol(
            account=self.account,
            key=self.key,
            symbols=symbols,
            limits=limits,
            clock_offset_ns=clock_offset_ns,
            dialled_ns=dialled_ns,
        )


class ToyX:
    """`Venue` of ToyX."""

    exchange = refusals.VENUE
    lifetime_s = 86_400.0
    connects_per_minute = 60
    weight_per_minute = 6_000
    request_life_s = 5.0

    def trade_key(self, trade_id: str, cumulative: Decimal) -> str:
        """Return the trade's id: all reports share it."""
        _ = cumulative
        return trade_id

    def endpoints(self, environment: str, websocket_url: str | None, rest_url: str | None) -> Endpoints:
        """Return where the environment is reached."""
        return endpoints(environment, websocket_url, rest_url)

    def account(self, account: Account, key: VenueKey, endpoints: Endpoints) -> VenueAccount:
        """Return the account with its key."""
        if not key.api_key or not key.secret:
            raise ConfigError(
                "half of the key of toyx is empty: expected both halves as the venue shows them"
            )
        return ToyAccount(account, requests.Key(key.api_key, key.secret), endpoints.websocket_url)

    def time_request(self) -> HttpRequest:
        """Return the request for the venue's clock."""
        return requests.TIME

    def read_time_ns(self, response: HttpResponse) -> int:
        """Return the venue's clock."""
        return self._read(response, lambda document: time_ns(document, "time"))

    def symbols_request(self) -> HttpRequest:
        """Return the request for the venue's symbols."""
        return requests.SYMBOLS

    def read_symbols(self, response: HttpResponse) -> SymbolTable:
        """Return the venue's symbols."""
        return self._read(response, _symbols)

    def _read(self, response: HttpResponse, read: Callable[[object], _T]) -> _T:
        if response.status != HTTPStatus.OK:
            raise self.error(response)
        try:
            return read(orjson.loads(response.body))
        except ValueError as error:
            raise VenueError(self.exchange, f"reference data cannot be read: {error}") from error

    def error(self, response: HttpResponse) -> VenueError:
        """Return what an answer other than 200 means."""
        return refusals.error(response)

    def read_weight_per_minute(self, response: HttpResponse) -> int | None:
        """Return None: the answer does not say it."""
        _ = response
        return None

    def used_weight(self, response: HttpResponse) -> int | None:
        """Return None: answers do not say it."""
        _ = response
        return None


def _symbols(document: object) -> SymbolTable:
    if not isinstance(document, list):
        raise Defect("wrong_type", None, f"expected a list, was {type(document).__name__}")
    return SymbolTable.of(
        [(text(row, "symbol"), f"{text(row, 'base')}-{text(row, 'quote')}") for row in document],
        {text(row, "symbol"): _rules(row) for row in document},
    )


def _rules(row: Row) -> PairRules:
    return PairRules(
        price_step=rule(row.get("price_step")),
        quantity_step=rule(row.get("quantity_step")),
        max_quantity=rule(row.get("most")),
        min_notional=rule(row.get("least_paid")),
    )
