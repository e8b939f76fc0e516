"""Runs many bots in one process, each at its own pace."""

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Self

from fillwire.bus import api
from fillwire.bus.buckets import POSITIONS, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.credentials import JETSTREAM_API
from fillwire.bus.errors import ApiRefused
from fillwire.bus.publisher import OrderedPublisher
from fillwire.bus.streams import ensure_streams
from fillwire.domain.bots import BotState
from fillwire.domain.errors import BrokerError, ConfigError, FillwireError
from fillwire.domain.identifiers import Account
from fillwire.runtime.logs import get_log
from fillwire.runtime.telemetry import FillTelemetry
from fillwire.sdk.alerting import BotAlerts
from fillwire.sdk.bot import ALL_PAIRS, Bot
from fillwire.sdk.coalescing import Coalesced
from fillwire.sdk.connections import Connections
from fillwire.sdk.dead_letters import DeadLetters
from fillwire.sdk.decoding import Decoder
from fillwire.sdk.desired import Wishes
from fillwire.sdk.groups import Group
from fillwire.sdk.live import LiveFeed
from fillwire.sdk.measuring import HostMeasures
from fillwire.sdk.observing import observer
from fillwire.sdk.places import SENT_AHEAD, filters_of
from fillwire.sdk.positions import Positions
from fillwire.sdk.recalling import Calls, Recall
from fillwire.sdk.retrying import RetryPolicy
from fillwire.sdk.running import TAKEOVER_S, RunningBot, make_reading
from fillwire.sdk.slots import Slots
from fillwire.sdk.statuses import BotStatuses
from fillwire.sdk.sweeping import Sweep
from fillwire.sdk.takeovers import Takeover
from fillwire.sdk.worker import Worker

_log = get_log(__name__)

STOP_DEADLINE_S = 10.0
GUARD_INTERVAL_S = 10.0
STARTS = 8  # ten thousand bots that ask the broker at once are not answered within a request's deadline
SLOT_S = 3.0


class HostFailed(FillwireError):
    """A part of the host ended that must not; the cause is chained."""


class Host:
    """Runs bots on one connection to the broker: `async with Host(bus) as host: await host.add(bot)`.

    Each bot has a place in the log and a worker of its own, so that a slow or failing bot holds up nobody.
    Leaving the context stops all bots in order.

    Args:
        bus: the connection; it stays open when the host ends.
        telemetry: counts and traces every fill; None for one that only counts.
        retry: for callbacks that raise.
        subscriber: name of this process in the desired state; None for one made of host name and process id.
        replicas: of streams and buckets, should this process be the first to need them.
        fast_lane: tell bots of an event from its live copy where it is proven to be the next of its order: sooner,
            and also while the stream's leader changes; see `lane`. Costs a second delivery of each event.
        on_end: called when a bot has ended that nobody stopped, with the reason; None has the whole host fail by it.
        may_act: asked before each event whether the bots are certainly this process's; while they are not, they are told
            of nothing. None where each bot runs in one process only.
        is_managed: whether somebody else says what the bots do; otherwise the host says it itself, see `statuses`.
        positions: where the broker keeps what bots have handled. A bot is found in either place.
        starts: bots that are started at once, however many are added; the others wait their turn.
        slot_s: one that takes longer to start makes room for others, and goes on, in seconds.

    Raises:
        ConfigError: positions in the bucket are wanted in a tenant's account, which has none.
    """

    def __init__(  # noqa: PLR0913 - all but the connection have a default
        self,
        bus: Bus,
        *,
        telemetry: FillTelemetry | None = None,
        retry: RetryPolicy | None = None,
        subscriber: str | None = None,
        replicas: int = 1,
        fast_lane: bool = False,
        on_end: Callable[[Bot, BaseException], None] | None = None,
        may_act: Callable[[], bool] | None = None,
        is_managed: bool = False,
        positions: Positions = "durable",
        starts: int = STARTS,
        slot_s: float = SLOT_S,
    ) -> None:
        if positions == "bucket" and bus.api_prefix != JETSTREAM_API:
            raise ConfigError(
                f"nats.positions is 'bucket', but JetStream is at {bus.api_prefix}, as in a tenant's account: expected 'durable'"
            )
        self.bus = bus
        self._positions = positions
        self.telemetry = telemetry or FillTelemetry.start("fillwire-host", "", sample_ratio=0.0)
        self.connections = Connections(bus)
        self._retry = retry or RetryPolicy()
        self._replicas = replicas
        self._on_end = on_end
        self._may_act = may_act
        self._slots = Slots(starts, slot_s)
        name = subscriber or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        calls = Calls()
        self._recall = Recall(bus, name, calls)
        self._observe = observer(self.telemetry, calls)
        self._decoder = Decoder()
        self._publisher = OrderedPublisher(bus)
        self._alerts = BotAlerts(self._publisher, self._all_running)
        self._letters = DeadLetters(self._publisher, self._alerts.note_dead_letter)
        self._wishes = Wishes(bus, name)
        self._saying: dict[Account, Coalesced[None]] = {}
        self._live = LiveFeed(bus) if fast_lane else None
        self._running: dict[str, RunningBot] = {}
        self._statuses = None if is_managed else BotStatuses(bus, name, lambda: self._running)
        self._groups: dict[tuple[str, ...], Group] = {}  # by what its bots listen to
        self._sweep = Sweep(bus)
        self._failed: asyncio.Future[None] | None = None
        self._guard: asyncio.Task[None] | None = None
        self._guard_nudge = asyncio.Event()
        self._measures = HostMeasures(bus, self._publisher, self._all_running)

    async def __aenter__(self) -> Self:
        self._failed = asyncio.get_running_loop().create_future()
        if self._positions == "bucket":
            await ensure_buckets(self.bus, self._replicas, (POSITIONS,))
        await self._publisher.start()
        self._wishes.start()
        if self._statuses is not None:
            self._statuses.start()
        self.bus.on_reconnected(self._handle_reconnected)
        self.bus.on_disconnected(self._handle_disconnected)
        self._guard = asyncio.create_task(self._guard_claims(), name="claims")
        self.telemetry.metrics.add(self._measures)
        self._alerts.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self, deadline_s: float = STOP_DEADLINE_S) -> None:
        """Stop all bots at once: each finishes the event in hand and runs `on_stop`, or is cancelled at the deadline."""
        self.bus.off_reconnected(self._handle_reconnected)
        self.bus.off_disconnected(self._handle_disconnected)
        self.telemetry.metrics.remove(self._measures)
        if self._guard is not None:
            self._guard.cancel()
            await asyncio.gather(self._guard, return_exceptions=True)
        running, self._running = list(self._running.values()), {}
        try:
            await asyncio.gather(*(self._leave(bot, deadline_s) for bot in running))
        finally:
            await self._wishes.stop()
            if self._statuses is not None:
                await self._statuses.stop()
            await self._sweep.stop()
            await self._alerts.stop()
            await self._publisher.close(deadline_s=2.0)
            if self._failed is not None and not self._failed.done():
                self._failed.cancel()

    @property
    def bots(self) -> Mapping[str, RunningBot]:
        """The bots that run, by the names of their durables."""
        return self._running

    async def add(self, bot: Bot, *, takeover_s: float = TAKEOVER_S) -> RunningBot:
        """Start a bot and return it once its events can come; of many that are added at once some begin, and others wait.

        Args:
            bot: see `bot_of` and `make_bot`.
            takeover_s: how long another process that runs the bot has to end, in seconds.

        Raises:
            ConfigError: the bot runs already, here or elsewhere, its consumer cannot be made, or it was removed meanwhile.
            HandlerError: its `on_start` raised each time it was called.
            BrokerError: the broker is away.
        """
        if bot.durable in self._running:
            raise ConfigError(f"bot {bot.name} of {bot.account.user} runs already: expected another name")
        worker = Worker(
            bot,
            decoder=self._decoder,
            letters=self._letters,
            observe=self._observe,
            retry=self._retry,
            capacity=SENT_AHEAD,
            may_act=self._may_act,
        )
        group = self._groups.setdefault(
            filters_of(bot), Group(lambda: make_reading(self.bus, bot, self._positions))
        )
        group.enter()
        running = RunningBot(
            bot, self.bus, worker, self._note_end, self._live, group, self.telemetry, self._positions
        )
        self._running[bot.durable] = running
        self._say(bot, BotState.STARTING)
        try:
            await self._slots.run(lambda turn: self._begin(running, Takeover(takeover_s, turn.rest)))
        except BaseException:
            if self._running.get(bot.durable) is running:
                del self._running[bot.durable]
            await self._leave(running, deadline_s=0.0)
            await self._want(bot.account)
            raise
        if running.claim.left_reading is not None:
            self._sweep.note(running.claim.left_reading)
        self._say(bot, BotState.RUNNING)
        _log.info("bot_started", bot=bot.name, account=str(bot.account), pairs=list(bot.pairs))
        return running

    async def _begin(self, running: RunningBot, takeover: Takeover) -> None:
        bot = running.bot
        self._require(running)  # it waited for its turn
        await self._with_streams(lambda: running.prepare(takeover))
        await self._recall.enter(bot.account.user, bot.durable)
        await self._want(bot.account)
        self._require(running)
        await running.start()
        await self._with_streams(lambda: self.connections.follow(bot.account, running.tell))
        self._require(running)

    async def remove(
        self, bot: Bot, *, deadline_s: float = STOP_DEADLINE_S, forget: bool = False, is_moving: bool = False
    ) -> None:
        """Stop a bot; it resumes where it stopped when it is added again.

        Args:
            bot: one that runs; otherwise nothing happens.
            deadline_s: what the bot has in hand is cancelled after so long, in seconds.
            forget: delete its place in the log, so that it would begin anew.
            is_moving: another host has it from now on: whatever it says of its orders, these stay open.

        Raises:
            BrokerError: the place cannot be deleted.
        """
        running = self._running.pop(bot.durable, None)
        if running is None:
            return
        try:
            await self._leave(running, deadline_s, is_moving=is_moving)
        finally:
            await self._want(bot.account)
        if forget:
            await running.forget()

    def _require(self, running: RunningBot) -> None:
        """Raise if a bot that begins was removed meanwhile: it would run, and nobody could stop it."""
        if self._running.get(running.bot.durable) is not running:
            raise ConfigError(
                f"bot {running.bot.name} of {running.bot.account.user} was stopped before it ran"
            )

    def _say(self, bot: Bot, state: BotState, error: str | None = None) -> None:
        if self._statuses is not None:
            self._statuses.say(bot, state, error)

    def _all_running(self) -> list[RunningBot]:
        return list(self._running.values())

    def bots_obstacle(self) -> str | None:
        """Return how many bots have not begun yet, None if all have: what keeps the host from being ready."""
        waiting = sum(not running.is_started for running in self._running.values())
        return f"{waiting} of {len(self._running)} bots have not begun yet" if waiting else None

    async def failed(self) -> None:
        """Wait for ever, unless a part of the host ends that must not.

        Raises:
            HostFailed: that happened; a person must look at the chained error.
        """
        if self._failed is None:
            raise RuntimeError("the host has not been entered: expected async with")
        await asyncio.shield(self._failed)

    async def _with_streams(self, act: Callable[[], Awaitable[None]]) -> None:
        """Act; if streams or buckets are missing, we are the first on this broker: make what everybody needs."""
        try:
            await act()
        except (ConfigError, ApiRefused) as error:
            cause = error if isinstance(error, ApiRefused) else error.__cause__
            if not isinstance(cause, ApiRefused) or cause.error_code != api.STREAM_NOT_FOUND:
                raise
            await ensure_streams(self.bus, self._replicas)
            await ensure_buckets(self.bus, self._replicas)
            await act()

    async def _leave(self, running: RunningBot, deadline_s: float, *, is_moving: bool = False) -> None:
        bot = running.bot
        try:
            await self.connections.unfollow(bot.account, running.tell)
            await running.stop(deadline_s, is_moving=is_moving)
        finally:
            await self._recall.leave(bot.account.user, bot.durable)
            if self._statuses is not None:
                await self._statuses.end(bot)
            if running.has_group:
                running.has_group = False
                group = self._groups[running.filters]
                if group.leave():
                    del self._groups[running.filters]  # at once: who comes meanwhile begins another
                    await group.close()

    async def _want(self, account: Account) -> None:
        """Say what all bots of the account want, once for all that come and go at the same time."""
        say = self._saying.get(account)
        if say is None:
            say = self._saying[account] = Coalesced(lambda: self._say_wanted(account))
        await say()

    async def _say_wanted(self, account: Account) -> None:
        self._decoder.is_remembering = len(self._running) > 1 or self._live is not None
        bots = [running.bot for running in self._running.values() if running.bot.account == account]
        pairs = {pair for bot in bots for pair in bot.pairs or (ALL_PAIRS,)}
        await self._wishes.want(account, pairs, len(bots))

    def _handle_disconnected(self) -> None:
        for running in self._running.values():
            running.close_lane()

    async def _handle_reconnected(self) -> None:
        self._guard_nudge.set()
        for running in self._running.values():
            if running.is_started:  # the others do so when they are
                running.reopen_lane()

    async def _guard_claims(self) -> None:
        """Let go of bots that another process has taken over while we were cut off."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GUARD_INTERVAL_S):
                    await self._guard_nudge.wait()
            self._guard_nudge.clear()
            for running in list(self._running.values()):
                if not running.is_started:  # it may still wait for the process that has claimed it
                    continue
                try:
                    is_ours = await running.claim.is_ours()
                except BrokerError:
                    continue  # nobody can know; the next round will
                if not is_ours and self._running.get(running.bot.durable) is running:
                    await self.remove(running.bot, deadline_s=0.0)
                    self._note_end(running.bot, ConfigError("another process has taken it over"))

    def _note_end(self, bot: Bot, error: BaseException) -> None:
        failure = HostFailed(f"bot {bot.name} of {bot.account.user} has ended: {error}")
        failure.__cause__ = error
        _log.error("bot_ended", bot=bot.name, error=failure)
        self._say(bot, BotState.FAILED, str(error))
        if self._on_end is not None:
            self._on_end(bot, error)
        elif self._failed is not None and not self._failed.done():
            self._failed.set_exception(failure)
