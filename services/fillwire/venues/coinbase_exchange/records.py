"""Coinbase Exchange's own records of an account: what is asked, page by page, and what it comes to.

Trade ids are counters per product, and fills come newest first. The venue forgets an order that was cancelled without a
fill: its records then answer as they do for one that they do not have yet.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from fillwire.domain.amounts import average_price, difference
from fillwire.domain.enums import Kind, Source
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id, state_event_id
from fillwire.domain.ledger import OrderKey
from fillwire.venues.coinbase_exchange import requests, rows
from fillwire.venues.coinbase_exchange.auth import Signer
from fillwire.venues.coinbase_exchange.names import ClientOrderIds
from fillwire.venues.coinbase_exchange.refusals import NOT_FOUND, is_time_refused
from fillwire.venues.paging import by_count
from fillwire.venues.questions import Ask, Question
from fillwire.venues.rebuilding import Rebuilder, Words
from fillwire.venues.records import ExecutionRow, OrderRow
from fillwire.venues.rest import HttpResponse
from fillwire.venues.unread import UnreadOrders

_S = 1_000_000_000
_OPEN = ("open", "pending", "active")
_ALL = ("all",)
_WORDS = Words(new="received", pending="received", partially_filled="match", filled="match")
_CURSOR = "cb-after"
_FORGOTTEN = "not found"
# An order that its own frame told of must be in the records after this long, whatever they lag.
_LAG_NS = 30 * _S
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class ExchangeRecords:
    """`AccountRecords` of Coinbase Exchange.

    Args:
        account: whose records.
        signer: its key.
        names: the client order ids that are ours.
        page_size: fills of a page behind which there may be more.
        unread: the orders that could not be read.
    """

    account: Account
    signer: Signer
    names: ClientOrderIds = field(default_factory=ClientOrderIds)
    page_size: int = requests.FULL_FILLS
    unread: UnreadOrders = field(
        default_factory=lambda: UnreadOrders("coinbase", rows.order_key), repr=False, compare=False
    )
    asks_by_symbol: ClassVar[bool] = True

    # -- orders

    def open_orders(self, symbol: str | None) -> Question[list[OrderRow]]:
        """Ask for the open orders."""
        found = yield from self._orders(symbol, _OPEN, 0)
        return (yield from self._counted(found))

    def order(self, key: OrderKey) -> Question[OrderRow | None]:
        """Ask for one order."""
        found = yield from self._order(key[1])
        return None if found is None else (yield from self._counted([found]))[0]

    def order_named(self, symbol: str, client_order_id: str) -> Question[OrderRow | None]:
        """Ask for one order by the client's id, of whichever product."""
        _ = symbol
        return (yield from self._order(f"client:{self.names.name(client_order_id)}"))

    def _order(self, order_id: str) -> Question[OrderRow | None]:
        response = yield lambda now_ns: requests.order(self.signer, now_ns, order_id)
        if response.status == NOT_FOUND:
            return None
        try:
            return self._row(rows.document(response, dict))
        except (ValueError, LookupError) as error:
            raise rows.unreadable("order", error) from error

    def changed_orders(self, symbol: str | None, since_ns: int, now_ns: int) -> Question[list[OrderRow]]:
        """Ask for the orders of a product that were placed or executed since then.

        The venue lists orders by when they were placed. One that was placed before and cancelled since shows only when it
        is asked for, as is every order that is believed to be open.
        """
        found = {row.key: row for row in (yield from self._orders(symbol, _ALL, since_ns))}
        for fill in (yield from self.executions_since(symbol, since_ns, now_ns, None)):
            if fill.order not in found:
                row = yield from self._order(fill.order_id)
                if row is not None:
                    found[row.key] = row
        return (yield from self._counted(list(found.values())))

    def symbols_since(self, since_ns: int) -> Question[set[str]]:
        """Ask for the products of which orders were placed since then; see `SymbolTellingRecords`."""
        found = yield from self._orders(None, _ALL, since_ns)
        return {row.symbol for row in found}

    def take_unread(self) -> list[OrderKey]:
        """Return the orders that lists lacked since the last call; see `PartlyReadRecords`."""
        return self.unread.take()

    def _orders(
        self, symbol: str | None, statuses: tuple[str, ...], since_ns: int
    ) -> Question[list[OrderRow]]:
        """Ask for orders, those placed last first, until one was placed before `since_ns`.

        The cursor is a time, and others may have been placed at that time: it is asked for again, until that brings none.
        """
        found: dict[OrderKey, OrderRow] = {}
        met: set[OrderKey] = set()
        after: str | None = None
        while True:
            ask = partial(_list_orders, self.signer, symbol, statuses, after)
            response = yield ask
            try:
                page = self.unread.read_each(rows.document(response, list), self._row)
            except (ValueError, LookupError, TypeError, AttributeError) as error:
                raise rows.unreadable("orders", error) from error
            own = [row for row in page if row is not None]
            found |= {row.key: row for row in own if row.created_ns >= since_ns}
            keys = {row.key for row in own}
            cursor = _next(response, after)
            is_over = any(row.created_ns < since_ns for row in own)
            if len(page) < requests.MAX_ROWS or cursor is None or is_over:
                return list(found.values())
            after = cursor if keys <= met else rows.time_after(cursor)
            met |= keys

    def _row(self, row: Mapping[str, Any]) -> OrderRow:
        return rows.order_row(row, self.names.ours(row.get("client_oid")))

    def _counted(self, found: list[OrderRow]) -> Question[list[OrderRow]]:
        """Name the last execution that each open order's sum counts: the stream names no sums, and goes on from there."""
        counted = []
        for row in found:
            if row.ending is None and row.executed:
                fills = yield from self.executions_of(row.key, None)
                counted.append(replace(row, last_trade_id=_last_of(fills, row.executed)))
            else:
                counted.append(row)
        return counted

    def forgotten(self, last: OrderEvent) -> Question[OrderRow | None]:
        """Ask what became of an order that the venue does not show, after its last event: see `ForgetfulRecords`.

        It was cancelled without a fill, if nothing contradicts that: no execution is known of or shown, it is not
        among the open orders, and it is old enough that the records cannot lag behind it.
        """
        if last.cumulative_quantity:
            return None
        asked_ns = 0

        def ask(now_ns: int) -> Any:
            nonlocal asked_ns
            asked_ns = now_ns
            return requests.fills(self.signer, now_ns, order_id=last.order_id, after=None)

        fills = yield from self._fills(lambda _: ask, lambda _: False)
        if fills or asked_ns - last.transaction_time_ns < _LAG_NS:
            return None
        opened = yield from self._orders(last.symbol, _OPEN, 0)
        if any(row.order_id == last.order_id for row in opened):
            return None
        return OrderRow(
            symbol=last.symbol,
            order_id=last.order_id,
            client_order_id=last.client_order_id,
            order_list_id=None,
            side=last.side,
            type=last.type,
            time_in_force=last.time_in_force,
            price=last.price,
            stop_price=last.stop_price,
            quantity=last.quantity,
            quote_quantity=last.quote_quantity,
            executed=_ZERO,
            executed_quote=_ZERO,
            prevented=None,
            status=_FORGOTTEN,
            ending=Kind.CANCELLED,
            is_pending=False,
            is_working=False,
            reject_reason=None,
            created_ns=last.transaction_time_ns,
            updated_ns=asked_ns,
        )

    # -- executions

    def executions_since(
        self,
        symbol: str | None,
        since_ns: int,
        now_ns: int,  # noqa: ARG002 - the newest come first
        known_trade_id: str | None,
    ) -> Question[list[ExecutionRow]]:
        """Ask for the executions of a product since then."""
        if symbol is None:
            raise AssertionError("these records are asked for product by product")
        first = -1 if known_trade_id is None else int(known_trade_id)

        def ask(after: str | None) -> Ask:
            return lambda at_ns: requests.fills(self.signer, at_ns, product=symbol, after=after)

        found = yield from self._fills(ask, lambda row: row.time_ns < since_ns or int(row.trade_id) < first)
        return [row for row in found if row.time_ns >= since_ns]

    def executions_of(self, key: OrderKey, after_trade_id: str | None) -> Question[list[ExecutionRow]]:
        """Ask for the executions of an order."""
        first = -1 if after_trade_id is None else int(after_trade_id)

        def ask(after: str | None) -> Ask:
            return lambda at_ns: requests.fills(self.signer, at_ns, order_id=key[1], after=after)

        return (yield from self._fills(ask, lambda row: int(row.trade_id) <= first))

    def _fills(
        self, ask: Callable[[str | None], Ask], is_over: Callable[[ExecutionRow], bool]
    ) -> Question[list[ExecutionRow]]:
        """Ask for fills, newest first, until one is beyond what is wanted; return them in the venue's order."""
        found: list[ExecutionRow] = []
        after: str | None = None
        while True:
            response = yield ask(after)
            try:
                page = [rows.execution_row(row) for row in rows.document(response, list)]
            except (ValueError, LookupError) as error:
                raise rows.unreadable("executions", error) from error
            found += page
            after = _next(response, after)
            if len(page) < self.page_size or after is None or is_over(page[-1]):
                return by_count(found)

    def is_time_refused(self, response: HttpResponse) -> bool:
        """Return whether the venue refused the time a request was signed with."""
        return is_time_refused(response)

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
        """Return the events of executions that follow each other. The amount of each is price times size, unrounded."""
        quote = order.executed_quote
        for row in rows:
            quote = None if quote is None else difference(quote, row.price * row.quantity)
        events = []
        for row, event in zip(
            rows, self._rebuilder.fills(pair, order, rows, known, received_ns), strict=True
        ):
            quote = None if quote is None else difference(quote, -(row.price * row.quantity))
            average = average_price(quote, event.cumulative_quantity)
            events.append(replace(event, cumulative_quote=quote, average_price=average))
        return events

    def ending(self, pair: str, order: OrderRow, received_ns: int) -> OrderEvent | None:
        """Return the event that says how the order ended.

        A market order may end filled short of its size, when its funds are spent: no execution said so.
        """
        if order.status == _FORGOTTEN:
            event = self._rebuilder.ending(pair, order, received_ns)
            return None if event is None else replace(event, source=Source.INFERRED)
        if order.ending is not Kind.FILLED:
            return self._rebuilder.ending(pair, order, received_ns)
        event = self._rebuilder.ending(pair, replace(order, ending=Kind.CANCELLED), received_ns)
        event_id = state_event_id(self.account, order.symbol, order.order_id, Kind.FILLED)
        return event and replace(event, event_id=event_id, kind=Kind.FILLED, source=Source.INFERRED)

    @property
    def _rebuilder(self) -> Rebuilder:
        return Rebuilder(self.account, self.event_id, _WORDS)


def _list_orders(
    signer: Signer, symbol: str | None, statuses: tuple[str, ...], after: str | None, now_ns: int
) -> Any:
    return requests.orders(signer, now_ns, symbol, statuses, after)


def _next(response: HttpResponse, before: str | None) -> str | None:
    """Return the cursor of the next page, None if there is none: one that does not move leads nowhere."""
    after = response.headers.get(_CURSOR)
    return None if not after or after == before else after


def _last_of(fills: Sequence[ExecutionRow], executed: Decimal) -> str | None:
    """Return the execution with which the sum is `executed`, None if there is none: one of both answers lags."""
    total = _ZERO
    for fill in fills:
        total = difference(total, -fill.quantity)
        if total == executed:
            return fill.trade_id
    return None
