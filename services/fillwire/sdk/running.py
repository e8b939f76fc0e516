"""One bot of a host: its place in the log, its intake and its worker, brought up and taken down together."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Final

from fillwire.bus.connection import Bus
from fillwire.bus.lookup import newest_message
from fillwire.domain.errors import BrokerError, ConfigError, FillwireError
from fillwire.domain.events import ConnectionEvent
from fillwire.domain.orders import Outcome
from fillwire.runtime.logs import get_log
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.sdk.asking import Asking
from fillwire.sdk.bot import Bot
from fillwire.sdk.bucket_places import INACTIVE_S, BucketPlace
from fillwire.sdk.callbacks import ON_RECONCILED
from fillwire.sdk.causality import ClientOrderIds
from fillwire.sdk.claims import FORGOTTEN_AFTER_S, new_reading
from fillwire.sdk.desk import Desk
from fillwire.sdk.durable_places import DurablePlace
from fillwire.sdk.groups import Group
from fillwire.sdk.host_clerk import HostClerk, forget_checkpoint
from fillwire.sdk.intake import Intake
from fillwire.sdk.live import LiveFeed
from fillwire.sdk.marks import ReadingMark
from fillwire.sdk.places import ACK_WAIT_S, Beginning, Place, filters_of
from fillwire.sdk.positions import PositionBucket, Positions
from fillwire.sdk.shared import SharedReading
from fillwire.sdk.strategy import Strategy
from fillwire.sdk.takeovers import RunsElsewhere, Takeover
from fillwire.sdk.worker import Worker

_log = get_log(__name__)

TAKEOVER_S: Final = 35.0  # a bit more than the pull of a process that died with its machine stays open
_ASK_AGAIN_S: Final = 0.25
_CATCH_UP_DEADLINE_S: Final = 60.0
_CANCEL_DEADLINE_S: Final = 5.0


class RunningBot:
    """Runs one bot. Made by `Host`.

    Args:
        bot: what to run.
        bus: the connection.
        worker: runs its callbacks.
        on_end: called with the worker's error if it ends by itself, which it never should.
        live: where live copies of the bot's events come from; None for the durable alone.
        group: the bots of the process that listen to the same.
        telemetry: traces what the bot asks of the gateway.
        positions: where the broker keeps what the bot has handled.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it brings up and takes down
        self,
        bot: Bot,
        bus: Bus,
        worker: Worker,
        on_end: Callable[[Bot, BaseException], None],
        live: LiveFeed | None,
        group: Group,
        telemetry: FillTelemetry,
        positions: Positions,
    ) -> None:
        self.bot = bot
        self.worker = worker
        self._stream = bus.partitions.stream_of(bot.account.user)
        make_place = DurablePlace if positions == "durable" else BucketPlace
        self._place: Place = make_place(bus, bot, lambda: worker.last_message)
        self.claim = self._place.claim
        self.intake = Intake(
            bot.name, worker, self.claim, group, self._place.make_pull, self._place.make_anew
        )
        self._bus = bus
        self._on_end = on_end
        self._live = live
        self._asking = Asking(telemetry, bot)
        self._opening: asyncio.Task[None] | None = None
        self._group = group
        self._has_run = True
        self._clerk: HostClerk | None = None
        self.is_started = False
        self.has_group = True  # until it has left the bots that listen to the same
        self._catching_up: asyncio.Task[None] | None = None

    @property
    def filters(self) -> tuple[str, ...]:
        """The subjects that the bot listens to."""
        return filters_of(self.bot)

    # ---- life

    async def prepare(self, takeover: Takeover) -> None:
        """Make the bot's place in the log or take it over, so that from now on no event passes the bot by.

        Args:
            takeover: waits for another process that runs the bot.

        Raises:
            ConfigError: another process runs the bot, or the place cannot be made.
            BrokerError: no answer.
        """
        reading = await self._group.reading()
        try:
            beginning = await self._place.prepare(takeover, None if reading is None else reading.position)
        except RunsElsewhere as error:
            raise self._explain(error) from error
        self._has_run = not beginning.was_created
        self._tell_beginning(beginning)

    def _tell_beginning(self, beginning: Beginning) -> None:
        """Say where the bot goes on; a bot that did run before goes on there whatever it was asked for."""
        asked = str(self.bot.start_from)
        if beginning.was_created:
            _log.info("bot_begins", bot=self.bot.name, start_from=asked, waiting=beginning.waiting_count)
            return
        say = _log.info if asked == "now" else _log.warning
        say(
            "bot_resumes",
            bot=self.bot.name,
            after_sequence=beginning.after_sequence,
            waiting=beginning.waiting_count,
            reason=f"it ran before; start_from {asked} is for a bot that never did",
        )

    async def start(self) -> None:
        """Begin to read, run `on_start`, then hand the events out.

        Raises:
            HandlerError: `on_start` raised each time it was called.
            ConfigError: another process has taken the bot over meanwhile.
            BrokerError: no answer.
        """
        bot = self.bot
        if isinstance(bot.listener, Strategy):
            ids = ClientOrderIds(bot.name, str(bot.account), uuid.uuid4().hex)
            self._clerk = HostClerk(
                self._bus, self._stream, bot, has_run=self._has_run, wake=self.worker.wake
            )
            bot.listener._trading = Desk(self._bus, bot.account, ids, self._asking)  # noqa: SLF001 - the host is the strategy's other half
            bot.listener._clerk = self._clerk  # noqa: SLF001 - as above
        # Reading first: nobody takes over what is read, however long `on_start` goes on. What comes waits meanwhile.
        await self.intake.open()
        if not await self.claim.is_ours():
            raise self._explain(RunsElsewhere())
        task = await self.worker.start()
        task.add_done_callback(self._note_end)
        if self._live is not None:
            await self._live.add(self.filters, self.worker.take_live)
            self.reopen_lane()
        self.is_started = True

    def _explain(self, error: RunsElsewhere) -> ConfigError:
        return ConfigError(f"bot {self.bot.name} of {self.bot.account.user}: {error}")

    async def stop(self, deadline_s: float, *, is_moving: bool = False) -> None:
        """Finish the event in hand, run `on_stop`, leave; what takes longer than the deadline is cancelled.

        Args:
            deadline_s: in seconds.
            is_moving: the bot goes on elsewhere, and with it its orders: none is cancelled.
        """
        for task in (self._catching_up, self._opening):
            if task is not None:
                task.cancel()
        try:
            await self.worker.stop(deadline_s)
            if not is_moving:
                await self._cancel_orders(deadline_s)
        finally:
            if self._clerk is not None:
                self._clerk.close()
            if self._live is not None:
                await self._live.remove(self.filters, self.worker.take_live)
            await self.intake.close()
            await self._place.close()
            if isinstance(self.bot.listener, Strategy):
                self.bot.listener._trading = None  # noqa: SLF001 - the host is the strategy's other half
                self.bot.listener._clerk = None  # noqa: SLF001 - as above

    async def _cancel_orders(self, deadline_s: float) -> None:
        """Cancel what the bot has open, if it is to leave nothing behind; what cannot be cancelled is told."""
        strategy = self.bot.listener
        if not isinstance(strategy, Strategy) or not strategy.cancel_orders_on_stop or self._clerk is None:
            return
        pairs = self.bot.pairs or (None,)
        try:
            async with asyncio.timeout(max(_CANCEL_DEADLINE_S, deadline_s)):
                if not await self.claim.is_ours():
                    return  # the open orders are those of the process that runs the bot now
                answers = [answer for pair in pairs for answer in await strategy.cancel_own_orders(pair)]
        except (TimeoutError, FillwireError) as error:
            _log.error("orders_left_open", bot=self.bot.name, error=error)
            return
        for answer in answers:
            if answer.outcome is not Outcome.ACCEPTED:
                _log.warning(
                    "order_left_open",
                    bot=self.bot.name,
                    client_order_id=answer.client_order_id,
                    outcome=answer.outcome,
                    reason=answer.reason,
                )

    async def hold(self) -> None:
        """Let the bot rest until `release`: it is told of nothing, and its durable keeps its place.

        Returns when the callback in hand has returned.
        """
        self.close_lane()
        await self.worker.hold()
        self.intake.rest()

    def release(self) -> None:
        """Let the bot go on where it rested."""
        self.worker.release()
        self.reopen_lane()

    async def forget(self) -> None:
        """Delete the place and the checkpoint, so that the bot begins anew when it runs again.

        Raises:
            BrokerError: no answer, or not allowed.
        """
        await self._place.forget()
        await forget_checkpoint(self._bus, self.bot.account, self.bot.name)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_end(self.bot, error)

    # ---- the connection

    def tell(self, event: ConnectionEvent, names: tuple[str, ...]) -> None:
        """Hand on a connection event; that it is reconciled, when the bot has caught up."""
        at_once = tuple(name for name in names if name != ON_RECONCILED)
        if at_once:
            self.worker.tell(event, at_once)
        if ON_RECONCILED in names and ON_RECONCILED in self.bot.callbacks.named:
            if self._catching_up is not None:
                self._catching_up.cancel()
            self._catching_up = asyncio.get_running_loop().create_task(
                self._catch_up(event), name=f"catch up {self.bot.durable}"
            )

    async def _catch_up(self, event: ConnectionEvent) -> None:
        """Say `reconciled` once the bot has handled every event that was in the stream when the gateway said so.

        The gateway says so only after the stream has what it had missed.
        """
        if await self._handle_what_is_stored():
            self.worker.tell(event, (ON_RECONCILED,))

    # ---- the fast lane

    def close_lane(self) -> None:
        """Use no live copies: the connection is lost, so some will be missing."""
        self.worker.lane.is_open = False
        if self._opening is not None:
            self._opening.cancel()

    def reopen_lane(self) -> None:
        """Use live copies again as soon as the durable has delivered what was stored while they may have been missing."""
        if self._live is not None:
            self.close_lane()
            self._opening = asyncio.get_running_loop().create_task(
                self._open_lane(), name=f"open lane {self.bot.durable}"
            )

    async def _open_lane(self) -> None:
        # A round trip: the subscriptions are in place again.
        while not await self._bus.is_healthy():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(_ASK_AGAIN_S)
        while not await self._handle_what_is_stored():
            pass
        self.worker.lane.is_open = True

    async def _handle_what_is_stored(self) -> bool:
        """Wait until the bot has handled every event that is in the stream now; return False if that takes too long."""
        goal: int | None = None
        try:
            async with asyncio.timeout(_CATCH_UP_DEADLINE_S):
                while True:
                    try:
                        if goal is None:
                            goal = await self._newest_sequence()
                        if await self.intake.has_done(goal):
                            return True
                    except BrokerError:
                        await asyncio.sleep(_ASK_AGAIN_S)
                        continue
                    await asyncio.sleep(_ASK_AGAIN_S / 10)
        except TimeoutError:
            _log.warning("bot_lags", bot=self.bot.name, waiting=self.worker.waiting_count)
            return False

    async def _newest_sequence(self) -> int:
        """Return the place of the newest event for the bot; the durable's own replica may not have it yet."""
        shared = await self.intake.newest_sequence()
        if shared is not None:
            return shared
        newest = [await newest_message(self._bus, self._stream, subject) for subject in self.filters]
        return max(0 if message is None else message.sequence for message in newest)


def make_reading(bus: Bus, bot: Bot, positions: Positions) -> SharedReading:
    """Return a reading, not started yet, for bots that listen to what this one does."""
    user = bot.account.user
    name = new_reading(user)
    is_in_bucket = positions == "bucket"
    return SharedReading(
        bus,
        bus.partitions.stream_of(user),
        name,
        filters_of(bot),
        ack_wait_s=ACK_WAIT_S,
        inactive_threshold_s=INACTIVE_S if is_in_bucket else FORGOTTEN_AFTER_S,
        mark=ReadingMark(PositionBucket(bus), user, name) if is_in_bucket else None,
    )
