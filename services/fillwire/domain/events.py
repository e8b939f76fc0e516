"""The events that travel from gateways to strategies. Frozen; amounts are `Decimal`, times integer nanoseconds."""

from dataclasses import dataclass
from decimal import Decimal

from fillwire.domain.amounts import difference
from fillwire.domain.enums import (
    BreakerState,
    ConnectionState,
    Kind,
    Liquidity,
    OrderType,
    Side,
    Source,
    TimeInForce,
)
from fillwire.domain.identifiers import Account


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution of an order: a quantity traded at a price.

    Attributes:
        trade_id: the venue's id of the trade, unique with symbol and order id.
        price: price of this execution, in quote currency per base unit.
        quantity: base quantity of this execution.
        quote: quote amount of this execution as the venue says it, or None.
        fee: commission of this execution; None until the venue has said it, never a guessed 0.
        fee_currency: asset in which `fee` was taken.
        liquidity: maker or taker, None where the venue does not say.
    """

    trade_id: str
    price: Decimal
    quantity: Decimal
    quote: Decimal | None
    fee: Decimal | None
    fee_currency: str | None
    liquidity: Liquidity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEvent:
    """One step in the life of an order, as the venue reported it. None means that the venue did not say.

    Attributes:
        event_id: identity of the step: equal for every report of the same step, by stream or by REST.
        pair: our spelling, `BASE-QUOTE`.
        symbol: the venue's spelling.
        client_order_id: the order's own id given at placement, also on a cancel.
        new_client_order_id: on `replaced`, the id by which the order goes from now on.
        price: limit price; None for an order without one.
        quantity: ordered base quantity; None for an order by amount until the venue knows it.
        quote_quantity: requested quote amount of an order placed by amount.
        cumulative_quantity: base quantity executed so far.
        cumulative_quote: quote amount executed so far.
        average_price: cumulative quote / cumulative quantity.
        prevented_quantity: base quantity taken away so far by self-trade prevention.
        is_working: whether the order rests on the book.
        venue_status: the venue's own word for the order's status, verbatim.
        last_fill: the execution that caused the event, None for other events.
        reject_reason: the venue's word why the order was rejected or expired.
        execution_id: the venue's id of this report where it has one; grows within an order.
        exchange_time_ns: when the venue emitted the report, by the venue's clock.
        transaction_time_ns: when the matching engine acted, by the venue's clock.
        received_time_ns: when the gateway read the frame, by the gateway's clock.
    """

    event_id: str
    kind: Kind
    exchange: str
    environment: str
    user: str
    pair: str
    symbol: str
    order_id: str
    client_order_id: str | None
    new_client_order_id: str | None
    order_list_id: str | None
    side: Side
    type: OrderType
    time_in_force: TimeInForce | None
    price: Decimal | None
    stop_price: Decimal | None
    quantity: Decimal | None
    quote_quantity: Decimal | None
    cumulative_quantity: Decimal
    cumulative_quote: Decimal | None
    average_price: Decimal | None
    prevented_quantity: Decimal | None
    is_working: bool | None
    venue_status: str
    last_fill: Fill | None
    reject_reason: str | None
    execution_id: str | None
    exchange_time_ns: int | None
    transaction_time_ns: int
    received_time_ns: int
    source: Source

    @property
    def account(self) -> Account:
        """The account whose order it is."""
        return Account(self.user, self.exchange, self.environment)

    @property
    def remaining_quantity(self) -> Decimal | None:
        """Base quantity that may still execute: 0 once the order has ended, never negative, never rounded.

        None where the ordered quantity is.
        """
        if self.kind.is_terminal:
            return Decimal(0)
        if self.quantity is None:
            return None
        remaining = difference(self.quantity, self.cumulative_quantity)
        if self.prevented_quantity is not None:
            remaining = difference(remaining, self.prevented_quantity)
        return max(remaining, Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionEvent:
    """State of one account's connection: published at each change, kept in a bucket for late readers.

    Attributes:
        state: where the connection is in its life.
        previous_state: where it was before; equal to `state` on a periodic refresh.
        reason: one sentence why the state was entered, None where it needs none.
        attempt: connection attempts since the connection was last receiving.
        subscription_count: pairs that bots listen to on this account now.
        connected_since_ns: when it last began receiving, None while it is not.
        last_event_time_ns: when the last order event was read, None before the first.
        clock_offset_ns: venue clock minus gateway clock as measured, None before the measurement.
        gateway: name of the gateway process that holds the connection.
        time_ns: when this state was observed, by the gateway's clock.
        reconciled_ns: when the log was last brought in step with the venue's own records, by the gateway's clock: at
            each connection, and after something missing was found. None before the first time.
        missing_since_ns: something that the venue executed at about this time or later may not be in the log yet: it is
            still being asked for, or waits for the broker. None while nothing is known to be missing.
        breaker: whether attempts to connect are let through: the stricter of the account's own breaker and the venue's.
        polling_since_ns: since when the venue's records are asked for what the stream would have told, by the
            gateway's clock. None while they are not.
        waiting_count: events of the gateway, of all its accounts, that the broker has not stored yet.
        journal_count: events in the gateway's journal, where those wait that its memory cannot hold.
        lease: fencing token of the lease under which the gateway owns the account and sends its orders: grows with every
            change of the owner. None while it has none: it stands in for an owner that is silent, and reads only.
        key_trouble: one sentence why the gateway does not use the key that is kept for the account now: it cannot be read,
            is gone, or the venue refuses it while a connection with the one before goes on. None while nothing is wrong
            with it, or the state says it.
    """

    user: str
    exchange: str
    environment: str
    state: ConnectionState
    previous_state: ConnectionState
    reason: str | None
    attempt: int
    subscription_count: int
    connected_since_ns: int | None
    last_event_time_ns: int | None
    clock_offset_ns: int | None
    gateway: str
    time_ns: int
    reconciled_ns: int | None = None
    missing_since_ns: int | None = None
    breaker: BreakerState = BreakerState.CLOSED
    polling_since_ns: int | None = None
    waiting_count: int = 0
    journal_count: int = 0
    lease: int | None = None
    key_trouble: str | None = None

    @property
    def account(self) -> Account:
        """The account whose connection it is."""
        return Account(self.user, self.exchange, self.environment)

    @property
    def is_connected(self) -> bool:
        """Whether fills are being detected live."""
        return self.state is ConnectionState.RECEIVING

    @property
    def is_reconciled(self) -> bool:
        """Whether fills are being detected live and none that happened before is known to be missing."""
        return self.is_connected and self.reconciled_ns is not None and self.missing_since_ns is None

    def uptime_s(self, now_ns: int) -> float:
        """Return for how long the connection has been receiving, in seconds; 0.0 while it is not."""
        return 0.0 if self.connected_since_ns is None else max(0, now_ns - self.connected_since_ns) / 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something about an account that a person should know.

    Attributes:
        alert: which alert, such as `detection_lost`; new ones may be added.
        reason: one sentence for the person.
        time_ns: when it was raised, by the gateway's clock.
    """

    alert: str
    user: str
    exchange: str
    environment: str
    reason: str
    time_ns: int

    @property
    def account(self) -> Account:
        """The account that it is about."""
        return Account(self.user, self.exchange, self.environment)
