"""A venue's own records of an account: what can be asked of them, as values, and how they become order events."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, runtime_checkable

from fillwire.domain.enums import Kind, Liquidity, OrderType, Side, TimeInForce
from fillwire.domain.events import OrderEvent
from fillwire.domain.ledger import OrderKey, Report
from fillwire.venues.questions import Question
from fillwire.venues.rest import HttpResponse
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
    """An order event of ours as `OrderReport`: rebuilt from the venue's records, read from the log or by a parser in Python."""

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
        trade_id: the venue's id; grows within a symbol where the venue counts. A self-trade has two rows with one trade
            id, one for each order.
        time_ns: when the matching engine acted, by the venue's clock.
        cumulative: what the order had executed with this one, where the venue says it.
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
    cumulative: Decimal | None = None

    @property
    def order(self) -> OrderKey:
        """Which order it belongs to."""
        return self.symbol, self.order_id


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One order as the venue's records show it.

    Attributes:
        client_order_id: the order's own; None where the venue shows another in its place, as after a cancel.
        quantity: ordered base quantity, None where only a quote amount was ordered.
        executed: base quantity executed.
        executed_quote: quote amount executed, None where the venue does not know it.
        prevented: base quantity taken away by self-trade prevention.
        status: the venue's own word.
        ending: how it ended, None while it is open.
        is_pending: whether it waits for another order of its list.
        created_ns: when it was placed, by the venue's clock.
        updated_ns: when it last changed, by the venue's clock.
        last_trade_id: the last execution that `executed` counts, where the venue's stream names no sums and it was asked for.
    """

    symbol: str
    order_id: str
    client_order_id: str | None
    order_list_id: str | None
    side: Side
    type: OrderType
    time_in_force: TimeInForce | None
    price: Decimal | None
    stop_price: Decimal | None
    quantity: Decimal | None
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
    last_trade_id: str | None = None

    @property
    def key(self) -> OrderKey:
        """Symbol and order id."""
        return self.symbol, self.order_id


class AccountRecords(Protocol):
    """What can be asked about one account, and what the answers mean. No I/O; times are arguments.

    All times are the venue's clock in nanoseconds since the epoch. The records may lag behind the stream, for seconds
    and without a sign. Questions come to an end only when the venue has no more pages.
    """

    @property
    def asks_by_symbol(self) -> bool:
        """Whether changes and executions are asked for symbol by symbol; otherwise one question, of no symbol, tells all."""

    def open_orders(self, symbol: str | None) -> Question[list[OrderRow]]:
        """Ask for the open orders, of one symbol or of all."""

    def order(self, key: OrderKey) -> Question[OrderRow | None]:
        """Ask for one order; None if the venue does not know it, or not yet."""

    def order_named(self, symbol: str, client_order_id: str) -> Question[OrderRow | None]:
        """Ask for one order by the client's id; None if the venue does not know it, or not yet.

        Where the venue cannot be asked so, and shows no end of its orders, that raises `VenueError`: it may be there.
        """

    def changed_orders(self, symbol: str | None, since_ns: int, now_ns: int) -> Question[list[OrderRow]]:
        """Ask for the orders that changed since then, as they are now."""

    def executions_since(
        self, symbol: str | None, since_ns: int, now_ns: int, known_trade_id: str | None
    ) -> Question[list[ExecutionRow]]:
        """Ask for the executions since then, in the venue's order.

        Args:
            symbol: the venue's spelling.
            since_ns: from when on.
            now_ns: now.
            known_trade_id: an execution of the symbol at or before `since_ns`, from which a venue that counts them can
                count on; None if none is known.
        """

    def executions_of(self, key: OrderKey, after_trade_id: str | None) -> Question[list[ExecutionRow]]:
        """Ask for the executions of an order in the venue's order: all, or at least those after a known one."""

    def is_time_refused(self, response: HttpResponse) -> bool:
        """Return whether the venue refused the time a request was signed with: its clock and ours have parted."""

    def event_id(self, row: ExecutionRow) -> str:
        """Return the identity of an execution, the same as from the stream."""

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


@runtime_checkable
class PartlyReadRecords(Protocol):
    """Records of which one order may be unreadable and the others not: lists of orders then lack it."""

    def take_unread(self) -> list[OrderKey]:
        """Return the orders that the lists asked for since the last call lacked."""


@runtime_checkable
class SymbolTellingRecords(Protocol):
    """Records that are asked symbol by symbol, and that tell in which symbols something happened."""

    def symbols_since(self, since_ns: int) -> Question[set[str]]:
        """Ask in which symbols orders were placed since then, whatever became of them."""


@runtime_checkable
class ForgetfulRecords(Protocol):
    """Records that do not keep every order: what was cancelled without an execution is gone from them."""

    def forgotten(self, last: OrderEvent) -> Question[OrderRow | None]:
        """Ask what became of an open order that the venue does not show; None if that does not follow from what it shows.

        Args:
            last: the last event of the order, of which nothing is executed.
        """
