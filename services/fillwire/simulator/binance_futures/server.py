"""The simulator of Binance USD-M Futures as a server: REST API, private streams and control API."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import ClassVar

from aiohttp import web

from fillwire.simulator.binance.refusals import Refusal
from fillwire.simulator.binance.rest_api import RestApi
from fillwire.simulator.binance_futures.control import FuturesControl
from fillwire.simulator.binance_futures.core import FuturesCore
from fillwire.simulator.binance_futures.demo import DEMO
from fillwire.simulator.binance_futures.streams import FuturesSubscription, StreamSession
from fillwire.simulator.binance_futures.venue import FuturesVenue
from fillwire.simulator.exchange.connections import Connection
from fillwire.simulator.exchange.demo import Demo
from fillwire.simulator.exchange.server import Simulator
from fillwire.simulator.settings import SimulatorSettings

WEBSOCKET_PATH = "/private/ws"
# As the venue's own address has it, as its testnet has it, and combined, with the key in the query.
_BARE_PATHS = ("/private/ws/{key}", "/ws/{key}", "/private/ws")
_COMBINED_PATHS = ("/private/stream", "/stream")
_EXPIRY_CHECK_S = 1.0


class BinanceFuturesSimulator(Simulator):
    """Binance USD-M Futures on this machine."""

    exchange: ClassVar[str] = "binance-futures"
    websocket_path: ClassVar[str] = WEBSOCKET_PATH
    demo: ClassVar[Demo] = DEMO
    core: FuturesCore
    _expiries: asyncio.Task[None] | None = None

    def make_core(self, settings: SimulatorSettings) -> FuturesCore:
        """Return the venue with everything that stands before it."""
        return FuturesCore(FuturesVenue(settings))

    def make_control(self) -> FuturesControl:
        """Return the control API."""
        return FuturesControl(self.core)

    async def start(self) -> None:
        """Start to listen, and to end keys whose hour is over."""
        await super().start()
        self._expiries = asyncio.create_task(self._end_keys(), name="listen keys")

    async def stop(self) -> None:
        """Close all connections and stop to listen."""
        if self._expiries is not None:
            self._expiries.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._expiries
            self._expiries = None
        await super().stop()

    async def _end_keys(self) -> None:
        while True:
            await asyncio.sleep(_EXPIRY_CHECK_S)
            for key in self.core.venue.listen_keys.overdue():
                self.core.expire_key(key.account)

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Return the routes of the streams and of the REST API, which has all that is left."""
        return (
            *(web.get(path, self._serve_stream) for path in (*_BARE_PATHS, *_COMBINED_PATHS)),
            web.route("*", "/{tail:.*}", RestApi(self.core).handle),
        )

    async def _serve_stream(self, request: web.Request) -> web.StreamResponse:
        core = self.core
        try:
            fault = core.faults.strike("connection_refused", None)
            if fault is not None:
                raise core.demanded_refusal({"status": 503, "code": -1001} | fault.options)
            core.venue.limits.connect(request.remote or "")
        except Refusal as refusal:
            core.note_handshake(refusal.status)
            body, headers = refusal.http()
            return web.json_response(body, status=refusal.status, headers=headers)
        is_combined = request.path in _COMBINED_PATHS
        text = (
            request.match_info.get("key")
            or request.query.get("listenKey")
            or request.query.get("streams", "")
        )

        def connect() -> Connection:
            return Connection(
                request,
                core.faults,
                self.times,
                core.venue.random,
                connected_us=core.venue.clock.now_us(),
            )

        def begin(connection: Connection) -> StreamSession:
            key = core.venue.listen_keys.find(text)
            if key is not None:  # with any other key the connection stands, and is silent
                connection.subscribe(
                    FuturesSubscription(connection, key.account, core.venue, text, is_combined=is_combined)
                )
            return StreamSession(connection)

        return await self.serve_connection(request, connect, begin)
