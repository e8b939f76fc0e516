"""The service: serves the console at an address until it is stopped."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Final, Self

from aiohttp import web

from fillwire.bus.buckets import ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.streams import ensure_streams
from fillwire.console.clients import CAPACITY
from fillwire.console.guarding import Guard
from fillwire.console.measuring import Answers, measure
from fillwire.console.scope import Scopes
from fillwire.console.sessions import Sessions
from fillwire.console.streaming import Streams
from fillwire.console.users import LOOK_S, Users, keys_of
from fillwire.console.web import Pages, application
from fillwire.domain.errors import ConfigError
from fillwire.runtime.listening import listen
from fillwire.runtime.metrics import Measures
from fillwire.runtime.serving_tls import certificate
from fillwire.runtime.settings import ConsoleSettings, ConsoleUsersRead
from fillwire.runtime.settings.addresses import is_loopback
from fillwire.runtime.supervision import Supervisor

_CLOSE_GRACE_S: Final = 1.0

Routes = Callable[[Guard], list[web.RouteDef]]
"""Returns the paths of one section of the page; each is behind the guard."""


class Console:
    """The console: `async with Console(bus, settings, …) as console: …`.

    Args:
        bus: the connection.
        settings: where it listens, and who may log in.
        sections: further parts of the page by name: what a user is told there is asked for when it is looked at.
        load: reads anew who may log in; None for those of the settings, as long as the console runs.
        look_s: time between two looks whether that was changed, in seconds.
        replicas: of the streams and buckets, should this be the first who needs them.
        capacity: see `Client`.

    Raises:
        ConfigError: nobody may log in, or the port cannot be had.
    """

    def __init__(  # noqa: PLR0913 - all but the first two have a default
        self,
        bus: Bus,
        settings: ConsoleSettings,
        sections: Mapping[str, Routes] | None = None,
        *,
        load: Callable[[], ConsoleUsersRead] | None = None,
        look_s: float = LOOK_S,
        replicas: int = 1,
        capacity: int = CAPACITY,
    ) -> None:
        if not settings.users:
            raise ConfigError("console: expected users who may log in, found none")
        self._bus = bus
        self._settings = settings
        self._replicas = replicas
        now_s = asyncio.get_running_loop().time
        self._sessions = Sessions(keys_of(settings.users), settings.session_ms / 1e3, now_s)
        self._users = None if load is None else Users(self._sessions, load, look_s)
        self._supervisor = Supervisor()
        self._scopes = Scopes(bus)
        self._streams = Streams(self._scopes, now_s, capacity)
        self._guard = Guard(
            self._sessions, is_secure=settings.cert_file is not None or not is_loopback(settings.host)
        )
        self._sections = dict(sections or {})
        self._answers = Answers()
        self._exits = AsyncExitStack()
        self.address = ""

    def measure(self, into: Measures) -> None:
        """Say what the console is in numbers: a source of metrics."""
        measure(into, self._sessions, self._streams, self._answers)

    async def __aenter__(self) -> Self:
        settings = self._settings
        await ensure_streams(self._bus, self._replicas)
        await ensure_buckets(self._bus, self._replicas)
        pages = Pages(self._sessions, self._guard, self._streams, self._sections, settings.trusted_proxies)
        more = [route for routes in self._sections.values() for route in routes(self._guard)]
        runner = web.AppRunner(
            application([*pages.routes(), *more], self._answers),
            access_log=None,
            shutdown_timeout=_CLOSE_GRACE_S,
        )
        await runner.setup()
        self._exits.push_async_callback(runner.cleanup)
        try:
            shown = certificate(settings.cert_file, settings.key_file)
            self.address = await listen(runner, settings.host, settings.port, "console", shown)
        except BaseException:
            await self._exits.aclose()
            raise
        if self._users is not None:
            self._users.start(self._supervisor)
            self._exits.push_async_callback(self._users.stop)
        return self

    async def failed(self) -> None:
        """Wait for ever, unless a part of the console ends that must not.

        Raises:
            PartFailed: that happened; a person must look at the chained error.
        """
        await asyncio.shield(self._supervisor.failed)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sessions.end_all()
        await self._streams.close()
        await self._exits.aclose()
        self._supervisor.close()
