"""Try a strategy without broker, gateway and exchange: tell it of fills, see what it orders.

    async with StrategyTester(MyBot()) as bot:
        await bot.fill("BTC-USDT", "buy", "0.5", price="64000")
        assert bot.placed[0].price == Decimal("64640")

What a callback raises comes out of the call that caused it.
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from types import TracebackType
from typing import Literal, Self

from fillwire.domain import defaults
from fillwire.domain.client_order_ids import bot_label, label_of
from fillwire.domain.enums import ConnectionState, Kind, Side
from fillwire.domain.errors import HandlerError
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import (
    CancelRequest,
    OpenOrdersQuery,
    OrderQuery,
    OrderRequest,
    Outcome,
    TradeOrder,
)
from fillwire.domain.rules import PairRules, RulesQuery
from fillwire.sdk.bot import bot_of
from fillwire.sdk.callbacks import ON_START, ON_STOP, ON_WAKE
from fillwire.sdk.calling import Caller
from fillwire.sdk.causality import ClientOrderIds, caused_by, set_cause
from fillwire.sdk.clerk import Checkpoint, OwnLog
from fillwire.sdk.connections import callbacks_for
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.samples import sample_connection_event, sample_fill, sample_order_event
from fillwire.sdk.strategy import Strategy
from fillwire.sdk.trading import Amount, amount

Answer = Callable[[OrderRequest], TradeOrder]


def accept(request: OrderRequest) -> TradeOrder:
    """Return that the venue accepts the order."""
    return TradeOrder(
        outcome=Outcome.ACCEPTED,
        pair=request.pair,
        client_order_id=request.client_order_id,
        order_id=f"venue-{request.client_order_id}",
        venue_status="NEW",
        cumulative_quantity=Decimal(0),
    )


class StrategyTester:
    """Runs one strategy's callbacks in the test's own event loop, one at a time, in the order of the calls.

    Attributes:
        placed: the orders that the strategy has placed.
        cancelled: the cancellations that it has asked for.
        answer: what the venue says to an order; replace it to refuse some.
        pair_rules: what the strategy is told of the rules of a pair.
        checkpoint: what the strategy has kept.
        has_run: whether the strategy is told that it ran before.

    Args:
        strategy: the bot.
        account: whose orders it is told of; the strategy's own word goes first.
    """

    def __init__(
        self,
        strategy: Strategy,
        account: Account = Account("tester", defaults.EXCHANGE, "test"),  # noqa: B008 - frozen
    ) -> None:
        self.placed: list[OrderRequest] = []
        self.cancelled: list[CancelRequest] = []
        self.answer: Answer = accept
        self.pair_rules = PairRules()
        self.checkpoint: Checkpoint | None = None
        self.has_run = False
        self._orders: dict[str, TradeOrder] = {}
        self._told: list[OrderEvent] = []
        self._strategy = strategy
        self._bot = bot_of(strategy, account)
        self._caller = Caller(self._bot, RetryPolicy(attempts=1), asyncio.Event())
        self._ids = ClientOrderIds(self._bot.name, str(self._bot.account), "test")
        self._numbers = itertools.count(1)
        self._connection: ConnectionEvent | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __aenter__(self) -> Self:
        """Run `on_start`.

        Raises:
            Exception: what it raises.
        """
        self._loop = asyncio.get_running_loop()
        self._strategy._trading = self._strategy._clerk = self  # noqa: SLF001 - the tester stands in for the host
        await self._once(ON_START)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Run `on_stop`, unless the test has failed already."""
        try:
            if error is None:
                await self._once(ON_STOP)
        finally:
            self._strategy._trading = self._strategy._clerk = None  # noqa: SLF001 - as above
            self._caller.close()

    async def tell(self, event: OrderEvent) -> None:
        """Tell the strategy of an order event.

        Raises:
            Exception: what a callback raises.
        """
        self._note(event)
        self._told.append(event)
        callbacks = self._bot.callbacks
        for callback in (callbacks.steps if event.last_fill is None else callbacks.executions)[event.kind]:
            with caused_by(event.event_id, callback.name):
                await self._caller.call(callback, event)

    async def fill(  # noqa: PLR0913 - the facts that a test may care for
        self,
        pair: str,
        side: Side | Literal["buy", "sell"],
        quantity: Amount,
        *,
        price: Amount,
        order_quantity: Amount | None = None,
        client_order_id: str | None = None,
    ) -> OrderEvent:
        """Tell the strategy that an order was filled at once, or in part if `order_quantity` is more; return the event.

        Raises:
            Exception: what a callback raises.
        """
        number = next(self._numbers)
        filled = amount(quantity, "quantity")
        event = self.event(
            Kind.FILLED
            if order_quantity is None or amount(order_quantity, "order_quantity") == filled
            else Kind.PARTIALLY_FILLED,
            pair,
            side,
            quantity if order_quantity is None else order_quantity,
            price=price,
            cumulative_quantity=filled,
            trade_id=str(number),
            order_id=str(number),
            client_order_id=client_order_id,
        )
        await self.tell(event)
        return event

    def event(  # noqa: PLR0913 - the facts that a test may care for
        self,
        kind: Kind,
        pair: str,
        side: Side | Literal["buy", "sell"],
        quantity: Amount,
        *,
        price: Amount,
        cumulative_quantity: Amount = 0,
        trade_id: str | None = None,
        order_id: str = "1",
        client_order_id: str | None = None,
    ) -> OrderEvent:
        """Return an event of a limit order; with `trade_id` an execution of all that is cumulated."""
        cumulative = Decimal(cumulative_quantity)
        limit = amount(price, "price")
        now = time.time_ns()
        return sample_order_event(
            self._bot.account,
            kind,
            pair=pair,
            order_id=order_id,
            side=Side(side),
            quantity=amount(quantity, "quantity"),
            cumulative_quantity=cumulative,
            price=limit,
            client_order_id=client_order_id,
            fill=None
            if trade_id is None
            else sample_fill(trade_id, limit, cumulative, quote=cumulative * limit),
            venue_time_ns=now,
            received_time_ns=now,
        )

    async def connection(self, state: ConnectionState, *, reason: str | None = None) -> None:
        """Tell the strategy of its connection.

        Raises:
            Exception: what a callback raises.
        """
        last = self._connection
        self._connection = event = sample_connection_event(
            self._bot.account,
            state,
            ConnectionState.DISCONNECTED if last is None else last.state,
            reason=reason,
            gateway="test",
            time_ns=time.time_ns(),
            clock_offset_ns=0,
        )
        for name in callbacks_for(event, last):
            if name in self._bot.callbacks.named:
                await self._caller.call(self._bot.callbacks.named[name], event)

    async def wake(self) -> None:
        """Tell the strategy that the time has come for which it has asked.

        Raises:
            Exception: what the callback raises.
        """
        callback = self._bot.callbacks.named.get(ON_WAKE)
        if callback is not None:
            set_cause(None)
            await self._caller.call(callback)

    async def _once(self, name: str) -> None:
        try:
            await self._caller.run_once(name)
        except HandlerError as error:
            raise error.__cause__ or error from None

    # ---- what the strategy places its orders with

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop on which callbacks run."""
        if self._loop is None:
            raise RuntimeError("the tester has not been entered: expected async with")
        return self._loop

    def next_client_order_id(self) -> str:
        """Return the id of the next order that the current callback places."""
        return self._ids.next()

    async def place(self, request: OrderRequest, timeout_s: float) -> TradeOrder:  # noqa: ARG002 - the answer is there
        """Note an order and answer it."""
        self.placed.append(request)
        answer = self.answer(request)
        if answer.outcome is Outcome.ACCEPTED and request.client_order_id not in self._orders:
            self._orders[request.client_order_id] = replace(
                answer,
                kind=answer.kind or Kind.NEW,
                side=request.side,
                type=request.type,
                quantity=request.quantity,
                price=request.price,
                time_in_force=request.time_in_force,
            )
        return answer

    async def cancel(self, request: CancelRequest, timeout_s: float) -> TradeOrder:  # noqa: ARG002 - as above
        """Note a cancellation and accept it."""
        self.cancelled.append(request)
        order = self._find(request.order_id, request.client_order_id)
        if order is not None and order.client_order_id is not None and order.is_open:
            self._orders[order.client_order_id] = replace(order, kind=Kind.CANCELLED)
        return TradeOrder(
            outcome=Outcome.ACCEPTED,
            pair=request.pair,
            client_order_id=request.client_order_id,
            order_id=request.order_id,
        )

    async def order(self, query: OrderQuery, timeout_s: float) -> TradeOrder:  # noqa: ARG002 - as above
        """Return an order that was placed, as far as the strategy was told of it."""
        found = self._find(query.order_id, query.client_order_id)
        if found is not None:
            return found
        return TradeOrder(
            outcome=Outcome.REJECTED,
            pair=query.pair,
            client_order_id=query.client_order_id,
            order_id=query.order_id,
            reason="the venue knows no such order",
        )

    async def open_orders(self, query: OpenOrdersQuery, timeout_s: float) -> list[TradeOrder]:  # noqa: ARG002 - as above
        """Return the orders that were placed and have not ended, as far as the strategy was told of it."""
        return [
            order
            for client_order_id, order in self._orders.items()
            if order.is_open
            and query.pair in {None, order.pair}
            and query.label in {None, label_of(client_order_id)}
        ]

    async def rules(self, query: RulesQuery, timeout_s: float) -> PairRules:  # noqa: ARG002 - as above
        """Return `pair_rules`, of whatever pair."""
        return self.pair_rules

    def _find(self, order_id: str | None, client_order_id: str | None) -> TradeOrder | None:
        if order_id is None:
            return self._orders.get(client_order_id or "")
        return next((order for order in self._orders.values() if order.order_id == order_id), None)

    def _note(self, event: OrderEvent) -> None:
        order = self._orders.get(event.client_order_id or "")
        if order is not None and event.client_order_id is not None:
            self._orders[event.client_order_id] = replace(
                order,
                kind=event.kind,
                order_id=event.order_id,
                cumulative_quantity=event.cumulative_quantity,
                cumulative_quote=event.cumulative_quote,
            )

    # ---- and what it asks its host for

    async def own_log(self, pairs: Sequence[str], after: int) -> OwnLog:
        """Return the events of the strategy's own orders that it was told of."""
        label = bot_label(self._bot.name)
        return OwnLog(
            [
                event
                for event in self._told[after:]
                if event.client_order_id is not None
                and label_of(event.client_order_id) == label
                and (not pairs or event.pair in pairs)
            ],
            len(self._told),
        )

    async def log_end(self) -> int:
        """Return how many events the strategy was told of."""
        return len(self._told)

    async def load_checkpoint(self) -> Checkpoint | None:
        """Return `checkpoint`."""
        return self.checkpoint

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep it as `checkpoint`."""
        self.checkpoint = checkpoint

    def wake_after(self, delay_s: float) -> None:
        """Do nothing: the test decides when to `wake`."""

    def now_ns(self) -> int:
        """Return the time."""
        return time.time_ns()
