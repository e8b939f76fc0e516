"""Clients of a simulated venue's socket, for tests: what all of them do, and one that keeps all that it hears."""

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import aiohttp

DEADLINE_S = 10.0


class SocketClient(ABC):
    """One connection whose text frames are JSON.

    Args:
        websocket_url: where it goes.

    Attributes:
        bad_frames: text frames that were no JSON.
        closed: set once the connection has ended.
    """

    def __init__(self, websocket_url: str) -> None:
        self._websocket_url = websocket_url
        self._session = aiohttp.ClientSession()
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self.bad_frames: list[str] = []
        self.closed = asyncio.Event()
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Connect."""
        try:
            self._socket = await self._session.ws_connect(self._websocket_url)
        except BaseException:
            await self._session.close()
            raise
        self._reader = asyncio.create_task(self._read(self._socket), name="socket client")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Disconnect."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close()
        await self._session.close()

    @property
    def socket(self) -> aiohttp.ClientWebSocketResponse:
        """The socket, for tests that write to it directly."""
        assert self._socket is not None
        return self._socket

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                try:
                    frame = json.loads(message.data)
                except ValueError:
                    self.bad_frames.append(message.data)
                else:
                    self._keep(frame)
                self._changed.set()
        self.closed.set()
        self._changed.set()

    @abstractmethod
    def _keep(self, frame: dict[str, Any]) -> None:
        """Take a frame that has arrived."""

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until a condition on what has arrived holds."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


class FeedClient(SocketClient):
    """One connection to a feed.

    Attributes:
        frames: all frames in the order of their arrival.
    """

    def __init__(self, websocket_url: str) -> None:
        super().__init__(websocket_url)
        self.frames: list[dict[str, Any]] = []

    def _keep(self, frame: dict[str, Any]) -> None:
        self.frames.append(frame)

    async def send(self, message: Any) -> None:
        """Send a message."""
        await self.socket.send_str(message if isinstance(message, str) else json.dumps(message))
