"""Bots' orders on one Binance connection: placing and cancelling, asked twice and done once."""

from collections.abc import Callable

from fillwire.domain.errors import OrderRejected
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.venues.binance import requests
from fillwire.venues.binance.calls import Calls, NoAnswer, Reply
from fillwire.venues.binance.mapping import accepted, refused
from fillwire.venues.binance.refusals import CANCEL_REFUSED, NO_SUCH_ORDER, ORDER_REFUSED, Refusal
from fillwire.venues.symbols import SymbolTable
from fillwire.venues.timers import Timers

_DUPLICATE = "duplicate order sent"
# An order that was just placed can be missing from the venue's queries for a while.
_LAG_RETRY_NS = 250_000_000
_CANCELED = frozenset({"CANCELED", "PENDING_CANCEL"})

OnAnswer = Callable[[int, TradeOrder], None]


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
        self._pending: set[int] = set()

    def place(self, key: int, request: OrderRequest, now_ns: int) -> None:
        """Place an order, or find the one that the same client order id has placed before."""
        deadline_ns = now_ns + self._timeout_ns

        def then(reply: Reply, at_ns: int) -> None:
            if (
                isinstance(reply, Refusal)
                and reply.code == ORDER_REFUSED
                and reply.text.lower().startswith(_DUPLICATE)
            ):
                find(at_ns)
            else:
                self._conclude(key, request.pair, request.client_order_id, None, reply)

        def find(at_ns: int) -> None:
            status = requests.order_status(symbol, None, request.client_order_id)
            self._calls.ask(status, at_ns, deadline_ns - at_ns, found, is_signed=True)

        def found(reply: Reply, at_ns: int) -> None:
            if isinstance(reply, Refusal) and reply.code == NO_SUCH_ORDER:
                # The venue has just said that it exists.
                if at_ns + _LAG_RETRY_NS < deadline_ns:
                    self._timers.at(at_ns + _LAG_RETRY_NS, find)
                    return
                reply = NoAnswer("the order exists, but the venue cannot show it yet")
            elif isinstance(reply, Refusal):
                reply = NoAnswer(f"the order exists, but the venue does not show it: {reply}")
            self._conclude(key, request.pair, request.client_order_id, None, reply)

        try:
            self._admit(key)
            symbol = self._symbol(request.pair)
            call = requests.place_order(symbol, request)
        except OrderRejected as error:
            self._reject(key, request.pair, request.client_order_id, None, error)
        else:
            self._calls.ask(call, now_ns, self._timeout_ns, then, is_signed=True)

    def cancel(self, key: int, request: CancelRequest, now_ns: int) -> None:
        """Cancel an order; one that is cancelled already counts as cancelled."""
        deadline_ns = now_ns + self._timeout_ns

        def then(reply: Reply, at_ns: int) -> None:
            if isinstance(reply, Refusal) and reply.code == CANCEL_REFUSED:
                status = requests.order_status(symbol, request.order_id, request.client_order_id)

                def found(status_reply: Reply, _at_ns: int) -> None:
                    is_cancelled = isinstance(status_reply, dict) and status_reply.get("status") in _CANCELED
                    self._conclude(
                        key,
                        request.pair,
                        request.client_order_id,
                        request.order_id,
                        status_reply if is_cancelled else _explained(reply, status_reply),
                    )

                self._calls.ask(status, at_ns, deadline_ns - at_ns, found, is_signed=True)
            else:
                self._conclude(key, request.pair, request.client_order_id, request.order_id, reply)

        try:
            self._admit(key)
            symbol = self._symbol(request.pair)
            call = requests.cancel_order(symbol, request)
        except OrderRejected as error:
            self._reject(key, request.pair, request.client_order_id, request.order_id, error)
        else:
            self._calls.ask(call, now_ns, self._timeout_ns, then, is_signed=True)

    def _admit(self, key: int) -> None:
        if len(self._pending) >= self._max_pending:
            raise OrderRejected(
                "binance", f"not sent: {len(self._pending)} requests wait for the venue, expected fewer"
            )
        self._pending.add(key)

    def _symbol(self, pair: str) -> str:
        symbol = self.symbols.symbols.get(pair)
        if symbol is None:
            raise OrderRejected("binance", f"pair {pair} is not listed: expected BASE-QUOTE such as BTC-USDT")
        return symbol

    def _conclude(
        self, key: int, pair: str, client_order_id: str | None, order_id: str | None, reply: Reply
    ) -> None:
        if isinstance(reply, Refusal):
            answer = refused(pair, client_order_id, order_id, reply)
        elif isinstance(reply, NoAnswer):
            answer = _unknown(pair, client_order_id, order_id, reply.reason)
        else:
            try:
                answer = accepted(pair, client_order_id, reply)
            except (ValueError, AttributeError) as error:
                answer = _unknown(
                    pair, client_order_id, order_id, f"the venue's answer cannot be read: {error}"
                )
        self._answer(key, answer)

    def _reject(
        self, key: int, pair: str, client_order_id: str | None, order_id: str | None, error: OrderRejected
    ) -> None:
        self._answer(
            key,
            TradeOrder(
                outcome=Outcome.REJECTED,
                pair=pair,
                client_order_id=client_order_id,
                order_id=order_id,
                reason=error.reason,
                code=error.code,
            ),
        )

    def _answer(self, key: int, answer: TradeOrder) -> None:
        self._pending.discard(key)
        self._on_answer(key, answer)


def _unknown(pair: str, client_order_id: str | None, order_id: str | None, reason: str) -> TradeOrder:
    return TradeOrder(
        outcome=Outcome.UNKNOWN, pair=pair, client_order_id=client_order_id, order_id=order_id, reason=reason
    )


def _explained(refusal: Refusal, status_reply: Reply) -> Refusal:
    """Return the refusal of a cancel with what the order's state adds to it."""
    if isinstance(status_reply, dict) and isinstance(status_reply.get("status"), str):
        return Refusal(refusal.status, refusal.code, f"{refusal.text} The order is {status_reply['status']}.")
    return refusal
