"""The Coinbase Advanced Trade simulator as a server: REST API, feed and control API."""

from collections.abc import Iterable
from typing import ClassVar

from aiohttp import web

from fillwire.simulator.coinbase_advanced.control import AdvancedControl
from fillwire.simulator.coinbase_advanced.core import AdvancedCore
from fillwire.simulator.coinbase_advanced.demo import DEMO
from fillwire.simulator.coinbase_advanced.feed import FeedConnection
from fillwire.simulator.coinbase_advanced.rest_api import RestApi
from fillwire.simulator.coinbase_advanced.sessions import Session
from fillwire.simulator.coinbase_advanced.venue import AdvancedVenue
from fillwire.simulator.exchange.demo import Demo
from fillwire.simulator.exchange.server import Simulator
from fillwire.simulator.settings import SimulatorSettings

_TOO_MANY_REQUESTS = 429
_UNAVAILABLE = 503


class CoinbaseAdvancedSimulator(Simulator):
    """Coinbase Advanced Trade on this machine."""

    exchange: ClassVar[str] = "coinbase-advanced"
    websocket_path: ClassVar[str] = ""
    demo: ClassVar[Demo] = DEMO
    core: AdvancedCore

    def make_core(self, settings: SimulatorSettings) -> AdvancedCore:
        """Return the venue with everything that stands before it."""
        return AdvancedCore(AdvancedVenue(settings))

    def make_control(self) -> AdvancedControl:
        """Return the control API."""
        return AdvancedControl(self.core)

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Return the routes of the feed and of the REST API, which has all that is left."""
        return (web.get("/", self._serve_feed), *RestApi(self.core).routes())

    async def stop(self) -> None:
        """Close all connections and stop to listen."""
        self.core.expiries.stop()
        await super().stop()

    async def _serve_feed(self, request: web.Request) -> web.StreamResponse:
        core = self.core
        fault = core.faults.strike("connection_refused", None)
        if fault is not None:
            return self._refuse(int(fault.options.get("status", _UNAVAILABLE)))
        if not core.venue.handshakes.take(request.remote or ""):
            return self._refuse(_TOO_MANY_REQUESTS)
        return await self.serve_connection(
            request,
            lambda: FeedConnection(request, core.faults, self.times, core.venue.random, core.venue),
            lambda connection: Session(core, connection),
        )

    def _refuse(self, status: int) -> web.Response:
        self.core.note_handshake(status)
        return web.Response(status=status)
