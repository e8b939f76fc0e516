"""The Coinbase Exchange simulator as a server: REST API, feed and control API."""

from collections.abc import Iterable
from typing import ClassVar

from aiohttp import web

from fillwire.simulator.coinbase_exchange.control import ExchangeControl
from fillwire.simulator.coinbase_exchange.core import ExchangeCore
from fillwire.simulator.coinbase_exchange.demo import DEMO
from fillwire.simulator.coinbase_exchange.feed import FeedConnection
from fillwire.simulator.coinbase_exchange.rest_api import RestApi
from fillwire.simulator.coinbase_exchange.sessions import Session
from fillwire.simulator.coinbase_exchange.venue import ExchangeVenue
from fillwire.simulator.exchange.demo import Demo
from fillwire.simulator.exchange.server import Simulator
from fillwire.simulator.settings import SimulatorSettings

_TOO_MANY_REQUESTS = 429
_UNAVAILABLE = 503


class CoinbaseExchangeSimulator(Simulator):
    """Coinbase Exchange on this machine."""

    exchange: ClassVar[str] = "coinbase"
    websocket_path: ClassVar[str] = ""
    demo: ClassVar[Demo] = DEMO
    core: ExchangeCore

    def make_core(self, settings: SimulatorSettings) -> ExchangeCore:
        """Return the venue with everything that stands before it."""
        return ExchangeCore(ExchangeVenue(settings))

    def make_control(self) -> ExchangeControl:
        """Return the control API."""
        return ExchangeControl(self.core)

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Return the routes of the feed and of the REST API, which has all that is left."""
        rest = RestApi(self.core)
        return (web.get("/", self._serve_feed), web.route("*", "/{tail:.*}", rest.handle))

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
            lambda: FeedConnection(
                request, core.faults, self.times, core.venue.random, core.venue.tapes, core.venue.clock
            ),
            lambda connection: Session(core, connection),
        )

    def _refuse(self, status: int) -> web.Response:
        self.core.note_handshake(status)
        return web.Response(status=status)
