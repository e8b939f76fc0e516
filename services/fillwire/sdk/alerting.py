"""What a host tells people of its bots: one that does not keep up, and one that could not handle an event."""

import asyncio
import time
from collections.abc import Callable, Iterable

from fillwire.bus.publisher import OrderedPublisher
from fillwire.domain.alert_names import BOT_LAGS, DEAD_LETTER_KEPT
from fillwire.domain.errors import PublishError
from fillwire.domain.events import Alert
from fillwire.runtime.alerting import FIRST_QUIET_S, AlertLimiter
from fillwire.runtime.logs import get_log
from fillwire.runtime.supervision import cancel
from fillwire.sdk.bot import Bot
from fillwire.sdk.running import RunningBot
from fillwire.wire.codec import encode_alert
from fillwire.wire.subjects import alert_subject

_log = get_log(__name__)

LAGS_AFTER_S = 30.0
_LOOK_EVERY_S = 5.0
_S = 1_000_000_000


class BotAlerts:
    """Raises the alerts of one host.

    Args:
        publisher: takes alerts.
        bots: returns the bots that run.
        lags_after_s: an event that waits for so long is a lag, in seconds.
        look_every_s: time between two looks, in seconds.
        first_quiet_s: see `AlertLimiter`; of the dead letters of each bot.
    """

    def __init__(
        self,
        publisher: OrderedPublisher,
        bots: Callable[[], Iterable[RunningBot]],
        *,
        lags_after_s: float = LAGS_AFTER_S,
        look_every_s: float = _LOOK_EVERY_S,
        first_quiet_s: float = FIRST_QUIET_S,
    ) -> None:
        self._publisher = publisher
        self._bots = bots
        self._lags_after_s = lags_after_s
        self._look_every_s = look_every_s
        self._first_quiet_s = first_quiet_s
        self._lagging: set[str] = set()
        self._limiters: dict[str, AlertLimiter] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.get_running_loop().create_task(self._look_now_and_then(), name="bot alerts")

    async def stop(self) -> None:
        """Tell what was held back, and stop. Idempotent."""
        for limiter in self._limiters.values():
            limiter.stop()
        self._limiters.clear()
        await cancel(self._task)

    def note_dead_letter(self, bot: Bot, reason: str) -> None:
        """Tell of an event that a bot could not handle: of the first at once, of further ones seldom and with a count."""
        limiter = self._limiters.get(bot.durable)
        if limiter is None:

            def tell(reason: str) -> None:
                self._tell(bot, DEAD_LETTER_KEPT, reason)

            limiter = self._limiters[bot.durable] = AlertLimiter(tell, first_quiet_s=self._first_quiet_s)
        limiter.raise_(
            DEAD_LETTER_KEPT,
            f"bot {bot.name} could not handle an event, which waits as a dead letter: {reason}; see `fillwire dlq list`",
        )

    async def _look_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._look_every_s)
            try:
                self._look()
            except Exception as error:  # noqa: BLE001 - a mistake of ours must not end the looking
                _log.error("bots_not_looked_at", error=error)

    def _look(self) -> None:
        now_ns = time.time_ns()
        running = list(self._bots())
        self._lagging &= {found.bot.durable for found in running}
        for found in running:
            durable, oldest_ns = found.bot.durable, found.worker.oldest_ns
            waited_s = 0.0 if oldest_ns is None else (now_ns - oldest_ns) / _S
            if waited_s >= self._lags_after_s and durable not in self._lagging:
                self._lagging.add(durable)
                waiting = max(found.worker.waiting_count, found.intake.known_waiting_count or 0)
                self._tell(
                    found.bot,
                    BOT_LAGS,
                    f"an event has waited for bot {found.bot.name} for {waited_s:.0f} s, and {waiting} wait behind it",
                )
            elif waited_s < self._lags_after_s / 2:
                self._lagging.discard(durable)

    def _tell(self, bot: Bot, name: str, reason: str) -> None:
        account, time_ns = bot.account, time.time_ns()
        subject = alert_subject(account, name)
        alert = Alert(
            alert=name,
            user=account.user,
            exchange=account.exchange,
            environment=account.environment,
            reason=reason,
            time_ns=time_ns,
        )
        if name == BOT_LAGS:  # a dead letter has a line of its own in the log
            _log.error(name, bot=bot.name, reason=reason)
        try:
            self._publisher.submit(
                subject, subject, encode_alert(alert), f"{subject}:{bot.durable}:{time_ns}"
            )
        except PublishError as error:
            _log.error("alert_not_published", subject=subject, error=error)
