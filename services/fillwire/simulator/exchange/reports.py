"""What the engine tells an account: facts, which the venue puts into its own form."""

from collections.abc import Iterable
from dataclasses import dataclass

from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.orders import Head, Order, OrderList
from fillwire.simulator.exchange.refused import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Prevention:
    """What self-trade prevention took from an order.

    Attributes:
        last: quantity that this match took from it.
        counter_order_id: the order with which it would have traded.
        quantity: what would have traded, at `price`.
    """

    match_id: int
    last: int
    total: int
    counter_order_id: int
    quantity: int
    price: int


class ExecutionReport:
    """One step in the life of an order, with the order's state at that moment; amounts in units.

    Attributes:
        head: what reports say of the order besides its state.
        execution_type: ACCEPTED (of an order that waits), HELD (for another to end), NEW, TRADE, CANCELED, REPLACED, EXPIRED, REJECTED or TRADE_PREVENTION.
        row: row of the account's execution log, -1 if the step is no execution.
        position: amount of the base asset after an execution, free and locked.
        fee: commission, None if the step has none.
        reject: why the order was rejected, None if it was not.
        prevention: what self-trade prevention did, None for most.
    """

    # What most steps do not set.
    reject: Reason | None = None
    row = -1
    trade_id = -1
    last_quantity = 0
    last_price = 0
    last_quote = 0
    position = 0
    fee: int | None = None
    fee_asset: str | None = None
    is_maker = False
    prevention: Prevention | None = None

    def __init__(self, order: Order, execution_type: str, time_us: int, execution_id: int) -> None:
        self.account = order.account
        self.order = order
        self.head: Head = order.head or Head.of(order)
        self.execution_type = execution_type
        self.time_us = time_us
        self.execution_id = execution_id
        self.status = order.status
        self.cumulative = order.executed
        self.cumulative_quote = order.executed_quote
        self.is_on_book = order.is_working
        self.working_us = order.working_us
        self.reason = order.expiry_reason
        order.head = self.head


class AccountPosition:
    """Free and locked amounts of the assets that a step may have changed, as they were at its end."""

    row = -1

    def __init__(self, account: Account, assets: Iterable[str], time_us: int) -> None:
        self.account = account
        self.time_us = time_us
        balances = account.balances
        self.amounts = [(asset, balances[asset].free, balances[asset].locked) for asset in assets]


class BalanceUpdate:
    """A deposit or withdrawal of `delta` units."""

    row = -1

    def __init__(self, account: Account, asset: str, delta: int, time_us: int) -> None:
        self.account = account
        self.asset = asset
        self.delta = delta
        self.time_us = time_us


class ListStatus:
    """State of an order list, as it was then.

    Attributes:
        legs: order id and client order id of each leg.
    """

    row = -1

    def __init__(self, account: Account, order_list: OrderList, time_us: int) -> None:
        self.account = account
        self.order_list = order_list
        self.time_us = time_us
        self.status = order_list.status
        self.status_type = order_list.status_type
        self.legs = [(leg.order_id, leg.client_order_id) for leg in order_list.legs]
