"""Stops reading from venues while the broker takes nothing, so that what was read stays bounded and nothing is lost."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from fillwire.gateway.driver import Driver
from fillwire.runtime.logs import get_log

_log = get_log(__name__)


class Outlet(Protocol):
    """Where events leave: a publisher, with or without a journal."""

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be read."""

    @property
    def queued_count(self) -> int:
        """Events that wait."""

    def on_room(self, callback: Callable[[], None]) -> None:
        """Have `callback` called each time that there is room again."""


class Valve:
    """Closed while the outlet is full: each socket is paused after its next read, and no new one is dialled.

    A venue cuts a connection that does not answer its pings for a minute. Whoever is away longer than the outlet's
    capacity and that minute last has a gap, which reconciliation fills from the venue's own records.

    Args:
        outlet: whose room decides.
    """

    def __init__(self, outlet: Outlet) -> None:
        self._outlet = outlet
        self._drivers: set[Driver] = set()
        self._room = asyncio.Event()
        self._room.set()
        outlet.on_room(self._open)

    @property
    def is_open(self) -> bool:
        """Whether sockets are being read."""
        return self._room.is_set()

    def add(self, driver: Driver) -> None:
        """Have `driver` paused and resumed from now on."""
        self._drivers.add(driver)

    def remove(self, driver: Driver) -> None:
        """Forget `driver`."""
        self._drivers.discard(driver)

    def check(self, driver: Driver) -> None:
        """Pause `driver` if the outlet is full; called after each read."""
        if self._outlet.is_full:
            if self._room.is_set():
                self._room.clear()
                _log.warning("reading_paused", queued=self._outlet.queued_count)
            driver.pause()

    async def wait_room(self) -> None:
        """Wait until the outlet takes more; for whoever has events that are not read from a socket."""
        if self._outlet.is_full:
            self._room.clear()
        await self._room.wait()

    async def wait_open(self) -> None:
        """Wait until there is room."""
        await self._room.wait()

    def _open(self) -> None:
        _log.info("reading_resumed")
        self._room.set()
        for driver in self._drivers:
            driver.resume()
