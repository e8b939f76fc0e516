"""Stops reading from venues while the broker takes nothing, so that what was read stays bounded and nothing is lost."""

import asyncio

from fillwire.bus.publisher import OrderedPublisher
from fillwire.gateway.driver import Driver
from fillwire.runtime.logs import get_log

_log = get_log(__name__)


class Valve:
    """Closed while the publisher is full: each socket is paused after its next read, and no new one is dialled.

    A venue cuts a connection that does not answer its pings for a minute. Whoever is away longer than the publisher's
    capacity and that minute last has a gap, which reconciliation fills from the venue's own records.

    Args:
        publisher: whose room decides.
    """

    def __init__(self, publisher: OrderedPublisher) -> None:
        self._publisher = publisher
        self._drivers: set[Driver] = set()
        self._room = asyncio.Event()
        self._room.set()
        publisher.on_room(self._open)

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
        """Pause `driver` if the publisher is full; called after each read."""
        if self._publisher.is_full:
            if self._room.is_set():
                self._room.clear()
                _log.warning("reading_paused", queued=self._publisher.queued_count)
            driver.pause()

    async def wait_room(self) -> None:
        """Wait until the publisher takes more; for whoever has events that are not read from a socket."""
        if self._publisher.is_full:
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
