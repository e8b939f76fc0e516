"""A venue's own records of an account: what can be asked of them, as values, and how they become order events."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, TimeInForce
from fillwire.domain.events import OrderEvent
from fillwire.domain.ledger import OrderKey, Report
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.wire.codec import encode_order
from fillwire.wire.decimals import decimal_text


class OrderReport(Report, Protocol):
    """An order event on its way to the broker: from a frame, or rebuilt from the venue's records."""

    @property
    def pair(self) -> str:
        """`BASE-QUOTE`."""

    @property
    def exchange_time_ns(self) -> int | None:
        """When the venue emitted the report, by its clock; None if it did not say."""

    @property
    def transaction_time_ns(self) -> int:
        """When the matching engine acted, by the venue's clock."""

    @property
    def received_time_ns(self) -> int:
        """When the gateway had it, by the gateway's clock."""

    @property
    def json(self) -> bytes:
        """The canonical order event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedReport:
    """An order event of ours as `OrderReport`: rebuilt from the venue's records, or read from the log."""

    symbol: str
    order_id: str
    event_id: str
    kind: str
    pair: str
    client_order_id: str | None
    cumulative_quantity: str
    last_quantity: str | None
    trade_id: str | None
    exchange_time_ns: int | None
    transaction_time_ns: int
    received_time_ns: int
    json: bytes

    @classmethod
    def of(cls, event: OrderEvent, json: bytes | None = None) -> "RecordedReport":
        """Return the event as a report; `json` where its bytes are at hand."""
        fill = event.last_fill
        return cls(
            symbol=event.symbol,
            order_id=event.order_id,
            event_id=event.event_id,
            kind=event.kind,
            pair=event.pair,
            client_order_id=event.client_order_id,
            cumulative_quantity=decimal_text(event.cumulative_quantity),
            last_quantity=None if fill is None else decimal_text(fill.quantity),
            trade_id=None if fill is None else fill.trade_id,
            exchange_time_ns=event.exchange_time_ns,
            transaction_time_ns=event.transaction_time_ns,
            received_time_ns=event.received_time_ns,
            json=encode_order(event) if json is None else json,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRow:
    """One execution as the venue's records show it.

    Attributes:
        trade_id: grows within a symbol. A self-trade has two rows with one trade id, one for each order.
        time_ns: when the matching engine acted, by the venue's clock.
    """

    symbol: str
    order_id: str
    trade_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    quote: Decimal | None
    fee: Decimal | None
    fee_currency: str | None
    liquidity: Liquidity | None
    time_ns: int

    @property
    def order(self) -> OrderKey:
        """Which order it belongs to."""
        return self.symbol, self.order_id


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order as the venue's records show it.

    Attributes:
        client_order_id: the order's own; None where the venue shows another in its place, as after a cancel.
        executed: base quantity executed.
        executed_quote: quote amount executed, None where the venue does not know it.
        prevented: base quantity taken away by self-trade prevention.
        status: the venue's own word.
        ending: how it ended, None while it is open.
        is_pending: whether it waits for another order of its list.
        created_ns: when it was placed, by the venue's clock.
        updated_ns: when it last changed, by the venue's clock.
    """

    symbol: str
    order_id: str
    client_order_id: str | None
    order_list_id: str | None
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    price: Decimal | None
    stop_price: Decimal | None
    quantity: Decimal
    quote_quantity: Decimal | None
    executed: Decimal
    executed_quote: Decimal | None
    prevented: Decimal | None
    status: str
    ending: Kind | None
    is_pending: bool
    is_working: bool | None
    reject_reason: str | None
    created_ns: int
    updated_ns: int

    @property
    def key(self) -> OrderKey:
        """Symbol and order id."""
        return self.symbol, self.order_id


class AccountRecords(Protocol):
    """What can be asked about one account, and how the answers are read. No I/O; times are arguments.

    All times are the venue's clock in nanoseconds since the epoch; `now_ns` is what a request is signed with. The
    records may lag behind the stream, for seconds and without a sign.

    `read_…` raise `VenueError` where the venue refused or answered something else.
    """

    @property
    def page_size(self) -> int:
        """Rows of a full page: there may be more."""

    @property
    def window_ns(self) -> int:
        """The longest time that one request with a beginning and an end may span."""

    def open_orders(self, now_ns: int, symbol: str | None = None) -> HttpRequest:
        """Return the request for the open orders, of one symbol or of all."""

    def order(self, now_ns: int, key: OrderKey) -> HttpRequest:
        """Return the request for one order."""

    def changed_orders(self, now_ns: int, symbol: str, start_ns: int, end_ns: int) -> HttpRequest:
        """Return the request for the orders of a symbol that last changed in a window, both ends included."""

    def executions(self, now_ns: int, symbol: str, start_ns: int, end_ns: int) -> HttpRequest:
        """Return the request for the executions of a symbol in a window, oldest first, both ends included."""

    def executions_from(
        self, now_ns: int, symbol: str, trade_id: str, order_id: str | None = None
    ) -> HttpRequest:
        """Return the request for executions from a trade id on, it included, oldest first; of one order or of all."""

    def executions_of(self, now_ns: int, key: OrderKey) -> HttpRequest:
        """Return the request for the first page of the executions of an order."""

    def is_time_refused(self, response: HttpResponse) -> bool:
        """Return whether the venue refused the time a request was signed with: its clock and ours have parted."""

    def read_orders(self, response: HttpResponse) -> list[OrderRow]:
        """Return the orders in the answer to `open_orders` and `changed_orders`."""

    def read_order(self, response: HttpResponse) -> OrderRow | None:
        """Return the order in the answer to `order`, None if the venue does not know it, or not yet."""

    def read_executions(self, response: HttpResponse) -> list[ExecutionRow]:
        """Return the executions in the answer to one of the questions for them."""

    def event_id(self, row: ExecutionRow) -> str:
        """Return the identity of an execution, the same as from the stream."""

    def next_trade_id(self, trade_id: str) -> str:
        """Return the least trade id after this one."""

    def trade_order(self, row: ExecutionRow) -> int:
        """Return a number by which the executions of a symbol are in the venue's order."""

    def opening(self, pair: str, order: OrderRow, received_ns: int) -> OrderEvent | None:
        """Return the event that says the order was accepted, None if it never was."""

    def fills(
        self, pair: str, order: OrderRow, rows: Sequence[ExecutionRow], known: Decimal, received_ns: int
    ) -> list[OrderEvent]:
        """Return the events of executions that follow each other.

        Args:
            pair: our name of the symbol.
            order: the order as it stands after the last of `rows`.
            rows: the executions after `known`, all of them, in the venue's order.
            known: what was executed before the first of `rows`.
            received_ns: when the answer came, by the gateway's clock.
        """

    def ending(self, pair: str, order: OrderRow, received_ns: int) -> OrderEvent | None:
        """Return the event that says how the order ended, None if it is open or its last execution says so."""
