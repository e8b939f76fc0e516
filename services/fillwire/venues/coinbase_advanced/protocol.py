"""One connection to Coinbase Advanced Trade: subscribe, receive, and notice when it no longer does.

    connected → subscribe user → acknowledged: receiving → subscribe heartbeats → acknowledged

One channel is asked for at a time, so that it is plain which of them a refusal is meant for: it comes as a frame that
names nothing, on a socket that stays open. The venue refuses a good key now and then; one more token is sent before the
key counts as refused. With heartbeats there is a frame each second, and silence is death.

The stream has no executions. What a frame shows of them is a doubt, which the venue's records settle.
"""

from decimal import Decimal
from enum import Enum, auto
from http import HTTPStatus

import orjson

from fillwire.domain.errors import AuthRejected, ConnectionLost, FrameError, VenueError
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.venues.coinbase_advanced import requests
from fillwire.venues.coinbase_advanced.auth import TokenSigner
from fillwire.venues.coinbase_advanced.orders import AdvancedOrders
from fillwire.venues.coinbase_advanced.products import read_time_ns
from fillwire.venues.coinbase_advanced.records import AdvancedRecords
from fillwire.venues.coinbase_advanced.refusals import AUTHENTICATION_FAILURE
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
    StreamDoubted,
    Subscribed,
)
from fillwire.venues.records import OrderRow
from fillwire.venues.rest import HttpResponse
from fillwire.venues.rest_calls import RestCalls
from fillwire.venues.rest_desk import RestDesk
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.timers import Action, Timers

USER, HEARTBEATS = "user", "heartbeats"
_S = 1_000_000_000
SILENCE_NS = 10 * _S
_CLOCK_TIMEOUT_NS = 3 * _S
# Frames from the future that wait for the venue's time at most, and how often it is asked for because of them.
_MAX_DOUBTED_FRAMES = 1_000
_DOUBT_EVERY_NS = 10 * _S


class _Phase(Enum):
    NEW = auto()
    SUBSCRIBING = auto()
    LIVE = auto()
    ENDED = auto()


class AdvancedProtocol:
    """`VenueProtocol` of Coinbase Advanced Trade.

    Args:
        account: whose connection it is.
        signer: key of the account.
        records: of the account.
        symbols: the venue's products.
        limits: deadlines and bounds of the connection.
        clock_offset_ns: venue clock minus ours, as last measured; 0 before that.
        dialled_ns: when dialling began: the limit for connecting counts from here.
    """

    def __init__(  # noqa: PLR0913 - the facts of a connection
        self,
        *,
        account: Account,
        signer: TokenSigner,
        records: AdvancedRecords,
        symbols: SymbolTable,
        limits: ConnectionLimits,
        clock_offset_ns: int,
        dialled_ns: int,
    ) -> None:
        self._venue = account.exchange
        self._signer = signer
        self._limits = limits
        self._clock_offset_ns = clock_offset_ns
        self._parser = Parser(account, symbols.pairs, clock_offset_ns=clock_offset_ns)
        self._parse = self._parser.parse
        self._events: list[Event] = []
        self._frames: list[bytes] = []
        self._timers = Timers()
        self._calls = RestCalls()
        self._desk = RestDesk(
            venue=account.exchange,
            api=AdvancedOrders(signer, records),
            calls=self._calls,
            timers=self._timers,
            symbols=symbols,
            timeout_ns=limits.order_timeout_ns,
            max_pending=limits.max_pending_orders,
            on_answer=lambda key, answer: self._events.append(OrderAnswered(key, answer)),
        )
        self._phase = _Phase.NEW
        self._awaited: str | None = None  # the channel whose acknowledgement is awaited
        self._is_retry = False
        self._heard_ns = 0
        self._subscribe_by_ns = dialled_ns + limits.connect_timeout_ns
        self._doubted: list[tuple[bytes, int]] = []
        self._doubted_ns: int | None = None

    # -- frames in

    def connected(self, now_ns: int) -> None:
        """Begin to subscribe."""
        self._phase = _Phase.SUBSCRIBING
        self._heard_ns = now_ns
        self._timers.at(now_ns + SILENCE_NS, self._check_silence)
        self._timers.at(self._subscribe_by_ns, self._check_subscribed)
        self._subscribe(USER, now_ns)

    def receive_frame(self, frame: bytes, received_time_ns: int) -> None:
        """Take one text frame."""
        self._heard_ns = received_time_ns
        if self._doubted:  # in their order: the venue numbers its frames
            self._doubt_frame(frame, received_time_ns)
        else:
            self._read(frame, received_time_ns)

    def _read(self, frame: bytes, received_time_ns: int) -> None:
        try:
            items = self._parse(frame, received_time_ns)
        except FrameError as error:
            if self._doubts_clock(error, received_time_ns):
                self._doubt_frame(frame, received_time_ns)
            else:
                self._events.append(FrameRefused(frame, received_time_ns, error))
            return
        for item in items:
            if isinstance(item, ExecutionReport):
                self._events.append(item)
            else:
                self._receive_control(item, received_time_ns)

    def receive_ping(self, now_ns: int) -> None:
        """Note a sign of life."""
        self._heard_ns = now_ns

    def receive_timer(self, now_ns: int) -> None:
        """Act on the deadlines that have passed."""
        self._timers.run(now_ns)

    def receive_response(self, key: int, answer: HttpResponse | VenueError, now_ns: int) -> None:
        """Take the answer to a request."""
        self._calls.receive(key, answer, now_ns)

    def disconnected(self, now_ns: int) -> None:  # noqa: ARG002 - nothing that waits has a time
        """End: what waits for an answer will get none."""
        self._phase = _Phase.ENDED
        self._desk.abandon("the connection was lost before the venue answered")
        self._calls.abandon()

    # -- out

    def events(self) -> list[Event]:
        """Return what happened since the last call."""
        events = self._events
        if events:
            self._events = []
        return events

    def frames_to_send(self) -> list[bytes]:
        """Return the text frames to send."""
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
        self._parser.use_symbols(symbols.pairs)
        self._desk.symbols = symbols

    def use_pairs(self, pairs: frozenset[str]) -> None:
        """Pass over it: the stream is of all products."""

    def note_order(self, order: OrderRow) -> None:
        """Have the parser know what is published of an order."""
        self._parser.note_order(order)

    def use_clock(self, offset_ns: int) -> None:
        """Sign with this offset, and judge times by it, from now on."""
        self._clock_offset_ns = offset_ns
        self._parser.use_clock(offset_ns)

    def keep_quiet(self, until_ns: int) -> None:
        """Pass over it: nothing is asked of the own accord."""

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
        answer = TradeOrder(
            outcome=Outcome.REJECTED,
            pair=pair,
            client_order_id=client_order_id,
            order_id=order_id,
            reason="not sent: the connection is not receiving",
        )
        self._events.append(OrderAnswered(key, answer))

    # -- life

    def _subscribe(self, channel: str, now_ns: int) -> None:
        self._awaited = channel
        self._frames.append(requests.subscribe(self._signer, now_ns + self._clock_offset_ns, channel))

    def _receive_control(self, control: Control, now_ns: int) -> None:
        match control.type:
            case "order_doubted":
                self._events.append(doubt(control))
            case "sequence_gap":
                self._events.append(StreamDoubted("the venue's numbers show that frames are missing"))
            case "subscriptions":
                self._note_subscriptions(control, now_ns)
            case "error":
                self._note_error(control, now_ns)
            case kind:
                self._events.append(Notice(kind))

    def _note_subscriptions(self, control: Control, now_ns: int) -> None:
        channels = {name for event in orjson.loads(control.json)["channels"] for name in event}
        if self._phase is _Phase.LIVE and USER not in channels:
            self._fail(ConnectionLost(self._venue, "the venue shows no subscription of the account any more"))
        elif self._awaited in channels:
            granted, self._awaited, self._is_retry = self._awaited, None, False
            if granted == USER:
                self._phase = _Phase.LIVE
                self._events += (Authenticated(), Subscribed())
                self._subscribe(HEARTBEATS, now_ns)

    def _note_error(self, control: Control, now_ns: int) -> None:
        said = orjson.loads(control.json)
        message = ": ".join(filter(None, (said["message"], said["reason"])))
        if not message.lower().startswith(AUTHENTICATION_FAILURE) or self._awaited is None:
            # The venue may leave the socket open and send nothing more on it.
            self._fail(ConnectionLost(self._venue, f"the venue reports an error: {message}"))
        elif not self._is_retry:
            self._is_retry = True
            self._measure_clock(now_ns, self._subscribe_again)  # it does not say whether it refused the time
        elif self._awaited == USER:
            self._fail(AuthRejected(self._venue, f"{message}, twice with a token of its own each"))
        else:
            self._fail(ConnectionLost(self._venue, f"no subscription to {self._awaited}: {message}"))

    def _subscribe_again(self, now_ns: int) -> None:
        if self._awaited is not None and self._phase is not _Phase.ENDED:
            self._subscribe(self._awaited, now_ns)

    def _check_subscribed(self, _now_ns: int) -> None:
        if self._phase is _Phase.SUBSCRIBING:
            self._fail(ConnectionLost(self._venue, "the subscription was not acknowledged in time"))

    def _check_silence(self, now_ns: int) -> None:
        due_ns = self._heard_ns + SILENCE_NS
        if now_ns < due_ns:
            self._timers.at(due_ns, self._check_silence)
        else:
            self._fail(
                ConnectionLost(
                    self._venue, f"nothing received for {SILENCE_NS // _S} s, not even a heartbeat"
                )
            )

    def _fail(self, error: VenueError) -> None:
        if self._phase is not _Phase.ENDED:
            self._phase = _Phase.ENDED
            self._events.append(Failed(error))

    # -- the venue's clock

    def _measure_clock(self, now_ns: int, then: Action) -> None:
        """Ask the venue for its time; `then` is told when that was answered, or will not be."""

        def answered(answer: HttpResponse | VenueError, at_ns: int) -> None:
            if isinstance(answer, HttpResponse) and answer.status == HTTPStatus.OK:
                try:
                    venue_ns = read_time_ns(answer.body)
                except ValueError:  # not said: the time stays as it was
                    pass
                else:
                    self._note_clock(venue_ns - (now_ns + at_ns) // 2, at_ns - now_ns)
            then(at_ns)

        self._calls.ask(lambda _: requests.server_time(), _CLOCK_TIMEOUT_NS, answered)

    def _note_clock(self, offset_ns: int, round_trip_ns: int) -> None:
        self.use_clock(offset_ns)
        self._events.append(ClockMeasured(offset_ns, round_trip_ns))

    def _doubts_clock(self, error: FrameError, now_ns: int) -> bool:
        """Return whether the frame is to be read again when the venue has told its time."""
        if error.code != "time_out_of_range":
            return False
        return self._doubted_ns is None or now_ns >= self._doubted_ns + _DOUBT_EVERY_NS

    def _doubt_frame(self, frame: bytes, received_time_ns: int) -> None:
        if not self._doubted:
            self._doubted_ns = received_time_ns
            self._measure_clock(received_time_ns, self._read_doubted)
        if len(self._doubted) < _MAX_DOUBTED_FRAMES:  # one more is missing then, which the next number shows
            self._doubted.append((frame, received_time_ns))

    def _read_doubted(self, _now_ns: int) -> None:
        doubted, self._doubted = self._doubted, []
        for frame, received_time_ns in doubted:
            self._read(frame, received_time_ns)


def doubt(control: Control) -> OrderDoubted:
    """Return the doubt that the parser tells of."""
    said = orjson.loads(control.json)
    return OrderDoubted(
        (said["symbol"], said["order_id"]),
        executed=Decimal(said["executed"]),
        has_ended=said["has_ended"],
    )
