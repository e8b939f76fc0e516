"""Keeps the streams and buckets in existence: a broker that comes back with an empty store gets them anew."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from fillwire.bus.buckets import BUCKETS, PLACEMENTS, ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.dividing import require_mapping
from fillwire.bus.restored import mark_restored
from fillwire.bus.streams import STREAMS, divided, ensure_streams, missing_streams
from fillwire.domain.alert_names import STORE_LOST
from fillwire.domain.errors import BrokerError, ConfigError
from fillwire.runtime.logs import get_log
from fillwire.runtime.settings.services import NatsSettings
from fillwire.runtime.supervision import Supervisor, cancel

_log = get_log(__name__)

LOOK_S: Final = 1.0
_OWED_S: Final = 3.0  # so long the broker may owe an answer before it is looked whether its streams are there
_RETRY_S: Final = 1.0
_RETRY_MAX_S: Final = 10.0


class Stores:
    """Makes streams and buckets, and makes them again when some have gone, as with the broker's disk.

    It is looked for that after each new connection, and while the broker stores nothing.

    Args:
        bus: the connection.
        nats: how many replicas, and what bounds the log.
        exchange: whose events are published, as a token of subjects.
    """

    def __init__(self, bus: Bus, nats: NatsSettings, exchange: str) -> None:
        self._bus = bus
        self._nats = nats
        self._exchange = exchange
        streams = [stream.name for stream in divided(STREAMS, bus.partitions)]
        self._names = streams + [bucket.stream for bucket in BUCKETS]
        self._owed_s: Callable[[], float] = lambda: 0.0
        self._on_notes_lost: Callable[[], None] = lambda: None
        self._alert: Callable[[str, str], object] = lambda _name, _reason: None
        self._nudge = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def make(self) -> None:
        """Make what is missing and bring the rest up to its definition.

        Raises:
            ConfigError: the broker refuses a stream or bucket, or does not map order events to the partitions of the log.
            BrokerError: no answer.
        """
        await ensure_streams(
            self._bus,
            self._nats.replicas,
            duplicate_window_s=self._nats.duplicate_window_ms / 1e3,
            log_max_bytes=self._nats.log_max_bytes,
        )
        await ensure_buckets(self._bus, self._nats.replicas)
        await require_mapping(self._bus, self._exchange)

    def start(
        self,
        supervisor: Supervisor,
        owed_s: Callable[[], float],
        on_notes_lost: Callable[[], None],
        alert: Callable[[str, str], object],
    ) -> None:
        """Begin to look.

        Args:
            supervisor: of the task.
            owed_s: returns for how long the broker has owed an answer to an event, in seconds.
            on_notes_lost: called when the notes of orders that were sent are found to be gone.
            alert: tells the users of all accounts: which alert, why.
        """
        self._owed_s = owed_s
        self._on_notes_lost = on_notes_lost
        self._alert = alert
        self._bus.on_reconnected(self._handle_reconnected)
        self._task = supervisor.spawn(self._run(), "stores")

    async def stop(self) -> None:
        """Look no longer."""
        self._bus.off_reconnected(self._handle_reconnected)
        await cancel(self._task)

    async def _handle_reconnected(self) -> None:
        self._nudge.set()

    async def _run(self) -> None:
        retry_s = _RETRY_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._nudge.wait()
            is_nudged = self._nudge.is_set()
            self._nudge.clear()  # while the broker is away, too: a new connection nudges again
            if not self._bus.is_connected or not (is_nudged or self._owed_s() >= _OWED_S):
                continue
            try:
                await self._look()
                retry_s = _RETRY_S
            except (BrokerError, ConfigError) as error:
                _log.warning("streams_not_made", error=error)
                self._nudge.set()
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, _RETRY_MAX_S)

    async def _look(self) -> None:
        missing = await missing_streams(self._bus, self._names)
        if not missing:
            return
        reason = (
            f"the broker has lost {', '.join(missing)}: made anew and empty; what was in them is gone "
            "unless a backup is restored"
        )
        _log.error(STORE_LOST, reason=reason)
        if PLACEMENTS.stream in missing:
            self._on_notes_lost()
            await ensure_buckets(self._bus, self._nats.replicas, [PLACEMENTS])
            await self._mark()
        await self.make()
        self._alert(STORE_LOST, reason)

    async def _mark(self) -> None:
        """Tell other gateways, and those that follow."""
        try:
            await mark_restored(self._bus, time.time_ns())
        except BrokerError as error:  # not allowed, perhaps; this gateway knows it all the same
            _log.warning("loss_not_marked", error=error)
