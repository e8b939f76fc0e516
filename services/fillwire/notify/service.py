"""The service: follows the stream of alerts, and tells the receiver each until it is taken or too old."""

import asyncio
import contextlib
from dataclasses import dataclass
from random import Random
from types import TracebackType
from typing import Final, Self

from fillwire.bus.connection import Bus
from fillwire.bus.consumer import PullLoop
from fillwire.bus.durables import ensure_consumer
from fillwire.bus.messages import Message
from fillwire.bus.streams import ensure_streams
from fillwire.domain.errors import DecodeError
from fillwire.notify.outbox import Notification, Outbox
from fillwire.notify.webhook import NotTaken, Webhook
from fillwire.runtime import metric_names as names
from fillwire.runtime.logs import get_log
from fillwire.runtime.metrics import Measures
from fillwire.runtime.settings import NotifySettings
from fillwire.runtime.supervision import Supervisor, cancel
from fillwire.wire.codec import decode_alert
from fillwire.wire.subjects import ALERTS

_log = get_log(__name__)

STREAM: Final = "ALERTS"
DURABLE: Final = "notify"
_FORGOTTEN_AFTER_S: Final = 30 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifyPolicy:
    """How long things take, in seconds.

    Attributes:
        quiet_s: see `Outbox`.
        deadline_s: see `Outbox`.
        retry_first_s: ceiling of the wait after the first failure; it doubles.
        retry_max_s: longest wait.
        capacity: notifications that wait at most; then alerts wait in the stream.
    """

    quiet_s: float = 300.0
    deadline_s: float = 900.0
    retry_first_s: float = 1.0
    retry_max_s: float = 60.0
    capacity: int = 1000

    @classmethod
    def of(cls, settings: NotifySettings) -> "NotifyPolicy":
        """Return what the settings say."""
        return cls(
            quiet_s=settings.quiet_ms / 1e3, deadline_s=settings.deadline_ms / 1e3, capacity=settings.capacity
        )


class Notifier:
    """Tells of every alert that is raised from its first start on: `async with Notifier(bus, webhook) as notifier: …`.

    An alert is acknowledged when it was taken, was given up, or a newer one of its kind waits in its place. So none is
    lost with the process; one that was taken just before a crash is sent again with the same `Fillwire-Id`.

    Args:
        bus: the connection.
        webhook: sends.
        policy: how long things take.
        random: source of jitter.
        replicas: of the stream, should this be the first who needs it.
    """

    def __init__(
        self, bus: Bus, webhook: Webhook, policy: NotifyPolicy, random: Random, *, replicas: int = 1
    ) -> None:
        self._bus = bus
        self._webhook = webhook
        self._policy = policy
        self._random = random
        self._replicas = replicas
        self._outbox = Outbox(policy.capacity, policy.quiet_s, policy.deadline_s)
        self._loop = asyncio.get_running_loop()
        self._supervisor = Supervisor()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._pull: PullLoop | None = None
        self._sending: asyncio.Task[None] | None = None
        self.taken_count = 0
        self.failed_count = 0
        self.dead_count = 0

    async def __aenter__(self) -> Self:
        await ensure_streams(self._bus, self._replicas)
        await self._ensure_durable()
        self._sending = self._supervisor.spawn(self._send_all(), "notifications")
        self._pull = PullLoop(
            self._bus,
            STREAM,
            DURABLE,
            self._take,
            batch=64,
            on_missing=self._ensure_durable,
        )
        await self._pull.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop; what was not taken is sent by the next start."""
        if self._pull is not None:
            await self._pull.stop()
        await cancel(self._sending)
        self._supervisor.close()

    async def failed(self) -> None:
        """Wait until a part has ended that must not; raises `PartFailed`."""
        await asyncio.shield(self._supervisor.failed)

    @property
    def waiting_count(self) -> int:
        """Notifications that wait."""
        return len(self._outbox)

    def measure(self, into: Measures) -> None:
        """Say what became of notifications."""
        into.put(names.NOTIFICATIONS, self.taken_count, "taken")
        into.put(names.NOTIFICATIONS, self.failed_count, "failed")
        into.put(names.NOTIFICATIONS, self.dead_count, "dead")
        into.put(names.NOTIFICATIONS_WAITING, self.waiting_count)

    async def _ensure_durable(self) -> None:
        await ensure_consumer(
            self._bus,
            STREAM,
            DURABLE,
            [f"{ALERTS}.>"],
            deliver="new",
            ack_policy="explicit",
            max_ack_pending=2 * self._policy.capacity + 128,
            inactive_threshold_s=_FORGOTTEN_AFTER_S,
        )

    # -- what comes in

    async def _take(self, message: Message) -> None:
        """Put an alert into the outbox; while that is full it waits here, and those behind it in the stream."""
        try:
            alert = decode_alert(message.data)
        except DecodeError as error:
            _log.error("alert_undecodable", subject=message.subject, error=error)
            message.terminate()
            return
        while not self._outbox.add(message.sequence, alert, message.ack, self._loop.time()):
            self._room.clear()
            await self._room.wait()
        self._wake.set()

    # -- what goes out

    async def _send_all(self) -> None:
        while True:
            notification = self._outbox.due(self._loop.time())
            if notification is None:
                await self._wait()
            else:
                await self._send(notification)
                self._room.set()

    async def _wait(self) -> None:
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(self._outbox.next_s):
                await self._wake.wait()

    async def _send(self, notification: Notification) -> None:
        count = notification.count
        try:
            await self._webhook.send(notification)
        except NotTaken as error:
            self.failed_count += 1
            self._note_failure(notification, error)
        else:
            self.taken_count += 1
            self._outbox.note_taken(notification, count, self._loop.time())

    def _note_failure(self, notification: Notification, error: NotTaken) -> None:
        alert = notification.alert
        delay_s = max(error.retry_after_s, self._delay_s(notification.attempts))
        is_dead = not self._outbox.note_failed(notification, delay_s, self._loop.time())
        self.dead_count += is_dead
        if not is_dead and notification.attempts & (notification.attempts - 1):
            return  # the 1st, 2nd, 4th, 8th attempt
        say, event = (
            (_log.error, "notification_dead") if is_dead else (_log.warning, "notification_not_taken")
        )
        say(
            event,
            host=self._webhook.host,
            alert=alert.alert,
            account=str(alert.account),
            attempts=notification.attempts,
            why=str(error),
            reason=alert.reason,
        )

    def _delay_s(self, attempts: int) -> float:
        policy = self._policy
        ceiling_s = min(policy.retry_max_s, policy.retry_first_s * 2 ** min(attempts, 32))
        return self._random.uniform(ceiling_s / 2, ceiling_s)
