"""What a rehearsed strategy places its orders with, reads its log from and is woken by: gateway, broker and host in one."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from fillwire.domain.client_order_ids import bot_label, label_of
from fillwire.domain.errors import BrokerError, OrdersUnknown, RulesUnknown
from fillwire.domain.events import OrderEvent
from fillwire.domain.orders import (
    CancelRequest,
    OpenOrdersQuery,
    OrderQuery,
    OrderRequest,
    Outcome,
    TradeOrder,
)
from fillwire.domain.rules import PairRules, RulesQuery
from fillwire.sdk.causality import ClientOrderIds
from fillwire.sdk.clerk import Checkpoint, OwnLog
from fillwire.testing.faults import Crashed, Fault, Faults
from fillwire.testing.venue import ScriptedVenue, refused

_SILENCE = "nobody answered"
_AWAY = "not sent: the connection to the venue is lost"


class Shelf:
    """What outlives a bot's process: its checkpoint, and whether it ever ran."""

    def __init__(self) -> None:
        self.checkpoint: Checkpoint | None = None
        self.has_run = False


class Desk(Protocol):
    """What the counter needs of the rehearsal."""

    faults: Faults
    venue: ScriptedVenue
    shelf: Shelf
    is_connected: bool
    placed: list[OrderRequest]
    cancelled: list[CancelRequest]

    def publish(self) -> None:
        """Bring what the venue has told to the log."""

    def read(self, after: int) -> Sequence[OrderEvent]:
        """Return what the log holds after a sequence."""

    @property
    def sequence(self) -> int:
        """The log's last sequence."""

    def wake_after(self, delay_s: float) -> None:
        """Wake the bot."""


class Counter:
    """Serves one start of a bot; see `sdk.trading.Trading` and `sdk.clerk.Clerk`.

    Args:
        desk: the rehearsal.
        bot: name of the bot.
        start: which start of it this is.
    """

    def __init__(self, desk: Desk, bot: str, start: int) -> None:
        self._desk = desk
        self._label = bot_label(bot)
        self._ids = ClientOrderIds(bot, str(desk.venue.account), f"start {start}")
        self._loop = asyncio.get_running_loop()
        self.has_run = desk.shelf.has_run

    # ---- orders

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop on which callbacks run."""
        return self._loop

    def next_client_order_id(self) -> str:
        """Return the id of the next order that the current callback places."""
        return self._ids.next()

    async def place(self, request: OrderRequest, timeout_s: float) -> TradeOrder:  # noqa: ARG002 - no time passes
        """Place an order, unless something goes wrong."""
        self._desk.placed.append(request)
        if self._desk.faults.strikes(Fault.REJECTED):
            return refused(request, "the venue is overloaded")
        return await self._send(request, lambda: self._desk.venue.place(request))

    async def cancel(self, request: CancelRequest, timeout_s: float) -> TradeOrder:  # noqa: ARG002 - as above
        """Cancel an order, unless something goes wrong."""
        self._desk.cancelled.append(request)

        def cancel() -> TradeOrder:
            order = self._desk.venue.cancel(request.order_id, request.client_order_id)
            return _answer(request, "no such open order") if order is None else order.told()

        return await self._send(request, cancel)

    async def _send(self, request: OrderRequest | CancelRequest, act: Callable[[], TradeOrder]) -> TradeOrder:
        faults = self._desk.faults
        await asyncio.sleep(0)
        if faults.strikes(Fault.CRASHED):
            raise Crashed
        if not self._desk.is_connected:
            return _answer(request, _AWAY)
        if faults.strikes(Fault.LOST_REQUEST):
            return _answer(request, _SILENCE, Outcome.UNKNOWN)
        answer = act()
        if faults.strikes(Fault.EARLY_EVENTS):
            self._desk.publish()
        if faults.strikes(Fault.CRASHED):
            raise Crashed
        if faults.strikes(Fault.LOST_ANSWER):
            return _answer(request, _SILENCE, Outcome.UNKNOWN)
        return answer

    async def order(self, query: OrderQuery, timeout_s: float) -> TradeOrder:  # noqa: ARG002 - as above
        """Return what the venue knows of an order."""
        await self._pass()
        if not self._desk.is_connected or self._desk.faults.strikes(Fault.UNANSWERED):
            return _answer(query, _SILENCE, Outcome.UNKNOWN)
        order = self._desk.venue.find(order_id=query.order_id, client_order_id=query.client_order_id)
        return _answer(query, "the venue knows no such order") if order is None else order.told()

    async def open_orders(self, query: OpenOrdersQuery, timeout_s: float) -> list[TradeOrder]:  # noqa: ARG002 - as above
        """Return what is open.

        Raises:
            OrdersUnknown: nobody answers.
        """
        await self._pass()
        if not self._desk.is_connected or self._desk.faults.strikes(Fault.UNANSWERED):
            raise OrdersUnknown(_SILENCE)
        return [
            order.told()
            for order in self._desk.venue.open_orders(query.pair)
            if query.label in {None, label_of(order.request.client_order_id)}
        ]

    async def rules(self, query: RulesQuery, timeout_s: float) -> PairRules:  # noqa: ARG002 - as above
        """Return what the venue demands of orders on a pair.

        Raises:
            RulesUnknown: nobody answers, or the venue does not list the pair.
        """
        await self._pass()
        market = self._desk.venue.markets.get(query.pair)
        if market is None or self._desk.faults.strikes(Fault.UNANSWERED):
            raise RulesUnknown(_SILENCE if market is not None else f"pair {query.pair} is not listed")
        return market.rules

    # ---- log, checkpoint, time

    async def own_log(self, pairs: Sequence[str], after: int) -> OwnLog:
        """Return the bot's own events.

        Raises:
            BrokerError: the log cannot be read.
        """
        await self._reach_broker("the log cannot be read")
        sequence = self._desk.sequence
        events: dict[str, OrderEvent] = {}
        for event in self._desk.read(after):
            is_own = event.client_order_id is not None and label_of(event.client_order_id) == self._label
            if is_own and (not pairs or event.pair in pairs):
                events.setdefault(event.event_id, event)
        return OwnLog(list(events.values()), sequence)

    async def log_end(self) -> int:
        """Return the log's last sequence.

        Raises:
            BrokerError: it cannot be had.
        """
        await self._reach_broker("the log cannot be read")
        return self._desk.sequence

    async def load_checkpoint(self) -> Checkpoint | None:
        """Return the bot's checkpoint.

        Raises:
            BrokerError: it cannot be read.
        """
        await self._reach_broker("the checkpoint cannot be read")
        return self._desk.shelf.checkpoint

    async def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint.

        Raises:
            BrokerError: it cannot be kept.
        """
        await self._reach_broker("the checkpoint cannot be kept")
        self._desk.shelf.checkpoint = checkpoint

    def wake_after(self, delay_s: float) -> None:
        """Wake the bot after so long of the rehearsal's own time."""
        self._desk.wake_after(delay_s)

    def now_ns(self) -> int:
        """Return the time of the venue."""
        return self._desk.venue.now_ns

    async def _pass(self) -> None:
        await asyncio.sleep(0)
        if self._desk.faults.strikes(Fault.CRASHED):
            raise Crashed

    async def _reach_broker(self, failure: str) -> None:
        await self._pass()
        if self._desk.faults.strikes(Fault.LOG_AWAY):
            raise BrokerError(failure)


def _answer(
    request: OrderRequest | CancelRequest | OrderQuery, reason: str, outcome: Outcome = Outcome.REJECTED
) -> TradeOrder:
    return TradeOrder(
        outcome=outcome,
        pair=request.pair,
        client_order_id=request.client_order_id,
        order_id=None if isinstance(request, OrderRequest) else request.order_id,
        reason=reason,
    )
