"""ToyX's own records of an account."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import ClassVar, TypeVar

import orjson

from fillwire.domain.errors import VenueError
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.domain.ledger import OrderKey
from fillwire.venues.questions import Question
from fillwire.venues.records import ExecutionRow, OrderRow
from fillwire.venues.rest import HttpResponse
from toyx.venue.parser import ToyParser
from toyx.venue.refusals import VENUE, error
from toyx.venue.requests import PAGE, Key
from toyx.venue.rows import Row, execution_row, order_row

_US = 1_000
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class ToyRecords:
    """`AccountRecords` of ToyX; events are made as the parser makes them."""

    account: Account
    key: Key
    asks_by_symbol: ClassVar[bool] = False

    def open_orders(self, symbol: str | None) -> Question[list[OrderRow]]:
        """Ask for the open orders."""
        _ = symbol
        return _rows((yield self.key.ask("GET", "/orders", {"state": "open"})), order_row)

    def order(self, key: OrderKey) -> Question[OrderRow | None]:
        """Ask for one order."""
        response = yield self.key.order(key[1])
        return None if response.status == HTTPStatus.NOT_FOUND else _rows(response, order_row)[0]

    def order_named(self, symbol: str, client_order_id: str) -> Question[OrderRow | None]:
        """Ask for one order by the client's id."""
        _ = symbol
        response = yield self.key.ask("GET", "/orders", {"client_id": client_order_id})
        return next(iter(_rows(response, order_row)), None)

    def changed_orders(self, symbol: str | None, since_ns: int, now_ns: int) -> Question[list[OrderRow]]:
        """Ask for the orders that changed since then."""
        _ = symbol, now_ns
        response = yield self.key.ask("GET", "/orders", {"changed_since": since_ns // _US})
        return _rows(response, order_row)

    def executions_since(
        self, symbol: str | None, since_ns: int, now_ns: int, known_trade_id: str | None
    ) -> Question[list[ExecutionRow]]:
        """Ask for the executions since then, page by page."""
        _ = symbol, now_ns, known_trade_id
        return (yield from self._trades({"since": since_ns // _US}))

    def executions_of(self, key: OrderKey, after_trade_id: str | None) -> Question[list[ExecutionRow]]:
        """Ask for the executions of an order."""
        query: dict[str, object] = {"order": key[1]}
        if after_trade_id is not None:
            query["after"] = after_trade_id
        return (yield from self._trades(query))

    def _trades(self, query: dict[str, object]) -> Question[list[ExecutionRow]]:
        found: list[ExecutionRow] = []
        while True:
            page = _rows((yield self.key.ask("GET", "/trades", query)), execution_row)
            found += page
            if len(page) < PAGE:
                return found
            query["after"] = page[-1].trade_id

    def is_time_refused(self, response: HttpResponse) -> bool:
        """Return False: no request carries a time."""
        _ = response
        return False

    # -- what they mean

    @property
    def _parser(self) -> ToyParser:
        return ToyParser(self.account, {})

    def event_id(self, row: ExecutionRow) -> str:
        """Return the identity of an execution, the same as from the stream."""
        return self._parser.event_id(row)

    def opening(self, pair: str, order: OrderRow, received_ns: int) -> OrderEvent | None:
        """Return the event that says the order was accepted."""
        return self._parser.rebuilder().opening(pair, order, received_ns)

    def fills(
        self, pair: str, order: OrderRow, rows: Sequence[ExecutionRow], known: Decimal, received_ns: int
    ) -> list[OrderEvent]:
        """Return the events of executions that follow each other."""
        return self._parser.rebuilder().fills(pair, order, rows, known, received_ns)

    def ending(self, pair: str, order: OrderRow, received_ns: int) -> OrderEvent | None:
        """Return the event that says how the order ended."""
        return self._parser.rebuilder().ending(pair, order, received_ns)


def _rows(response: HttpResponse, read: Callable[[Row], _T]) -> list[_T]:
    if response.status != HTTPStatus.OK:
        raise error(response)
    try:
        document = orjson.loads(response.body)
        return [read(row) for row in (document if isinstance(document, list) else [document])]
    except ValueError as problem:
        raise VenueError(VENUE, f"records cannot be read: {problem}") from problem
