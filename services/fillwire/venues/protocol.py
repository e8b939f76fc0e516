"""What every venue's protocol is to the driver: frames in, events and frames out; no I/O, no clock, no randomness.

The driver owns the socket and the timer. It calls

    connected            once, when the socket is up
    receive_frame        for each data frame, receive_ping for each ping it answered
    receive_timer        when the instant of next_deadline_ns has come
    receive_response     when REST has answered what requests_to_send wanted asked
    place_order, …       when a bot asks
    disconnected         once, when the socket is gone; answers of REST, and the timer for them, may still come after it

and after each of them sends `frames_to_send()` and `requests_to_send()`, acts on `events()`, and looks at `next_deadline_ns()` again. All
times are the wall clock in nanoseconds since the epoch, since they are signed and compared with the venue's. A clock
that steps makes a deadline come early or late by the step; the worst that follows is one reconnect.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

import orjson

from fillwire.domain.errors import FrameError, Throttled, VenueError
from fillwire.domain.ledger import OrderKey
from fillwire.domain.orders import CancelRequest, OrderRequest, TradeOrder
from fillwire.venues.parsing import ExecutionReport, Said
from fillwire.venues.questions import Ask
from fillwire.venues.records import OrderRow, RecordedReport
from fillwire.venues.rest import HttpResponse
from fillwire.venues.symbols import SymbolTable


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """Deadlines and bounds of a connection.

    Attributes:
        connect_timeout_ns: from dialling to the acknowledged subscription.
        heartbeat_interval_ns: between two probes of a connection that seems to live.
        lifetime_ns: from the subscription to `Expiring`; the owner draws it below the venue's limit, so that
            connections made together do not end together.
        order_timeout_ns: after this long a bot's request is answered, with outcome `unknown` if need be.
        max_pending_orders: requests of bots that may wait for the venue; more are refused unsent.
    """

    connect_timeout_ns: int
    heartbeat_interval_ns: int
    lifetime_ns: int
    order_timeout_ns: int
    max_pending_orders: int


@dataclass(frozen=True, slots=True)
class Authenticated:
    """The venue accepted the key."""


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The venue acknowledged the stream: from here on every order event of the account is seen."""


@dataclass(frozen=True, slots=True)
class Expiring:
    """The venue will end this connection: a successor should be receiving before it does."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The connection is of no more use and must be closed; the error's disposition says whether to try again."""

    error: VenueError


@dataclass(frozen=True, slots=True)
class FrameRefused:
    """A frame that is not what the venue's documents allow, whole, for quarantine. The connection goes on."""

    frame: bytes
    received_time_ns: int
    error: FrameError


@dataclass(frozen=True, slots=True)
class Notice:
    """A frame that tells nothing about an order, such as a change of balance; `type` is the parser's word."""

    type: str


@dataclass(frozen=True, slots=True)
class Throttling:
    """The venue asked us to wait, in an answer to whatever; the connection goes on while it lets it."""

    error: Throttled


@dataclass(frozen=True, slots=True)
class ClockMeasured:
    """The venue's clock minus ours, measured over this connection, and the round trip in which it was."""

    offset_ns: int
    round_trip_ns: int


@dataclass(frozen=True, slots=True)
class OrderAnswered:
    """What is known about a bot's request; `key` is the one given with it."""

    key: int
    answer: TradeOrder


@dataclass(frozen=True, slots=True)
class OrderDoubted:
    """Something happened to an order that only the venue's records can tell: they are asked in `after_ns`.

    Attributes:
        executed: base quantity executed as the frame shows it, None if it shows none. Records that show less lag behind:
            they are asked again until they do not.
        has_ended: whether the frame shows that the order has ended; as for `executed`.
    """

    key: OrderKey
    after_ns: int = 0
    executed: Decimal | None = None
    has_ended: bool = False

    @classmethod
    def of(cls, control: Said) -> "OrderDoubted":
        """Return the doubt that a parser tells of by a control `order_doubted`."""
        said = orjson.loads(control.json)
        executed = said.get("executed")
        return cls(
            (said["symbol"], said["order_id"]),
            executed=None if executed is None else Decimal(executed),
            has_ended=said.get("has_ended", False),
        )


@dataclass(frozen=True, slots=True)
class StreamDoubted:
    """Frames of this connection were lost, nobody knows of which orders: everything is compared with the records."""

    reason: str


@dataclass(frozen=True, slots=True)
class HttpAsk:
    """A request to REST that a connection wants sent.

    Attributes:
        key: names it in the answer.
        make: makes it for the time of sending.
        timeout_ns: so long an answer is awaited.
    """

    key: int
    make: Ask
    timeout_ns: int


class Ping(bytes):
    """Among the frames to send: a ping with this payload instead of a text. Its answer is told by `receive_ping`."""

    __slots__ = ()


Event = (
    ExecutionReport
    | RecordedReport
    | OrderDoubted
    | StreamDoubted
    | FrameRefused
    | Notice
    | Authenticated
    | Subscribed
    | Expiring
    | Failed
    | Throttling
    | ClockMeasured
    | OrderAnswered
)


class VenueProtocol(Protocol):
    """One connection of one account, from its first frame to its last; made anew for each connection."""

    def connected(self, now_ns: int) -> None:
        """Begin: the socket is up."""

    def receive_frame(self, frame: bytes, received_time_ns: int) -> None:
        """Take one data frame. Never raises: a frame that does not parse becomes `FrameRefused`."""

    def receive_ping(self, now_ns: int) -> None:
        """Note that the venue pinged, which the driver has answered with the ping's payload, or answered a ping."""

    def receive_timer(self, now_ns: int) -> None:
        """Do what is due at `now_ns`; nothing if the driver calls early."""

    def disconnected(self, now_ns: int) -> None:
        """End: the socket is gone. Bots' requests that went over it become `unknown`; those to REST are answered yet."""

    def events(self) -> list[Event]:
        """Return what happened since the last call, in order."""

    def frames_to_send(self) -> list[bytes]:
        """Return the text frames to send since the last call, in order; a `Ping` is one of pings."""

    def requests_to_send(self) -> list[HttpAsk]:
        """Return the requests to REST since the last call; each is answered by `receive_response`."""

    def receive_response(self, key: int, answer: HttpResponse | VenueError, now_ns: int) -> None:
        """Take the answer to a request.

        Args:
            key: which request.
            answer: the answer; or why there is none: `Throttled` if it was not sent, else nobody knows what became of it.
            now_ns: the time.
        """

    def next_deadline_ns(self) -> int | None:
        """Return when `receive_timer` wants to be called at the latest, None for not at all."""

    def use_symbols(self, symbols: SymbolTable) -> None:
        """Read frames by this table from now on."""

    def use_pairs(self, pairs: frozenset[str]) -> None:
        """Bots listen to these pairs from now on: of use where a venue's stream is of some symbols only."""

    def note_order(self, order: OrderRow) -> None:
        """Take how the records show an order, all of which is published: of use where frames do not tell all."""

    def use_clock(self, offset_ns: int) -> None:
        """Sign with this offset, venue clock minus ours, from now on."""

    def keep_quiet(self, until_ns: int) -> None:
        """Ask nothing of the own accord until then: the venue wants no requests from this machine."""

    def place_order(
        self, key: int, request: OrderRequest, now_ns: int, *, may_exist: bool, may_place: bool = True
    ) -> None:
        """Ask the venue to place an order; one `OrderAnswered` with `key` follows, at the deadline at the latest.

        Args:
            key: what the answer will carry.
            request: the order.
            now_ns: the time.
            may_exist: the order may have been placed before: look for it first, and place it only if it is not found.
            may_place: False while an earlier sending may still be carried out: look for it only.
        """

    def cancel_order(self, key: int, request: CancelRequest, now_ns: int) -> None:
        """Ask the venue to cancel an order; answered as `place_order`."""
