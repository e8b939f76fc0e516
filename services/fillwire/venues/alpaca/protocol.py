"""One connection to Alpaca's trading stream: authenticate, listen, receive, and notice when it no longer does.

    connected → auth → authorized → listen → listening with trade_updates → receiving

The venue sends no heartbeat, and an idle account nothing for days: the connection counts as dead when pings of ours are
not answered. There is no replay: what was missed is asked of the records, which the gateway does after each connection.

A connection has no end by age, so none is made beside another: the venue holds one per account and refuses a second.

A frame from the future is no nonsense if it is our clock that is wrong: the venue is asked for its time first.
"""

from enum import Enum, auto
from http import HTTPStatus

import orjson

from fillwire.domain.errors import (
    AuthRejected,
    ConnectionLost,
    FrameError,
    SubscriptionRejected,
    VenueError,
)
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.venues.alpaca import requests
from fillwire.venues.alpaca.auth import Key
from fillwire.venues.alpaca.orders import AlpacaOrders
from fillwire.venues.alpaca.values import time_ns
from fillwire.venues.parsing import Control, ExecutionReport, Parser
from fillwire.venues.protocol import (
    Authenticated,
    ClockMeasured,
    ConnectionLimits,
    Event,
    Failed,
    FrameRefused,
    HttpAsk,
    Notice,
    OrderAnswered,
    OrderDoubted,
    Ping,
    Subscribed,
)
from fillwire.venues.records import OrderRow
from fillwire.venues.rest import HttpResponse
from fillwire.venues.rest_calls import RestCalls
from fillwire.venues.rest_desk import RestDesk
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.timers import Timers

_S = 1_000_000_000
_STREAM = "trade_updates"
_LISTEN = orjson.dumps({"action": "listen", "data": {"streams": [_STREAM]}})
_LONGEST_PING_NS = 10 * _S
# Frames from the future that wait for the venue's time at most, and how often it is asked for because of them.
_MAX_DOUBTED_FRAMES = 10_000
_DOUBT_EVERY_NS = 10 * _S
_CLOCK_TIMEOUT_NS = 3 * _S
_FROM_THE_FUTURE = "time_out_of_range"
_NOTE = Notice("order_note")


class _Phase(Enum):
    NEW = auto()
    AUTHENTICATING = auto()
    LISTENING = auto()
    LIVE = auto()
    ENDED = auto()


class AlpacaProtocol:
    """`VenueProtocol` of Alpaca.

    Args:
        account: whose connection it is.
        key: its key.
        symbols: the venue's symbols.
        limits: deadlines and bounds of the connection.
        clock_offset_ns: venue clock minus ours, as last measured; 0 before that.
        dialled_ns: when dialling began: the limit for connecting counts from here.
    """

    def __init__(  # noqa: PLR0913 - the facts of a connection
        self,
        *,
        account: Account,
        key: Key,
        symbols: SymbolTable,
        limits: ConnectionLimits,
        clock_offset_ns: int,
        dialled_ns: int,
    ) -> None:
        self._account = account
        self._venue = account.exchange
        self._key = key
        self._clock_offset_ns = clock_offset_ns
        self._use_parser(symbols)
        self._events: list[Event] = []
        self._frames: list[bytes] = []
        self._doubted: list[tuple[bytes, int]] = []
        self._doubted_ns: int | None = None
        self._timers = Timers()
        self._calls = RestCalls()
        self._desk = RestDesk(
            venue=self._venue,
            api=AlpacaOrders(key),
            calls=self._calls,
            timers=self._timers,
            symbols=symbols,
            timeout_ns=limits.order_timeout_ns,
            max_pending=limits.max_pending_orders,
            on_answer=self._note_answer,
        )
        self._phase = _Phase.NEW
        self._heard_ns = 0
        # Three pings go into the interval, and the third is not waited for: a dead connection is found within it.
        self._ping_every_ns = min(_LONGEST_PING_NS, limits.heartbeat_interval_ns // 3)
        self._silence_ns = limits.heartbeat_interval_ns - self._ping_every_ns
        self._listen_by_ns = dialled_ns + limits.connect_timeout_ns

    # -- frames in

    def connected(self, now_ns: int) -> None:
        """Authenticate: the venue says nothing before that."""
        self._phase = _Phase.AUTHENTICATING
        self._heard_ns = now_ns
        self._frames.append(self._key.frame)
        self._timers.at(self._listen_by_ns, self._check_listening)
        self._timers.at(now_ns + self._ping_every_ns, self._ping)

    def receive_frame(self, frame: bytes, received_time_ns: int) -> None:
        """Take one frame, of text or of bytes: what is in it, its first byte tells."""
        self._heard_ns = received_time_ns
        try:
            for item in self._parse(frame, received_time_ns):
                if isinstance(item, ExecutionReport):
                    self._events.append(item)
                else:
                    self._receive_control(item)
        except FrameError as error:
            if self._doubts_clock(error, received_time_ns):
                self._doubted.append((frame, received_time_ns))
            else:
                self._refuse_frame(frame, received_time_ns, error)

    def receive_ping(self, now_ns: int) -> None:
        """Note a sign of life."""
        self._heard_ns = now_ns

    def receive_timer(self, now_ns: int) -> None:
        """Act on the deadlines that have passed."""
        self._timers.run(now_ns)

    def receive_response(self, key: int, answer: HttpResponse | VenueError, now_ns: int) -> None:
        """Take the answer to a request."""
        self._calls.receive(key, answer, now_ns)

    def disconnected(self, now_ns: int) -> None:
        """End: what waits for an answer will get none."""
        self._phase = _Phase.ENDED
        self._release_doubted()
        self._desk.abandon("the connection was lost before the venue answered")
        self._calls.abandon()
        self._heard_ns = now_ns

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

    def requests_to_send(self) -> list[HttpAsk]:
        """Return the requests to REST."""
        return self._calls.to_send()

    def next_deadline_ns(self) -> int | None:
        """Return when something is due."""
        return None if self._phase is _Phase.ENDED else self._timers.next_ns

    # -- what the gateway learns elsewhere

    def use_symbols(self, symbols: SymbolTable) -> None:
        """Read frames and place orders by this table from now on."""
        self._use_parser(symbols)
        self._desk.symbols = symbols

    def use_pairs(self, pairs: frozenset[str]) -> None:
        """Do nothing: the stream is of the whole account."""

    def note_order(self, order: OrderRow) -> None:
        """Do nothing: frames tell all."""

    def use_clock(self, offset_ns: int) -> None:
        """Judge the venue's times by this offset from now on."""
        self._clock_offset_ns = offset_ns
        self._parser.use_clock(offset_ns)

    def keep_quiet(self, until_ns: int) -> None:
        """Do nothing: the venue counts requests, and of those none is made of the own accord."""

    def _use_parser(self, symbols: SymbolTable) -> None:
        self._parser = Parser(self._account, symbols.pairs, clock_offset_ns=self._clock_offset_ns)
        self._parse = self._parser.parse

    # -- orders

    def place_order(self, key: int, request: OrderRequest, now_ns: int, *, may_exist: bool) -> None:
        """Place an order."""
        if self._phase is _Phase.LIVE:
            self._desk.place(key, request, now_ns, may_exist=may_exist)
        else:
            self._refuse(key, request.pair, request.client_order_id, None)

    def cancel_order(self, key: int, request: CancelRequest, now_ns: int) -> None:
        """Cancel an order."""
        if self._phase is _Phase.LIVE:
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

    def _receive_control(self, control: Control) -> None:
        said = orjson.loads(control.json)
        match control.type:
            case "authorization":
                self._receive_authorization(said["authorized"], said["action"], said["message"])
            case "listening":
                self._receive_listening(said["streams"])
            case "error":
                self._fail(ConnectionLost(self._venue, f"the venue reports: {said['message'] or 'an error'}"))
            case "order_doubted":
                self._events.append(OrderDoubted((said["symbol"], said["order_id"])))
            case _:
                self._events.append(_NOTE)

    def _receive_authorization(self, is_authorized: bool, action: str | None, message: str | None) -> None:
        if not is_authorized:
            reason = message or f"the venue answers unauthorized to {action or 'authenticate'}"
            if action == "listen":  # not the key: the venue has lost what it granted
                self._fail(ConnectionLost(self._venue, reason))
            else:
                self._fail(AuthRejected(self._venue, reason))
        elif self._phase is _Phase.AUTHENTICATING:
            self._phase = _Phase.LISTENING
            self._events.append(Authenticated())
            self._frames.append(_LISTEN)

    def _receive_listening(self, streams: list[str]) -> None:
        if _STREAM not in streams:
            found = ", ".join(streams) or "none"
            reason = f"expected the stream {_STREAM} in the acknowledgement, found {found}"
            is_live = self._phase is _Phase.LIVE
            error = ConnectionLost if is_live else SubscriptionRejected
            self._fail(error(self._venue, reason))
        elif self._phase is _Phase.LISTENING:
            self._phase = _Phase.LIVE
            self._events.append(Subscribed())

    def _check_listening(self, _now_ns: int) -> None:
        if self._phase in {_Phase.AUTHENTICATING, _Phase.LISTENING}:
            what = "authentication" if self._phase is _Phase.AUTHENTICATING else "subscription"
            self._fail(ConnectionLost(self._venue, f"no answer to the {what} in time"))

    def _ping(self, now_ns: int) -> None:
        if self._phase is _Phase.ENDED:
            return
        silent_ns = now_ns - self._heard_ns
        if silent_ns >= self._silence_ns:
            self._fail(
                ConnectionLost(self._venue, f"nothing received for {silent_ns / _S:g} s, not even a pong")
            )
            return
        self._frames.append(Ping())
        self._timers.at(now_ns + self._ping_every_ns, self._ping)

    def _fail(self, error: VenueError) -> None:
        if self._phase is not _Phase.ENDED:
            self._phase = _Phase.ENDED
            self._events.append(Failed(error))

    # -- frames that are refused

    def _refuse_frame(self, frame: bytes, received_time_ns: int, error: FrameError) -> None:
        self._events.append(FrameRefused(frame, received_time_ns, error))
        if error.symbol is not None and error.order_id is not None:
            # Something happened to the order that the frame could not tell.
            self._events.append(OrderDoubted((error.symbol, error.order_id)))

    def _doubts_clock(self, error: FrameError, now_ns: int) -> bool:
        """Return whether the frame is kept until the venue has said its time."""
        if error.code != _FROM_THE_FUTURE or self._phase is _Phase.ENDED:
            return False
        if self._doubted:
            return len(self._doubted) < _MAX_DOUBTED_FRAMES
        if self._doubted_ns is not None and now_ns - self._doubted_ns < _DOUBT_EVERY_NS:
            return False
        self._doubted_ns = now_ns
        self._calls.ask(
            requests.ask(requests.with_key(requests.clock(), self._key)),
            _CLOCK_TIMEOUT_NS,
            lambda answer, at_ns: self._clock_told(answer, now_ns, at_ns),
        )
        return True

    def _clock_told(self, answer: HttpResponse | VenueError, asked_ns: int, now_ns: int) -> None:
        if isinstance(answer, HttpResponse) and answer.status == HTTPStatus.OK:
            try:
                venue_ns = time_ns(orjson.loads(answer.body)["timestamp"])
            except (ValueError, LookupError, TypeError):
                pass  # the frames are judged by the clock as it was known
            else:
                round_trip_ns = now_ns - asked_ns
                offset_ns = venue_ns - now_ns + round_trip_ns // 2
                self.use_clock(offset_ns)
                self._events.append(ClockMeasured(offset_ns, round_trip_ns))
        self._release_doubted()

    def _release_doubted(self) -> None:
        """Read the frames that waited for the venue's time."""
        doubted, self._doubted = self._doubted, []
        for frame, received_time_ns in doubted:
            self.receive_frame(frame, received_time_ns)
