"""One connection to a private stream of Binance USD-M Futures: receive, keep the key alive, notice when it no longer does.

The stream begins with the socket, whose address holds the listenKey: there is nothing to log on or subscribe to. Orders
go by REST.

Silence is no sign of trouble: an idle account sends nothing for hours, and the venue's own pings come minutes apart. So
the venue is pinged. That it answers pings is learnt from the first, sent while the socket is certainly up; where it
does not, only its own pings show that it is there.

A frame from the future is no nonsense if it is our clock that is wrong: the venue is asked for its time first.
"""

from enum import Enum, auto

import orjson

from fillwire.domain.errors import AuthRejected, ConnectionLost, FrameError, VenueError
from fillwire.domain.identifiers import Account
from fillwire.domain.ledger import OrderKey
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.venues.binance.auth import Signer
from fillwire.venues.binance.mapping import read_server_time_ns
from fillwire.venues.binance_futures import requests
from fillwire.venues.binance_futures.announced import Announced
from fillwire.venues.binance_futures.keeping import KeyKeeper
from fillwire.venues.binance_futures.order_api import FuturesOrderApi
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
# The venue pings every three minutes and waits ten for the answer.
SILENCE_NS = 600 * _S
# The report of an announced execution follows within milliseconds.
REPORT_WITHIN_NS = 2 * _S
# A successor of a connection whose key has expired takes a second; without one the account must be known to be deaf.
SUCCEED_WITHIN_NS = 10 * _S
_MAX_DOUBTED_FRAMES = 10_000
_DOUBT_EVERY_NS = 10 * _S
_CLOCK_TIMEOUT_NS = 3 * _S
_PROBE_TIMEOUT_NS = 1 * _S, 10 * _S  # at least, at most
_OK = 200


class _Phase(Enum):
    NEW = auto()
    LIVE = auto()
    ENDED = auto()


class FuturesProtocol:
    """`VenueProtocol` of Binance USD-M Futures.

    Args:
        account: whose connection it is.
        signer: key pair of the account.
        symbols: the venue's symbols.
        limits: deadlines and bounds of the connection.
        clock_offset_ns: venue clock minus ours, as last measured; 0 before that.
    """

    def __init__(
        self,
        *,
        account: Account,
        signer: Signer,
        symbols: SymbolTable,
        limits: ConnectionLimits,
        clock_offset_ns: int,
    ) -> None:
        self._account = account
        self._venue = account.exchange
        self._limits = limits
        self._clock_offset_ns = clock_offset_ns
        self._use_parser(symbols)
        self._events: list[Event] = []
        self._frames: list[bytes] = []
        self._doubted: list[tuple[bytes, int]] = []
        self._doubted_ns: int | None = None
        self._timers = Timers()
        self._calls = RestCalls()
        self._announced = Announced(REPORT_WITHIN_NS)
        self._keeper = KeyKeeper(signer, self._calls, self._timers, self._expire, self._fail)
        self._desk = RestDesk(
            venue=self._venue,
            api=FuturesOrderApi(signer),
            calls=self._calls,
            timers=self._timers,
            symbols=symbols,
            timeout_ns=limits.order_timeout_ns,
            max_pending=limits.max_pending_orders,
            on_answer=self._note_answer,
        )
        self._phase = _Phase.NEW
        self._heard_ns = 0
        self._answers_pings: bool | None = None
        # The wait for a probe and the wait for its answer fit into the interval: a dead connection is found within it.
        shortest_ns, longest_ns = _PROBE_TIMEOUT_NS
        third_ns = limits.heartbeat_interval_ns // 3
        self._probe_timeout_ns = max(shortest_ns, min(longest_ns, third_ns))
        self._probe_interval_ns = limits.heartbeat_interval_ns - min(longest_ns, third_ns)

    # -- frames in

    def connected(self, now_ns: int) -> None:
        """Begin: the stream is there with the socket, and the key was taken when the address was asked for."""
        self._phase = _Phase.LIVE
        self._heard_ns = now_ns
        self._events += [Authenticated(), Subscribed()]
        self._keeper.begin(now_ns)
        self._timers.at(now_ns + SILENCE_NS, self._check_silence)
        self._timers.at(now_ns + self._limits.lifetime_ns, self._grow_old)
        self._probe(now_ns)

    def receive_frame(self, frame: bytes, received_time_ns: int) -> None:
        """Take one text frame."""
        self._heard_ns = received_time_ns
        self._read(frame, received_time_ns)

    def _read(self, frame: bytes, received_time_ns: int) -> None:
        try:
            for item in self._parse(frame, received_time_ns):
                if isinstance(item, ExecutionReport):
                    self._events.append(item)
                    if self._announced:
                        self._announced.report((item.symbol, item.order_id), item.trade_id)
                else:
                    self._receive_control(item, received_time_ns)
        except FrameError as error:
            if self._doubts_clock(error, received_time_ns):
                self._doubted.append((frame, received_time_ns))
            else:
                self._events.append(FrameRefused(frame, received_time_ns, error))

    def receive_ping(self, now_ns: int) -> None:
        """Note a sign of life: a ping of the venue, or its answer to ours."""
        self._heard_ns = now_ns

    def receive_timer(self, now_ns: int) -> None:
        """Act on the deadlines that have passed."""
        self._timers.run(now_ns)

    def disconnected(self, _now_ns: int) -> None:
        """End: what waits for an answer will get none."""
        self._phase = _Phase.ENDED
        self._keeper.end()
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
        """Return the pings to send."""
        frames = self._frames
        if frames:
            self._frames = []
        return frames

    def requests_to_send(self) -> list[HttpAsk]:
        """Return the requests to REST: orders, the key's next hour, the venue's time."""
        return self._calls.to_send()

    def receive_response(self, key: int, answer: HttpResponse | VenueError, now_ns: int) -> None:
        """Take the answer to one of them."""
        self._calls.receive(key, answer, now_ns)

    def next_deadline_ns(self) -> int | None:
        """Return when something is due."""
        return None if self._phase is _Phase.ENDED else self._timers.next_ns

    # -- what the gateway learns elsewhere

    def use_symbols(self, symbols: SymbolTable) -> None:
        """Read frames and place orders by this table from now on."""
        self._use_parser(symbols)
        self._desk.symbols = symbols

    def use_pairs(self, pairs: frozenset[str]) -> None:
        """Do nothing: the stream is of all symbols."""

    def note_order(self, order: OrderRow) -> None:
        """Do nothing: frames tell all of an order."""

    def use_clock(self, offset_ns: int) -> None:
        """Judge times by this offset from now on; requests are signed with the gateway's own."""
        self._clock_offset_ns = offset_ns
        self._parser.use_clock(offset_ns)

    def _use_parser(self, symbols: SymbolTable) -> None:
        self._parser = Parser(self._account, symbols.pairs, clock_offset_ns=self._clock_offset_ns)
        self._parse = self._parser.parse

    def keep_quiet(self, until_ns: int) -> None:
        """Let the key's next hour wait until then; pings are no requests."""
        self._keeper.quiet_until_ns = max(self._keeper.quiet_until_ns, until_ns)

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

    # -- what is no order event

    def _receive_control(self, control: Control, now_ns: int) -> None:
        match control.type:
            case "fill_announced":
                said = orjson.loads(control.json)
                key = said["symbol"], said["order_id"]
                if not self._announced:
                    self._timers.at(now_ns + REPORT_WITHIN_NS, self._check_announced)
                self._announced.announce(key, said["trade_id"], now_ns)
            case "order_doubted":
                self._events.append(OrderDoubted(doubted_order(control)))
            case "listen_key_expired":
                self._expire("the listenKey has expired")
                self._timers.at(now_ns + SUCCEED_WITHIN_NS, self._fall_silent)
            case kind:
                self._events.append(Notice(kind))

    def _check_announced(self, now_ns: int) -> None:
        self._events += [OrderDoubted(key) for key in self._announced.overdue(now_ns)]
        due_ns = self._announced.next_ns()
        if due_ns is not None:
            self._timers.at(due_ns, self._check_announced)

    # -- life

    def _expire(self, reason: str) -> None:
        if self._phase is _Phase.LIVE:
            self._events.append(Expiring(reason))

    def _grow_old(self, _now_ns: int) -> None:
        self._expire("the venue ends connections at an age of 24 h")

    def _fall_silent(self, _now_ns: int) -> None:
        self._fail(ConnectionLost(self._venue, "the listenKey has expired, and no successor is there yet"))

    def _probe(self, now_ns: int) -> None:
        if self._phase is _Phase.LIVE and self._answers_pings is not False:
            self._frames.append(Ping())
            asked_ns = now_ns
            self._timers.at(now_ns + self._probe_timeout_ns, lambda at_ns: self._probed(asked_ns, at_ns))
            self._timers.at(now_ns + self._probe_interval_ns, self._probe)

    def _probed(self, asked_ns: int, _now_ns: int) -> None:
        if self._heard_ns > asked_ns:
            self._answers_pings = True
        elif self._answers_pings is None:
            self._answers_pings = (
                False  # sent to a socket that was just opened: the venue does not answer pings
            )
        else:
            self._fail(
                ConnectionLost(
                    self._venue, f"a ping was not answered within {self._probe_timeout_ns / _S:g} s"
                )
            )

    def _check_silence(self, now_ns: int) -> None:
        due_ns = self._heard_ns + SILENCE_NS
        if now_ns < due_ns:
            self._timers.at(due_ns, self._check_silence)
        else:
            self._fail(
                ConnectionLost(self._venue, f"nothing received for {SILENCE_NS // _S} s, not even a ping")
            )

    def _fail(self, error: ConnectionLost | AuthRejected) -> None:
        if self._phase is not _Phase.ENDED:
            self._phase = _Phase.ENDED
            self._events.append(Failed(error))

    # -- frames from the future

    def _doubts_clock(self, error: FrameError, now_ns: int) -> bool:
        """Return whether the frame is to be read again when the venue has told its time."""
        if error.code != "time_out_of_range" or len(self._doubted) >= _MAX_DOUBTED_FRAMES:
            return False
        if not self._doubted:
            if self._doubted_ns is not None and now_ns < self._doubted_ns + _DOUBT_EVERY_NS:
                return False
            self._doubted_ns = now_ns
            self._calls.ask(lambda _: requests.server_time(), _CLOCK_TIMEOUT_NS, self._clock_told)
        return True

    def _clock_told(self, answer: HttpResponse | VenueError, now_ns: int) -> None:
        asked_ns = now_ns if self._doubted_ns is None else self._doubted_ns
        if isinstance(answer, HttpResponse) and answer.status == _OK:
            try:
                venue_ns = read_server_time_ns(orjson.loads(answer.body))
            except ValueError:  # orjson's is one too; the frames are then judged by the clock as it is
                pass
            else:
                round_trip_ns = now_ns - asked_ns
                self.use_clock(venue_ns - now_ns + round_trip_ns // 2)
                self._events.append(ClockMeasured(self._clock_offset_ns, round_trip_ns))
        doubted, self._doubted = self._doubted, []
        for frame, received_time_ns in doubted:
            self._read(frame, received_time_ns)


def doubted_order(control: Control) -> OrderKey:
    """Return the order that an `order_doubted` is about."""
    said = orjson.loads(control.json)
    return said["symbol"], said["order_id"]
