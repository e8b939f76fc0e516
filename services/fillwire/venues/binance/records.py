"""Binance's own records of an account: the requests, and rows read strictly into our values.

Trade ids and order ids are counters per symbol. The rows of a question come in the order of these counters. What is
read from a database lags behind the matching engine, which no answer shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import orjson

from fillwire.domain.amounts import average_price, difference
from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, Source, TimeInForce
from fillwire.domain.errors import VenueError
from fillwire.domain.events import Fill, OrderEvent
from fillwire.domain.identifiers import Account, execution_event_id, state_event_id
from fillwire.domain.ledger import OrderKey
from fillwire.venues.binance import requests
from fillwire.venues.binance.auth import Signer
from fillwire.venues.binance.mapping import time_ns
from fillwire.venues.binance.refusals import CLOCK_OUTSIDE_WINDOW, NO_SUCH_ORDER, http_error, http_refusal
from fillwire.venues.records import ExecutionRow, OrderRow
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.wire.defects import AMOUNT_CHARACTERS

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
_OPEN = frozenset({"NEW", "PENDING_NEW", "PARTIALLY_FILLED", "PENDING_CANCEL"})


@dataclass(frozen=True, slots=True)
class BinanceRecords:
    """`AccountRecords` of Binance Spot.

    Args:
        account: whose records.
        signer: its key.
    """

    account: Account
    signer: Signer
    page_size: int = requests.MAX_ROWS
    window_ns: int = _DAY_NS

    # -- what can be asked

    def open_orders(self, now_ns: int, symbol: str | None = None) -> HttpRequest:
        """Return the request for the open orders."""
        return requests.rest_open_orders(self.signer, now_ns // _NS_PER_MS, symbol)

    def order(self, now_ns: int, key: OrderKey) -> HttpRequest:
        """Return the request for one order."""
        return requests.rest_order(self.signer, now_ns // _NS_PER_MS, *key)

    def changed_orders(self, now_ns: int, symbol: str, start_ns: int, end_ns: int) -> HttpRequest:
        """Return the request for the orders that last changed in a window."""
        return requests.rest_all_orders(
            self.signer,
            now_ns // _NS_PER_MS,
            symbol,
            start_time_ms=start_ns // _NS_PER_MS,
            end_time_ms=end_ns // _NS_PER_MS,
            limit=self.page_size,
        )

    def executions(self, now_ns: int, symbol: str, start_ns: int, end_ns: int) -> HttpRequest:
        """Return the request for the executions in a window."""
        return requests.rest_my_trades(
            self.signer,
            now_ns // _NS_PER_MS,
            symbol,
            start_time_ms=start_ns // _NS_PER_MS,
            end_time_ms=end_ns // _NS_PER_MS,
            limit=self.page_size,
        )

    def executions_from(
        self, now_ns: int, symbol: str, trade_id: str, order_id: str | None = None
    ) -> HttpRequest:
        """Return the request for executions from a trade id on."""
        return requests.rest_my_trades(
            self.signer,
            now_ns // _NS_PER_MS,
            symbol,
            order_id=order_id,
            from_id=trade_id,
            limit=self.page_size,
        )

    def executions_of(self, now_ns: int, key: OrderKey) -> HttpRequest:
        """Return the request for the first executions of an order: without a first id the venue shows the newest."""
        return self.executions_from(now_ns, key[0], "0", key[1])

    # -- how the answers are read

    def read_orders(self, response: HttpResponse) -> list[OrderRow]:
        """Return the orders."""
        try:
            return [_order(row) for row in _rows(response)]
        except (ValueError, LookupError, TypeError) as error:
            raise _unreadable("orders", error) from error

    def is_time_refused(self, response: HttpResponse) -> bool:
        """Return whether the venue refused the time a request was signed with."""
        return response.status != _OK and http_refusal(response).code == CLOCK_OUTSIDE_WINDOW

    def read_order(self, response: HttpResponse) -> OrderRow | None:
        """Return the order, None if the venue does not know it."""
        if response.status != _OK and http_refusal(response).code == NO_SUCH_ORDER:
            return None
        try:
            return _order(_document(response, dict))
        except (ValueError, LookupError, TypeError) as error:
            raise _unreadable("order", error) from error

    def read_executions(self, response: HttpResponse) -> list[ExecutionRow]:
        """Return the executions."""
        try:
            return [_execution(row) for row in _rows(response)]
        except (ValueError, LookupError, TypeError) as error:
            raise _unreadable("executions", error) from error

    def event_id(self, row: ExecutionRow) -> str:
        """Return the identity of an execution."""
        return execution_event_id(self.account, row.symbol, row.order_id, row.trade_id)

    def next_trade_id(self, trade_id: str) -> str:
        """Return the least trade id after this one."""
        return str(int(trade_id) + 1)

    def trade_order(self, row: ExecutionRow) -> int:
        """Return the trade id as a number."""
        return int(row.trade_id)

    # -- what they mean

    def opening(self, pair: str, order: OrderRow, received_ns: int) -> OrderEvent | None:
        """Return the event that says the order was accepted."""
        if order.ending is Kind.REJECTED:
            return None
        event = self._event(pair, order, received_ns, Kind.NEW, "pending" if order.is_pending else "new")
        return _replaced(
            event,
            cumulative=Decimal(0),
            quote=Decimal(0),
            status="PENDING_NEW" if order.is_pending else "NEW",
            time_ns=order.created_ns,
        )

    def fills(
        self, pair: str, order: OrderRow, rows: Sequence[ExecutionRow], known: Decimal, received_ns: int
    ) -> list[OrderEvent]:
        """Return the events of executions that follow each other."""
        quote = order.executed_quote
        for row in rows:
            quote = None if quote is None or row.quote is None else difference(quote, row.quote)
        cumulative = known
        events = []
        for index, row in enumerate(rows):
            cumulative = difference(cumulative, -row.quantity)
            quote = None if quote is None or row.quote is None else difference(quote, -row.quote)
            is_last = index == len(rows) - 1 and order.ending is Kind.FILLED
            kind = Kind.FILLED if is_last else Kind.PARTIALLY_FILLED
            event = self._event(pair, order, received_ns, kind, "")
            events.append(
                _replaced(
                    event,
                    cumulative=cumulative,
                    quote=quote,
                    status=kind.upper(),
                    time_ns=row.time_ns,
                    event_id=self.event_id(row),
                    fill=Fill(
                        trade_id=row.trade_id,
                        price=row.price,
                        quantity=row.quantity,
                        quote=row.quote,
                        fee=row.fee,
                        fee_currency=row.fee_currency,
                        liquidity=row.liquidity,
                    ),
                )
            )
        return events

    def ending(self, pair: str, order: OrderRow, received_ns: int) -> OrderEvent | None:
        """Return the event that says how the order ended."""
        if order.ending is None or order.ending is Kind.FILLED:
            return None
        return self._event(pair, order, received_ns, order.ending, order.ending)

    def _event(self, pair: str, order: OrderRow, received_ns: int, kind: Kind, suffix: str) -> OrderEvent:
        return OrderEvent(
            event_id=state_event_id(self.account, order.symbol, order.order_id, suffix),
            kind=kind,
            exchange=self.account.exchange,
            environment=self.account.environment,
            user=self.account.user,
            pair=pair,
            symbol=order.symbol,
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            new_client_order_id=None,
            order_list_id=order.order_list_id,
            side=order.side,
            type=order.type,
            time_in_force=order.time_in_force,
            price=order.price,
            stop_price=order.stop_price,
            quantity=order.quantity,
            quote_quantity=order.quote_quantity,
            cumulative_quantity=order.executed,
            cumulative_quote=order.executed_quote,
            average_price=average_price(order.executed_quote, order.executed),
            prevented_quantity=order.prevented,
            is_working=False if kind.is_terminal else None,
            venue_status=order.status,
            last_fill=None,
            reject_reason=order.reject_reason if kind in {Kind.EXPIRED, Kind.REJECTED} else None,
            execution_id=None,
            exchange_time_ns=None,
            transaction_time_ns=order.updated_ns,
            received_time_ns=received_ns,
            source=Source.REST,
        )


def _replaced(  # noqa: PLR0913 - what differs from the order as it stands
    event: OrderEvent,
    *,
    cumulative: Decimal,
    quote: Decimal | None,
    status: str,
    time_ns: int,
    event_id: str | None = None,
    fill: Fill | None = None,
) -> OrderEvent:
    return replace(
        event,
        event_id=event.event_id if event_id is None else event_id,
        cumulative_quantity=cumulative,
        cumulative_quote=quote,
        average_price=average_price(quote, cumulative),
        venue_status=status,
        transaction_time_ns=time_ns,
        last_fill=fill,
    )


def _document(response: HttpResponse, kind: type) -> Any:
    if response.status != _OK:
        raise http_error("binance", response)
    document = orjson.loads(response.body)
    if not isinstance(document, kind):
        raise TypeError(f"expected a {kind.__name__}, was {type(document).__name__}")
    return document


def _rows(response: HttpResponse) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = _document(response, list)
    return rows


def _unreadable(what: str, error: Exception) -> VenueError:
    return VenueError(
        "binance", f"the answer to a question for {what} cannot be read: {type(error).__name__}: {error}"
    )


def _order(row: Mapping[str, Any]) -> OrderRow:
    status = _text(row, "status")
    if status not in _ENDINGS and status not in _OPEN:
        raise ValueError(f"status: expected one of {', '.join((*_ENDINGS, *_OPEN))}, was {status!r}")
    quote = _amount(row, "cummulativeQuoteQty")
    list_id = row.get("orderListId", -1)
    reason = row.get("expiryReason")
    return OrderRow(
        symbol=_text(row, "symbol"),
        order_id=_id(row, "orderId"),
        # The venue shows the id of the cancel request in the place of the order's own.
        client_order_id=None if status == "CANCELED" else _text(row, "clientOrderId"),
        order_list_id=str(list_id) if isinstance(list_id, int) and list_id >= 0 else None,
        side=Side(_text(row, "side").lower()),
        type=OrderType(_text(row, "type").lower()),
        time_in_force=TimeInForce(_text(row, "timeInForce").lower()),
        price=_amount(row, "price") or None,
        stop_price=_amount(row, "stopPrice", "0") or None,
        quantity=_amount(row, "origQty"),
        quote_quantity=_amount(row, "origQuoteOrderQty", "0") or None,
        executed=_amount(row, "executedQty"),
        executed_quote=None if quote < 0 else quote,
        prevented=_amount(row, "preventedQuantity") if "preventedQuantity" in row else None,
        status=status,
        ending=_ENDINGS.get(status),
        is_pending=status == "PENDING_NEW",
        is_working=row.get("isWorking") if isinstance(row.get("isWorking"), bool) else None,
        reject_reason=reason if isinstance(reason, str) and reason != "NONE" else None,
        created_ns=time_ns(row["time"]),
        updated_ns=time_ns(row["updateTime"]),
    )


def _execution(row: Mapping[str, Any]) -> ExecutionRow:
    currency = row.get("commissionAsset")
    return ExecutionRow(
        symbol=_text(row, "symbol"),
        order_id=_id(row, "orderId"),
        trade_id=_id(row, "id"),
        side=Side.BUY if row["isBuyer"] else Side.SELL,
        price=_amount(row, "price"),
        quantity=_amount(row, "qty"),
        quote=_amount(row, "quoteQty"),
        fee=_amount(row, "commission"),
        fee_currency=currency if isinstance(currency, str) else None,
        liquidity=Liquidity.MAKER if row["isMaker"] else Liquidity.TAKER,
        time_ns=time_ns(row["time"]),
    )


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a text, was {type(value).__name__}")
    return value


def _id(row: Mapping[str, Any], name: str) -> str:
    value = row[name]
    if not isinstance(value, int) or value < 0:
        raise TypeError(f"{name}: expected an id, was {value!r}")
    return str(value)


def _amount(row: Mapping[str, Any], name: str, default: str | None = None) -> Decimal:
    value = row.get(name, default)
    if not isinstance(value, str) or not value or value.strip(AMOUNT_CHARACTERS):
        raise ValueError(f"{name}: expected a decimal string, was {value!r}")
    try:
        return Decimal(value)
    except ArithmeticError as error:
        raise ValueError(f"{name}: expected a decimal string, was {value!r}") from error
