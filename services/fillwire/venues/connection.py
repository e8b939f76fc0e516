"""What the connections of all venues have in common: the half of `VenueProtocol` in which no venue is special.

    frame ─▶ parser ─▶ order event ─▶ events
                     ├▶ control ────▶ the venue's own `_receive_control`
                     └▶ refused ────▶ events, or read again when the venue has told its time

A frame from the future is no nonsense if it is our clock that is wrong: the venue is asked for its time first, and what
comes meanwhile waits behind it.
"""

from abc import ABC, abstractmethod
from enum import Enum, auto
from http import HTTPStatus
from typing import ClassVar, Protocol

from fillwire.domain.enums import Reach
from fillwire.domain.errors import FrameError, Throttled, VenueError
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.venues.parsing import ExecutionReport, FrameParser, Parser, Said
from fillwire.venues.protocol import (
    ClockMeasured,
    ConnectionLimits,
    Event,
    Failed,
    FrameRefused,
    HttpAsk,
    OrderAnswered,
    Throttling,
)
from fillwire.venues.records import OrderRow, RecordedReport
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.venues.rest_calls import RestCalls
from fillwire.venues.rest_desk import OrderApi, RestDesk
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.timers import Action, Timers

LOST = "the connection was lost before the venue answered"
_S = 1_000_000_000
_CLOCK_TIMEOUT_NS = 3 * _S
# Frames that wait for the venue's time at most, and how often it is asked for because of them.
MAX_DOUBTED_FRAMES = 10_000
_DOUBT_EVERY_NS = 10 * _S
_FROM_THE_FUTURE = "time_out_of_range"


class Stage(Enum):
    """How far a connection is: orders are sent while it is live, and nothing is due when it has ended."""

    NEW = auto()
    OPENING = auto()
    LIVE = auto()
    ENDED = auto()


class Desk(Protocol):
    """Takes bots' requests; each is answered once."""

    symbols: SymbolTable

    def place(
        self, key: int, request: OrderRequest, now_ns: int, *, may_exist: bool, may_place: bool = True
    ) -> None:
        """Place an order."""

    def cancel(self, key: int, request: CancelRequest, now_ns: int) -> None:
        """Cancel an order."""

    def abandon(self, reason: str) -> None:
        """Answer all that wait: nobody knows what became of them."""


class Connection(ABC):
    """The common half of a `VenueProtocol`; a venue adds its desk, its life, and what its controls mean.

    Args:
        account: whose connection it is.
        symbols: the venue's symbols.
        limits: deadlines and bounds of the connection.
        clock_offset_ns: venue clock minus ours, as last measured; 0 before that.
        microseconds: see `Parser`.
    """

    _desk: Desk
    # Whether the venue's time is told apart from the frames: then these may wait for it in their order.
    _is_clock_apart: ClassVar[bool] = True

    def __init__(
        self,
        *,
        account: Account,
        symbols: SymbolTable,
        limits: ConnectionLimits,
        clock_offset_ns: int,
        microseconds: bool = False,
    ) -> None:
        self._account = account
        self._venue = account.exchange
        self._limits = limits
        self._clock_offset_ns = clock_offset_ns
        self._microseconds = microseconds
        self._parser = self._make_parser(symbols)
        self._parse = self._parser.parse
        self._events: list[Event] = []
        self._frames: list[bytes] = []
        self._timers = Timers()
        self._stage = Stage.NEW
        self._heard_ns = 0
        self._doubted: list[tuple[bytes, int]] = []
        self._doubted_ns: int | None = None

    def _make_parser(self, symbols: SymbolTable) -> FrameParser:
        """Return the parser in Rust; a venue that has none yet makes its own here."""
        return Parser(
            self._account,
            symbols.pairs,
            microseconds=self._microseconds,
            clock_offset_ns=self._clock_offset_ns,
        )

    # -- what a venue adds

    @abstractmethod
    def connected(self, now_ns: int) -> None:
        """Begin: the socket is up."""

    @abstractmethod
    def _receive_control(self, control: Said, now_ns: int) -> None:
        """Take what a frame says that is no order event."""

    @abstractmethod
    def _measure_clock(self, now_ns: int, then: Action) -> None:
        """Ask the venue for its time; `then` is told when that was answered, or will not be."""

    def _take(self, report: ExecutionReport) -> None:
        """Take an order event."""
        self._events.append(report)

    def _refuse_frame(self, frame: bytes, received_time_ns: int, error: FrameError) -> None:
        """Take a frame that cannot be accepted."""
        self._events.append(FrameRefused(frame, received_time_ns, error))

    # -- frames in

    def receive_frame(self, frame: bytes, received_time_ns: int) -> None:
        """Take one data frame."""
        self._heard_ns = received_time_ns
        if self._doubted and self._is_clock_apart:
            self._doubt(frame, received_time_ns)
        else:
            self._read(frame, received_time_ns)

    def _read(self, frame: bytes, received_time_ns: int) -> None:
        try:
            items = self._parse(frame, received_time_ns)
        except FrameError as error:
            if self._doubts_clock(error, received_time_ns):
                self._doubt(frame, received_time_ns)
            else:
                self._refuse_frame(frame, received_time_ns, error)
            return
        for item in items:
            if isinstance(item, ExecutionReport):
                self._take(item)
            elif isinstance(item, RecordedReport):  # of a parser in Python
                self._events.append(item)
            else:
                self._receive_control(item, received_time_ns)

    def receive_ping(self, now_ns: int) -> None:
        """Note a sign of life."""
        self._heard_ns = now_ns

    def receive_timer(self, now_ns: int) -> None:
        """Act on the deadlines that have passed."""
        self._timers.run(now_ns)

    def disconnected(self, now_ns: int) -> None:
        """End: frames that wait are judged by the clock as it is known, and what waits for an answer gets none."""
        self._stage = Stage.ENDED
        self._read_doubted(now_ns)
        self._leave_desk()

    def _leave_desk(self) -> None:
        """Answer bots' requests that went over the socket."""
        self._desk.abandon(LOST)

    # -- out

    def events(self) -> list[Event]:
        """Return what happened since the last call."""
        events = self._events
        if events:
            self._events = []
        return events

    def frames_to_send(self) -> list[bytes]:
        """Return the frames to send."""
        frames = self._frames
        if frames:
            self._frames = []
        return frames

    def next_deadline_ns(self) -> int | None:
        """Return when something is due."""
        return None if self._stage is Stage.ENDED else self._timers.next_ns

    # -- what the gateway learns elsewhere

    def use_symbols(self, symbols: SymbolTable) -> None:
        """Read frames and place orders by this table from now on."""
        if not self._parser.use_symbols(symbols.pairs):
            self._parser = self._make_parser(symbols)
            self._parse = self._parser.parse
        self._desk.symbols = symbols

    def use_pairs(self, pairs: frozenset[str]) -> None:  # noqa: B027 - most venues have nothing to do
        """Pass over it: the stream is of all symbols."""

    def note_order(self, order: OrderRow) -> None:  # noqa: B027 - most venues have nothing to do
        """Pass over it: frames tell all of an order."""

    def use_clock(self, offset_ns: int) -> None:
        """Sign with this offset, and judge times by it, from now on."""
        self._clock_offset_ns = offset_ns
        self._parser.use_clock(offset_ns)

    def keep_quiet(self, until_ns: int) -> None:  # noqa: B027 - most venues have nothing to do
        """Pass over it: nothing is asked of the own accord."""

    # -- orders

    def place_order(
        self, key: int, request: OrderRequest, now_ns: int, *, may_exist: bool, may_place: bool = True
    ) -> None:
        """Place an order."""
        if self._stage is Stage.LIVE:
            self._desk.place(key, request, now_ns, may_exist=may_exist, may_place=may_place)
        else:
            self._refuse(key, request.pair, request.client_order_id, None)

    def cancel_order(self, key: int, request: CancelRequest, now_ns: int) -> None:
        """Cancel an order."""
        if self._stage is Stage.LIVE:
            self._desk.cancel(key, request, now_ns)
        else:
            self._refuse(key, request.pair, request.client_order_id, request.order_id)

    def _refuse(self, key: int, pair: str, client_order_id: str | None, order_id: str | None) -> None:
        self._note_answer(
            key,
            TradeOrder(
                outcome=Outcome.REJECTED,
                pair=pair,
                client_order_id=client_order_id,
                order_id=order_id,
                reason="not sent: the connection is not receiving",
            ),
        )

    def _note_answer(self, key: int, answer: TradeOrder) -> None:
        self._events.append(OrderAnswered(key, answer))

    # -- life

    def _fail(self, error: VenueError) -> None:
        if self._stage is not Stage.ENDED:
            self._stage = Stage.ENDED
            self._events.append(Failed(error))

    # -- the venue's clock

    def _note_clock(self, offset_ns: int, round_trip_ns: int) -> None:
        self.use_clock(offset_ns)
        self._events.append(ClockMeasured(offset_ns, round_trip_ns))

    def _doubts_clock(self, error: FrameError, now_ns: int) -> bool:
        """Return whether the frame is to be read again when the venue has told its time."""
        if error.code != _FROM_THE_FUTURE or self._stage is Stage.ENDED:
            return False
        if self._doubted:  # it was asked for
            return True
        return self._doubted_ns is None or now_ns >= self._doubted_ns + _DOUBT_EVERY_NS

    def _doubt(self, frame: bytes, received_time_ns: int) -> None:
        is_first = not self._doubted
        if len(self._doubted) < MAX_DOUBTED_FRAMES:
            self._doubted.append((frame, received_time_ns))
        else:  # no more may wait: all are judged by the clock as it is known
            self._read_doubted(received_time_ns)
            self._read(frame, received_time_ns)
        if is_first:
            self._doubted_ns = received_time_ns
            self._measure_clock(received_time_ns, self._read_doubted)

    def _read_doubted(self, _now_ns: int) -> None:
        doubted, self._doubted = self._doubted, []
        for frame, received_time_ns in doubted:
            self._read(frame, received_time_ns)


class RestConnection(Connection):
    """A connection whose orders, and the venue's time, are asked of REST.

    What was asked of REST is carried out though the socket ends: bots' requests are followed to their answers all the same.

    Args:
        account: as `Connection`.
        symbols: as `Connection`.
        limits: as `Connection`.
        clock_offset_ns: as `Connection`.
        microseconds: as `Connection`.
        api: what the venue does with orders.
    """

    def __init__(  # noqa: PLR0913 - the facts of a connection
        self,
        *,
        account: Account,
        symbols: SymbolTable,
        limits: ConnectionLimits,
        clock_offset_ns: int,
        api: OrderApi,
        microseconds: bool = False,
    ) -> None:
        super().__init__(
            account=account,
            symbols=symbols,
            limits=limits,
            clock_offset_ns=clock_offset_ns,
            microseconds=microseconds,
        )
        self._calls = RestCalls()
        self._desk_timers = Timers()
        self._desk: RestDesk = RestDesk(
            venue=self._venue,
            api=api,
            calls=self._calls,
            timers=self._desk_timers,
            symbols=symbols,
            timeout_ns=limits.order_timeout_ns,
            max_pending=limits.max_pending_orders,
            on_answer=self._note_answer,
            on_throttled=self._note_throttled,
            measure_clock=self._measure_clock,
        )

    @abstractmethod
    def _clock_request(self) -> HttpRequest:
        """Return the question for the venue's time."""

    @abstractmethod
    def _read_clock_ns(self, body: bytes) -> int:
        """Return the venue's time in its answer, in nanoseconds since the epoch; raises `ValueError` if it is none."""

    def requests_to_send(self) -> list[HttpAsk]:
        """Return the requests to REST."""
        return self._calls.to_send()

    def receive_response(self, key: int, answer: HttpResponse | VenueError, now_ns: int) -> None:
        """Take the answer to one of them."""
        self._calls.receive(key, answer, now_ns)

    def disconnected(self, now_ns: int) -> None:
        """End, and wait for nothing any more but the answers to bots' requests."""
        super().disconnected(now_ns)
        self._calls.abandon()

    def _note_throttled(self, error: Throttled) -> None:
        if error.reach is Reach.ACCOUNT:  # whoever sends the requests obeys the rest
            self._events.append(Throttling(error))

    def _leave_desk(self) -> None:
        """Leave it at work: what was sent to REST is carried out without the socket."""

    def receive_timer(self, now_ns: int) -> None:
        """Act on the deadlines that have passed; in the end on those of bots' requests only."""
        if self._stage is not Stage.ENDED:
            super().receive_timer(now_ns)
        self._desk_timers.run(now_ns)

    def next_deadline_ns(self) -> int | None:
        """Return when something is due."""
        own_ns = super().next_deadline_ns()
        desk_ns = self._desk_timers.next_ns if self._desk.is_busy else None
        return min(filter(None, (own_ns, desk_ns)), default=None)

    def _measure_clock(self, now_ns: int, then: Action) -> None:
        def answered(answer: HttpResponse | VenueError, at_ns: int) -> None:
            if isinstance(answer, HttpResponse) and answer.status == HTTPStatus.OK:
                try:
                    venue_ns = self._read_clock_ns(answer.body)
                except ValueError:  # not said: the time stays as it was
                    pass
                else:
                    self._note_clock(venue_ns - (now_ns + at_ns) // 2, at_ns - now_ns)
            then(at_ns)

        self._calls.ask(lambda _: self._clock_request(), _CLOCK_TIMEOUT_NS, answered)
