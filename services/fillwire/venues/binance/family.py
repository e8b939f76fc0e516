"""What Binance's products have in common as venues: one machine's limits, the venue's clock, and how answers are read."""

from abc import ABC, abstractmethod
from decimal import Decimal
from http import HTTPStatus

import orjson

from fillwire.domain.errors import VenueError
from fillwire.venues.binance.mapping import read_server_time_ns, read_weight_per_minute
from fillwire.venues.binance.refusals import http_error, used_weight
from fillwire.venues.rest import HttpResponse
from fillwire.venues.symbols import SymbolTable


class BinanceVenue(ABC):
    """The common half of `Venue`; a product adds its name, addresses, requests and accounts."""

    exchange: str
    lifetime_s = 86_400.0
    # 300 in five minutes by the venue's rules, over all programs on the machine: one fifth is left to the others.
    connects_per_minute = 48

    @abstractmethod
    def _symbols(self, body: bytes) -> SymbolTable:
        """Return the symbols in the answer to a question for them."""

    def trade_key(self, trade_id: str, cumulative: Decimal) -> str:  # noqa: ARG002 - all reports have the trade id
        """Return the trade id."""
        return trade_id

    def read_time_ns(self, response: HttpResponse) -> int:
        """Return the venue's clock."""
        if response.status != HTTPStatus.OK:
            raise self.error(response)
        try:
            return read_server_time_ns(orjson.loads(response.body))
        except ValueError as error:  # orjson's is one too
            raise VenueError(
                self.exchange, f"the answer to a question for the time cannot be read: {error}"
            ) from error

    def read_symbols(self, response: HttpResponse) -> SymbolTable:
        """Return the venue's symbols."""
        if response.status != HTTPStatus.OK:
            raise self.error(response)
        return self._symbols(response.body)

    def error(self, response: HttpResponse) -> VenueError:
        """Return what an answer other than 200 means."""
        return http_error(self.exchange, response)

    def read_weight_per_minute(self, response: HttpResponse) -> int | None:
        """Return what one machine may ask in a minute."""
        return read_weight_per_minute(response.body)

    def used_weight(self, response: HttpResponse) -> int | None:
        """Return what this machine has used of its weight in this minute."""
        return used_weight(response)
