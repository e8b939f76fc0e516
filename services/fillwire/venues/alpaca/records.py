"""Alpaca's own records of an account: orders by the time of their submission, and executions as activities.

An execution is known by its order and what is executed after it: its row has another id than the stream gave it. Of
executions within one millisecond the rows are shuffled, and a page of them can end within such a millisecond without
the next one beginning there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from http import HTTPStatus
from typing import ClassVar

import orjson

from fillwire.domain.amounts import average_price, difference
from fillwire.domain.errors import VenueError
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id
from fillwire.domain.ledger import OrderKey
from fillwire.venues.alpaca import requests
from fillwire.venues.alpaca.auth import Key
from fillwire.venues.alpaca.refusals import VENUE, http_error
from fillwire.venues.alpaca.rows import execution_row, order_key, order_row, orders_in, units
from fillwire.venues.alpaca.values import Row, text, time_ns
from fillwire.venues.questions import Question
from fillwire.venues.rebuilding import Rebuilder, Words
from fillwire.venues.records import ExecutionRow, OrderRow
from fillwire.venues.rest import HttpResponse
from fillwire.venues.unread import UnreadOrders
from fillwire.wire.decimals import decimal_text

_WORDS = Words(new="new", pending="pending_new", partially_filled="partially_filled", filled="filled")
_MS = 1_000_000
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class AlpacaRecords:
    """`AccountRecords` of Alpaca.

    Args:
        account: whose records.
        key: its key.
        unread: the orders that could not be read.
    """

    account: Account
    key: Key
    unread: UnreadOrders = field(
        default_factory=lambda: UnreadOrders(VENUE, order_key), repr=False, compare=False
    )
    asks_by_symbol: ClassVar[bool] = False

    # -- orders

    def open_orders(self, symbol: str | None) -> Question[list[OrderRow]]:
        """Ask for the open orders, of all symbols at once."""
        _ = symbol
        found = yield from self._orders("open", None)
        return [row for row in found.values() if row.ending is None]

    def order(self, key: OrderKey) -> Question[OrderRow | None]:
        """Ask for one order."""
        order_id = key[1]
        response = yield requests.ask(requests.order(self.key, order_id))
        return next((row for row in _orders_of(response) if row.order_id == order_id), None)

    def order_named(self, symbol: str, client_order_id: str) -> Question[OrderRow | None]:
        """Ask for one order by the client's id, of whichever symbol."""
        _ = symbol
        response = yield requests.ask(requests.order_by_client_id(self.key, client_order_id))
        rows = _orders_of(response)
        return next((row for row in rows if row.client_order_id == client_order_id), None)

    def changed_orders(self, symbol: str | None, since_ns: int, now_ns: int) -> Question[list[OrderRow]]:
        """Ask for the orders that were submitted since then, and for those that came in their place.

        The venue tells no orders by when they changed. Older ones are met as open, by their executions, or are known.
        """
        _ = symbol, now_ns
        found = yield from self._orders("all", since_ns)
        return list(found.values())

    def take_unread(self) -> list[OrderKey]:
        """Return the orders that lists lacked since the last call; see `PartlyReadRecords`."""
        return self.unread.take()

    def _orders(self, status: str, after_ns: int | None) -> Question[dict[str, OrderRow]]:
        """Page through orders. The last time of a page is asked for again: others may have been submitted then, too."""
        found: dict[str, OrderRow] = {}
        met: set[str] = set()
        while True:
            response = yield requests.ask(requests.orders(self.key, status, after_ns))
            documents = _rows(response)
            rows = _read_orders(documents, self.unread)
            found |= {row.order_id: row for row in rows}
            if len(documents) < requests.MAX_ORDERS:
                return found
            try:
                ids = {text(document, "id") for document in documents}
                last_ns = time_ns(_last_submission(documents)) - 1
            except ValueError as error:
                raise _unreadable("orders", error) from error
            if ids <= met:
                return found
            met |= ids
            after_ns = last_ns

    # -- executions

    def executions_since(
        self, symbol: str | None, since_ns: int, now_ns: int, known_trade_id: str | None
    ) -> Question[list[ExecutionRow]]:
        """Ask for the executions since then, of all symbols at once."""
        _ = symbol, now_ns, known_trade_id
        rows, cut_orders = yield from self._fills("asc", None, since_ns - _MS)
        for order_id in cut_orders:
            rows |= {row.trade_id: row for row in (yield from self._fills_of(order_id))}
        return _in_order([row for row in rows.values() if row.time_ns >= since_ns])

    def executions_of(self, key: OrderKey, after_trade_id: str | None) -> Question[list[ExecutionRow]]:
        """Ask for the executions of an order: all of them, for rows do not come in their order."""
        _ = after_trade_id
        return (yield from self._fills_of(key[1]))

    def _fills_of(self, order_id: str) -> Question[list[ExecutionRow]]:
        rows, _ = yield from self._fills("asc", order_id, None)
        if len(rows) >= requests.MAX_ACTIVITIES and not _is_whole(_in_order(list(rows.values()))):
            # Pages end elsewhere the other way round, so that what one way skips the other shows.
            again, _ = yield from self._fills("desc", order_id, None)
            rows |= again
        return _in_order(list(rows.values()))

    def _fills(
        self, direction: str, order_id: str | None, after_ns: int | None
    ) -> Question[tuple[dict[str, ExecutionRow], set[str]]]:
        """Page through executions; returns them by id, and the orders of those with which full pages ended."""
        found: dict[str, ExecutionRow] = {}
        cut: set[str] = set()
        token: str | None = None
        while True:
            request = requests.fills(
                self.key, direction=direction, order_id=order_id, after_ns=after_ns, page_token=token
            )
            documents = _rows((yield requests.ask(request)))
            try:
                page = [execution_row(document) for document in documents]
            except ValueError as error:
                raise _unreadable("executions", error) from error
            is_new = any(row.trade_id not in found for row in page)
            found |= {row.trade_id: row for row in page}
            if len(page) < requests.MAX_ACTIVITIES or not is_new:
                return found, cut
            last = page[-1]
            cut |= {row.order_id for row in page if row.time_ns // _MS == last.time_ns // _MS}
            token = last.trade_id

    def is_time_refused(self, response: HttpResponse) -> bool:
        """Return False: no request carries a time."""
        _ = response
        return False

    def event_id(self, row: ExecutionRow) -> str:
        """Return the identity of an execution: its order, and what is executed after it."""
        if row.cumulative is None:
            raise AssertionError("an execution of this venue says what is executed after it")
        return execution_event_id(self.account, row.symbol, row.order_id, decimal_text(row.cumulative))

    # -- what they mean

    def opening(self, pair: str, order: OrderRow, received_ns: int) -> OrderEvent | None:
        """Return the event that says the order was accepted."""
        return self._rebuilder.opening(pair, order, received_ns)

    def fills(
        self, pair: str, order: OrderRow, rows: Sequence[ExecutionRow], known: Decimal, received_ns: int
    ) -> list[OrderEvent]:
        """Return the events of executions that follow each other. Only of the order as it stands the quote is known."""
        events = self._rebuilder.fills(pair, order, rows, known, received_ns)
        return [
            _priced(replace(event, cumulative_quote=order.executed_quote))
            if event.cumulative_quantity == order.executed
            else event
            for event in events
        ]

    def ending(self, pair: str, order: OrderRow, received_ns: int) -> OrderEvent | None:
        """Return the event that says how the order ended.

        Also that it was filled: its last execution may have been published while the venue still showed it open.
        """
        event = self._rebuilder.ending(pair, order, received_ns, says_filled=True)
        return None if event is None else _priced(event)

    @property
    def _rebuilder(self) -> Rebuilder:
        return Rebuilder(self.account, self.event_id, _WORDS)


def _orders_of(response: HttpResponse) -> list[OrderRow]:
    """Return the order that was asked for and its legs; none if the venue does not know it."""
    if response.status == HTTPStatus.NOT_FOUND:
        return []
    try:
        return [order_row(row, parent) for row, parent in orders_in(_document(response))]
    except (ValueError, TypeError, AttributeError) as error:
        raise _unreadable("order", error) from error


def _last_submission(documents: Sequence[Row]) -> object:
    """Return by when the last order of a page was submitted; of one that was not, the venue says only when it was made."""
    times = (document.get("submitted_at") for document in reversed(documents))
    return next((time for time in times if time), documents[-1].get("created_at"))


def _priced(event: OrderEvent) -> OrderEvent:
    """Return the event with its average price, which is of one unit of what a contract is on."""
    quote = event.cumulative_quote
    per_unit = None if quote is None else quote / units(event.symbol)
    return replace(event, average_price=average_price(per_unit, event.cumulative_quantity))


def _in_order(rows: list[ExecutionRow]) -> list[ExecutionRow]:
    """Return the executions order by order, each as its quantity grew: times do not tell them apart."""
    return sorted(rows, key=lambda row: (row.order_id, row.cumulative or _ZERO, row.time_ns))


def _is_whole(rows: Sequence[ExecutionRow]) -> bool:
    """Return whether each execution of an order begins where the one before ended."""
    total = _ZERO
    for row in rows:
        total = difference(total, -row.quantity)
        if total != row.cumulative:
            return False
    return True


def _rows(response: HttpResponse) -> list[Row]:
    rows = _body(response)
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise _unreadable("records", TypeError(f"expected a list of objects, was {type(rows).__name__}"))
    return rows


def _document(response: HttpResponse) -> Row:
    document = _body(response)
    if not isinstance(document, Mapping):
        raise _unreadable("records", TypeError(f"expected an object, was {type(document).__name__}"))
    return document


def _body(response: HttpResponse) -> object:
    if response.status != HTTPStatus.OK:
        raise http_error(response)
    try:
        return orjson.loads(response.body)
    except orjson.JSONDecodeError as error:
        raise _unreadable("records", error) from error


def _read_orders(documents: Sequence[Row], unread: UnreadOrders) -> list[OrderRow]:
    try:
        rows = [
            unread.read(row, partial(order_row, row, parent))
            for document in documents
            for row, parent in orders_in(document)
        ]
        return [row for row in rows if row is not None]
    except (ValueError, TypeError, AttributeError) as error:
        raise _unreadable("orders", error) from error


def _unreadable(what: str, error: Exception) -> VenueError:
    return VenueError(
        VENUE, f"the answer to a question for {what} cannot be read: {type(error).__name__}: {error}"
    )
