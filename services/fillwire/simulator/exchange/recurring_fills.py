"""Fills of one resting order by a quantity that recurs: computed in advance, so that a venue may format them in advance.

A scripted emission makes thousands of fills that differ in ids, times and sums alone. This does what
`Engine.execute_resting` does at half the cost; a test holds the two together.
"""

from collections.abc import Sequence
from typing import Any

from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.engine import Engine
from fillwire.simulator.exchange.ledger import IS_BUYER, IS_MAKER
from fillwire.simulator.exchange.orders import Head, Order
from fillwire.simulator.exchange.units import product


class RecurringPosition:
    """Balances of the market's two assets, to be read when they are written.

    Attributes:
        texts: room for what the venue has formatted in advance.
    """

    row = -1

    def __init__(self, account: Account, assets: tuple[str, str]) -> None:
        self.account = account
        self.time_us = 0
        self.assets = assets
        self.base, self.quote = (account.balances[asset] for asset in assets)
        self.texts: dict[object, Any] = {}


class RecurringFill:
    """The fill of a resting order by `quantity`, again and again; itself the execution report of the latest.

    The event is to be rendered before the next fill, as a publisher does it.

    Attributes:
        texts: room for what the venue has formatted in advance.
        others: as of `ExecutionReport`.
    """

    execution_type = "TRADE"
    status = "PARTIALLY_FILLED"
    is_maker = True
    is_on_book = True
    reject = prevention = None
    reason = ""

    def __init__(self, engine: Engine, order: Order, quantity: int) -> None:
        self.account = order.account
        self.row = -1
        self._engine = engine
        self.order = order
        self.last_quantity = quantity
        self.head = order.head or Head.of(order)
        self.last_price = order.price
        self.last_quote = product(order.price, quantity)
        self.fee, self.fee_asset = engine.matcher.commission(
            order.account,
            order.market,
            is_buy=order.is_buy,
            quantity=quantity,
            quote=self.last_quote,
            is_maker=True,
        )
        self._flags = IS_MAKER | (IS_BUYER if order.is_buy else 0)
        self.time_us = 0
        self.trade_id = 0
        self.execution_id = 0
        base, quote = order.market.assets
        spent, received = (quote, base) if order.is_buy else (base, quote)
        self._spent_amount, self._received_amount = (
            (self.last_quote, quantity) if order.is_buy else (quantity, self.last_quote)
        )
        self._spent, self._received = order.account.balances[spent], order.account.balances[received]
        house = engine.house.balances
        self._house_gains, self._house_gives = house[spent], house[received]
        self._fees = engine.matcher.fees.balances[received]
        self._position = RecurringPosition(order.account, order.market.assets)
        self.texts: dict[object, Any] = {}

    @classmethod
    def of(cls, engine: Engine, order: Order, quantity: int) -> "RecurringFill | None":
        """Return the fills of an order, None if they are not all alike."""
        is_alike = order.executed and order.order_list is None and not order.account.pays_in_other_asset
        return cls(engine, order, quantity) if is_alike else None

    @property
    def is_next(self) -> bool:
        """Whether the order's next fill is one of these: it is as it was, and does not end with it."""
        order = self.order
        return (
            order.head is self.head
            and order.is_working
            and order.quantity - order.executed > self.last_quantity
            and not self._engine.matcher.keeps_history
        )

    @property
    def cumulative(self) -> int:
        """Quantity executed so far."""
        return self.order.executed

    @property
    def cumulative_quote(self) -> int:
        """Amount executed so far."""
        return self.order.executed_quote

    @property
    def position(self) -> int:
        """Amount of the base asset, free and locked."""
        return self._position.base.free + self._position.base.locked

    @property
    def working_us(self) -> int:
        """When the order went on the book."""
        return self.order.working_us

    def execute(self, *, tells_position: bool) -> Sequence[AccountEvent]:
        """Fill once, and return the events; only while `is_next`."""
        order = self.order
        market = order.market
        market.begin_step()
        time_us = self.time_us = self._engine.clock.now_us()
        market.next_execution_id()
        trade_id = self.trade_id = market.next_trade_id()
        self.execution_id = market.next_execution_id()
        order.executed += self.last_quantity
        order.executed_quote += self.last_quote
        order.updated_us = time_us
        order.locked -= self._spent_amount
        self._spent.locked -= self._spent_amount
        self._received.free += self._received_amount - self.fee
        self._fees.free += self.fee
        self._house_gains.free += self._spent_amount
        self._house_gives.free -= self._received_amount
        row = self.row = self.account.executions.append(
            market.name,
            order.order_id,
            trade_id,
            self.last_price,
            self.last_quantity,
            self.last_quote,
            self.fee,
            self.fee_asset,
            time_us,
            self._flags,
        )
        order.rows.append(row)
        market.note_trade(None, order, self.last_quantity, trade_id, time_us)
        if not tells_position:
            return (self,)
        self.account.updated_us = self._position.time_us = time_us
        return (self, self._position)
