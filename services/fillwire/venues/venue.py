"""What the gateway needs of an exchange besides the protocol of one connection."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol, runtime_checkable

from fillwire.domain.errors import VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.endpoints import Endpoints
from fillwire.venues.protocol import ConnectionLimits, OrderDoubted, VenueProtocol
from fillwire.venues.questions import Question
from fillwire.venues.records import AccountRecords, OrderReport
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.venues.symbols import SymbolTable


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueKey:
    """What a user has from the venue; nothing of it prints.

    Attributes:
        api_key: the public half.
        secret: shared secret, or private key in PEM form.
        passphrase: third part, where the venue has one.
    """

    api_key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str | None = field(default=None, repr=False)


class VenueAccount(Protocol):
    """One account at a venue, with its key: makes the protocol of each of its connections."""

    def address(self) -> Question[str]:
        """Ask for the address of the socket, before each dial; most venues need not be asked."""

    def records(self) -> AccountRecords:
        """Return what can be asked of the venue's own records of the account."""

    def read_frame(
        self, frame: bytes, received_time_ns: int, symbols: SymbolTable, clock_offset_ns: int
    ) -> Sequence[OrderReport | OrderDoubted]:
        """Return the order events and doubts of one frame, read apart from any connection: what else it says is over.

        Args:
            frame: as it was received.
            received_time_ns: when it was, by the gateway's clock.
            symbols: the venue's symbols.
            clock_offset_ns: venue clock minus ours.

        Raises:
            FrameError: the frame cannot be accepted.
        """

    def protocol(
        self,
        *,
        symbols: SymbolTable,
        pairs: frozenset[str],
        limits: ConnectionLimits,
        clock_offset_ns: int,
        dialled_ns: int,
    ) -> VenueProtocol:
        """Return the protocol of a connection that is being dialled.

        Args:
            symbols: the venue's symbols.
            pairs: those that bots listen to.
            limits: deadlines and bounds of the connection.
            clock_offset_ns: venue clock minus ours, as last measured; 0 before that.
            dialled_ns: when dialling began.
        """


@runtime_checkable
class AsksWithKey(Protocol):
    """An account at a venue that answers nobody without a key, not even to questions about its clock and symbols."""

    def with_key(self, request: HttpRequest) -> HttpRequest:
        """Return a request that is not about the account as the venue answers it."""


@runtime_checkable
class HoldsOneConnection(Protocol):
    """A venue that refuses a second connection of an account for as long as the first lives.

    Attributes:
        holds_one_connection: True.
    """

    holds_one_connection: bool


class OrderNames(Protocol):
    """The names that an account's orders have at the venue, and the client order ids that they were derived from."""

    def name(self, client_order_id: str) -> str:
        """Return the venue's name for our id, and remember whose it is."""

    def take_shown(self) -> list[str]:
        """Return our ids of the orders that the venue has shown since the last call."""


@runtime_checkable
class RenamesOrders(Protocol):
    """A venue that knows orders by names which are derived from our client order ids, and do not lead back to them."""

    def order_names(self, account: Account) -> OrderNames:
        """Return the names of an account's orders, for all of its connections."""


class Venue(Protocol):
    """What the gateway needs of an exchange besides the protocol of a connection."""

    @property
    def exchange(self) -> str:
        """Its name in configuration, subjects and events."""

    @property
    def lifetime_s(self) -> float:
        """Age at which the venue ends a connection, in seconds."""

    @property
    def connects_per_minute(self) -> int:
        """Connections that one machine may dial in a minute without being refused."""

    @property
    def request_life_s(self) -> float:
        """So long after it was signed a request may still be carried out, in seconds; an older one is refused."""

    @property
    def weight_per_minute(self) -> int:
        """What one machine may ask of the venue in a minute, in the unit of `HttpRequest.weight`, until the venue says it."""

    def trade_key(self, trade_id: str, cumulative: Decimal) -> str:
        """Return the word by which an execution is named in its event id: the venue's own id, where all its reports have it.

        Args:
            trade_id: the venue's id of the trade.
            cumulative: what the order had executed with it.
        """

    def endpoints(self, environment: str, websocket_url: str | None, rest_url: str | None) -> Endpoints:
        """Return where the environment is reached; the addresses are configured ones, None for the venue's own.

        Raises:
            ConfigError: unknown environment, or an address that keys must not be sent to.
        """

    def account(self, account: Account, key: VenueKey, endpoints: Endpoints) -> VenueAccount:
        """Return the account with its key.

        Raises:
            ConfigError: no key of this venue; the message shows nothing of it.
        """

    def time_request(self) -> HttpRequest:
        """Return the request for the venue's clock."""

    def read_time_ns(self, response: HttpResponse) -> int:
        """Return the venue's clock, in nanoseconds since the epoch.

        Raises:
            VenueError: the venue refused, or answered something else.
        """

    def symbols_request(self) -> HttpRequest:
        """Return the request for the venue's symbols."""

    def read_symbols(self, response: HttpResponse) -> SymbolTable:
        """Return the venue's symbols; raises as `read_time_ns`."""

    def error(self, response: HttpResponse) -> VenueError:
        """Return what an answer other than 200 means."""

    def read_weight_per_minute(self, response: HttpResponse) -> int | None:
        """Return what one machine may ask in a minute, where the answer to `symbols_request` says it."""

    def used_weight(self, response: HttpResponse) -> int | None:
        """Return what this machine has asked in this minute as the answer says it, None if it does not."""


@runtime_checkable
class CountsBySecond(Protocol):
    """A venue that refuses what is asked too fast, however little it is in a minute."""

    @property
    def weight_per_second(self) -> int:
        """What may be asked of it in a second, in the unit of `HttpRequest.weight`."""

    @property
    def weight_burst(self) -> int:
        """What may be asked at once after a pause."""
