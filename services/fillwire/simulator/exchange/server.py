"""The Binance Spot simulator as a server: one port for REST, WebSocket API and control API."""

import asyncio
import contextlib
import os
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from fillwire.domain.errors import ConfigError
from fillwire.simulator.exchange.connections import Connection, ConnectionTimes
from fillwire.simulator.exchange.control import Control
from fillwire.simulator.exchange.core import Core
from fillwire.simulator.binance.parameters import read_divisor
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance.rest_api import RestApi
from fillwire.simulator.exchange.venue import Venue
from fillwire.simulator.binance.websocket_api import Session
from fillwire.simulator.settings import SimulatorSettings

WEBSOCKET_PATH = "/ws-api/v3"
_MAX_REQUEST_BYTES = 256 * 1024
_SHUTDOWN_S = 1.0


class BinanceSimulator:
    """A running simulator; use it as an asynchronous context manager.

        async with BinanceSimulator(SimulatorSettings(seed=7)) as sim:
            print(sim.rest_url, sim.websocket_url)

    Attributes:
        core: the venue behind the sockets, for tests that want to look inside.
    """

    def __init__(self, settings: SimulatorSettings | None = None) -> None:
        self.settings = settings or SimulatorSettings()
        self.core = Core(Venue(self.settings))
        self._control = Control(self.core)
        self._runner: web.AppRunner | None = None
        self._market_task: asyncio.Task[None] | None = None
        self._port = 0

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
        """URL of the WebSocket API."""
        return f"ws://{self.settings.host}:{self._port}{WEBSOCKET_PATH}"

    async def start(self) -> None:
        """Start to listen.

        Raises:
            ConfigError: the port is taken or the address is not ours.
        """
        rest = RestApi(self.core)
        app = web.Application(client_max_size=_MAX_REQUEST_BYTES)
        app.router.add_get(WEBSOCKET_PATH, self._serve_websocket)
        app.router.add_routes(self._control.routes())
        app.router.add_route("*", "/{tail:.*}", rest.handle)
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
            for market in venue.markets.values():
                self.core.publisher.publish(venue.house.wander(market, self.settings.market_step_bps))

    def _admit(self, request: web.Request) -> int:
        """Return the divisor of the connection's time unit.

        Raises:
            Refusal: there may be no connection now, or not with this time unit.
        """
        fault = self.core.faults.strike("connection_refused", None)
        if fault is not None:
            raise self.core.demanded_refusal({"status": 503, "code": -1001} | fault.options)
        divisor = read_divisor(request.query.get("timeUnit"))
        self.core.venue.limits.connect(request.remote or "")
        return divisor

    async def _serve_websocket(self, request: web.Request) -> web.StreamResponse:
        core = self.core
        try:
            divisor = self._admit(request)
        except Refusal as refusal:
            core.note_handshake(refusal.status)
            body, headers = refusal.http()
            return web.json_response(body, status=refusal.status, headers=headers)
        core.note_handshake(101)
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=_MAX_REQUEST_BYTES)
        await socket.prepare(request)
        connection = Connection(
            request,
            core.faults,
            ConnectionTimes(
                ping_interval_s=self.settings.ping_interval_s,
                pong_deadline_s=self.settings.pong_deadline_s,
                lifetime_s=self.settings.lifetime_s,
                send_buffer_bytes=self.settings.send_buffer_bytes,
            ),
            core.venue.random,
            divisor=divisor,
            shows_limits=request.query.get("returnRateLimits", "true").lower() != "false",
            connected_us=core.venue.clock.now_us(),
        )
        core.connections.add(connection)
        connection.start()
        try:
            await Session(core, connection).run(socket)
        finally:
            core.connections.discard(connection)
            connection.stop()
            core.faults.forget(connection)
        return socket
