"""Between a process and the broker: passes everything on, and can hold a connection at a message that it waits for."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

_CHUNK = 65_536


@dataclass(slots=True)
class Hold:
    """A moment that is waited for.

    Attributes:
        mark: bytes on the way to the broker.
        passes: whether they reach the broker. What is behind them does not, and nothing comes back.
        reached: set when it has come.
    """

    mark: bytes
    passes: bool
    reached: asyncio.Event = field(default_factory=asyncio.Event)


class BrokerProxy:
    """Listens on a port of its own; make it with `BrokerProxy.start`.

    Attributes:
        url: where the process is to connect.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = parts.hostname or "127.0.0.1", parts.port or 4222
        self._server: asyncio.Server | None = None
        self._hold: Hold | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    @classmethod
    async def start(cls, target: str) -> Self:
        """Return a proxy to the broker at `target`, a `nats://` address without encryption."""
        proxy = cls(target)
        proxy._server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
        proxy.url = f"nats://127.0.0.1:{proxy._server.sockets[0].getsockname()[1]}"
        return proxy

    async def stop(self) -> None:
        """End all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hold(self, mark: bytes, *, passes: bool) -> Hold:
        """Hold the connection on which `mark` is sent next, see `Hold`; until it is closed."""
        self._hold = Hold(mark, passes)
        return self._hold

    async def _serve(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        try:
            far, there = await asyncio.open_connection(*self._target)
        except OSError:  # the broker is away
            back.close()
            return
        held = asyncio.Event()
        tasks = [
            asyncio.create_task(self._up(near, there, held), name="proxy up"),
            asyncio.create_task(_down(far, back, held), name="proxy down"),
        ]
        self._tasks.update(tasks)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks.difference_update(tasks)
            for writer in (there, back):
                writer.close()

    async def _up(self, near: asyncio.StreamReader, there: asyncio.StreamWriter, held: asyncio.Event) -> None:
        """Pass on to the broker; the mark may come in two parts."""
        before = b""
        while chunk := await near.read(_CHUNK):
            hold = self._hold
            if hold is not None and not held.is_set():
                begin = (before + chunk).find(hold.mark)
                before = chunk[-len(hold.mark) + 1 :]
                if begin >= 0:
                    held.set()
                    self._hold = None
                    if hold.passes:
                        there.write(chunk)
                        await there.drain()
                    hold.reached.set()
                    continue
            if not held.is_set():
                there.write(chunk)
                await there.drain()


async def _down(far: asyncio.StreamReader, back: asyncio.StreamWriter, held: asyncio.Event) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await far.read(_CHUNK):
            if not held.is_set():
                back.write(chunk)
                await back.drain()
