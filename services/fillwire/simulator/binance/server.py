"""The Binance Spot simulator as a server: REST API, WebSocket API and control API."""

from collections.abc import Iterable
from typing import ClassVar

from aiohttp import web

from fillwire.simulator.binance.connections import BinanceConnection
from fillwire.simulator.binance.control import BinanceControl
from fillwire.simulator.binance.core import BinanceCore
from fillwire.simulator.binance.demo import DEMO
from fillwire.simulator.binance.parameters import read_divisor
from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance.rest_api import RestApi
from fillwire.simulator.binance.venue import BinanceVenue
from fillwire.simulator.binance.websocket_api import Session
from fillwire.simulator.exchange.demo import Demo
from fillwire.simulator.exchange.server import Simulator
from fillwire.simulator.settings import SimulatorSettings

WEBSOCKET_PATH = "/ws-api/v3"


class BinanceSimulator(Simulator):
    """Binance Spot on this machine."""

    exchange: ClassVar[str] = "binance"
    websocket_path: ClassVar[str] = WEBSOCKET_PATH
    demo: ClassVar[Demo] = DEMO
    core: BinanceCore

    def make_core(self, settings: SimulatorSettings) -> BinanceCore:
        """Return the venue with everything that stands before it."""
        return BinanceCore(BinanceVenue(settings))

    def make_control(self) -> BinanceControl:
        """Return the control API."""
        return BinanceControl(self.core)

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Return the routes of the WebSocket API and of the REST API, which has all that is left."""
        rest = RestApi(self.core)
        return (
            web.get(self.websocket_path, self._serve_websocket),
            web.route("*", "/{tail:.*}", rest.handle),
        )

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

        def connect() -> BinanceConnection:
            return BinanceConnection(
                request,
                core.faults,
                self.times,
                core.venue.random,
                divisor=divisor,
                shows_limits=request.query.get("returnRateLimits", "true").lower() != "false",
                connected_us=core.venue.clock.now_us(),
            )

        return await self.serve_connection(request, connect, lambda connection: Session(core, connection))
