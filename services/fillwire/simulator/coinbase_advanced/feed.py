"""The feed: connections that count their messages, and a user's orders in updates that gather what happened."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import orjson
from aiohttp import web

from fillwire.simulator.coinbase_advanced import messages, views
from fillwire.simulator.coinbase_advanced.orders import OrderView
from fillwire.simulator.coinbase_advanced.venue import AdvancedVenue
from fillwire.simulator.exchange.accounts import Account, AccountEvent
from fillwire.simulator.exchange.connections import Connection, ConnectionTimes, Gate, Subscription
from fillwire.simulator.exchange.orders import Order
from fillwire.simulator.exchange.recurring_fills import RecurringFill
from fillwire.simulator.exchange.reports import ExecutionReport

FIRST_SUBSCRIBE_S = 5.0
IDLE_S = 75.0
HEARTBEAT_S = 1.0
WINDOW_S = 0.05
"""For how long what happens to an order is gathered into one update."""
_POLICY_VIOLATION = 1008
_RACED = 4
"""Of so many orders that are filled one is shown open with nothing left before."""


class FeedConnection(Connection):
    """One accepted connection.

    Attributes:
        has_heartbeats: whether it has subscribed to them.
        stream: the user's stream, None before it has subscribed to it.
        first_subscribe_s: seconds in which it must subscribe to something.
        idle_s: seconds after which a connection without any message is closed.
    """

    broken = b'{"channel":"user","timestamp":"2026'
    first_subscribe_s = FIRST_SUBSCRIBE_S
    idle_s = IDLE_S

    def __init__(
        self,
        request: web.Request,
        gate: Gate,
        times: ConnectionTimes,
        random: Random,
        venue: AdvancedVenue,
    ) -> None:
        super().__init__(request, gate, times, random, connected_us=venue.clock.now_us())
        self._venue = venue
        self._sequence_num = 0
        self._connected_ns = venue.clock.now_ns()
        self.has_heartbeats = False
        self.stream: UserStream | None = None

    def start(self) -> None:
        """Begin to wait for the first subscription."""
        super().start()
        self._timers["first subscribe"] = self._loop.call_later(
            self.first_subscribe_s, self.close, _POLICY_VIOLATION, "no subscription"
        )
        self._timers["idle"] = self._loop.call_later(self.idle_s, self._check_idle, 0)

    def stop(self) -> None:
        """Forget timers and subscriptions; the connection has ended."""
        if self.stream is not None:
            self.stream.stop()
        super().stop()

    def _check_idle(self, sent_frames: int) -> None:
        if self.sent_frames == sent_frames:
            self.close(_POLICY_VIOLATION, "idle")
            return
        self._timers["idle"] = self._loop.call_later(self.idle_s, self._check_idle, self.sent_frames)

    def tell(self, channel: str, events: Sequence[Any], kind: str, account: Account | None = None) -> None:
        """Send a message under the connection's next number, which it has used then, whatever becomes of the message."""
        document = messages.envelope(channel, self._venue.clock.now_ns(), self._sequence_num, events)
        self._sequence_num += 1
        self.deliver(orjson.dumps(document), kind, account)

    def note_subscribed(self) -> None:
        """Note that something has been subscribed to."""
        self._timers["first subscribe"].cancel()

    def set_heartbeats(self, *, wanted: bool) -> None:
        """Begin to send heartbeats, or stop."""
        self.has_heartbeats = wanted
        timer = self._timers.pop("heartbeat", None)
        if timer is not None:
            timer.cancel()
        if wanted:
            self._beat()

    def _beat(self) -> None:
        self._timers["heartbeat"] = self._loop.call_later(HEARTBEAT_S, self._beat)
        now_ns = self._venue.clock.now_ns()
        beat = messages.heartbeat(now_ns, now_ns - self._connected_ns)
        # a kind of its own, which faults of events leave alone
        self.tell("heartbeats", [beat], "response")

    def listen(self, account: Account, products: Sequence[str]) -> None:
        """Begin to tell of an account's orders, of some products or of all."""
        self.forget_user()
        self.stream = UserStream(self, account, self._venue, products)
        self.subscribe(self.stream)

    def forget_user(self) -> None:
        """Tell of no orders any more."""
        if self.stream is not None:
            self.stream.stop()
            self.unsubscribe(self.stream)
            self.stream = None

    def acknowledge(self) -> None:
        """Send the list of all subscriptions; of the user's channel it names the user."""
        channels: dict[str, Sequence[str]] = {}
        if self.has_heartbeats:
            channels["heartbeats"] = ["heartbeats"]
        if self.stream is not None:
            channels["user"] = [self._venue.names.user_id(self.stream.account)]
        self.tell("subscriptions", [messages.subscribed(channels)], "response")


class UserStream(Subscription):
    """A user's orders on one connection.

    Attributes:
        window_s: for how long what happens is gathered.
    """

    window_s = WINDOW_S

    def __init__(
        self, connection: FeedConnection, account: Account, venue: AdvancedVenue, products: Sequence[str]
    ) -> None:
        super().__init__(connection, account)
        self._feed = connection
        self._venue = venue
        self._products = frozenset(products)
        self._changed: dict[Order, None] = {}
        self._rows: list[int] = []
        self._timer: asyncio.TimerHandle | None = None

    def stop(self) -> None:
        """Tell nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _concerns(self, order: Order) -> bool:
        return not self._products or order.market.name in self._products

    def snapshot(self) -> None:
        """Tell all open orders, fifty in a message, down to a message with fewer."""
        opened = [
            views.now(self._venue, order)
            for order in self.account.open_orders.values()
            if self._concerns(order)
        ]
        for start in range(0, len(opened) + 1, messages.SNAPSHOT_ORDERS):
            batch = opened[start : start + messages.SNAPSHOT_ORDERS]
            self._feed.tell("user", [messages.orders_event("snapshot", batch)], "snapshot", self.account)

    def tell(self, event: AccountEvent, now_ns: int) -> None:
        """Gather what happened to an order; that it is pending, to be cancelled or to be changed, is told at once."""
        del now_ns
        if not isinstance(event, ExecutionReport | RecurringFill) or not self._concerns(event.order):
            return
        order = event.order
        # a stop order is reported as new when it triggers, too; it is pending only once
        if event.execution_type == "NEW" and order.working_us in {-1, order.created_us}:
            self._update([views.pending(self._venue, order)])
        elif event.execution_type == "CANCELED":
            waiting = replace(views.now(self._venue, order), status="CANCEL_QUEUED", cancel_reason="")
            self._update([waiting])
        elif event.execution_type == "REPLACED":
            self._update([replace(views.now(self._venue, order), status="EDIT_QUEUED")])
        if event.row >= 0:
            self._rows.append(event.row)
        self._changed[order] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.window_s, self._flush)

    def _flush(self) -> None:
        """Tell what has been gathered, in one message."""
        self._timer = None
        changed, self._changed = list(self._changed), {}
        rows, self._rows = self._rows, []
        shown = [views.now(self._venue, order) for order in changed]
        raced = [
            replace(each, status="OPEN")
            for order, each in zip(changed, shown, strict=True)
            if each.status == "FILLED" and order.price and order.order_id % _RACED == 0
        ]
        if raced:
            self._update(raced)
        self._update(shown)
        now_ns = self._venue.clock.now_ns()
        for row in rows:
            self.account.executions.emitted_ns[row] = now_ns

    def _update(self, orders: Sequence[OrderView]) -> None:
        self._feed.tell("user", [messages.orders_event("update", orders)], "update", self.account)
