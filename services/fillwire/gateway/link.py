"""One connection of an account, from the dialled socket to its end: what happened to it, and what it brought."""

import asyncio
import ssl
import time
from collections.abc import Callable
from typing import Any, Protocol

from fillwire.domain.errors import ConnectionLost, Throttled, VenueError
from fillwire.domain.ledger import OrderKey
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.gateway.driver import Driver
from fillwire.gateway.pending import Claim
from fillwire.gateway.rationing import RationedRest
from fillwire.gateway.valve import Valve
from fillwire.runtime.supervision import cancel
from fillwire.venues.parsing import ExecutionReport
from fillwire.venues.protocol import (
    Authenticated,
    ClockMeasured,
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
    Throttling,
    VenueProtocol,
)
from fillwire.venues.records import OrderReport, OrderRow, RecordedReport
from fillwire.venues.rest import HttpResponse
from fillwire.venues.symbols import SymbolTable

_S = 1_000_000_000


class Intake(Protocol):
    """Where an account's order events go: the pipeline."""

    def take(self, report: OrderReport, parsed_ns: int, frame_bytes: int) -> None:
        """Take an order event; `parsed_ns` is when the frame had become one."""

    def doubt(self, key: OrderKey, after_s: float, claim: Claim | None = None) -> None:
        """Have an order looked up in the venue's records, in so many seconds, until they meet the claim."""

    def doubt_all(self, reason: str) -> None:
        """Have everything compared with the venue's records, for events were lost."""

    def refuse(self, refused: FrameRefused, again: Callable[[FrameRefused], None]) -> None:
        """Take a frame that could not be read; `again` has it read once more, with the symbols of then."""


class Link:
    """One connection: `connect` it, and hold it until `ended`.

    Args:
        venue: name of the exchange, for errors.
        protocol: what the connection speaks.
        intake: where order events go.
        rest: sends what the protocol asks of REST.
        clock_offset_ns: returns venue clock minus ours.
        valve: stops reading while the broker takes nothing.
        explain: says what a refusal of the WebSocket handshake means.
        on_opened: called when the socket is up.
        on_authenticated: called when the venue has accepted the key.
        on_clock: told an offset and the round trip in which it was measured.
        on_throttled: told that the venue wants to be left alone.
    """

    def __init__(  # noqa: PLR0913 - its collaborators, and who is told of its steps
        self,
        *,
        venue: str,
        protocol: VenueProtocol,
        intake: Intake,
        rest: RationedRest,
        clock_offset_ns: Callable[[], int],
        valve: Valve,
        explain: Callable[[HttpResponse], VenueError],
        on_opened: Callable[[], None],
        on_authenticated: Callable[[], None],
        on_clock: Callable[[int, int], None],
        on_throttled: Callable[[Throttled], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self._venue = venue
        self._take = intake.take
        self._refuse = intake.refuse
        self._doubt = intake.doubt
        self._doubt_all = intake.doubt_all
        self._rest = rest
        self._clock_offset_ns = clock_offset_ns
        self._asking: set[asyncio.Task[None]] = set()
        self._valve = valve
        self._on_opened = on_opened
        self._on_authenticated = on_authenticated
        self._on_clock = on_clock
        self._on_throttled = on_throttled
        self._failure: VenueError | None = None
        self._answers: dict[int, asyncio.Future[TradeOrder]] = {}
        self._last_key = 0
        self.driver = Driver(venue=venue, protocol=protocol, owner=self, explain=explain)
        self.subscribed: asyncio.Future[None] = loop.create_future()
        self.expiring: asyncio.Future[str] = loop.create_future()
        self.last_event_time_ns: int | None = None
        valve.add(self.driver)
        self.driver.ended.add_done_callback(lambda _: valve.remove(self.driver))

    @property
    def ended(self) -> asyncio.Future[str]:
        """Done when the socket is gone."""
        return self.driver.ended

    async def connect(self, url: str, timeout_s: float, tls: ssl.SSLContext | None) -> None:
        """Dial, and wait until the venue has acknowledged the stream.

        Raises:
            VenueError: it did not come so far; the arguments are those of `Driver.dial`.
        """
        try:
            await self.driver.dial(url, timeout_s, tls)
        except VenueError as error:
            raise self._failure or error from error
        waiting: set[asyncio.Future[Any]] = {self.subscribed, self.ended}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        self.require_live()

    def require_live(self) -> None:
        """Return if the connection stands.

        Raises:
            VenueError: it has ended; of the class that says what is to be done.
        """
        if self.ended.done():
            raise self._failure or ConnectionLost(self._venue, self.ended.result())

    # -- called by the driver

    def opened(self) -> None:
        """Tell that the socket is up."""
        self._on_opened()

    def receive(self, events: list[Event], frame_bytes: int) -> None:
        """Hand on what a frame brought."""
        parsed_ns = time.time_ns()
        for event in events:
            if isinstance(event, ExecutionReport):
                self.last_event_time_ns = event.received_time_ns
                self._take(event, parsed_ns, frame_bytes)
            elif event.__class__ is not Notice:  # one comes with every fill, and tells nothing of an order
                if isinstance(event, RecordedReport):  # of a parser in Python
                    self.last_event_time_ns = event.received_time_ns
                    self._take(event, parsed_ns, frame_bytes)
                else:
                    self._note(event)

    def ask(self, asks: list[HttpAsk]) -> None:
        """Send requests to REST; the protocol bounds how many."""
        for ask in asks:
            task = asyncio.get_running_loop().create_task(self._ask(ask), name=f"rest {self._venue}")
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    async def _ask(self, ask: HttpAsk) -> None:
        answer: HttpResponse | VenueError
        try:
            async with asyncio.timeout(ask.timeout_ns / _S):
                answer = await self._rest.ask_at_once(ask.make(time.time_ns() + self._clock_offset_ns()))
        except VenueError as error:
            answer = error
        except TimeoutError:
            answer = ConnectionLost(self._venue, f"not answered within {ask.timeout_ns / _S:g} s")
        self.driver.use(lambda protocol, now_ns: protocol.receive_response(ask.key, answer, now_ns))

    def after_read(self) -> None:
        """Stop reading if the broker takes nothing at the moment."""
        self._valve.check(self.driver)

    def _note(self, event: Event) -> None:
        match event:
            case OrderDoubted(key, after_ns):
                self._doubt(key, after_ns / _S, Claim.of(event))
            case StreamDoubted(reason):
                self._doubt_all(reason)
            case FrameRefused():
                self._refuse(event, self._read_again)
            case OrderAnswered(key, answer):
                waiting = self._answers.pop(key, None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(answer)
            case ClockMeasured(offset_ns, round_trip_ns):
                self._on_clock(offset_ns, round_trip_ns)
            case Throttling(error):
                self._on_throttled(error)
            case _:
                self._step(event)

    def _step(self, event: Event) -> None:
        match event:
            case Authenticated():
                self._on_authenticated()
            case Subscribed():
                self.subscribed.set_result(None)
            case Expiring(reason) if not self.expiring.done():
                self.expiring.set_result(reason)
            case Failed(error):
                self._failure = self._failure or error
                self.driver.abort(error.reason)
            case _:
                pass  # a second word that the connection expires

    def _read_again(self, refused: FrameRefused) -> None:
        self.driver.use(lambda protocol, _: protocol.receive_frame(refused.frame, refused.received_time_ns))

    # -- what the gateway learns elsewhere

    def use_symbols(self, symbols: SymbolTable) -> None:
        """Read frames by this table from now on."""
        self.driver.protocol.use_symbols(symbols)

    def use_pairs(self, pairs: frozenset[str]) -> None:
        """Have the protocol know which pairs bots listen to."""
        self.driver.use(lambda protocol, _: protocol.use_pairs(pairs))

    def note_order(self, order: OrderRow) -> None:
        """Have the protocol know how the records show an order."""
        self.driver.protocol.note_order(order)

    def use_clock(self, offset_ns: int) -> None:
        """Sign with this offset from now on."""
        self.driver.protocol.use_clock(offset_ns)

    def keep_quiet(self, until_ns: int) -> None:
        """Ask nothing of the own accord until then."""
        self.driver.protocol.keep_quiet(until_ns)

    # -- orders

    async def place(
        self,
        request: OrderRequest,
        *,
        may_exist: bool,
        may_place: bool = True,
        on_sent: Callable[[], None] | None = None,
    ) -> TradeOrder:
        """Return what the venue answers to an order; see `VenueProtocol.place_order`.

        `on_sent` is called when the protocol has it: over a socket it has then been written.
        """
        key, answer = self._expect()
        self.driver.use(
            lambda protocol, now_ns: protocol.place_order(
                key, request, now_ns, may_exist=may_exist, may_place=may_place
            )
        )
        if on_sent is not None:
            on_sent()
        return await self._answer(key, answer, request.pair, request.client_order_id)

    async def cancel(
        self, request: CancelRequest, *, on_sent: Callable[[], None] | None = None
    ) -> TradeOrder:
        """Return what the venue answers to a cancellation; `on_sent` as for `place`."""
        key, answer = self._expect()
        self.driver.use(lambda protocol, now_ns: protocol.cancel_order(key, request, now_ns))
        if on_sent is not None:
            on_sent()
        return await self._answer(key, answer, request.pair, request.client_order_id)

    def _expect(self) -> tuple[int, asyncio.Future[TradeOrder]]:
        self._last_key += 1
        answer: asyncio.Future[TradeOrder] = asyncio.get_running_loop().create_future()
        self._answers[self._last_key] = answer
        return self._last_key, answer

    async def _answer(
        self, key: int, answer: asyncio.Future[TradeOrder], pair: str, client_order_id: str | None
    ) -> TradeOrder:
        # The protocol answers every request at its deadline, or at the end of the connection; one that has nothing due
        # any more has nobody left to pass the answer on. Requests to REST outlive the socket.
        try:
            waiting: set[asyncio.Future[Any]] = {answer, self.ended}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if answer.done() or self.driver.protocol.next_deadline_ns() is not None:
                return await answer
            return TradeOrder(
                outcome=Outcome.UNKNOWN,
                pair=pair,
                client_order_id=client_order_id,
                reason="the connection was lost before the venue answered",
            )
        finally:
            self._answers.pop(key, None)

    # -- end

    async def close(self, drain_s: float = 0.0, because: VenueError | None = None) -> None:
        """End the connection in order.

        Args:
            drain_s: longest time to wait for answers that are under way, in seconds.
            because: what `require_live` says of it; None for that it was closed.
        """
        if drain_s and self._answers:
            await asyncio.wait(list(self._answers.values()), timeout=drain_s)
        self._failure = self._failure or because
        await self.driver.close()
        await cancel(*self._asking)
