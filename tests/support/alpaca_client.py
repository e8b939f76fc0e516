"""A client of the simulated Alpaca for tests: one account's REST and control API, and as many streams as it opens."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import aiohttp

from fillwire.simulator.alpaca.demo import DEMO_API_KEY, DEMO_SECRET
from fillwire.simulator.alpaca.server import AlpacaSimulator
from support.control_client import ControlClient

DEADLINE_S = 10.0
AUTH = {"action": "auth", "key": DEMO_API_KEY, "secret": DEMO_SECRET}
LISTEN = {"action": "listen", "data": {"streams": ["trade_updates"]}}


class Stream:
    """One connection to the account stream.

    Attributes:
        messages: what has arrived, in its order; None for what was no JSON.
        kinds: whether each message was a `text` or a `binary` frame.
        close_code: code of the venue's close frame once the connection has ended, 1006 if there was none.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.messages: list[Any] = []
        self.kinds: list[str] = []
        self.close_code: int | None = None
        self._changed = asyncio.Event()

    async def read(self) -> None:
        """Read until the connection ends."""
        async for message in self.socket:
            self.kinds.append("binary" if message.type is aiohttp.WSMsgType.BINARY else "text")
            try:
                self.messages.append(json.loads(message.data))
            except ValueError:
                self.messages.append(None)
            self._changed.set()
        self.close_code = self.socket.close_code
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition on what has arrived holds."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def send(self, message: Mapping[str, Any]) -> Any:
        """Send a message and return what arrives next."""
        count = len(self.messages)
        await self.socket.send_json(message)
        await self.until(lambda: len(self.messages) > count)
        return self.messages[count]

    async def log_in(self) -> None:
        """Authenticate, and listen to the updates."""
        assert (await self.send(AUTH))["data"]["status"] == "authorized"
        assert (await self.send(LISTEN))["data"]["streams"] == ["trade_updates"]

    def updates(self, order_id: str | None = None) -> list[dict[str, Any]]:
        """Return `data` of the updates that have arrived, of one order or of all."""
        data = [
            message["data"]
            for message in self.messages
            if message is not None and message.get("stream") == "trade_updates" and message["data"]
        ]
        return [each for each in data if order_id in {None, each["order"].get("id")}]

    def events(self, order_id: str | None = None) -> list[str]:
        """Return the names of the updates that have arrived."""
        return [each["event"] for each in self.updates(order_id)]

    async def wait_for(self, *events: str, order_id: str | None = None) -> list[dict[str, Any]]:
        """Wait until exactly these updates have arrived, and return them."""
        async with asyncio.timeout(DEADLINE_S):
            while len(self.events(order_id)) < len(events):
                self._changed.clear()
                await self._changed.wait()
        assert self.events(order_id) == list(events)
        return self.updates(order_id)


class AlpacaClient(ControlClient):
    """The account of one key."""

    _sim: AlpacaSimulator

    def __init__(self, sim: AlpacaSimulator, api_key: str = DEMO_API_KEY, secret: str = DEMO_SECRET) -> None:
        self._sim = sim
        self._headers = {"APCA-API-KEY-ID": api_key, "APCA-API-SECRET-KEY": secret}
        self._session = aiohttp.ClientSession()
        self.headers: Mapping[str, str] = {}

    async def __aenter__(self) -> Self:
        """Do nothing; connections are made as they are needed."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._session.close()

    @asynccontextmanager
    async def open_stream(
        self, *, paper: bool = False, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[Stream]:
        """Connect to the account stream; nothing has been said on it."""
        url = self._sim.paper_websocket_url if paper else self._sim.websocket_url
        async with self._session.ws_connect(url, headers=headers) as socket:
            stream = Stream(socket)
            reader = asyncio.create_task(stream.read(), name="alpaca stream")
            try:
                yield stream
            finally:
                await socket.close()
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)

    @asynccontextmanager
    async def listening(self, *, paper: bool = False) -> AsyncIterator[Stream]:
        """Connect to the account stream, and log in."""
        async with self.open_stream(paper=paper) as stream:
            await stream.log_in()
            stream.messages.clear()
            stream.kinds.clear()
            yield stream

    async def call(
        self, verb: str, path: str, body: Mapping[str, Any] | None = None, **query: Any
    ) -> tuple[int, Any]:
        """Send a request; returns status and body, and keeps the headers of the answer."""
        async with self._session.request(
            verb, f"{self._sim.rest_url}/v2/{path}", json=body, params=query, headers=self._headers
        ) as response:
            self.headers = response.headers
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def ok(self, verb: str, path: str, body: Mapping[str, Any] | None = None, **query: Any) -> Any:
        """Send a request that must succeed, and return the body of the answer."""
        status, document = await self.call(verb, path, body, **query)
        assert status < 300, document
        return document

    async def place(self, symbol: str = "BTC/USD", qty: str = "0.5", **more: Any) -> Any:
        """Place a limit order that must be accepted; it rests unless `limit_price` says otherwise."""
        price = "60000" if symbol == "BTC/USD" else "200"
        body = {"symbol": symbol, "qty": qty, "side": "buy", "type": "limit", "time_in_force": "gtc"}
        return await self.ok("POST", "orders", {**body, "limit_price": price, **more})
