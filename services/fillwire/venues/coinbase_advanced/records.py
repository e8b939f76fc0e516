"""Coinbase Advanced Trade's own records of an account: the only place where it shows single executions.

Orders can be asked for by the time they were placed, not by that of their last change: those that changed are those
placed since, and those of the fills since. Executions have no numbers; see `FillRow.place` for their order.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Context, Decimal
from functools import partial
from typing import Any, ClassVar, TypeVar

import orjson

from fillwire.domain.amounts import difference
from fillwire.domain.errors import VenueError
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id
from fillwire.domain.ledger import OrderKey
from fillwire.runtime.logs import get_log
from fillwire.venues.coinbase_advanced import requests
from fillwire.venues.coinbase_advanced.auth import TokenSigner
from fillwire.venues.coinbase_advanced.refusals import NOT_FOUND, OK, UNAUTHORIZED, VENUE, http_error
from fillwire.venues.coinbase_advanced.rows import FillRow, instant_text, order_key, read_fill, read_order
from fillwire.venues.questions import Ask, Question
from fillwire.venues.rebuilding import Rebuilder, Words
from fillwire.venues.records import ExecutionRow, OrderRow
from fillwire.venues.rest import HttpResponse
from fillwire.venues.unread import UnreadOrders

_log = get_log(__name__)

T = TypeVar("T")

_WORDS = Words(new="OPEN", pending="PENDING", partially_filled="OPEN", filled="FILLED")
_FILL = "FILL"
_SPOT_PARTS = 2
# Orders that one request names: the query stays below the length that proxies take.
_MAX_NAMED = 100
_MAX_ANOMALIES = 1_000
# The venue finds no order by its client id: its newest are looked through, so many pages.
_LOOKUP_PAGES = 4
_ZERO = Decimal(0)
_EXACT = Context(prec=200)
# To how many digits the venue shows a base quantity that was bought by a quote amount, and how far its sums stray.
_BASE_UNIT = Decimal("1e-15")
_STRAY = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class AdvancedRecords:
    """`AccountRecords` of Coinbase Advanced Trade.

    Args:
        account: whose records.
        signer: its key.
        anomalies: rows that are no executions and were told of.
        unread: the orders that could not be read.
    """

    account: Account
    signer: TokenSigner
    anomalies: dict[str, None] = field(default_factory=dict, repr=False)
    unread: UnreadOrders = field(
        default_factory=lambda: UnreadOrders(VENUE, order_key), repr=False, compare=False
    )
    asks_by_symbol: ClassVar[bool] = False

    # -- what can be asked

    def open_orders(self, symbol: str | None) -> Question[list[OrderRow]]:
        """Ask for the open orders. Those that were accepted a moment ago and are not on the book yet are not among them."""
        return (yield from self._orders(partial(requests.open_orders, self.signer, symbol)))

    def order(self, key: OrderKey) -> Question[OrderRow | None]:
        """Ask for one order."""
        response = yield requests.order(self.signer, key[1])
        if response.status == NOT_FOUND:
            return None
        return _read("order", lambda: read_order(_document(response)["order"]))

    def order_named(self, symbol: str, client_order_id: str) -> Question[OrderRow | None]:
        """Look for an order by the client's id among the newest of its product, and then among the open ones.

        The venue cannot be asked by that id. Were there more orders than are looked through, one that was not found may exist.
        """
        newest, is_all = yield from newest_orders(self.signer, symbol)
        found = next((row for row in newest if row.client_order_id == client_order_id), None)
        if found is not None or is_all:
            return found
        opened = yield from self.open_orders(symbol)
        found = next((row for row in opened if row.client_order_id == client_order_id), None)
        if found is None:
            reason = f"order {client_order_id} is not among the newest {len(newest)} of {symbol}, nor among its open ones"
            raise VenueError(VENUE, reason)
        return found

    def changed_orders(self, symbol: str | None, since_ns: int, now_ns: int) -> Question[list[OrderRow]]:  # noqa: ARG002 - the venue has no windows
        """Ask for the orders that changed since then: those placed since, and those executed since."""
        start = instant_text(since_ns)
        placed = yield from self._orders(partial(requests.orders_created_since, self.signer, symbol, start))
        found = {row.order_id: row for row in placed}
        fills = yield from self._fills(partial(requests.fills_since, self.signer, symbol, start))
        others = sorted({fill.order_id for fill in fills} - found.keys())
        for begin in range(0, len(others), _MAX_NAMED):
            named = others[begin : begin + _MAX_NAMED]
            rows = yield from self._orders(partial(requests.orders_by_id, self.signer, named))
            found |= {row.order_id: row for row in rows}
        return list(found.values())

    def _orders(self, ask: Callable[[str], Ask]) -> Question[list[OrderRow]]:
        rows, _ = yield from _pages(ask, "orders", lambda page: self.unread.read_each(page, read_order))
        return [row for row in rows if row is not None]

    def take_unread(self) -> list[OrderKey]:
        """Return the orders that lists lacked since the last call; see `PartlyReadRecords`."""
        return self.unread.take()

    def executions_since(
        self,
        symbol: str | None,
        since_ns: int,
        now_ns: int,  # noqa: ARG002 - the venue has no windows
        known_trade_id: str | None,  # noqa: ARG002 - nor does it count
    ) -> Question[list[ExecutionRow]]:
        """Ask for the executions since then."""
        ask = partial(requests.fills_since, self.signer, symbol, instant_text(since_ns))
        fills = yield from self._fills(ask)
        in_quote = {fill.order_id: (fill.symbol, fill.order_id) for fill in fills if fill.is_in_quote}
        rows = [_execution(fill) for fill in fills if fill.order_id not in in_quote]
        for key in in_quote.values():
            rows += [row for row in (yield from self.executions_of(key, None)) if row.time_ns >= since_ns]
        return rows

    def executions_of(
        self,
        key: OrderKey,
        after_trade_id: str | None,  # noqa: ARG002 - the venue does not count: all are asked for
    ) -> Question[list[ExecutionRow]]:
        """Ask for the executions of an order.

        Of an order placed by quote amount they are shown only once it has ended: the venue then rounds the quantity of
        each, and no more than their sum is exact.
        """
        fills = yield from self._fills(partial(requests.fills_of, self.signer, key[1]))
        if not any(fill.is_in_quote for fill in fills):
            return [_execution(fill) for fill in fills]
        order = yield from self.order(key)
        return [] if order is None or order.ending is None else _in_base(fills, order)

    def _fills(self, ask: Callable[[str], Ask]) -> Question[list[FillRow]]:
        """Return executions, oldest first; what the list holds besides is told to the log, once each."""
        rows, _ = yield from _pages(ask, "fills", _each(read_fill))
        unique = {row.entry_id: row for row in rows}
        for row in unique.values():
            if row.kind != _FILL:
                self._note_anomaly(row)
        return sorted((row for row in unique.values() if row.kind == _FILL), key=lambda row: row.place)

    def _note_anomaly(self, row: FillRow) -> None:
        if row.entry_id in self.anomalies:
            return
        if len(self.anomalies) >= _MAX_ANOMALIES:
            del self.anomalies[next(iter(self.anomalies))]
        self.anomalies[row.entry_id] = None
        _log.error(
            "fill_anomaly",
            account=str(self.account),
            trade_type=row.kind,
            symbol=row.symbol,
            order_id=row.order_id,
            trade_id=row.trade_id,
            entry_id=row.entry_id,
        )

    def is_time_refused(self, response: HttpResponse) -> bool:
        """Return whether the time may have been refused: the venue does not say why it takes a token for none."""
        return response.status == UNAUTHORIZED

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


def newest_orders(signer: TokenSigner, product: str) -> Question[tuple[list[OrderRow], bool]]:
    """Ask for the newest orders of a product, some pages of them; return them and whether they are all."""
    ask = partial(requests.newest_orders, signer, product)
    return (yield from _pages(ask, "orders", _each(read_order), _LOOKUP_PAGES))


def _pages(
    ask: Callable[[str], Ask],
    name: str,
    read: Callable[[Sequence[Mapping[str, Any]]], list[T]],
    max_pages: int | None = None,
) -> Question[tuple[list[T], bool]]:
    """Return the rows of the pages, and whether these are all: each names the cursor of the next, the last one none."""
    rows: list[T] = []
    cursor = ""
    seen: set[str] = set()
    while True:
        response = yield ask(cursor)
        document, page = _read(name, partial(_page, response, name, read))
        rows += page
        cursor = document.get("cursor") or ""
        # Some answers name a cursor and say that nothing follows; one that names its own would never end.
        if not cursor or document.get("has_next") is False or not page or cursor in seen:
            return rows, True
        seen.add(cursor)
        if max_pages is not None and len(seen) >= max_pages:
            return rows, False


def _each(read: Callable[[Mapping[str, Any]], T]) -> Callable[[Sequence[Mapping[str, Any]]], list[T]]:
    return lambda page: [read(row) for row in page]


def _page(
    response: HttpResponse, name: str, read: Callable[[Sequence[Mapping[str, Any]]], list[T]]
) -> tuple[Mapping[str, Any], list[T]]:
    document = _document(response)
    return document, read(document[name])


def _document(response: HttpResponse) -> Mapping[str, Any]:
    if response.status != OK:
        raise http_error(response)
    document = orjson.loads(response.body)
    if not isinstance(document, dict):
        raise TypeError(f"expected an object, was {type(document).__name__}")
    return document


def _read(what: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise VenueError(
            VENUE,
            f"the answer to a question for {what} cannot be read: {type(error).__name__}: {error}",
        ) from error


def _execution(fill: FillRow, quantity: Decimal | None = None) -> ExecutionRow:
    """Return a fill as an execution, with this base quantity if its own is a quote amount."""
    parts = fill.symbol.split("-")
    is_spot = len(parts) == _SPOT_PARTS
    base = fill.size if quantity is None else quantity
    return ExecutionRow(
        symbol=fill.symbol,
        order_id=fill.order_id,
        trade_id=fill.trade_id,
        side=fill.side,
        price=fill.price,
        quantity=base,
        # A future's amount depends on the size of its contract.
        quote=fill.size if fill.is_in_quote else _EXACT.multiply(fill.price, base) if is_spot else None,
        fee=fill.fee,
        fee_currency=parts[1] if is_spot else None,
        liquidity=fill.liquidity,
        time_ns=fill.time_ns,
    )


def _in_base(fills: Sequence[FillRow], order: OrderRow) -> list[ExecutionRow]:
    """Return the executions of an order that has ended, of which some sizes are quote amounts.

    The last of these takes what rounding leaves of the order's quantity; if more is missing than that, some are missing.
    """
    quantities = [
        _EXACT.quantize(_EXACT.divide(fill.size, fill.price), _BASE_UNIT) if fill.is_in_quote else fill.size
        for fill in fills
    ]
    rest = difference(order.executed, sum(quantities, _ZERO))
    if abs(rest) <= order.executed * _STRAY:
        last = max(index for index, fill in enumerate(fills) if fill.is_in_quote)
        quantities[last] = difference(quantities[last], -rest)
    return [_execution(fill, quantity) for fill, quantity in zip(fills, quantities, strict=True)]
