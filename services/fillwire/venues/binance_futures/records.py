"""Binance USD-M Futures' own records of an account: the questions for them.

Trade ids are counters per symbol, and the rows of a question come in their order. The records lag behind the matching
engine, which no answer shows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import ClassVar

from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id
from fillwire.domain.ledger import OrderKey
from fillwire.venues.binance.auth import Signer
from fillwire.venues.binance.refusals import CLOCK_OUTSIDE_WINDOW, NO_SUCH_ORDER, http_refusal
from fillwire.venues.binance.rows import order_key, read_orders, read_row, read_rows
from fillwire.venues.binance_futures import requests
from fillwire.venues.binance_futures.endpoints import EXCHANGE
from fillwire.venues.binance_futures.rows import read_execution, read_order
from fillwire.venues.paging import by_count, changed_in, counted_since, following, windows
from fillwire.venues.questions import Ask, Question
from fillwire.venues.rebuilding import Rebuilder, Words
from fillwire.venues.records import ExecutionRow, OrderRow
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.venues.unread import UnreadOrders

_OK = 200
_NS_PER_MS = 1_000_000
# The venue refuses seven days; both ends of a window are included.
_WINDOW_NS = 6 * 86_400_000_000_000
_WORDS = Words(new="NEW", pending="NEW", partially_filled="PARTIALLY_FILLED", filled="FILLED")


@dataclass(frozen=True, slots=True)
class FuturesRecords:
    """`AccountRecords` of Binance USD-M Futures.

    Args:
        account: whose records.
        signer: its key.
        page_size: rows of a full page: there may be more.
        unread: the orders that could not be read.
    """

    account: Account
    signer: Signer
    page_size: int = requests.MAX_ROWS
    unread: UnreadOrders = field(
        default_factory=lambda: UnreadOrders(EXCHANGE, order_key), repr=False, compare=False
    )
    asks_by_symbol: ClassVar[bool] = True

    def open_orders(self, symbol: str | None) -> Question[list[OrderRow]]:
        """Ask for the open orders."""
        response = yield _timed(partial(requests.open_orders, self.signer), symbol)
        return [row for row in read_orders(response, read_order, self.unread) if row is not None]

    def order(self, key: OrderKey) -> Question[OrderRow | None]:
        """Ask for one order."""
        return _one((yield _timed(partial(requests.order, self.signer), *key)))

    def order_named(self, symbol: str, client_order_id: str) -> Question[OrderRow | None]:
        """Ask for one order by the client's id."""
        return _one((yield _timed(partial(requests.order, self.signer), symbol, None, client_order_id)))

    def changed_orders(self, symbol: str | None, since_ns: int, now_ns: int) -> Question[list[OrderRow]]:
        """Ask for the orders of a symbol since then."""
        ask = partial(self._changed_between, _named(symbol))
        return (yield from changed_in(ask, windows(since_ns, now_ns, _WINDOW_NS), self.page_size))

    def _changed_between(self, symbol: str, start_ns: int, end_ns: int) -> Question[list[OrderRow | None]]:
        window = start_ns // _NS_PER_MS, end_ns // _NS_PER_MS
        response = yield _timed(partial(requests.all_orders, self.signer), symbol, *window, self.page_size)
        return read_orders(response, read_order, self.unread)

    def take_unread(self) -> list[OrderKey]:
        """Return the orders that lists lacked since the last call; see `PartlyReadRecords`."""
        return self.unread.take()

    def executions_since(
        self, symbol: str | None, since_ns: int, now_ns: int, known_trade_id: str | None
    ) -> Question[list[ExecutionRow]]:
        """Ask for the executions of a symbol since then."""
        symbol = _named(symbol)
        rows = yield from counted_since(
            partial(self._executions_between, symbol),
            partial(self._executions_from, symbol, None),
            windows(since_ns, now_ns, _WINDOW_NS),
            known_trade_id,
            self.page_size,
        )
        return by_count([row for row in rows if row.time_ns >= since_ns])

    def _executions_between(self, symbol: str, start_ns: int, end_ns: int) -> Question[list[ExecutionRow]]:
        window = start_ns // _NS_PER_MS, end_ns // _NS_PER_MS
        response = yield _timed(partial(requests.user_trades, self.signer), symbol, self.page_size, window)
        return read_rows(EXCHANGE, "executions", response, read_execution)

    def executions_of(self, key: OrderKey, after_trade_id: str | None) -> Question[list[ExecutionRow]]:
        """Ask for the executions of an order; without a first id the venue would show the last seven days."""
        symbol, order_id = key
        return by_count((yield from self._executions_from(symbol, order_id, after_trade_id or "0")))

    def _executions_from(
        self, symbol: str, order_id: str | None, trade_id: str
    ) -> Question[list[ExecutionRow]]:
        ask = partial(self._page_from, symbol, order_id)
        return (yield from following(ask, trade_id, self.page_size))

    def _page_from(self, symbol: str, order_id: str | None, trade_id: str) -> Question[list[ExecutionRow]]:
        make = partial(requests.user_trades, self.signer)
        response = yield _timed(make, symbol, self.page_size, None, trade_id, order_id)
        return read_rows(EXCHANGE, "executions", response, read_execution)

    def is_time_refused(self, response: HttpResponse) -> bool:
        """Return whether the venue refused the time a request was signed with."""
        return response.status != _OK and http_refusal(response).code == CLOCK_OUTSIDE_WINDOW

    def event_id(self, row: ExecutionRow) -> str:
        """Return the identity of an execution."""
        return execution_event_id(self.account, row.symbol, row.order_id, row.trade_id)

    # -- what they mean

    def opening(self, pair: str, order: OrderRow, received_ns: int) -> OrderEvent | None:
        """Return the event that says the order was accepted."""
        return self._rebuilder.opening(pair, order, received_ns)

    def fills(
        self, pair: str, order: OrderRow, rows: Sequence[ExecutionRow], known: Decimal, received_ns: int
    ) -> list[OrderEvent]:
        """Return the events of executions that follow each other."""
        return self._rebuilder.fills(pair, order, rows, known, received_ns)

    def ending(self, pair: str, order: OrderRow, received_ns: int) -> OrderEvent | None:
        """Return the event that says how the order ended.

        Also that it was filled: its last execution may have been published while the venue still showed it open.
        """
        return self._rebuilder.ending(pair, order, received_ns, says_filled=True)

    @property
    def _rebuilder(self) -> Rebuilder:
        return Rebuilder(self.account, self.event_id, _WORDS)


def _one(response: HttpResponse) -> OrderRow | None:
    """Return the order that was asked for, None if the venue does not know it."""
    if response.status != _OK and http_refusal(response).code == NO_SUCH_ORDER:
        return None
    return read_row(EXCHANGE, "order", response, read_order)


def _timed(make: Callable[..., HttpRequest], *arguments: object) -> Ask:
    """Return what makes a request for the time of sending."""
    return lambda now_ns: make(now_ns // _NS_PER_MS, *arguments)


def _named(symbol: str | None) -> str:
    if symbol is None:
        raise AssertionError("these records are asked for symbol by symbol")
    return symbol
