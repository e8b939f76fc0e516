"""Watching keys: the values of now, then every change; read again after a reconnect and told as a difference."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

from fillwire.bus.connection import Bus
from fillwire.bus.consumer import PullLoop
from fillwire.bus.durables import create_consumer, delete_consumer
from fillwire.bus.messages import Message
from fillwire.domain.errors import BrokerError, FillwireError
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

_NS = 1_000_000_000
_INACTIVE_THRESHOLD_S = 60
_RETRY_FIRST_S = 0.2
_RETRY_MAX_S = 2.0

KeyHandler = Callable[[str, Message | None], Awaitable[None]]
"""Told of a key's message, which may be a marker; None for a key that has gone without one being seen."""


def is_marker(headers: Mapping[str, str]) -> bool:
    """Whether a message says that its key has gone: deleted, purged or expired."""
    return "KV-Operation" in headers or "Nats-Marker-Reason" in headers


class Watch:
    """Follows the last message of each subject below a prefix; made by `Bucket.watch`.

    It is a pull consumer of its own, named and with its filter in the request, so that permissions can hold a user to
    a part of the bucket. The consumer lives in the broker's memory and goes when nobody pulls for a minute.
    """

    def __init__(  # noqa: PLR0913 - see `Bucket.watch`
        self, bus: Bus, stream: str, prefix: str, pattern: str, handler: KeyHandler, *, resync_s: float
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._prefix = prefix
        self._pattern = pattern
        self._handler = handler
        self._resync_s = resync_s
        self._known: dict[str, int] = {}  # revision told last, by key
        self._seen: set[str] = set()  # keys of the reading that is going on
        self._is_reading = False
        self._name = ""
        self._pull: PullLoop | None = None
        self._stale = asyncio.Event()
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self, deadline_s: float) -> None:
        """Begin, and return when the values of now have been handled; raises `BrokerError` at the deadline."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._open()
                # From now on what was cut off is read again, the first reading too.
                self._task = asyncio.get_running_loop().create_task(self._run(), name=f"watch {self._stream}")
                await self._ready.wait()
        except TimeoutError as error:
            await self.stop()
            raise BrokerError(
                f"cannot read {self._pattern} of stream {self._stream} within {deadline_s:g} s"
            ) from error
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the watch; a call of the handler that goes on is finished or, after some seconds, cancelled."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._close()

    async def _mark_stale(self) -> None:
        """Have everything read again: the pull loop says that the consumer, or the connection it was on, has gone."""
        self._stale.set()

    async def _run(self) -> None:
        retry_s = _RETRY_FIRST_S
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._resync_s):
                    await self._stale.wait()
            self._stale.clear()
            try:
                await self._close()
                await self._open()
                retry_s = _RETRY_FIRST_S
            except FillwireError as error:
                _log.warning("watch_reopen_failed", stream=self._stream, error=error)
                await asyncio.sleep(retry_s)
                retry_s = min(retry_s * 2, _RETRY_MAX_S)
                self._stale.set()

    async def _open(self) -> None:
        self._name = "watch-" + self._bus.new_inbox().rpartition(".")[2]
        config = {
            "name": self._name,
            "deliver_policy": "last_per_subject",
            "ack_policy": "none",
            "filter_subject": self._prefix + self._pattern,
            "replay_policy": "instant",
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": _INACTIVE_THRESHOLD_S * _NS,
        }
        info = await create_consumer(self._bus, self._stream, self._name, config)
        self._seen.clear()
        self._is_reading = True
        if info["num_pending"] == 0:
            await self._finish_reading()
        self._pull = PullLoop(
            self._bus, self._stream, self._name, self._take, ack_policy="none", on_missing=self._mark_stale
        )
        await self._pull.start()

    async def _close(self) -> None:
        pull, self._pull = self._pull, None
        if pull is not None:
            await pull.stop()
            with contextlib.suppress(BrokerError):  # it goes by itself
                await delete_consumer(self._bus, self._stream, self._name)

    async def _take(self, message: Message) -> None:
        key = message.subject[len(self._prefix) :]
        if self._is_reading:
            self._seen.add(key)
        if is_marker(message.headers):
            if self._known.pop(key, None) is not None:
                await self._tell(key, message)
        elif self._known.get(key) != message.sequence:
            self._known[key] = message.sequence
            await self._tell(key, message)
        if self._is_reading and message.pending_count == 0:
            await self._finish_reading()

    async def _finish_reading(self) -> None:
        self._is_reading = False
        for key in [key for key in self._known if key not in self._seen]:
            del self._known[key]
            await self._tell(key, None)
        self._seen.clear()
        self._ready.set()

    async def _tell(self, key: str, message: Message | None) -> None:
        try:
            await self._handler(key, message)
        except Exception as error:  # noqa: BLE001 - one entry the owner cannot take must not hide the others
            _log.error("watch_handler_failed", error=error, stream=self._stream, key=key)
