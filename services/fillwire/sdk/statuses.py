"""What the bots of a host without a manager do, said where the hosts of managed bots say it, so that people see both."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Final

from fillwire.bus.buckets import BOT_STATUS, Bucket
from fillwire.bus.connection import Bus
from fillwire.domain.bots import BotState, BotStatus, bot_key
from fillwire.runtime.supervision import Supervisor
from fillwire.sdk.bot import Bot
from fillwire.sdk.reports import Reports
from fillwire.sdk.running import RunningBot

REPORT_S: Final = 20.0
_END_DEADLINE_S: Final = 2.0
_UNMANAGED: Final = ""  # in the place of a creation


class BotStatuses:
    """Says it at each change, and again before it expires. A bot's running never waits for that, nor fails by it.

    Args:
        bus: the connection.
        host: name of this one.
        running: returns the bots that run, by the names of their durables.
        every_s: between two reports of a bot that does what it did, in seconds.
    """

    def __init__(
        self,
        bus: Bus,
        host: str,
        running: Callable[[], Mapping[str, RunningBot]],
        every_s: float = REPORT_S,
    ) -> None:
        self._bus = bus
        self._host = host
        self._running = running
        self._durables: dict[str, str] = {}
        self._states: dict[str, BotState] = {}
        self._reports = Reports(Bucket(bus, BOT_STATUS), every_s, self._waiting_count)
        self._supervisor: Supervisor | None = None

    def start(self) -> None:
        """Begin to write."""
        self._supervisor = Supervisor()
        self._reports.start(self._supervisor)

    async def stop(self) -> None:
        """End; what was said of bots that failed expires."""
        await self._reports.stop()
        if self._supervisor is not None:
            self._supervisor.close()

    def say(self, bot: Bot, state: BotState, error: str | None = None) -> None:
        """Have it written that a bot does this from now on."""
        now_ns = time.time_ns()
        account = bot.account
        key = bot_key(account.user, bot.name)
        self._durables[key] = bot.durable
        self._states[key] = state
        self._reports.say(
            BotStatus(
                user=account.user,
                bot=bot.name,
                creation=_UNMANAGED,
                revision=0,
                state=state,
                host=self._host,
                since_ns=now_ns,
                error=error,
                restart_count=0,
                waiting_count=self._known_count(key),
                time_ns=now_ns,
                strategy=type(bot.listener).__name__,
                exchange=account.exchange,
                environment=account.environment,
                pairs=bot.pairs,
            )
        )

    async def end(self, bot: Bot) -> None:
        """Take back what was said of a bot that is stopped; that one has failed is left to be seen until it expires."""
        key = bot_key(bot.account.user, bot.name)
        self._durables.pop(key, None)
        if self._states.pop(key, None) is BotState.FAILED:
            return
        if not self._bus.is_connected:
            self._reports.forget(key)
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_DEADLINE_S):
                await self._reports.take_back(key)

    async def _waiting_count(self, key: str) -> int | None:
        return self._known_count(key)

    def _known_count(self, key: str) -> int | None:
        running = self._running().get(self._durables.get(key, ""))
        if running is None or (known := running.intake.known_waiting_count) is None:
            return None
        return max(known, running.worker.waiting_count)
