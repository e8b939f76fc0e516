"""ToyX as a server."""

from collections.abc import Iterable
from typing import ClassVar

from aiohttp import web

from fillwire.simulator.exchange.connections import Connection
from fillwire.simulator.exchange.core import Core
from fillwire.simulator.exchange.demo import Demo
from fillwire.simulator.exchange.server import Simulator
from fillwire.simulator.settings import SimulatorSettings
from toyx.simulator.demo import DEMO
from toyx.simulator.market import ToyMarket
from toyx.simulator.rest_api import RestApi
from toyx.simulator.stream import Stream, ToyTampering


class ToySimulator(Simulator):
    """ToyX on this machine."""

    exchange: ClassVar[str] = "toyx"
    websocket_path: ClassVar[str] = "/ws"
    demo: ClassVar[Demo] = DEMO

    def make_core(self, settings: SimulatorSettings) -> Core:
        """Return the venue with everything that stands before it."""
        self._market = ToyMarket(settings)
        return Core(self._market, ToyTampering())

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Return the socket and the REST API."""
        return web.get(self.websocket_path, self._serve), *RestApi(self.core, self._market).routes()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        core = self.core
        fault = core.faults.strike("connection_refused", None)
        if fault is not None:
            status = int(fault.options.get("status", 503))
            core.note_handshake(status)
            return web.json_response({"error": "down", "text": "asked for by a fault"}, status=status)

        def connect() -> Connection:
            return Connection(
                request,
                core.faults,
                self.times,
                self._market.random,
                connected_us=self._market.clock.now_us(),
            )

        return await self.serve_connection(
            request, connect, lambda connection: Stream(core, self._market, connection)
        )
