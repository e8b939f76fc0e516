"""Bots' orders at a venue that takes them by REST: placing and cancelling, asked twice and done once.

place ─▶ (may exist: look for it) ─▶ send ─▶ accepted
                    │                     ├▶ refused
                    │                     └▶ no answer, or the client order id is taken ─▶ look for it until it shows
                    └▶ an earlier sending may still be carried out ─▶ look for it until it shows
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Protocol, TypeVar

from fillwire.domain.errors import AuthRejected, OrderRejected, Throttled, VenueError
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.venues.questions import Ask, Question
from fillwire.venues.rest import HttpResponse
from fillwire.venues.rest_calls import RestCalls
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.timers import Action, Timers

TOO_LATE = "no answer in time"
_NOT_SAID = "the order may exist, and the venue does not say"
# An order that was just placed can be missing from the venue's queries for a while.
LAG_RETRY_NS = 250_000_000
# How often an order that may exist is looked for before it is taken not to exist.
LOOKUPS = 3
# An order that exists, or may, is looked for at growing intervals.
_LONGEST_PAUSE_NS = 2_000_000_000
_S = 1_000_000_000

# Nothing was done: the others leave open what was.
_REFUSALS = (OrderRejected, Throttled, AuthRejected)

OnAnswer = Callable[[int, TradeOrder], None]
_T = TypeVar("_T")


class ClientOrderIdTaken(OrderRejected):
    """The venue has an order of this client order id: it was placed before."""


class TimeRefused(OrderRejected):
    """The venue refused the time of the request, and did nothing: it is sent once more by a clock measured anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownOrder:
    """An order as the venue shows it in an answer.

    Attributes:
        client_order_id: the order's own, None where the answer does not say it.
        status: the venue's own word, None where the answer does not say it.
        executed: base quantity executed, None where the answer does not say it.
        is_cancelled: whether it was cancelled, or is about to be.
    """

    order_id: str
    client_order_id: str | None
    status: str | None
    executed: Decimal | None
    is_cancelled: bool = False


class OrderApi(Protocol):
    """What a venue's REST interface does with orders.

    Each question raises `OrderRejected` where the venue refused for good, `Throttled` where it did nothing for now, and
    any other `VenueError` where nobody knows what it did.
    """

    def place(self, symbol: str, request: OrderRequest) -> Question[ShownOrder]:
        """Place an order; raises `ClientOrderIdTaken` where the venue says so."""

    def find(
        self, symbol: str, order_id: str | None, client_order_id: str | None
    ) -> Question[ShownOrder | None]:
        """Look for an order by either id; None if the venue does not know it, or not yet."""

    def cancel(self, symbol: str, request: CancelRequest) -> Question[ShownOrder]:
        """Cancel an order; raises `OrderRejected` where it cannot be, such as one that has ended."""


@dataclass(frozen=True, slots=True)
class _Pause:
    """Wait so long before the next question."""

    for_ns: int


class _Measuring:
    """Measure the venue's clock before the next question."""


_Step = Ask | _Pause | _Measuring
_Course = Generator[_Step, HttpResponse | None, TradeOrder]
"""What is done for one request, step by step; it returns the answer."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request of a bot, until it is answered."""

    pair: str
    client_order_id: str | None
    order_id: str | None
    deadline_ns: int
    course: _Course


class RestDesk:
    """Takes bots' requests, asks the venue, and tells what is known; each request is answered once.

    Args:
        venue: name of the exchange, for sentences.
        api: the venue's REST interface.
        calls: of the connection.
        timers: of the connection.
        symbols: pairs that orders can be placed for.
        timeout_ns: each request is answered after this long at the latest, with outcome `unknown` if need be.
        max_pending: requests that may wait for the venue; more are refused unsent.
        on_answer: told the key of a request and its answer.
        on_throttled: told that an answer asks to wait.
        measure_clock: has the venue's clock measured, and then calls what it is given.
    """

    def __init__(  # noqa: PLR0913 - its collaborators and bounds
        self,
        *,
        venue: str,
        api: OrderApi,
        calls: RestCalls,
        timers: Timers,
        symbols: SymbolTable,
        timeout_ns: int,
        max_pending: int,
        on_answer: OnAnswer,
        on_throttled: Callable[[Throttled], None],
        measure_clock: Callable[[int, Action], None],
    ) -> None:
        self._venue = venue
        self._api = api
        self._calls = calls
        self._timers = timers
        self.symbols = symbols
        self._timeout_ns = timeout_ns
        self._max_pending = max_pending
        self._on_answer = on_answer
        self._on_throttled = on_throttled
        self._measure_clock = measure_clock
        self._unsent: VenueError | None = None
        self._asked: dict[int, _Asked] = {}

    # -- what bots ask

    @property
    def is_busy(self) -> bool:
        """Whether a request waits for its answer."""
        return bool(self._asked)

    def place(
        self, key: int, request: OrderRequest, now_ns: int, *, may_exist: bool, may_place: bool = True
    ) -> None:
        """Place an order, or find the one that the same client order id has placed before.

        Args:
            key: what the answer will carry.
            request: the order.
            now_ns: the time.
            may_exist: it is looked for first.
            may_place: False where it is looked for only, since an earlier sending may still be carried out.
        """
        symbol = self.symbols.symbols.get(request.pair, "")
        if may_place:
            course = self._placing(symbol, request, may_exist=may_exist)
        else:
            course = self._resolving(symbol, request)
        self._begin(key, request.pair, request.client_order_id, None, course, now_ns)

    def cancel(self, key: int, request: CancelRequest, now_ns: int) -> None:
        """Cancel an order; one that is cancelled already counts as cancelled."""
        symbol = self.symbols.symbols.get(request.pair, "")
        course = self._cancelling(symbol, request)
        self._begin(key, request.pair, request.client_order_id, request.order_id, course, now_ns)

    def abandon(self, reason: str) -> None:
        """Answer all that wait: nobody knows what became of them."""
        for key in list(self._asked):
            self._conclude(key, Outcome.UNKNOWN, reason)

    # -- their courses

    def _placing(self, symbol: str, request: OrderRequest, *, may_exist: bool) -> _Course:
        client_order_id = request.client_order_id
        if may_exist:
            for _ in range(LOOKUPS):
                try:
                    found = yield from self._ask(lambda: self._api.find(symbol, None, client_order_id))
                except VenueError as error:
                    raise VenueError(self._venue, f"{_NOT_SAID}: {error.reason}") from error
                if found is not None:
                    return _accepted(request.pair, client_order_id, found)
                yield _Pause(LAG_RETRY_NS)
        try:
            placed = yield from self._ask(lambda: self._api.place(symbol, request))
        except ClientOrderIdTaken:
            return (yield from self._resolving(symbol, request))
        except _REFUSALS:
            raise
        except VenueError:  # it may have been placed
            return (yield from self._resolving(symbol, request))
        return _accepted(request.pair, client_order_id, placed)

    def _resolving(self, symbol: str, request: OrderRequest) -> _Course:
        """Look for an order that exists, or may, until it shows; the deadline ends it, or a key that is refused."""
        pause_ns = LAG_RETRY_NS
        while True:
            wait_ns = pause_ns
            try:
                found = yield from self._ask(lambda: self._api.find(symbol, None, request.client_order_id))
                if found is not None:
                    return _accepted(request.pair, request.client_order_id, found)
            except AuthRejected as error:
                raise VenueError(self._venue, f"{_NOT_SAID}: {error.reason}") from error
            except Throttled as error:
                wait_ns = max(pause_ns, int(error.retry_after_s * _S))
            except VenueError:  # it does not say now
                pass
            yield _Pause(wait_ns)
            pause_ns = min(2 * pause_ns, _LONGEST_PAUSE_NS)

    def _cancelling(self, symbol: str, request: CancelRequest) -> _Course:
        try:
            shown = yield from self._ask(lambda: self._api.cancel(symbol, request))
        except OrderRejected as error:
            now = yield from self._ask(
                lambda: self._api.find(symbol, request.order_id, request.client_order_id)
            )
            if now is None or not now.is_cancelled:
                state = "" if now is None else f" The order is {now.status}."
                raise OrderRejected(self._venue, f"{error.reason}{state}", error.code) from error
            shown = now
        return _accepted(request.pair, request.client_order_id, shown)

    def _ask(self, question: Callable[[], Question[_T]]) -> Generator[_Step, HttpResponse | None, _T]:
        """Ask; once more if the venue refuses the time of the first."""
        try:
            return (yield from self._ask_once(question()))
        except TimeRefused:
            yield _Measuring()
            return (yield from self._ask_once(question()))

    def _ask_once(self, question: Question[_T]) -> Generator[_Step, HttpResponse | None, _T]:
        try:
            return (yield from question)
        except Throttled as error:
            if error is not self._unsent:  # else it is ours: the venue was not asked
                self._on_throttled(error)
            raise

    # -- how they are led

    def _begin(  # noqa: PLR0913, PLR0917 - the request and its course
        self,
        key: int,
        pair: str,
        client_order_id: str | None,
        order_id: str | None,
        course: _Course,
        now_ns: int,
    ) -> None:
        deadline_ns = now_ns + self._timeout_ns
        is_full = len(self._asked) >= self._max_pending
        self._asked[key] = _Asked(pair, client_order_id, order_id, deadline_ns, course)
        if is_full:
            waiting = len(self._asked) - 1
            self._conclude(
                key, Outcome.REJECTED, f"not sent: {waiting} requests wait for the venue, expected fewer"
            )
        elif pair not in self.symbols.symbols:
            self._conclude(
                key, Outcome.REJECTED, f"pair {pair} is not listed: expected BASE-QUOTE such as BTC-USD"
            )
        else:
            self._timers.at(deadline_ns, lambda _: self._conclude(key, Outcome.UNKNOWN, TOO_LATE))
            self._step(key, None, now_ns)

    def _step(self, key: int, answer: HttpResponse | VenueError | None, now_ns: int) -> None:
        asked = self._asked.get(key)
        if asked is None:  # it was answered while a question or a pause was under way
            return
        try:
            if isinstance(answer, VenueError):
                self._unsent = answer
                wanted = asked.course.throw(answer)
            else:
                wanted = asked.course.send(answer)
        except StopIteration as end:
            del self._asked[key]
            self._on_answer(key, end.value)
        except _REFUSALS as error:
            code = error.code if isinstance(error, OrderRejected) else None
            self._conclude(key, Outcome.REJECTED, error.reason, code)
        except VenueError as error:
            self._conclude(key, Outcome.UNKNOWN, error.reason)
        else:
            self._do(key, asked, wanted, now_ns)

    def _do(self, key: int, asked: _Asked, wanted: _Step, now_ns: int) -> None:
        if isinstance(wanted, _Pause):
            self._timers.at(now_ns + wanted.for_ns, partial(self._step, key, None))
        elif now_ns >= asked.deadline_ns:  # we stood still, and the timer that says so has not run yet
            self._conclude(key, Outcome.UNKNOWN, TOO_LATE)
        elif isinstance(wanted, _Measuring):
            self._measure_clock(now_ns, partial(self._step, key, None))
        else:
            self._calls.ask(wanted, asked.deadline_ns - now_ns, partial(self._step, key), outlives=True)

    def _conclude(self, key: int, outcome: Outcome, reason: str, code: int | None = None) -> None:
        asked = self._asked.pop(key, None)
        if asked is None:
            return
        asked.course.close()
        self._on_answer(
            key,
            TradeOrder(
                outcome=outcome,
                pair=asked.pair,
                client_order_id=asked.client_order_id,
                order_id=asked.order_id,
                reason=reason,
                code=code,
            ),
        )


def _accepted(pair: str, client_order_id: str | None, shown: ShownOrder) -> TradeOrder:
    return TradeOrder(
        outcome=Outcome.ACCEPTED,
        pair=pair,
        client_order_id=client_order_id or shown.client_order_id,
        order_id=shown.order_id,
        venue_status=shown.status,
        cumulative_quantity=shown.executed,
    )
