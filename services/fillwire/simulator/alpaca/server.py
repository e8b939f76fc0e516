"""The Alpaca simulator as a server: REST API, account stream and control API, live-like and paper-like."""

from collections.abc import Iterable
from typing import ClassVar

from aiohttp import WSCloseCode, web

from fillwire.simulator.alpaca.connections import AlpacaConnection
from fillwire.simulator.alpaca.control import AlpacaControl
from fillwire.simulator.alpaca.core import AlpacaCore, demanded_refusal
from fillwire.simulator.alpaca.demo import DEMO
from fillwire.simulator.alpaca.refusals import Refusal
from fillwire.simulator.alpaca.rest_api import PAPER, RestApi
from fillwire.simulator.alpaca.stream import Stream
from fillwire.simulator.alpaca.venue import AlpacaVenue
from fillwire.simulator.exchange.demo import Demo
from fillwire.simulator.exchange.server import Simulator
from fillwire.simulator.settings import SimulatorSettings

STREAM_PATH = "/stream"
_MESSAGE_PACK = "application/msgpack"


class AlpacaSimulator(Simulator):
    """Alpaca on this machine: live-like at the root, where frames are text, and paper-like below `/paper`, where they are binary."""

    exchange: ClassVar[str] = "alpaca"
    websocket_path: ClassVar[str] = STREAM_PATH
    demo: ClassVar[Demo] = DEMO
    core: AlpacaCore

    def make_core(self, settings: SimulatorSettings) -> AlpacaCore:
        """Return the venue with everything that stands before it."""
        return AlpacaCore(AlpacaVenue(settings))

    def make_control(self) -> AlpacaControl:
        """Return the control API."""
        return AlpacaControl(self.core)

    @property
    def paper_rest_url(self) -> str:
        """Base URL of the paper-like REST API, without a path."""
        return self.rest_url + PAPER

    @property
    def paper_websocket_url(self) -> str:
        """URL of the paper-like account stream."""
        return self.websocket_url.removesuffix(STREAM_PATH) + PAPER + STREAM_PATH

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        """Return the routes of both streams and of the REST API, which has all that is left."""
        return (
            web.get(STREAM_PATH, self._serve_stream),
            web.get(PAPER + STREAM_PATH, self._serve_stream),
            *RestApi(self.core).routes(),
        )

    def _admit(self) -> None:
        """Refuse a connection that may not be: the venue knows one for each account.

        Raises:
            Refusal: there may be no connection now.
        """
        fault = self.core.faults.strike("connection_refused", None)
        if fault is not None:
            raise demanded_refusal({"status": 429} | fault.options)
        if not self.core.has_room():
            raise demanded_refusal({"status": 429})

    async def _serve_stream(self, request: web.Request) -> web.StreamResponse:
        core = self.core
        try:
            self._admit()
        except Refusal as refusal:
            core.note_handshake(refusal.status)
            return web.json_response(refusal.body(), status=refusal.status)
        made: list[AlpacaConnection] = []

        def connect() -> AlpacaConnection:
            connection = AlpacaConnection(
                request,
                core.faults,
                self.times,
                core.venue.random,
                is_binary=request.path.startswith(PAPER),
                packs=request.headers.get("Content-Type") == _MESSAGE_PACK,
                connected_us=core.venue.clock.now_us(),
            )
            made.append(connection)
            return connection

        is_clean = False
        try:
            socket = await self.serve_connection(
                request, connect, lambda connection: Stream(core, connection)
            )
            is_clean = isinstance(socket, web.WebSocketResponse) and socket.close_code not in {
                None,
                WSCloseCode.ABNORMAL_CLOSURE,
            }
        finally:
            for connection in made:
                core.release(connection, is_clean=is_clean)
        return socket
