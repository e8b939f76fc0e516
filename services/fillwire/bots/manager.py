"""Creates, changes and removes bots: writes what they are to be and do, and waits until hosts have done it."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from random import SystemRandom
from types import TracebackType
from typing import Self
from uuid import uuid4

from fillwire.bots.catalogue import Catalogue
from fillwire.bots.errors import BotError, refused, unfinished
from fillwire.bots.loader import Loader
from fillwire.bots.own_orders import OwnOrders, bot_order
from fillwire.bots.seizing import Seizing, StillHeld
from fillwire.bots.serving import Serving
from fillwire.bots.specs import Specs, Turn, spec_of
from fillwire.bots.viewing import Viewer
from fillwire.bus.buckets import BOT_LEASES, BOT_STATUS, Bucket, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.durables import delete_consumer
from fillwire.bus.holdings import Holder, Holdings
from fillwire.bus.streams import ensure_streams
from fillwire.domain.bots import (
    DEADLINE_S,
    ORDER_DEADLINE_S,
    BotAnswer,
    BotCreation,
    BotOutcome,
    BotSpec,
    BotView,
    Desired,
)
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.domain.orders import TradeOrder
from fillwire.runtime.logs import get_log
from fillwire.sdk.bot import durable_name
from fillwire.sdk.host_clerk import forget_checkpoint
from fillwire.sdk.positions import forget_position
from fillwire.sdk.strategy import OrderTypeLike, SideLike, TimeInForceLike
from fillwire.sdk.trading import Amount

_log = get_log(__name__)

MANAGER = "manager"


class BotManager:
    """Manages bots: `async with BotManager(bus, catalogue) as manager: await manager.create("alice", …)`.

    It keeps nothing: any number may run, and each answers for all. What it writes is done by hosts, and it waits until they
    say so. A request that was not answered may be made again.

    Args:
        bus: the connection.
        catalogue: which strategies bots may be made of; the same as the hosts'.
        name: of this process.
        lease_s: lifetime of its session, which it needs to keep hosts away from a bot that it removes.
        replicas: of streams and buckets, should this process be the first to need them.
    """

    def __init__(
        self,
        bus: Bus,
        catalogue: Catalogue,
        *,
        name: str = MANAGER,
        lease_s: float = 12.0,
        replicas: int = 1,
    ) -> None:
        self._bus = bus
        self._catalogue = catalogue
        self._replicas = replicas
        self._loader = Loader()
        self._specs = Specs(bus)
        self._statuses = Bucket(bus, BOT_STATUS)
        self._holdings = Holdings(
            Bucket(bus, BOT_LEASES),
            Holder(kind=MANAGER, name=name, session=uuid4().hex),
            ttl_s=lease_s,
            random=SystemRandom(),
            on_change=lambda: None,
        )
        self._viewer = Viewer(bus, self._holdings)
        self._serving = Serving(bus, f"{name}-{self._holdings.holder.session[:6]}")
        self._seizing = Seizing(self._holdings)

    async def __aenter__(self) -> Self:
        await ensure_streams(self._bus, self._replicas)
        await ensure_buckets(self._bus, self._replicas)
        self._serving.start()
        try:
            await self._holdings.start()
            self._seizing.start()
        except BaseException:
            await self._serving.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._seizing.stop()
        try:
            await self._holdings.stop()
        finally:
            await self._serving.stop()

    def obstacle(self) -> str | None:
        """Return what keeps the manager from stopping and removing bots, None if nothing does."""
        return (
            None if self._holdings.session.is_held else "the broker does not confirm that this manager lives"
        )

    # ---- to look

    async def list(self, user: str) -> Sequence[BotView]:
        """Return the user's bots, by name.

        Raises:
            BrokerError: no answer.
        """
        return await self._viewer.all_of(user)

    async def show(self, user: str, bot: str) -> BotView:
        """Return a bot.

        Raises:
            BotError: there is none of this name.
            BrokerError: no answer.
        """
        return await self._viewer.one(*await self._specs.read(user, bot))

    # ---- to create and change

    async def create(self, user: str, creation: BotCreation, *, deadline_s: float = DEADLINE_S) -> BotView:
        """Create a bot, and return it once it does what it is to do.

        Args:
            user: whose.
            creation: what it is to be and do. It is tried before anything is written, with what hosts use.
            deadline_s: how long to wait for a host, in seconds.

        Raises:
            BotError: it cannot be as asked for, there is one of this name, or no host has done it by then.
            BrokerError: no answer: created or not is unknown.
        """
        end_s = _end(deadline_s)
        spec = spec_of(user, creation, identity=creation.request_id or uuid4().hex, now_ns=time.time_ns())
        if spec.desired is Desired.STOPPED:
            raise refused(
                BotOutcome.REFUSED, "desired is stopped: expected running or paused of a bot that is created"
            )
        await self._try(spec)
        return await self._viewer.seen(*await self._specs.add(spec), end_s)

    async def start(
        self, user: str, bot: str, *, expected_revision: int | None = None, deadline_s: float = DEADLINE_S
    ) -> BotView:
        """Have a bot that is stopped run, and return it once it does.

        Args:
            user: whose.
            bot: which.
            expected_revision: only if this is its revision; None for whatever it is.
            deadline_s: how long to wait for a host, in seconds.

        Raises:
            BotError: there is none of this name, it is paused, it has changed, or no host has done it by then.
            BrokerError: no answer: asking again does no harm.
        """
        turn = _turn(Desired.RUNNING, barred=Desired.PAUSED, advice="expected to resume it")
        return await self._turned(user, bot, turn, expected_revision, deadline_s)

    async def pause(
        self, user: str, bot: str, *, expected_revision: int | None = None, deadline_s: float = DEADLINE_S
    ) -> BotView:
        """Have a bot rest: it is told of nothing, keeps its place, and its orders stay open; raises as `start`."""
        turn = _turn(Desired.PAUSED, barred=Desired.STOPPED, advice="expected one that runs")
        return await self._turned(user, bot, turn, expected_revision, deadline_s)

    async def resume(
        self, user: str, bot: str, *, expected_revision: int | None = None, deadline_s: float = DEADLINE_S
    ) -> BotView:
        """Have a bot that is paused go on where it was; raises as `start`."""
        turn = _turn(Desired.RUNNING, barred=Desired.STOPPED, advice="expected to start it")
        return await self._turned(user, bot, turn, expected_revision, deadline_s)

    async def change(  # noqa: PLR0913 - what may be changed
        self,
        user: str,
        bot: str,
        *,
        parameters: Mapping[str, str] | None = None,
        pairs: Sequence[str] | None = None,
        expected_revision: int | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> BotView:
        """Give a bot other parameters or pairs: it is started anew with them, if it runs; raises as `start`.

        Args:
            user: whose.
            bot: which.
            parameters: in place of the present ones; None leaves them.
            pairs: likewise.
            expected_revision: only if this is its revision; None for whatever it is.
            deadline_s: how long to wait for a host, in seconds.
        """
        end_s = _end(deadline_s)
        spec, revision = await self._specs.expected(user, bot, expected_revision)
        changed = replace(
            spec,
            parameters=spec.parameters if parameters is None else dict(parameters),
            pairs=spec.pairs if pairs is None else tuple(pairs),
            changed_ns=time.time_ns(),
        )
        await self._try(changed)
        return await self._viewer.seen(changed, await self._specs.write(changed, revision), end_s)

    # ---- to stop and remove

    async def stop(
        self,
        user: str,
        bot: str,
        *,
        cancel_orders: bool = False,
        expected_revision: int | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> BotAnswer:
        """Stop a bot in order, and return once no host runs it.

        Args:
            user: whose.
            bot: which.
            cancel_orders: cancel its open orders, once it cannot place others.
            expected_revision: only if this is its revision; None for whatever it is.
            deadline_s: how long to wait, in seconds.

        Returns:
            The bot as it is then, and which of its orders were cancelled.

        Raises:
            BotError: there is none of this name, it has changed, a host had not stopped it by then, or not all of its
                orders are cancelled.
            BrokerError: no answer: asking again does no harm.
        """
        end_s = _end(deadline_s)
        spec, revision = await self._specs.turned(user, bot, lambda _: Desired.STOPPED, expected_revision)

        async def finish() -> BotAnswer:
            return await self._finish(spec, end_s, cancel_orders=cancel_orders)

        answer = await self._alone_with(spec, revision, end_s, finish)
        return replace(answer, bots=(await self._viewer.one(spec, revision),))

    async def remove(  # noqa: PLR0913 - as `stop`, and one more
        self,
        user: str,
        bot: str,
        *,
        cancel_orders: bool = False,
        force: bool = False,
        expected_revision: int | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> BotAnswer:
        """Remove a bot: what it is to be and do, its place in the log, and all that is kept for it.

        Args:
            user: whose.
            bot: which.
            cancel_orders: cancel its open orders first; if not all are cancelled, it stays.
            force: stop it first if it runs; else one that is not stopped is refused.
            expected_revision: only if this is its revision; None for whatever it is.
            deadline_s: how long to wait, in seconds.

        Raises:
            BotError: as `stop`, or the bot is not stopped.
            BrokerError: no answer: asking again does no harm.
        """
        end_s = _end(deadline_s)

        def stopped(spec: BotSpec) -> Desired:
            if spec.desired is not Desired.STOPPED and not force:
                raise refused(
                    BotOutcome.REFUSED,
                    f"bot {bot} of {user} is {spec.desired}: expected to stop it first, or --force",
                )
            return Desired.STOPPED

        spec, revision = await self._specs.turned(user, bot, stopped, expected_revision)

        async def finish() -> BotAnswer:
            # From here on whoever changes it meanwhile is told so, or we are, before anything is lost.
            fixed = await self._specs.write(spec, revision)
            done = await self._finish(spec, end_s, cancel_orders=cancel_orders)
            await self._specs.remove(spec, fixed)
            try:  # one that is created under its name meanwhile begins after this: no host can have it before
                await delete_consumer(
                    self._bus, self._bus.partitions.stream_of(user), durable_name(user, bot)
                )
                await forget_position(self._bus, user, bot)
                await forget_checkpoint(self._bus, spec.account, bot)
                await self._statuses.delete(spec.key)
            except BrokerError:
                await self._specs.add(spec)  # to be asked again: what is left must not be a successor's
                raise
            return done

        return await self._alone_with(spec, revision, end_s, finish)

    # ---- to trade

    async def execute_order(  # noqa: PLR0913 - the terms of an order
        self,
        user: str,
        bot: str,
        pair: str,
        side: SideLike,
        quantity: Amount,
        *,
        request_id: str,
        price: Amount | None = None,
        type: OrderTypeLike | None = None,  # noqa: A002 - the trade's word
        time_in_force: TimeInForceLike | None = None,
        deadline_s: float = ORDER_DEADLINE_S,
    ) -> TradeOrder:
        """Place an order on the account of a bot and in its name, and return the venue's answer.

        The client order id follows from the bot and the request: asked for twice, one order is placed.

        Args:
            user: whose.
            bot: which; it need not run.
            pair: our spelling, `BASE-QUOTE`.
            side: `buy` or `sell`.
            quantity: base quantity; a Decimal, a string or an int, never a float.
            request_id: of the caller.
            price: limit price; None places a market order.
            type: default `limit` with a price, `market` without.
            time_in_force: default `gtc` for a limit order.
            deadline_s: how long to wait for the answer, in seconds.

        Raises:
            BotError: there is no bot of this name, or the terms cannot be.
            BrokerError: no answer: placed or not is unknown, and asking again under the same id is safe.
        """
        spec, _ = await self._specs.read(user, bot)
        if not request_id:
            raise refused(BotOutcome.REFUSED, "request_id is empty: expected an id of the caller's")
        own = OwnOrders(self._bus, spec)
        try:
            request = own.request(
                bot_order(bot, pair, side, quantity, request_id, price, type, time_in_force, deadline_s)
            )
        except (ValueError, TypeError) as error:
            raise refused(BotOutcome.REFUSED, str(error)) from error
        async with self._serving.connected(spec.account, deadline_s / 2):
            return await own.place(request, deadline_s / 2)

    # ---- how

    async def _try(self, spec: BotSpec) -> None:
        try:
            await self._loader.load(
                f"{spec.key} {uuid4().hex}", lambda: self._catalogue.make(spec), spec.strategy
            )
        except ConfigError as error:
            raise refused(BotOutcome.REFUSED, str(error)) from error

    async def _turned(
        self, user: str, bot: str, turn: Turn, expected_revision: int | None, deadline_s: float
    ) -> BotView:
        end_s = _end(deadline_s)
        return await self._viewer.seen(*await self._specs.turned(user, bot, turn, expected_revision), end_s)

    async def _alone_with(
        self, spec: BotSpec, revision: int, end_s: float, act: Callable[[], Awaitable[BotAnswer]]
    ) -> BotAnswer:
        """Act while no host can run the bot."""
        try:
            async with self._seizing.alone_with(spec.key, end_s):
                return await act()
        except StillHeld as error:
            view = await self._viewer.one(spec, revision)
            raise unfinished(f"bot {spec.bot} of {spec.user} is not stopped yet: {error}", view) from error

    async def _finish(self, spec: BotSpec, end_s: float, *, cancel_orders: bool) -> BotAnswer:
        """Cancel the bot's orders, if that is asked for, now that it can place no others."""
        if not cancel_orders:
            return BotAnswer(outcome=BotOutcome.DONE)
        async with self._serving.connected(spec.account, max(0.0, end_s - time.monotonic()) / 2):
            cancelled, uncancelled = await OwnOrders(self._bus, spec).cancel_all(end_s)
        answer = BotAnswer(
            outcome=BotOutcome.DONE, cancelled=tuple(cancelled), uncancelled=tuple(uncancelled)
        )
        if not uncancelled:
            return answer
        reason = f"bot {spec.bot} of {spec.user} is stopped, but not all of its orders are cancelled"
        raise BotError(replace(answer, outcome=BotOutcome.UNFINISHED, reason=reason))


def _turn(desired: Desired, *, barred: Desired, advice: str) -> Turn:
    """Return what has a bot do something, unless it is to do what bars that."""

    def turn(spec: BotSpec) -> Desired:
        if spec.desired is barred:
            raise refused(BotOutcome.REFUSED, f"bot {spec.bot} of {spec.user} is {barred}: {advice}")
        return desired

    return turn


def _end(deadline_s: float) -> float:
    return time.monotonic() + deadline_s
