"""Readings of processes that died leave their durables behind: these go when no bot's place depends on them any more."""

import asyncio
from typing import Any, Final

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.durables import delete_consumer
from fillwire.domain.errors import BrokerError
from fillwire.runtime.logs import get_log
from fillwire.sdk.claims import reading_of, user_of_reading

_log = get_log(__name__)

WAIT_S: Final = 5.0  # for other bots of the same process to be started again, here or elsewhere
_ATTEMPTS: Final = 24  # then the broker is left to let them expire


class Sweep:
    """Deletes durables that were found abandoned.

    Args:
        bus: the connection.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._left: dict[str, int] = {}  # attempts still to be made, by durable
        self._task: asyncio.Task[None] | None = None

    def note(self, reading: str) -> None:
        """Have a reading's durable deleted, whose process has ended, as soon as no bot needs it."""
        self._left.setdefault(reading, _ATTEMPTS)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="sweep readings")

    async def stop(self) -> None:
        """Leave what is left to others, or to the broker."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._left:
            await asyncio.sleep(WAIT_S)
            for stream in {self._stream_of(name) for name in self._left}:
                try:
                    await self._sweep(stream)
                except BrokerError as error:  # away, or the list is not for us to see
                    _log.debug("readings_not_swept", error=error)
            self._left = {name: attempts - 1 for name, attempts in self._left.items() if attempts > 1}

    def _stream_of(self, reading: str) -> str:
        return self._bus.partitions.stream_of_token(user_of_reading(reading))

    async def _sweep(self, stream: str) -> None:
        consumers = await self._consumers(stream)
        needed = {reading_of(info) for info in consumers} | {
            info["name"] for info in consumers if info["num_waiting"]
        }
        for name in [name for name in self._left if name not in needed and self._stream_of(name) == stream]:
            await delete_consumer(self._bus, stream, name)
            del self._left[name]
            _log.info("reading_swept", durable=name)

    async def _consumers(self, stream: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = await api.call(self._bus, f"CONSUMER.LIST.{stream}", {"offset": len(found)})
            found += page["consumers"] or []
            if not page["consumers"] or len(found) >= page["total"]:
                return found
