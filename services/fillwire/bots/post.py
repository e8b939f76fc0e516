"""One bot at this host: taken, made, started, held, started again after a failure, stopped and let go of, in order."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from fillwire.bots.catalogue import Catalogue
from fillwire.bots.loader import Loader
from fillwire.bots.policy import HostPolicy
from fillwire.bus.holdings import Holdings
from fillwire.domain.bots import BotSpec, BotState, BotStatus, Desired
from fillwire.domain.errors import BrokerError, HandlerError
from fillwire.runtime.backoff import Backoff
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import cancel
from fillwire.sdk.bot import Bot
from fillwire.sdk.host import Host
from fillwire.sdk.loading import explain_start
from fillwire.sdk.reports import Reports
from fillwire.sdk.slots import Slots

if TYPE_CHECKING:
    from fillwire.sdk.running import RunningBot

_log = get_log(__name__)

# A bot that has run for so long is well: the next failure is its first.
_WELL_S = 60.0
_ABANDON_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all bots of a host share.

    Attributes:
        host: runs them.
        name: of the host.
        holdings: which bots are ours.
        catalogue: makes them.
        policy: times.
        reports: says what they do.
        random: source of jitter.
        loader: imports their code.
        loading: bounds how much code is imported at once.
    """

    host: Host
    name: str
    holdings: Holdings
    catalogue: Catalogue
    policy: HostPolicy
    reports: Reports
    random: Random
    loader: Loader
    loading: Slots


class Post:
    """Leads one bot. Whatever the bot does, it ends nothing but itself.

    Args:
        around: what all bots of the host share.
        spec: what the bot is to be and do.
        revision: of the spec.
    """

    def __init__(self, around: Surroundings, spec: BotSpec, revision: int) -> None:
        self.key = spec.key
        self._around = around
        self._spec = spec
        self._revision = revision
        self._fence: int | None = None
        self._bot: Bot | None = None
        self._made_of: BotSpec | None = None
        self._running: RunningBot | None = None
        self._state: BotState | None = None
        self._since_ns = 0
        self._said: tuple[object, ...] = ()
        self._error: str | None = None
        self._restarts = 0
        self._failure: BaseException | None = None
        self._began_s = 0.0
        self._retry_at_s = 0.0
        initial_s, most_s = around.policy.retry_s
        self._backoff = Backoff(
            initial_delay_s=initial_s,
            max_delay_s=most_s,
            multiplier=2,
            max_retries=None,
            random=around.random,
        )
        self._is_trusted = True
        self._leaving: Callable[[], Awaitable[None]] | None = None
        self._wake = asyncio.Event()
        self._interrupt = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # ---- what it is told

    def start(self, on_ended: Callable[["Post"], None]) -> None:
        """Begin; `on_ended` is called when the bot was let go of, or was another's."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"post {self.key}")
        self._task.add_done_callback(lambda _: on_ended(self))

    def update(self, spec: BotSpec, revision: int) -> None:
        """Take what the bot is to be and do from now on."""
        if revision == self._revision:
            return
        self._spec, self._revision = spec, revision
        if spec.desired is not Desired.RUNNING or (
            self._made_of and _essence(spec) != _essence(self._made_of)
        ):
            self._interrupt.set()
        self._wake.set()

    def trust(self, is_trusted: bool) -> None:
        """Let the bot act, or hold it while it is not certain that it is ours."""
        if is_trusted != self._is_trusted:
            self._is_trusted = is_trusted
            self._wake.set()

    def heed_hold(self) -> None:
        """Look whether the bot is held as it is to be: it is held also by itself, where its session had lapsed by the clock.

        The answer to a renewal may come after that, and then nothing else tells that the session was never lost.
        """
        if self._running is not None and self._running.worker.is_held is not self._is_to_rest:
            self._wake.set()

    def note_failure(self, error: BaseException) -> None:
        """Note that the bot has ended by itself."""
        self._failure = error
        self._wake.set()

    def leave(self, *, is_final: bool, is_moving: bool = False) -> None:
        """Stop the bot in order, and let others have it.

        Args:
            is_final: whether it is to run nowhere.
            is_moving: whether another host is there to have it; its orders stay open then.
        """
        self._go(lambda: self._let_go(is_final=is_final, is_moving=is_moving))

    def abandon(self) -> None:
        """Stop the bot at once: it may be another's already."""
        self._go(self._drop)

    def _go(self, leaving: Callable[[], Awaitable[None]]) -> None:
        if self._leaving is None or leaving == self._drop:
            self._leaving = leaving
        self._interrupt.set()
        self._wake.set()

    @property
    def is_leaving(self) -> bool:
        """Whether it was told to leave."""
        return self._leaving is not None

    @property
    def has_it(self) -> bool:
        """Whether the bot is held by us, and nobody was seen to take it."""
        return self._fence is None or self._around.holdings.has(self.key, self._fence)

    @property
    def is_settled(self) -> bool:
        """Whether the bot is neither being taken nor being started."""
        return self._state not in {None, BotState.STARTING}

    @property
    def _is_to_rest(self) -> bool:
        return self._spec.desired is not Desired.RUNNING or not self._is_trusted

    def runs(self, bot: Bot) -> bool:
        """Return whether this is the bot that is led here."""
        return self._bot is bot

    async def ended(self) -> None:
        """Wait until the bot was let go of."""
        if self._task is not None:
            await asyncio.wait({self._task})

    async def waiting_count(self) -> int | None:
        """Return how many events of the log the bot has not handled yet; None if that is not known."""
        if self._running is None:
            return None
        try:
            return await self._running.intake.waiting_count()
        except BrokerError:
            return None

    # ---- what it does

    async def _run(self) -> None:
        try:
            self._fence = await self._around.holdings.take(self.key)
        except BrokerError as error:
            _log.warning("bot_not_taken", key=self.key, error=error)
        if self._fence is None:
            return
        _log.info("bot_taken", bot=self._spec.bot, user=self._spec.user, fence=self._fence)
        while self._leaving is None:
            self._wake.clear()
            self._interrupt.clear()
            try:
                await self._step()
            except Exception as error:  # noqa: BLE001 - a mistake of ours or the bot's must not end the post, or the host
                await self._fail(error)
            if self._leaving is None:
                await self._wait()
        try:
            await self._leaving()
        except Exception as error:  # noqa: BLE001 - the post ends in any case
            _log.error("bot_not_let_go", key=self.key, error=error)

    async def _wait(self) -> None:
        wait_s = None
        if self._running is None and self._is_trusted and self._spec.desired is Desired.RUNNING:
            wait_s = max(0.0, self._retry_at_s - asyncio.get_running_loop().time())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()

    async def _step(self) -> None:
        """Do the next thing on the way to what is asked for."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            await self._fail(failure)
            return
        if self._made_of is not None and _essence(self._made_of) != _essence(self._spec):
            await self._end_bot(self._around.policy.stop_s)
            self._made_of = None
            self._retry_at_s = 0.0
            self._backoff.reset()
        if self._running is None and self._bot is not None:
            # Interrupted in the very moment in which it had begun, it runs all the same.
            await self._end_bot(self._around.policy.stop_s)
        if self._running is not None:
            is_to_rest = self._is_to_rest
            if is_to_rest and not self._running.worker.is_held:
                await self._uninterrupted(self._running.hold())
            elif not is_to_rest and self._running.worker.is_held:
                self._running.release()
            self._say(BotState.PAUSED if self._spec.desired is Desired.PAUSED else BotState.RUNNING)
        elif self._spec.desired is Desired.PAUSED:
            self._say(BotState.PAUSED)
        elif self._is_trusted and asyncio.get_running_loop().time() >= self._retry_at_s:
            await self._begin()

    async def _begin(self) -> None:
        if self._state is BotState.FAILED:
            self._restarts += 1
        self._made_of = self._spec
        self._say(BotState.STARTING)
        if await self._uninterrupted(self._make_and_add()):
            self._began_s = asyncio.get_running_loop().time()
            self._wake.set()  # what was asked meanwhile
            self._say(BotState.RUNNING)

    async def _make_and_add(self) -> None:
        around, spec = self._around, self._spec
        bot = self._bot = await around.loading.run(
            lambda _: around.loader.load(self.key, lambda: around.catalogue.make(spec), spec.strategy)
        )
        try:
            self._running = await around.host.add(bot, takeover_s=around.policy.takeover_s)
        except HandlerError as error:
            raise explain_start(bot, error) from error

    async def _uninterrupted(self, work: Awaitable[None]) -> bool:
        """Do something unless something else is asked for meanwhile, which cancels it; return whether it was done."""
        doing = asyncio.ensure_future(work)
        interrupted = asyncio.ensure_future(self._interrupt.wait())
        try:
            await asyncio.wait({doing, interrupted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            interrupted.cancel()
            if not doing.done():
                await cancel(doing)
        if doing.cancelled():
            return False
        await doing
        return True

    async def _fail(self, error: BaseException) -> None:
        """Take the bot down and say why; it is started again later."""
        loop = asyncio.get_running_loop()
        if self._began_s and loop.time() - self._began_s > _WELL_S:
            self._backoff.reset()
        self._began_s = 0.0
        await self._end_bot(_ABANDON_S)
        self._error = " ".join(str(error).split()) or type(error).__name__
        self._retry_at_s = loop.time() + (self._backoff.next_delay_s() or 0.0)
        _log.error("bot_failed", bot=self._spec.bot, user=self._spec.user, reason=self._error)
        self._say(BotState.FAILED)

    async def _end_bot(self, deadline_s: float, *, is_moving: bool = False) -> None:
        bot, self._bot, self._running = self._bot, None, None
        if bot is not None:
            try:
                await self._around.host.remove(bot, deadline_s=deadline_s, is_moving=is_moving)
            except BrokerError as error:
                _log.warning("bot_left_without_broker", bot=bot.name, error=error)

    async def _let_go(self, *, is_final: bool, is_moving: bool) -> None:
        assert self._fence is not None  # noqa: S101 - it was taken
        if self._bot is not None:
            self._say(BotState.STOPPING)
        await self._end_bot(self._around.policy.stop_s, is_moving=is_moving)
        if not self.has_it:
            self._around.reports.forget(self.key)
            return
        if is_final:
            await self._around.reports.say_last(self._status(BotState.STOPPED))
        else:
            self._around.reports.forget(self.key)
        try:
            await self._around.holdings.give(self.key, self._fence)
        except BrokerError as error:  # another takes it when our session has ended
            _log.warning("bot_not_given", key=self.key, error=error)

    async def _drop(self) -> None:
        self._around.reports.forget(self.key)
        await self._end_bot(_ABANDON_S, is_moving=True)

    # ---- what it says

    def _say(self, state: BotState) -> None:
        said = (state, self._revision, self._error, self._restarts)
        if said != self._said:
            self._said = said
            self._around.reports.say(self._status(state))

    def _status(self, state: BotState) -> BotStatus:
        if state is not self._state:
            self._state = state
            self._since_ns = time.time_ns()
        return BotStatus(
            user=self._spec.user,
            bot=self._spec.bot,
            creation=self._spec.creation,
            revision=self._revision,
            state=state,
            host=self._around.name,
            since_ns=self._since_ns,
            error=self._error,
            restart_count=self._restarts,
            waiting_count=None,
            time_ns=self._since_ns,
        )


def _essence(spec: BotSpec) -> BotSpec:
    """Return what a bot is made of: all but what it is to do."""
    return replace(spec, desired=Desired.RUNNING, changed_ns=0)
