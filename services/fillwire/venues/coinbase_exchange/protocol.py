"""One connection to Coinbase Exchange: subscribe, receive, and notice when it no longer does.

    connected → signed subscription → acknowledged for every product: receiving

The subscription is the log-in, and must follow within five seconds. With heartbeats there is a frame each second, and
silence is death.

The messages tell an order's life only together. What they leave open is a doubt, which the venue's records settle; what
these show is given to the parser, so that it can go on from there.
"""

from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING

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
from fillwire.venues.coinbase_exchange import requests
from fillwire.venues.coinbase_exchange.auth import Signer
from fillwire.venues.coinbase_exchange.names import ClientOrderIds
from fillwire.venues.coinbase_exchange.orders import ExchangeOrders
from fillwire.venues.coinbase_exchange.refusals import says_expired
from fillwire.venues.coinbase_exchange.rows import read_server_time_ns
from fillwire.venues.coinbase_exchange.subscribing import Subscriptions
from fillwire.venues.parsing import Control, ExecutionReport, Parser
from fillwire.venues.protocol import (
    Authenticated,
    ClockMeasured,
    ConnectionLimits,
    Event,
    Expiring,
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

if TYPE_CHECKING:
    from fillwire.domain.ledger import OrderKey

_S = 1_000_000_000
SILENCE_NS = 5 * _S
_CLOCK_TIMEOUT_NS = 3 * _S
# Frames from the future that wait for the venue's time at most, and how often it is asked for because of them.
_MAX_DOUBTED_FRAMES = 1_000
_DOUBT_EVERY_NS = 10 * _S
# When the records are asked again about an order of which they do not show yet what frames told.
_FIRST_DOUBT_NS, _LAST_DOUBT_NS = _S // 2, 30 * _S
_AUTHENTICATION = "authentica"
# Why a subscription is refused for good.
_FOR_A_PERSON = ("is not a valid channel", "require authentication")
# Two comparisons of everything because of messages that were lost are this far apart at least.
_GAP_EVERY_NS = 5 * _S


class _Phase(Enum):
    NEW = auto()
    SUBSCRIBING = auto()
    LIVE = auto()
    ENDED = auto()


class ExchangeProtocol:
    """`VenueProtocol` of Coinbase Exchange.

    Args:
        account: whose connection it is.
        signer: key of the account.
        names: the client order ids that are ours.
        symbols: the venue's products.
        pairs: those that bots listen to.
        follows: whether losses are to be noticed on the channel `full` of those pairs.
        limits: deadlines and bounds of the connection.
        clock_offset_ns: venue clock minus ours, as last measured; 0 before that.
        dialled_ns: when dialling began: the limit for connecting counts from here.
    """

    def __init__(  # noqa: PLR0913 - the facts of a connection
        self,
        *,
        account: Account,
        signer: Signer,
        names: ClientOrderIds,
        symbols: SymbolTable,
        pairs: frozenset[str],
        follows: bool,
        limits: ConnectionLimits,
        clock_offset_ns: int,
        dialled_ns: int,
    ) -> None:
        self._venue = account.exchange
        self._limits = limits
        self._clock_offset_ns = clock_offset_ns
        self._follows = follows
        self._pairs = pairs
        self._names = names
        self._parser = Parser(account, symbols.pairs, clock_offset_ns=clock_offset_ns)
        self._parse = self._parser.parse
        self._subscriptions = Subscriptions(signer, frozenset(symbols.pairs), frozenset())
        self._events: list[Event] = []
        self._frames: list[bytes] = []
        self._timers = Timers()
        self._calls = RestCalls()
        self._desk = RestDesk(
            venue=account.exchange,
            api=ExchangeOrders(signer, names),
            calls=self._calls,
            timers=self._timers,
            symbols=symbols,
            timeout_ns=limits.order_timeout_ns,
            max_pending=limits.max_pending_orders,
            on_answer=lambda key, answer: self._events.append(OrderAnswered(key, answer)),
        )
        self._phase = _Phase.NEW
        self._heard_ns = 0
        self._subscribe_by_ns = dialled_ns + limits.connect_timeout_ns
        self._is_retry = False
        self._delays: dict[OrderKey, int] = {}
        self._gap_at_ns: int | None = None
        self._is_gap_due = False
        self._doubted: list[tuple[bytes, int]] = []
        self._doubted_ns: int | None = None

    # -- frames in

    def connected(self, now_ns: int) -> None:
        """Begin to subscribe."""
        self._phase = _Phase.SUBSCRIBING
        self._heard_ns = now_ns
        for name in self._names.items():
            self._parser.name_client(*name)
        self._names.on_name.append(self._parser.name_client)
        self._timers.at(now_ns + SILENCE_NS, self._check_silence)
        self._timers.at(self._subscribe_by_ns, self._check_subscribed)
        self._use_subscriptions(now_ns)

    def receive_frame(self, frame: bytes, received_time_ns: int) -> None:
        """Take one text frame."""
        self._heard_ns = received_time_ns
        if self._doubted:  # in their order: an order's messages build on each other
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
            elif item.type != "heartbeat":
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
        if self._parser.name_client in self._names.on_name:
            self._names.on_name.remove(self._parser.name_client)
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
        """Read frames and place orders by this table from now on, and subscribe to what is new in it."""
        self._parser.use_symbols(symbols.pairs)
        self._desk.symbols = symbols
        self._use_subscriptions(self._heard_ns)

    def use_pairs(self, pairs: frozenset[str]) -> None:
        """Follow every message of these pairs from now on."""
        self._pairs = pairs
        self._use_subscriptions(self._heard_ns)

    def note_order(self, order: OrderRow) -> None:
        """Have the parser go on from what the records show; ask again while frames told more."""
        self._parser.note_order(order)
        if not self._parser.is_doubted(*order.key):
            self._delays.pop(order.key, None)
        elif self._phase is _Phase.LIVE:
            delay_ns = self._delays.get(order.key, _FIRST_DOUBT_NS)
            self._delays[order.key] = min(delay_ns * 2, _LAST_DOUBT_NS)
            self._events.append(OrderDoubted(order.key, delay_ns))

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

    def _use_subscriptions(self, now_ns: int) -> None:
        if self._phase not in {_Phase.SUBSCRIBING, _Phase.LIVE}:
            return
        symbols = self._desk.symbols
        followed = [symbols.symbols[pair] for pair in self._pairs if pair in symbols.symbols]
        self._subscriptions.use(symbols.pairs, followed if self._follows else ())
        self._frames += self._subscriptions.ask(now_ns + self._clock_offset_ns)

    def _receive_control(self, control: Control, now_ns: int) -> None:
        match control.type:
            case "order_doubted":
                self._events.append(doubt(control))
            case "subscriptions":
                self._note_subscriptions(control, now_ns)
            case "error":
                self._note_error(control, now_ns)
            case "sequence_gap":
                self._note_gap(now_ns)
            case kind:
                self._events.append(Notice(kind))

    def _note_gap(self, now_ns: int) -> None:
        """Have everything compared: the orders that are known are doubted one by one, but one may have begun and ended."""
        if self._gap_at_ns is None or now_ns >= self._gap_at_ns + _GAP_EVERY_NS:
            self._tell_gap(now_ns)
        elif not self._is_gap_due:
            self._is_gap_due = True
            self._timers.at(self._gap_at_ns + _GAP_EVERY_NS, self._tell_gap)

    def _tell_gap(self, now_ns: int) -> None:
        self._gap_at_ns, self._is_gap_due = now_ns, False
        self._events.append(StreamDoubted("the venue's numbers show that messages are missing"))

    def _note_subscriptions(self, control: Control, now_ns: int) -> None:
        is_whole = self._subscriptions.note(orjson.loads(control.json)["channels"])
        if self._phase is _Phase.SUBSCRIBING and self._subscriptions.is_granted:
            self._phase = _Phase.LIVE
            self._events += (Authenticated(), Subscribed())
            self._timers.at(now_ns + self._limits.lifetime_ns, self._expire)
        elif self._phase is _Phase.LIVE and not is_whole:
            self._fail(ConnectionLost(self._venue, "the venue shows no subscription of the account any more"))
            return
        self._use_subscriptions(now_ns)

    def _note_error(self, control: Control, now_ns: int) -> None:
        said = orjson.loads(control.json)
        message = ": ".join(filter(None, (said["message"], said["reason"])))
        if says_expired(message):
            self._note_expired(message, now_ns)
        elif _AUTHENTICATION in said["message"].lower():
            self._fail(AuthRejected(self._venue, message))
        elif self._subscriptions.leave_out(message):
            self._frames += self._subscriptions.ask(now_ns + self._clock_offset_ns)
        elif any(words in message for words in _FOR_A_PERSON):
            self._fail(SubscriptionRejected(self._venue, message))
        else:
            self._fail(ConnectionLost(self._venue, f"the venue reports an error: {message}"))

    def _note_expired(self, message: str, now_ns: int) -> None:
        """The venue refuses the time of the signature: sign once more when it has told its own."""
        if self._is_retry or self._phase is not _Phase.SUBSCRIBING:
            offset_s = self._clock_offset_ns / _S
            self._fail(
                ConnectionLost(
                    self._venue,
                    "subscription refused because of its time, also after the venue was asked for its own "
                    f"(clock offset {offset_s:+.3f} s): set this machine's clock; {message}",
                )
            )
            return
        self._is_retry = True
        self._measure_clock(now_ns, self._subscribe_again)

    def _subscribe_again(self, now_ns: int) -> None:
        self._subscriptions.forget()
        self._use_subscriptions(now_ns)

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

    def _expire(self, _now_ns: int) -> None:
        if self._phase is _Phase.LIVE:
            self._events.append(Expiring("a connection is renewed once a day"))

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
                    venue_ns = read_server_time_ns(answer)
                except VenueError:  # not said: the time stays as it was
                    pass
                else:
                    offset_ns = venue_ns - (now_ns + at_ns) // 2
                    self.use_clock(offset_ns)
                    self._events.append(ClockMeasured(offset_ns, at_ns - now_ns))
            then(at_ns)

        self._calls.ask(lambda _: requests.server_time(), _CLOCK_TIMEOUT_NS, answered)

    def _doubts_clock(self, error: FrameError, now_ns: int) -> bool:
        """Return whether the frame is to be read again when the venue has told its time."""
        if error.code != "time_out_of_range":
            return False
        return self._doubted_ns is None or now_ns >= self._doubted_ns + _DOUBT_EVERY_NS

    def _doubt_frame(self, frame: bytes, received_time_ns: int) -> None:
        if not self._doubted:
            self._doubted_ns = received_time_ns
            self._measure_clock(received_time_ns, self._read_doubted)
        if len(self._doubted) < _MAX_DOUBTED_FRAMES:
            self._doubted.append((frame, received_time_ns))
        else:
            self._fail(ConnectionLost(self._venue, "the venue's clock and ours have parted"))

    def _read_doubted(self, _now_ns: int) -> None:
        doubted, self._doubted = self._doubted, []
        for frame, received_time_ns in doubted:
            self._read(frame, received_time_ns)


def doubt(control: Control) -> OrderDoubted:
    """Return the doubt that the parser tells of."""
    said = orjson.loads(control.json)
    return OrderDoubted((said["symbol"], said["order_id"]))
