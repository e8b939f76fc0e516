"""The class that a bot derives from."""

import asyncio
import re
from collections.abc import Coroutine, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

from fillwire.domain.client_order_ids import bot_label
from fillwire.domain.enums import OrderType, Side, TimeInForce
from fillwire.domain.events import ConnectionEvent, OrderEvent
from fillwire.domain.orders import CancelRequest, OpenOrdersQuery, OrderQuery, TradeOrder
from fillwire.domain.rules import PairRules, RulesQuery
from fillwire.sdk.clerk import Checkpoint, Clerk, OwnLog
from fillwire.sdk.listener import Returned
from fillwire.sdk.starting import StartFrom
from fillwire.sdk.trading import DEFAULT_TIMEOUT_S, Amount, Trading, order_request

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

T = TypeVar("T")
SideLike: TypeAlias = Side | Literal["buy", "sell"]
OrderTypeLike: TypeAlias = OrderType | Literal["limit", "market", "limit_maker"]
TimeInForceLike: TypeAlias = TimeInForce | Literal["gtc", "ioc", "fok"]


def kebab_case(name: str) -> str:
    """Return a class name as a bot's name: `PingPong2` becomes `ping-pong2`, `BTCGrid` becomes `btc-grid`."""
    return _WORD.sub("-", name).replace("_", "-").strip("-").lower()


class Strategy:
    """A bot: names its pairs, overrides the callbacks it cares for, and places orders.

        class Greeter(Strategy):
            pairs = ["BTC-USDT"]

            async def on_order_filled(self, order):
                print(f"{order.side} {order.cumulative_quantity} {order.pair} at {order.average_price}")

    Callbacks are plain or `async` and run one at a time, in the venue's order per order. One that raises is called again
    with the same event, after a growing delay, a bounded number of times; then the event becomes a dead letter and the
    bot goes on. Other bots are not held up, neither by that nor by a callback that awaits for long.

    Attributes:
        name: identity of the bot within its user. The bot resumes under its name where it stopped, so it must not
            change between starts. Default: the class name in kebab-case.
        pairs: what the bot listens to, such as `["BTC-USDT"]`; `["*"]` stands for every pair of the account.
        user, exchange, environment: the account; None where the host's setting applies.
        start_from: where the bot begins if it never ran: `now`, the `beginning` of the log, or a `datetime` with a
            zone. A bot that did run resumes where it stopped, whatever this says.
        blocking: run plain callbacks in a thread of the bot's own, so that they may block. Order is kept. Without it
            they run on the event loop, shared by all bots of the process, and must return within microseconds.
        cancel_orders_on_stop: after `on_stop`, cancel what the bot has open of its pairs, unless it only moves to another
            host. May be set while it runs.
    """

    name: str = "strategy"
    pairs: Sequence[str] = ()
    user: str | None = None
    exchange: str | None = None
    environment: str | None = None
    start_from: StartFrom = "now"
    blocking: bool = False
    cancel_orders_on_stop: bool = False

    _trading: Trading | None = None
    _clerk: Clerk | None = None

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Name the bot after its class unless the class body names it."""
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = kebab_case(cls.__name__)

    # ---- callbacks, in the order of an order's life

    def on_start(self) -> Returned:
        """Prepare: runs once, before the first event; the bot's connection may be down. Orders may be placed."""

    def on_order_accepted(self, order: OrderEvent) -> Returned:
        """Handle that the venue accepted an order."""

    def on_fill(self, order: OrderEvent) -> Returned:
        """Handle any execution, `order.last_fill`; called before `on_order_partially_filled` or `on_order_filled`."""

    def on_order_partially_filled(self, order: OrderEvent) -> Returned:
        """Handle an execution that left a rest of the order open."""

    def on_order_filled(self, order: OrderEvent) -> Returned:
        """Handle the execution that completed an order."""

    def on_order_cancelled(self, order: OrderEvent) -> Returned:
        """Handle the end of an order that was cancelled, filled in part or not at all."""

    def on_order_expired(self, order: OrderEvent) -> Returned:
        """Handle the end of an order that the venue ended by its rules, such as the rest of an immediate-or-cancel."""

    def on_order_rejected(self, order: OrderEvent) -> Returned:
        """Handle that the venue refused an order; `order.reject_reason` is its word why."""

    def on_order_replaced(self, order: OrderEvent) -> Returned:
        """Handle that an order was amended; `order.new_client_order_id` is its id from now on."""

    def on_websocket_connected(self, connection: ConnectionEvent) -> Returned:
        """Handle that fills are detected live from now on; also called after `on_start` if they already are."""

    def on_websocket_disconnected(self, connection: ConnectionEvent) -> Returned:
        """Handle that fills are not detected live until the connection is back; none is lost meanwhile."""

    def on_websocket_error(self, connection: ConnectionEvent) -> Returned:
        """Handle what went wrong with the connection: `connection.reason` says it in a sentence."""

    def on_reconciled(self, connection: ConnectionEvent) -> Returned:
        """Handle that the account is in step with the venue: what was executed while it was away has been handled."""

    def on_wake(self) -> Returned:
        """Handle that the time has come for which `wake_after` asked."""

    def on_stop(self) -> Returned:
        """Clean up: runs once, after the last event. Orders may still be placed and cancelled."""

    # ---- what a callback may do

    async def place_order(  # noqa: PLR0913 - the terms of an order
        self,
        pair: str,
        side: SideLike,
        quantity: Amount,
        *,
        price: Amount | None = None,
        type: OrderTypeLike | None = None,  # noqa: A002 - the trade's word
        time_in_force: TimeInForceLike | None = None,
        client_order_id: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> TradeOrder:
        """Place an order and return the venue's answer; fills do not arrive here but in the callbacks.

        A callback that is called again for the same event places nothing twice: the client order id follows from the
        bot, the event, the callback and how many orders the callback has placed before. In `on_start`, and outside of
        callbacks, it is new with each start of the bot: pass your own where a restart must not place again.

        Args:
            pair: our spelling, `BASE-QUOTE`.
            side: `buy` or `sell`.
            quantity: base quantity; a Decimal, a string or an int, never a float.
            price: limit price in quote currency per base unit; None places a market order.
            type: default `limit` with a price, `market` without.
            time_in_force: default `gtc` for a limit order.
            client_order_id: default derived as said above.
            timeout_s: how long to wait for the answer, in seconds.

        Returns:
            `outcome` is `accepted`, `rejected`, or `unknown` when no answer came: then the order may exist. Being
            cancelled leaves the outcome unknown too. An order that breaks a rule of the pair is `rejected` unsent, and
            `reason` names the nearest that is allowed; see `pair_rules`.

        Raises:
            TypeError: an amount is a float.
            ValueError: a value is not one of those allowed.
            RuntimeError: the bot is not running.
        """
        trading = self._running()
        request = order_request(
            client_order_id=trading.next_client_order_id() if client_order_id is None else client_order_id,
            pair=pair,
            side=side,
            quantity=quantity,
            price=price,
            type=type,
            time_in_force=time_in_force,
        )
        return await trading.place(request, timeout_s)

    async def cancel_order(
        self,
        pair: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> TradeOrder:
        """Ask the venue to cancel an order, named by either id, and return its answer.

        Args:
            pair: our spelling, `BASE-QUOTE`.
            order_id: the venue's id.
            client_order_id: the id given at placement.
            timeout_s: how long to wait for the answer, in seconds.

        Returns:
            `outcome` as in `place_order`; `rejected` may mean that the order has already ended.

        Raises:
            ValueError: neither id is given.
            RuntimeError: the bot is not running.
        """
        trading = self._running()
        if order_id is None and client_order_id is None:
            raise ValueError("cancel_order names no order: expected order_id or client_order_id")
        request = CancelRequest(pair=pair, order_id=order_id, client_order_id=client_order_id)
        return await trading.cancel(request, timeout_s)

    async def get_order(
        self,
        pair: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> TradeOrder:
        """Return an order as the venue's records show it now, named by either id: how to learn what became of an `unknown`.

        Args:
            pair: our spelling, `BASE-QUOTE`.
            order_id: the venue's id; goes before the other.
            client_order_id: the id given at placement.
            timeout_s: how long to wait for the answer, in seconds.

        Returns:
            `accepted` with the order's state (`kind`, `is_open`) and terms; `rejected` if the venue knows no such order;
            `unknown` if nobody could say, or if it may still be on its way.

        Raises:
            ValueError: neither id is given.
            RuntimeError: the bot is not running.
        """
        trading = self._running()
        if order_id is None and client_order_id is None:
            raise ValueError("get_order names no order: expected order_id or client_order_id")
        query = OrderQuery(pair=pair, order_id=order_id, client_order_id=client_order_id)
        return await trading.order(query, timeout_s)

    async def open_orders(
        self, pair: str | None = None, *, everybodys: bool = False, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> list[TradeOrder]:
        """Return the bot's open orders as the venue's records show them now, oldest first; these may lag by a moment.

        Args:
            pair: only of this pair, our spelling; None for all of the account.
            everybodys: all of the account's, also those of other bots and people. Default: those whose client order ids
                were derived for this bot.
            timeout_s: how long to wait for the answer, in seconds.

        Raises:
            OrdersUnknown: nobody could say which there are; an empty list says that there are none.
            RuntimeError: the bot is not running.
        """
        label = None if everybodys else bot_label(self.name)
        return await self._running().open_orders(OpenOrdersQuery(pair=pair, label=label), timeout_s)

    async def pair_rules(self, pair: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> PairRules:
        """Return the steps and bounds that the gateway checks orders of a pair against before it sends them.

        Args:
            pair: our spelling, `BASE-QUOTE`.
            timeout_s: how long to wait for the answer, in seconds.

        Raises:
            RulesUnknown: nobody could say them, or the pair is not listed.
            RuntimeError: the bot is not running.
        """
        return await self._running().rules(RulesQuery(pair=pair), timeout_s)

    async def own_events(self, pair: str | None = None) -> Sequence[OrderEvent]:
        """Return what the log holds of this bot's own orders, in the log's order, each event once.

        The log keeps 30 days. What it has is returned whether or not the callbacks have been told of it already; an
        order is the bot's own if its client order id says so. Being cancelled leaves nothing behind.

        Args:
            pair: of which pair; None for all that the bot listens to.

        Raises:
            BrokerError: the log cannot be read.
            RuntimeError: the bot is not running.
        """
        return (await self.read_own_log(pair)).events

    async def read_own_log(self, pair: str | None = None, *, after: int = 0) -> OwnLog:
        """Return the same of what was stored after a sequence of the log, and up to which sequence that is.

        Args:
            pair: of which pair; None for all that the bot listens to.
            after: such as the sequence of a checkpoint; 0 for all that the log keeps.

        Raises:
            BrokerError: the log cannot be read.
            RuntimeError: the bot is not running.
        """
        if pair is None:
            return await self._office().own_log(() if "*" in self.pairs else tuple(self.pairs), after)
        return await self._office().own_log((pair,), after)

    async def load_checkpoint(self) -> Checkpoint | None:
        """Return what the bot has kept with `save_checkpoint`, None if nothing; `read_own_log` goes on from there.

        Raises:
            BrokerError: the broker is away.
            RuntimeError: the bot is not running.
        """
        return await self._office().load_checkpoint()

    async def save_checkpoint(self, sequence: int, state: bytes) -> None:
        """Keep `state` under the bot's name, instead of what it kept before.

        Args:
            sequence: of the log, up to which the state stands for it: as `read_own_log` returned it.
            state: at most 512 KiB.

        Raises:
            BrokerError: the broker is away, or the state is too large.
            RuntimeError: the bot is not running.
        """
        await self._office().save_checkpoint(Checkpoint(sequence, state))

    def wake_after(self, delay_s: float) -> None:
        """Have `on_wake` called after so long, once; asked several times, the earliest counts. A restart forgets it.

        Args:
            delay_s: in seconds.

        Raises:
            RuntimeError: the bot is not running.
        """
        self._office().wake_after(delay_s)

    @property
    def now_ns(self) -> int:
        """Nanoseconds since the epoch, by the host's clock; in a test by the test's."""
        return self._office().now_ns()

    async def cancel_own_orders(self, pair: str | None = None) -> list[TradeOrder]:
        """Cancel what the bot has open and return the answers.

        Args:
            pair: of which pair; None for all of the account.

        Raises:
            OrdersUnknown: what is open cannot be had.
            RuntimeError: the bot is not running.
        """
        return [
            await self.cancel_order(
                order.pair, order_id=order.order_id, client_order_id=order.client_order_id
            )
            for order in await self.open_orders(pair)
        ]

    def wait_for(self, coroutine: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run `coroutine` on the event loop and return its result: for plain callbacks of a `blocking` bot.

            answer = self.wait_for(self.place_order("BTC-USDT", "buy", "0.01", price="64000"))

        Args:
            coroutine: such as a call of `place_order`.
            timeout_s: seconds to wait; None waits as long as the coroutine takes.

        Raises:
            RuntimeError: called on the event loop, which it would block for ever.
            TimeoutError: the coroutine took longer; it is cancelled.
        """
        loop = self._running().loop
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is loop:
            coroutine.close()
            raise RuntimeError(
                "wait_for would block the event loop: await, or set blocking = True on the bot"
            )
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return future.result(timeout_s)
        except TimeoutError:
            future.cancel()
            raise

    def _office(self) -> Clerk:
        if self._clerk is None:
            raise RuntimeError(
                f"bot {self.name} is not running: expected to be asked from on_start to on_stop"
            )
        return self._clerk

    def _running(self) -> Trading:
        if self._trading is None:
            raise RuntimeError(
                f"bot {self.name} is not running: orders can be placed from on_start to on_stop"
            )
        return self._trading
