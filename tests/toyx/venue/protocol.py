"""One connection to ToyX: log in, receive, and notice when it no longer does.

    connected → login → welcome: receiving

The venue sends nothing to an idle account, so pings of ours tell whether it lives.
"""

from enum import Enum, auto

from fillwire.domain.errors import AuthRejected, ConnectionLost, FrameError, VenueError
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.venues.protocol import (
    Authenticated,
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
from fillwire.venues.records import OrderRow, RecordedReport
from fillwire.venues.rest import HttpResponse
from fillwire.venues.rest_calls import RestCalls
from fillwire.venues.rest_desk import RestDesk
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.timers import Timers
from toyx.venue.orders import ToyOrders
from toyx.venue.parser import ToyParser, Welcome
from toyx.venue.requests import Key


class _Phase(Enum):
    LOGIN = auto()
    LIVE = auto()
    ENDED = auto()


class ToyProtocol:
    """`VenueProtocol` of ToyX; the arguments are those of `VenueAccount.protocol`."""

    def __init__(
        self, *, account: Account, key: Key, symbols: SymbolTable, limits: ConnectionLimits, dialled_ns: int
    ) -> None:
        self._account = account
        self._key = key
        self._parser = ToyParser(account, symbols.pairs)
        self._events: list[Event] = []
        self._frames: list[bytes] = []
        self._timers = Timers()
        self._calls = RestCalls()
        self._desk = RestDesk(
            venue=account.exchange,
            api=ToyOrders(key),
            calls=self._calls,
            timers=self._timers,
            symbols=symbols,
            timeout_ns=limits.order_timeout_ns,
            max_pending=limits.max_pending_orders,
            on_answer=lambda key, answer: self._events.append(OrderAnswered(key, answer)),
        )
        self._phase = _Phase.LOGIN
        self._heard_ns = 0
        self._heartbeat_ns = limits.heartbeat_interval_ns
        self._login_by_ns = dialled_ns + limits.connect_timeout_ns

    # -- in

    def connected(self, now_ns: int) -> None:
        """Log in."""
        self._heard_ns = now_ns
        self._frames.append(self._key.login)
        self._timers.at(self._login_by_ns, self._check_login)
        self._timers.at(now_ns + self._heartbeat_ns // 2, self._ping)

    def receive_frame(self, frame: bytes, received_time_ns: int) -> None:
        """Take one frame."""
        self._heard_ns = received_time_ns
        try:
            found = self._parser.parse(frame, received_time_ns)
        except FrameError as error:
            self._events.append(FrameRefused(frame, received_time_ns, error))
            if error.symbol is not None and error.order_id is not None:
                self._events.append(OrderDoubted((error.symbol, error.order_id)))
            return
        for item in found:
            if isinstance(item, RecordedReport):
                self._events.append(item)
            elif isinstance(item, Welcome):
                self._welcome()
            else:
                self._fail(AuthRejected(self._account.exchange, item.reason))
        if not found:
            self._events.append(Notice("order"))

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
        _ = now_ns
        self._phase = _Phase.ENDED
        self._desk.abandon("the connection was lost before the venue answered")
        self._calls.abandon()

    # -- out

    def events(self) -> list[Event]:
        """Return what happened since the last call."""
        events, self._events = self._events, []
        return events

    def frames_to_send(self) -> list[bytes]:
        """Return the frames to send."""
        frames, self._frames = self._frames, []
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
        self._parser = ToyParser(self._account, symbols.pairs)
        self._desk.symbols = symbols

    def use_pairs(self, pairs: frozenset[str]) -> None:
        """Do nothing: the stream is of the whole account."""

    def note_order(self, order: OrderRow) -> None:
        """Do nothing: frames tell all."""

    def use_clock(self, offset_ns: int) -> None:
        """Do nothing: no request carries a time."""

    def keep_quiet(self, until_ns: int) -> None:
        """Do nothing: nothing is asked of the own accord."""

    # -- orders

    def place_order(self, key: int, request: OrderRequest, now_ns: int, *, may_exist: bool) -> None:
        """Place an order."""
        if self._is_live(key, request.pair, request.client_order_id):
            self._desk.place(key, request, now_ns, may_exist=may_exist)

    def cancel_order(self, key: int, request: CancelRequest, now_ns: int) -> None:
        """Cancel an order."""
        if self._is_live(key, request.pair, request.client_order_id):
            self._desk.cancel(key, request, now_ns)

    def _is_live(self, key: int, pair: str, client_order_id: str | None) -> bool:
        if self._phase is _Phase.LIVE:
            return True
        reason = "not sent: the connection is not receiving"
        answer = TradeOrder(
            outcome=Outcome.REJECTED, pair=pair, client_order_id=client_order_id, reason=reason
        )
        self._events.append(OrderAnswered(key, answer))
        return False

    # -- life

    def _welcome(self) -> None:
        if self._phase is _Phase.LOGIN:
            self._phase = _Phase.LIVE
            self._events += [Authenticated(), Subscribed()]

    def _check_login(self, _now_ns: int) -> None:
        if self._phase is _Phase.LOGIN:
            self._fail(ConnectionLost(self._account.exchange, "no answer to the login in time"))

    def _ping(self, now_ns: int) -> None:
        if now_ns - self._heard_ns >= self._heartbeat_ns:
            self._fail(ConnectionLost(self._account.exchange, "nothing received, not even a pong"))
        elif self._phase is not _Phase.ENDED:
            self._frames.append(Ping())
            self._timers.at(now_ns + self._heartbeat_ns // 2, self._ping)

    def _fail(self, error: VenueError) -> None:
        if self._phase is not _Phase.ENDED:
            self._phase = _Phase.ENDED
            self._events.append(Failed(error))
