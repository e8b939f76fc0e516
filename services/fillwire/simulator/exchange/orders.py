"""Orders and order lists, and how responses and queries show them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fillwire.simulator.exchange.units import cached_units_text, units_text

if TYPE_CHECKING:
    from fillwire.simulator.exchange.accounts import Account
    from fillwire.simulator.exchange.market import Market

OPEN_STATUSES = frozenset({"NEW", "PARTIALLY_FILLED"})
STOP_TYPES = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An order as it was asked for; amounts in units, zero where not sent."""

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
    strategy_id: int | None = None
    strategy_type: int | None = None


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

    def document(self, time_us: int, divisor: int) -> dict[str, Any]:
        """Return the list as responses show it, without the reports of its legs."""
        return {
            "orderListId": self.list_id,
            "contingencyType": "OCO",
            "listStatusType": self.status_type,
            "listOrderStatus": self.status,
            "listClientOrderId": self.client_id,
            "transactionTime": time_us // divisor,
            "symbol": self.symbol,
            "orders": [
                {"symbol": self.symbol, "orderId": leg.order_id, "clientOrderId": leg.client_order_id}
                for leg in self.legs
            ],
        }


@dataclass(slots=True, eq=False)
class Order:
    """One order in the engine; amounts in units, times in microseconds.

    Attributes:
        locked: what is still locked for it, in the asset it spends.
        working_us: when it went on the book, -1 before.
        is_stopped: whether it waits for its stop price.
        cancel_id: client id of the request that cancelled it.
        original_client_id: its own client id, also after a cancel gave it another.
        seen: earlier states with the time until which they held, kept while queries lag.
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
    strategy_id: int | None = None
    strategy_type: int | None = None
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
    amendments: list[dict[str, Any]] = field(default_factory=list)
    prevented_matches: list[dict[str, Any]] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    head: str = ""
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


def _conditional(order: Order, document: dict[str, Any], expiry_reason: str, prevented: int) -> None:
    if order.strategy_id is not None:
        document["strategyId"] = order.strategy_id
    if order.strategy_type is not None:
        document["strategyType"] = order.strategy_type
    if prevented:
        document["preventedMatchId"] = order.prevented_match_id
        document["preventedQuantity"] = units_text(prevented)
    if expiry_reason:
        document["expiryReason"] = expiry_reason


def acknowledgement(order: Order, divisor: int) -> dict[str, Any]:
    """Return the ACK form of a placing response."""
    return {
        "symbol": order.market.name,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.client_order_id,
        "transactTime": order.updated_us // divisor,
    }


def result(order: Order, divisor: int) -> dict[str, Any]:
    """Return the RESULT form of a placing response."""
    document = acknowledgement(order, divisor)
    document |= {
        "price": cached_units_text(order.price),
        "origQty": cached_units_text(order.quantity),
        "executedQty": units_text(order.executed),
        "origQuoteOrderQty": cached_units_text(order.quote_quantity),
        "cummulativeQuoteQty": units_text(order.executed_quote),
        "status": order.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": "BUY" if order.is_buy else "SELL",
    }
    if order.type in STOP_TYPES:
        document["stopPrice"] = cached_units_text(order.stop_price)
    document["workingTime"] = order.working_us // divisor if order.working_us >= 0 else -1
    document["selfTradePreventionMode"] = order.stp_mode
    _conditional(order, document, order.expiry_reason, order.prevented)
    return document


def full(order: Order, divisor: int) -> dict[str, Any]:
    """Return the FULL form of a placing response: RESULT with the immediate fills."""
    document = result(order, divisor)
    log = order.account.executions
    document["fills"] = [
        {
            "price": trade["price"],
            "qty": trade["qty"],
            "commission": trade["commission"],
            "commissionAsset": trade["commissionAsset"],
            "tradeId": trade["id"],
        }
        for trade in (log.trade(row, divisor) for row in order.rows)
    ]
    return document


def cancellation(order: Order, original_client_id: str, divisor: int) -> dict[str, Any]:
    """Return the response to a cancel."""
    document = {"symbol": order.market.name, "origClientOrderId": original_client_id} | result(order, divisor)
    del document["workingTime"]
    return document


def row(order: Order, state: OrderState, divisor: int) -> dict[str, Any]:
    """Return the order as a query shows it."""
    document = {
        "symbol": order.market.name,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": state.client_order_id,
        "price": cached_units_text(order.price),
        "origQty": cached_units_text(state.quantity),
        "executedQty": units_text(state.executed),
        "cummulativeQuoteQty": units_text(state.executed_quote),
        "status": state.status,
        "timeInForce": order.time_in_force,
        "type": order.type,
        "side": "BUY" if order.is_buy else "SELL",
        "stopPrice": cached_units_text(order.stop_price),
        "icebergQty": "0.00000000",
        "time": order.created_us // divisor,
        "updateTime": state.updated_us // divisor,
        "isWorking": state.is_working,
        "workingTime": state.working_us // divisor if state.working_us >= 0 else -1,
        "origQuoteOrderQty": cached_units_text(order.quote_quantity),
        "selfTradePreventionMode": order.stp_mode,
    }
    _conditional(order, document, state.expiry_reason, state.prevented)
    return document
