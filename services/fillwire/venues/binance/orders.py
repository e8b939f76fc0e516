"""Bots' orders on one Binance connection: placing and cancelling, asked twice and done once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from fillwire.domain.errors import OrderRejected
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.venues.binance import requests
from fillwire.venues.binance.calls import Calls, NoAnswer, Reply, Then
from fillwire.venues.binance.mapping import accepted, refused
from fillwire.venues.binance.refusals import CANCEL_REFUSED, NO_SUCH_ORDER, ORDER_REFUSED, Refusal
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.timers import Timers

_DUPLICATE = "duplicate order sent"
_TOO_LATE = "no answer in time"
# An order that was just placed can be missing from the venue's queries for a while.
_LAG_RETRY_NS = 250_000_000
# How often an order that may exist is looked for before it is taken not to exist.
_LOOKUPS = 3
_CANCELED = frozenset({"CANCELED", "PENDING_CANCEL"})

OnAnswer = Callable[[int, TradeOrder], None]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request of a bot, until it is answered."""

    pair: str
    client_order_id: str | None
    order_id: str | None
    deadline_ns: int


@dataclass(frozen=True, slots=True)
class _Placing:
    """An order on its way: the call that places it and the one that looks for it."""

    key: int
    call: requests.Call
    status: requests.Call
    may_place: bool


class OrderDesk:
    """Takes bots' requests, asks the venue, and tells what is known; each request is answered once.

    Args:
        calls: of the connection.
        timers: of the connection.
        symbols: pairs that orders can be placed for.
        timeout_ns: each request is answered after this long at the latest, with outcome `unknown` if need be.
        max_pending: requests that may wait for the venue; more are refused unsent.
        on_answer: told the key of a request and its answer.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its collaborators and bounds
        self,
        calls: Calls,
        timers: Timers,
        symbols: SymbolTable,
        timeout_ns: int,
        max_pending: int,
        on_answer: OnAnswer,
    ) -> None:
        self._calls = calls
        self._timers = timers
        self.symbols = symbols
        self._timeout_ns = timeout_ns
        self._max_pending = max_pending
        self._on_answer = on_answer
        self._asked: dict[int, _Asked] = {}

    def place(
        self, key: int, request: OrderRequest, now_ns: int, *, may_exist: bool, may_place: bool = True
    ) -> None:
        """Place an order, or find the one that the same client order id has placed before.

        The venue refuses a client order id only while the earlier order is open: one that has been filled in between
        would be placed a second time. So an order that may exist is looked for first, and nothing is sent while an earlier
        sending may still be carried out.
        """
        asked = _Asked(request.pair, request.client_order_id, None, now_ns + self._timeout_ns)
        try:
            symbol = self._admit(key, asked)
            call = requests.place_order(symbol, request)
        except OrderRejected as error:
            self._reject(key, asked, error)
            return
        status = requests.order_status(symbol, None, request.client_order_id)
        placing = _Placing(key, call, status, may_place)
        if may_exist or not may_place:
            self._look(placing, _LOOKUPS, now_ns)
        else:
            self._send(placing, now_ns)

    def _send(self, placing: _Placing, now_ns: int) -> None:
        self._ask(placing.key, placing.call, now_ns, partial(self._placed, placing))

    def _placed(self, placing: _Placing, reply: Reply, now_ns: int) -> None:
        if (
            isinstance(reply, Refusal)
            and reply.code == ORDER_REFUSED
            and reply.text.lower().startswith(_DUPLICATE)
        ):
            self._find(placing, now_ns)
        else:
            self._conclude(placing.key, reply)

    def _find(self, placing: _Placing, now_ns: int) -> None:
        """Look for an order of which the venue has just said that it exists: until the deadline."""
        self._ask(placing.key, placing.status, now_ns, partial(self._found, placing))

    def _found(self, placing: _Placing, reply: Reply, now_ns: int) -> None:
        if not isinstance(reply, Refusal):
            self._conclude(placing.key, reply)
        elif reply.code == NO_SUCH_ORDER:
            self._timers.at(now_ns + _LAG_RETRY_NS, partial(self._find, placing))
        else:
            self._conclude(
                placing.key, NoAnswer(f"the order exists, but the venue does not show it: {reply}")
            )

    def _look(self, placing: _Placing, lookups: int, now_ns: int) -> None:
        """Look for an order that may exist, `lookups` times, and then place it."""
        self._ask(placing.key, placing.status, now_ns, partial(self._looked, placing, lookups))

    def _looked(self, placing: _Placing, lookups: int, reply: Reply, now_ns: int) -> None:
        if not isinstance(reply, Refusal):
            self._conclude(placing.key, reply)
        elif reply.code != NO_SUCH_ORDER:
            self._conclude(placing.key, NoAnswer(f"the order may exist, and the venue does not say: {reply}"))
        elif lookups > 1:
            self._timers.at(now_ns + _LAG_RETRY_NS, partial(self._look, placing, lookups - 1))
        elif placing.may_place:
            self._send(placing, now_ns)
        else:
            self._conclude(
                placing.key, NoAnswer("it was asked for a moment ago, and may still be carried out")
            )

    def cancel(self, key: int, request: CancelRequest, now_ns: int) -> None:
        """Cancel an order; one that is cancelled already counts as cancelled."""
        asked = _Asked(request.pair, request.client_order_id, request.order_id, now_ns + self._timeout_ns)
        try:
            symbol = self._admit(key, asked)
            call = requests.cancel_order(symbol, request)
        except OrderRejected as error:
            self._reject(key, asked, error)
            return
        status = requests.order_status(symbol, request.order_id, request.client_order_id)

        def cancelled(reply: Reply, at_ns: int) -> None:
            if not isinstance(reply, Refusal) or reply.code != CANCEL_REFUSED:
                self._conclude(key, reply)
                return

            def explained(shown: Reply, _at_ns: int) -> None:
                is_cancelled = isinstance(shown, dict) and shown.get("status") in _CANCELED
                self._conclude(key, shown if is_cancelled else _explained(reply, shown))

            self._ask(key, status, at_ns, explained)

        self._ask(key, call, now_ns, cancelled)

    def abandon(self, reason: str) -> None:
        """Answer all that wait: nobody knows what became of them."""
        for key in list(self._asked):
            self._conclude(key, NoAnswer(reason))

    def _admit(self, key: int, asked: _Asked) -> str:
        if len(self._asked) >= self._max_pending:
            raise OrderRejected(
                "binance", f"not sent: {len(self._asked)} requests wait for the venue, expected fewer"
            )
        symbol = self.symbols.symbols.get(asked.pair)
        if symbol is None:
            raise OrderRejected(
                "binance", f"pair {asked.pair} is not listed: expected BASE-QUOTE such as BTC-USDT"
            )
        self._asked[key] = asked
        self._timers.at(asked.deadline_ns, lambda _: self._conclude(key, NoAnswer(_TOO_LATE)))
        return symbol

    def _ask(self, key: int, call: requests.Call, now_ns: int, then: Then) -> None:
        asked = self._asked.get(key)
        if asked is None:  # it was answered while a lookup waited for its turn
            return
        if now_ns >= asked.deadline_ns:  # we stood still, and the timer that says so has not run yet
            self._conclude(key, NoAnswer(_TOO_LATE))
            return
        self._calls.ask(call, now_ns, asked.deadline_ns - now_ns, then, is_signed=True)

    def _conclude(self, key: int, reply: Reply) -> None:
        asked = self._asked.pop(key, None)
        if asked is None:
            return
        if isinstance(reply, Refusal):
            answer = refused(asked.pair, asked.client_order_id, asked.order_id, reply)
        elif isinstance(reply, NoAnswer):
            answer = _unknown(asked, reply.reason)
        else:
            try:
                answer = accepted(asked.pair, asked.client_order_id, reply)
            except (ValueError, AttributeError) as error:
                answer = _unknown(asked, f"the venue's answer cannot be read: {error}")
        self._on_answer(key, answer)

    def _reject(self, key: int, asked: _Asked, error: OrderRejected) -> None:
        self._asked.pop(key, None)
        self._on_answer(
            key,
            TradeOrder(
                outcome=Outcome.REJECTED,
                pair=asked.pair,
                client_order_id=asked.client_order_id,
                order_id=asked.order_id,
                reason=error.reason,
                code=error.code,
            ),
        )


def _unknown(asked: _Asked, reason: str) -> TradeOrder:
    return TradeOrder(
        outcome=Outcome.UNKNOWN,
        pair=asked.pair,
        client_order_id=asked.client_order_id,
        order_id=asked.order_id,
        reason=reason,
    )


def _explained(refusal: Refusal, shown: Reply) -> Refusal:
    """Return the refusal of a cancel with what the order's state adds to it."""
    if isinstance(shown, dict) and isinstance(shown.get("status"), str):
        return Refusal(refusal.status, refusal.code, f"{refusal.text} The order is {shown['status']}.")
    return refusal
