"""Binance's own records of an account: the requests, and rows read strictly into our values.

Trade ids and order ids are counters per symbol. The rows of a question come in the order of these counters. What is
read from a database lags behind the matching engine, which no answer shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, TimeInForce
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id
from fillwire.domain.ledger import OrderKey
from fillwire.venues.binance import requests
from fillwire.venues.binance.auth import Signer
from fillwire.venues.binance.mapping import time_ns
from fillwire.venues.binance.refusals import CLOCK_OUTSIDE_WINDOW, NO_SUCH_ORDER, http_refusal
from fillwire.venues.binance.rows import amount, identity, order_key, read_orders, read_row, read_rows, text
from fillwire.venues.paging import by_count, changed_in, counted_since, following, windows
from fillwire.venues.questions import Question
from fillwire.venues.rebuilding import Rebuilder, Words
from fillwire.venues.records import ExecutionRow, OrderRow
from fillwire.venues.rest import HttpResponse
from fillwire.venues.unread import UnreadOrders

_OK = 200
_NS_PER_MS = 1_000_000
_DAY_NS = 86_400_000_000_000
_ENDINGS: Mapping[str, Kind] = {
    "FILLED": Kind.FILLED,
    "CANCELED": Kind.CANCELLED,
    "EXPIRED": Kind.EXPIRED,
    "EXPIRED_IN_MATCH": Kind.EXPIRED,
    "REJECTED": Kind.REJECTED,
}
_WORDS = Words(new="NEW", pending="PENDING_NEW", partially_filled="PARTIALLY_FILLED", filled="FILLED")
_OPEN = frozenset({"NEW", "PENDING_NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"})


@dataclass(frozen=True, slots=True)
class BinanceRecords:
    """`AccountRecords` of Binance Spot.

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
        default_factory=lambda: UnreadOrders("binance", order_key), repr=False, compare=False
    )
    asks_by_symbol: ClassVar[bool] = True

    # -- what can be asked

    def open_orders(self, symbol: str | None) -> Question[list[OrderRow]]:
        """Ask for the open orders."""
        response = yield lambda now_ns: requests.rest_open_orders(self.signer, now_ns // _NS_PER_MS, symbol)
        return [row for row in read_orders(response, _order, self.unread) if row is not None]

    def order(self, key: OrderKey) -> Question[OrderRow | None]:
        """Ask for one order."""
        response = yield lambda now_ns: requests.rest_order(self.signer, now_ns // _NS_PER_MS, *key)
        return _one(response)

    def order_named(self, symbol: str, client_order_id: str) -> Question[OrderRow | None]:
        """Ask for one order by the client's id."""
        response = yield lambda now_ns: requests.rest_order_named(
            self.signer, now_ns // _NS_PER_MS, symbol, client_order_id
        )
        return _one(response)

    def changed_orders(self, symbol: str | None, since_ns: int, now_ns: int) -> Question[list[OrderRow]]:
        """Ask for the orders of a symbol that changed since then."""
        ask = partial(self._changed_between, _named(symbol))
        return (yield from changed_in(ask, windows(since_ns, now_ns, _DAY_NS), self.page_size))

    def _changed_between(self, symbol: str, start_ns: int, end_ns: int) -> Question[list[OrderRow | None]]:
        response = yield lambda now_ns: requests.rest_all_orders(
            self.signer,
            now_ns // _NS_PER_MS,
            symbol,
            start_time_ms=start_ns // _NS_PER_MS,
            end_time_ms=end_ns // _NS_PER_MS,
            limit=self.page_size,
        )
        return read_orders(response, _order, self.unread)

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
            windows(since_ns, now_ns, _DAY_NS),
            known_trade_id,
            self.page_size,
        )
        return by_count([row for row in rows if row.time_ns >= since_ns])

    def _executions_between(self, symbol: str, start_ns: int, end_ns: int) -> Question[list[ExecutionRow]]:
        response = yield lambda now_ns: requests.rest_my_trades(
            self.signer,
            now_ns // _NS_PER_MS,
            symbol,
            start_time_ms=start_ns // _NS_PER_MS,
            end_time_ms=end_ns // _NS_PER_MS,
            limit=self.page_size,
        )
        return read_rows("binance", "executions", response, _execution)

    def executions_of(self, key: OrderKey, after_trade_id: str | None) -> Question[list[ExecutionRow]]:
        """Ask for the executions of an order; without a first id the venue would show the newest."""
        symbol, order_id = key
        return by_count((yield from self._executions_from(symbol, order_id, after_trade_id or "0")))

    def _executions_from(
        self, symbol: str, order_id: str | None, trade_id: str
    ) -> Question[list[ExecutionRow]]:
        ask = partial(self._page_from, symbol, order_id)
        return (yield from following(ask, trade_id, self.page_size))

    def _page_from(self, symbol: str, order_id: str | None, trade_id: str) -> Question[list[ExecutionRow]]:
        response = yield lambda now_ns: requests.rest_my_trades(
            self.signer,
            now_ns // _NS_PER_MS,
            symbol,
            order_id=order_id,
            from_id=trade_id,
            limit=self.page_size,
        )
        return read_rows("binance", "executions", response, _execution)

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
        """Return the event that says how the order ended."""
        return self._rebuilder.ending(pair, order, received_ns)

    @property
    def _rebuilder(self) -> Rebuilder:
        return Rebuilder(self.account, self.event_id, _WORDS)


def _named(symbol: str | None) -> str:
    if symbol is None:
        raise AssertionError("these records are asked for symbol by symbol")
    return symbol


def _order(row: Mapping[str, Any]) -> OrderRow:
    status = text(row, "status")
    if status not in _ENDINGS and status not in _OPEN:
        raise ValueError(f"status: expected one of {', '.join((*_ENDINGS, *_OPEN))}, was {status!r}")
    quote = amount(row, "cummulativeQuoteQty")
    list_id = row.get("orderListId", -1)
    reason = row.get("expiryReason")
    return OrderRow(
        symbol=text(row, "symbol"),
        order_id=identity(row, "orderId"),
        # The venue shows the id of the cancel request in the place of the order's own.
        client_order_id=None if status == "CANCELED" else text(row, "clientOrderId"),
        order_list_id=str(list_id) if isinstance(list_id, int) and list_id >= 0 else None,
        side=Side(text(row, "side").lower()),
        type=OrderType(text(row, "type").lower()),
        time_in_force=TimeInForce(text(row, "timeInForce").lower()),
        price=amount(row, "price") or None,
        stop_price=amount(row, "stopPrice", "0") or None,
        quantity=amount(row, "origQty"),
        quote_quantity=amount(row, "origQuoteOrderQty", "0") or None,
        executed=amount(row, "executedQty"),
        executed_quote=None if quote < 0 else quote,
        prevented=amount(row, "preventedQuantity") if "preventedQuantity" in row else None,
        status=status,
        ending=_ENDINGS.get(status),
        is_pending=status == "PENDING_NEW",
        is_working=row.get("isWorking") if isinstance(row.get("isWorking"), bool) else None,
        reject_reason=reason if isinstance(reason, str) and reason != "NONE" else None,
        created_ns=time_ns(row["time"]),
        updated_ns=time_ns(row["updateTime"]),
    )


def _one(response: HttpResponse) -> OrderRow | None:
    """Return the order that was asked for, None if the venue does not know it."""
    if response.status != _OK and http_refusal(response).code == NO_SUCH_ORDER:
        return None
    return read_row("binance", "order", response, _order)


def _execution(row: Mapping[str, Any]) -> ExecutionRow:
    currency = row.get("commissionAsset")
    return ExecutionRow(
        symbol=text(row, "symbol"),
        order_id=identity(row, "orderId"),
        trade_id=identity(row, "id"),
        side=Side.BUY if row["isBuyer"] else Side.SELL,
        price=amount(row, "price"),
        quantity=amount(row, "qty"),
        quote=amount(row, "quoteQty"),
        fee=amount(row, "commission"),
        fee_currency=currency if isinstance(currency, str) else None,
        liquidity=Liquidity.MAKER if row["isMaker"] else Liquidity.TAKER,
        time_ns=time_ns(row["time"]),
    )
