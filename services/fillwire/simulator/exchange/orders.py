"""Orders and order lists.

Types are LIMIT, LIMIT_MAKER (post only), MARKET, STOP_LOSS, STOP_LOSS_LIMIT, TAKE_PROFIT and TAKE_PROFIT_LIMIT; times in force GTC, IOC
and FOK; states NEW, PARTIALLY_FILLED, FILLED, CANCELED, EXPIRED, EXPIRED_IN_MATCH and REJECTED.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fillwire.simulator.exchange.accounts import Account
    from fillwire.simulator.exchange.market import Market

OPEN_STATUSES = frozenset({"NEW", "PARTIALLY_FILLED"})
STOP_TYPES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An order as it was asked for; amounts in units, zero where not sent. `facts` are what the venue alone knows of it."""

    market: "Market"
    is_buy: bool
    type: str
    time_in_force: str
    quantity: int
    quote_quantity: int
    price: int
    stop_price: int
    client_order_id: str
    stp_mode: str
    facts: object = None


@dataclass(slots=True, eq=False)
class OrderList:
    """A one-cancels-the-other pair.

    Attributes:
        locked: amount locked for both legs together while both are open.
    """

    list_id: int
    client_id: str
    symbol: str
    legs: list["Order"] = field(default_factory=list)
    locked: int = 0
    status: str = "EXECUTING"
    status_type: str = "EXEC_STARTED"


@dataclass(slots=True, eq=False)
class Head:
    """What reports say of an order besides its state; the same object as long as it stays the same.

    Attributes:
        original_client_id: the order's own client id where a cancel or an amendment has one of its own, else empty.
        text: room for the venue's rendering of it.
    """

    client_order_id: str
    original_client_id: str
    quantity: int
    text: str = ""

    @classmethod
    def of(cls, order: "Order", original_client_id: str = "") -> "Head":
        """Return the head of an order as it is now."""
        return cls(order.client_order_id, original_client_id, order.quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """One reduction of an order's quantity."""

    execution_id: int
    original_client_id: str
    client_order_id: str
    original_quantity: int
    quantity: int
    time_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PreventedMatch:
    """A match that self-trade prevention stopped.

    Attributes:
        taker_prevented: quantity that it took from the taker, None if the taker goes on.
        maker_prevented: as `taker_prevented`, of the maker.
    """

    symbol: str
    match_id: int
    taker_order_id: int
    maker_order_id: int
    mode: str
    price: int
    taker_prevented: int | None
    maker_prevented: int | None
    time_us: int


@dataclass(slots=True, eq=False)
class Order:
    """One order in the engine; amounts in units, times in microseconds.

    Attributes:
        locked: what is still locked for it, in the asset it spends.
        working_us: when it went on the book, -1 before.
        is_stopped: whether it waits for its stop price.
        cancel_id: client id of the request that cancelled it.
        original_client_id: its own client id, also after a cancel gave it another.
        facts: what the venue alone knows of it.
        history: earlier states, kept while queries lag.
    """

    account: "Account"
    market: "Market"
    order_id: int
    client_order_id: str
    is_buy: bool
    type: str
    time_in_force: str
    quantity: int
    quote_quantity: int
    price: int
    stop_price: int
    stp_mode: str
    created_us: int
    facts: object = None
    status: str = "NEW"
    executed: int = 0
    executed_quote: int = 0
    prevented: int = 0
    prevented_match_id: int = -1
    locked: int = 0
    updated_us: int = 0
    working_us: int = -1
    is_working: bool = False
    is_stopped: bool = False
    expiry_reason: str = ""
    original_client_id: str = ""
    order_list: OrderList | None = None
    amendments: list[Amendment] = field(default_factory=list)
    prevented_matches: list[PreventedMatch] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    head: Head | None = None
    history: list["OrderState"] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        """Quantity that may still execute."""
        return self.quantity - self.executed - self.prevented

    @property
    def is_open(self) -> bool:
        """Whether the order may still execute."""
        return self.status in OPEN_STATUSES

    @property
    def spent_asset(self) -> str:
        """Asset that the order gives away."""
        return self.market.rules.quote if self.is_buy else self.market.rules.base

    @property
    def list_id(self) -> int:
        """Id of its order list, -1 if it is in none."""
        return -1 if self.order_list is None else self.order_list.list_id

    def state(self) -> "OrderState":
        """Return what queries show of the order now."""
        return OrderState(
            client_order_id=self.client_order_id,
            quantity=self.quantity,
            executed=self.executed,
            executed_quote=self.executed_quote,
            prevented=self.prevented,
            status=self.status,
            updated_us=self.updated_us,
            working_us=self.working_us,
            is_working=self.is_working,
            expiry_reason=self.expiry_reason,
        )


@dataclass(frozen=True, slots=True)
class OrderState:
    """The changing part of an order, as a query sees it."""

    client_order_id: str
    quantity: int
    executed: int
    executed_quote: int
    prevented: int
    status: str
    updated_us: int
    working_us: int
    is_working: bool
    expiry_reason: str

    @property
    def is_open(self) -> bool:
        """Whether the order could still execute."""
        return self.status in OPEN_STATUSES


def visible_state(order: Order, now_us: int, lag_us: int) -> OrderState | None:
    """Return what a query that lags by `lag_us` sees of the order at `now_us`; None if nothing yet."""
    horizon_us = now_us - lag_us
    if order.created_us > horizon_us:
        return None if lag_us else order.state()
    if order.updated_us <= horizon_us:
        return order.state()
    for state in reversed(order.history):
        if state.updated_us <= horizon_us:
            return state
    return order.state()
