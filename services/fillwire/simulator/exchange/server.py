"""A simulator as a server: one port for REST, WebSocket and the control API."""

import asyncio
import contextlib
import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self, TypeVar

from aiohttp import WSMsgType, web

from fillwire.domain.errors import ConfigError
from fillwire.simulator.exchange.connections import Connection, ConnectionTimes
from fillwire.simulator.exchange.control import Control
from fillwire.simulator.exchange.core import Core
from fillwire.simulator.exchange.demo import Demo
from fillwire.simulator.settings import SimulatorSettings

_MAX_REQUEST_BYTES = 256 * 1024
_SHUTDOWN_S = 1.0


_Connection = TypeVar("_Connection", bound=Connection)


class Session(Protocol):
    """What a venue does with the frames of one connection."""

    def receive(self, data: str | bytes) -> None:
        """Act on a text or binary frame and answer it."""

    def end(self) -> None:
        """Drop what is not done; the connection has ended."""


class Simulator(ABC):
    """A running simulator; use it as an asynchronous context manager.

        async with BinanceSimulator(SimulatorSettings(seed=7)) as sim:
            print(sim.rest_url, sim.websocket_url)

    Attributes:
        exchange: the venue's name.
        websocket_path: where its socket is.
        demo: its accounts and symbols where the settings name none.
        core: the venue behind the sockets, for tests that want to look inside.
        settings: completed with the venue's own.
    """

    exchange: ClassVar[str]
    websocket_path: ClassVar[str]
    demo: ClassVar[Demo]

    def __init__(self, settings: SimulatorSettings | None = None) -> None:
        self.core = self.make_core(settings or SimulatorSettings())
        self.settings = self.core.venue.settings
        self._control = self.make_control()
        self._runner: web.AppRunner | None = None
        self._market_task: asyncio.Task[None] | None = None
        self._port = 0

    @abstractmethod
    def make_core(self, settings: SimulatorSettings) -> Core:
        """Return the venue with everything that stands before it.

        Raises:
            ConfigError: the settings contradict themselves.
        """

    def make_control(self) -> Control:
        """Return the control API."""
        return Control(self.core)

    @abstractmethod
    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Return the venue's routes: its socket and its REST API."""

    async def __aenter__(self) -> Self:
        """Start to listen."""
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        await self.stop()

    @property
    def rest_url(self) -> str:
        """Base URL of the REST API, without a path."""
        return f"http://{self.settings.host}:{self._port}"

    @property
    def websocket_url(self) -> str:
        """URL of the WebSocket."""
        return f"ws://{self.settings.host}:{self._port}{self.websocket_path}"

    async def start(self) -> None:
        """Start to listen.

        Raises:
            ConfigError: the port is taken or the address is not ours.
        """
        app = web.Application(client_max_size=_MAX_REQUEST_BYTES)
        app.router.add_routes(self._control.routes())
        app.router.add_routes(self.routes())
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        site = web.TCPSite(runner, self.settings.host, self.settings.port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise ConfigError(
                f"cannot listen on {self.settings.host}:{self.settings.port}: {reason.lower()}"
            ) from error
        self._runner = runner
        addresses: list[Any] = runner.addresses
        self._port = addresses[0][1]
        if self.settings.market_interval_s > 0:
            self._market_task = asyncio.create_task(self._move_markets(), name="price process")

    async def stop(self) -> None:
        """Close all connections and stop to listen."""
        if self._market_task is not None:
            self._market_task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._market_task
            self._market_task = None
        await self._control.stop()
        for connection in list(self.core.connections):
            connection.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _move_markets(self) -> None:
        venue = self.core.venue
        while True:
            await asyncio.sleep(self.settings.market_interval_s)
            for market in venue.markets.values() if self.core.moves_market else ():
                self.core.publisher.publish(venue.house.wander(market, self.settings.market_step_bps))

    @property
    def times(self) -> ConnectionTimes:
        """Times of the connections that it accepts."""
        return ConnectionTimes(
            ping_interval_s=self.settings.ping_interval_s,
            pong_deadline_s=self.settings.pong_deadline_s,
            lifetime_s=self.settings.lifetime_s,
            send_buffer_bytes=self.settings.send_buffer_bytes,
        )

    async def serve_connection(
        self,
        request: web.Request,
        connect: Callable[[], _Connection],
        begin: Callable[[_Connection], Session],
    ) -> web.StreamResponse:
        """Accept a connection and serve it until it ends.

        Args:
            request: the handshake.
            connect: makes the connection, once the handshake is answered.
            begin: makes the session on it.
        """
        core = self.core
        core.note_handshake(101)
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=_MAX_REQUEST_BYTES)
        await socket.prepare(request)
        connection = connect()
        core.connections.add(connection)
        connection.start()
        session = begin(connection)
        try:
            async for message in socket:
                if message.type in {WSMsgType.TEXT, WSMsgType.BINARY}:
                    session.receive(message.data)
                elif message.type is WSMsgType.PING:
                    connection.receive_ping(bytes(message.data))
                elif message.type is WSMsgType.PONG:
                    connection.receive_pong(bytes(message.data))
        finally:
            session.end()
            core.connections.discard(connection)
            connection.stop()
            core.faults.forget(connection)
        return socket
