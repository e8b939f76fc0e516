"""Scripted emission: real orders of an account, filled in many parts at a given pace."""

import asyncio
from dataclasses import dataclass
from typing import Any

from fillwire.simulator.exchange.accounts import Account
from fillwire.simulator.exchange.core import Core
from fillwire.simulator.exchange.market import Market
from fillwire.simulator.exchange.orders import Order, Ticket
from fillwire.simulator.exchange.recurring_fills import RecurringFill
from fillwire.simulator.exchange.units import product, units_text

_BATCH = 64
_TICK_S = 0.001  # shorter waits end at once, because the event loop counts milliseconds
_BUSY_RATE = 2_000
_DRAIN_DEADLINE_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What to emit.

    Attributes:
        orders: resting orders over which the executions are spread, round by round.
        rate: executions per second; 0 is as fast as the sockets take them.
        count: executions altogether.
        quantity: base quantity of each execution, in units.
        side: BUY, SELL, or ALTERNATE from order to order.
        position_each: whether each execution is followed by its balances, as the venue does it.
    """

    account: Account
    markets: tuple[Market, ...]
    orders: int
    rate: float
    count: int
    quantity: int
    side: str
    position_each: bool = True


class Emission:
    """One script while it runs.

    Attributes:
        emitted: executions so far.
        state: running, done, cancelled or failed.
    """

    def __init__(self, number: int, core: Core, script: Script) -> None:
        self.number = number
        self._core = core
        self._script = script
        self._orders: list[Order] = []
        self._recurring: list[RecurringFill | None] = []
        self.emitted = 0
        self.state = "running"
        self.started_ns = 0
        self.finished_ns = 0
        self.late_max_s = 0.0

    def document(self) -> dict[str, Any]:
        """Return the progress as the control API shows it."""
        return {
            "job": self.number,
            "user": self._script.account.user,
            "state": self.state,
            "count": self._script.count,
            "emitted": self.emitted,
            "orders": len(self._orders),
            "rate": self._script.rate,
            "quantity": units_text(self._script.quantity),
            "started_ns": self.started_ns,
            "finished_ns": self.finished_ns,
            "late_max_s": round(self.late_max_s, 6),
        }

    async def run(self) -> None:
        """Place the orders and fill them to the end."""
        try:
            await self._place_orders()
            self.started_ns = self._core.venue.clock.now_ns()
            if self._script.rate > 0:
                await self._paced()
            else:
                await self._flat_out()
            self.state = "done"
        except asyncio.CancelledError:
            self.state = "cancelled"
            raise
        finally:
            if self.state == "running":
                self.state = "failed"
            self.finished_ns = self._core.venue.clock.now_ns()

    async def _place_orders(self) -> None:
        script = self._script
        each, rest = divmod(script.count, script.orders)
        for index in range(script.orders):
            parts = each + (1 if index < rest else 0)
            if parts == 0:
                return
            self._place_order(index, parts * script.quantity)
            if index % _BATCH == _BATCH - 1:
                await self._drain()
                await asyncio.sleep(0)
        await self._drain()

    def _place_order(self, index: int, quantity: int) -> None:
        script = self._script
        core = self._core
        engine = core.venue.engine
        market = script.markets[index % len(script.markets)]
        rules = market.rules
        is_buy = script.side == "BUY" or (
            script.side == "ALTERNATE" and index // len(script.markets) % 2 == 0
        )
        # Far enough from the market to rest whatever it does meanwhile.
        price = market.last_price * 9 // 10 if is_buy else market.last_price * 11 // 10
        price = max(rules.tick, price - price % rules.tick)
        asset, needed = (rules.quote, product(price, quantity)) if is_buy else (rules.base, quantity)
        missing = needed - script.account.balances[asset].free
        events = engine.deposit(script.account, asset, missing) if missing > 0 else []
        ticket = Ticket(
            market=market,
            is_buy=is_buy,
            type="LIMIT",
            time_in_force="GTC",
            quantity=quantity,
            quote_quantity=0,
            price=price,
            stop_price=0,
            client_order_id=engine.make_client_id(),
            stp_mode="NONE",
        )
        order, caused = engine.place(script.account, ticket)
        self._orders.append(order)
        self._recurring.append(None)
        core.publisher.publish(events + caused)

    def _emit(self, number: int) -> None:
        """Emit the next executions."""
        script = self._script
        orders = self._orders
        engine = self._core.venue.engine
        publish = self._core.publisher.publish
        for _ in range(number):
            index = self.emitted % len(orders)
            self.emitted += 1
            order = orders[index]
            if not order.is_open:  # somebody has cancelled it
                continue
            recurring = self._recurring[index]
            if recurring is not None and recurring.is_next:
                publish(recurring.execute(tells_position=script.position_each))
                continue
            quantity = min(script.quantity, order.remaining)
            publish(engine.execute_resting(order, quantity, tells_position=script.position_each))
            self._recurring[index] = RecurringFill.of(engine, order, script.quantity)

    async def _flat_out(self) -> None:
        while self.emitted < self._script.count:
            self._emit(min(_BATCH, self._script.count - self.emitted))
            await self._drain()
            await asyncio.sleep(0)  # others want to be served, too

    async def _paced(self) -> None:
        loop = asyncio.get_running_loop()
        rate = self._script.rate
        tick_s = _TICK_S if rate < _BUSY_RATE else 2 * _TICK_S  # a wake-up costs several executions
        start = loop.time()
        while self.emitted < self._script.count:
            due = min(int((loop.time() - start) * rate) + 1, self._script.count) - self.emitted
            if due > 0:
                self.late_max_s = max(self.late_max_s, (due - 1) / rate)
                for _ in range(0, due, _BATCH):
                    self._emit(min(_BATCH, due))
                    due -= _BATCH
                    await self._drain()
            await asyncio.sleep(max(tick_s, start + self.emitted / rate - loop.time()))

    async def _drain(self) -> None:
        """Write, and wait for every subscriber's socket that is full."""
        for subscription in list(self._script.account.subscriptions):
            subscription.connection.flush()
            if subscription.connection.is_full:
                await subscription.connection.drain(_DRAIN_DEADLINE_S)
