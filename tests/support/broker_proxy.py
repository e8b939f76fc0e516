"""A TCP proxy in front of a broker: it may stall both ways, cut, refuse, or swallow some messages alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_MESSAGES = (b"MSG ", b"HMSG ")
_PUBLICATIONS = (b"PUB ", b"HPUB ")
_ACKNOWLEDGEMENT = b'{"stream":'  # how a stream answers a publication; other answers begin with their type
_CHUNK = 1 << 16


class TcpProxy:
    """Stands before a server. Faults apply to connections that are open and to later ones."""

    def __init__(self, broker_url: str) -> None:
        host, _, port = broker_url.removeprefix("nats://").rpartition(":")
        self._broker = host, int(port)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._flows = asyncio.Event()
        self._flows.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"nats://127.0.0.1:{self._port}"

    async def listen(self) -> None:
        """Accept connections, on the same port as before."""
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    def stall(self) -> None:
        """Let nothing pass either way; connections stay open, as in a network that swallows packets."""
        self._flows.clear()

    def flow(self) -> None:
        """Let everything pass, what was stalled first."""
        self._flows.set()

    async def cut(self) -> None:
        """Break all connections and refuse new ones until `listen`."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: the server's complains when it is cancelled.
        task = asyncio.get_running_loop().create_task(self._relay(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            back, forth = await asyncio.open_connection(*self._broker)
            ends.append(forth)
            self._writers.update(ends)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forward(reader, forth))
                group.create_task(self._return(back, writer))
        except* OSError:  # a side that is gone: the connection ends
            pass
        finally:
            self._writers.difference_update(ends)
            for end in ends:
                end.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError

    async def _return(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._forward(reader, writer)


class BrokerProxy(TcpProxy):
    """Stands between clients and a broker, and knows the broker's answers from everything else.

    Attributes:
        swallowed_count: acknowledgements that did not reach their client.
        swallows_acknowledgements: whether answers of streams to publications are dropped; all else passes.
        lost: messages either way that hold one of these are dropped.
        lost_count: those that were.
        returned_bytes: what has reached clients.
    """

    def __init__(self, broker_url: str) -> None:
        super().__init__(broker_url)
        self.swallows_acknowledgements = False
        self.swallowed_count = 0
        self.lost: set[bytes] = set()
        self.lost_count = 0
        self.returned_bytes = 0

    def _is_lost(self, operation: bytes) -> bool:
        is_lost = any(mark in operation for mark in self.lost)
        self.lost_count += is_lost
        return is_lost

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass the client's operations one by one."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while line := await reader.readuntil(b"\r\n"):
                operation = line
                if line.startswith(_PUBLICATIONS):
                    operation += await reader.readexactly(int(line.split()[-1]) + 2)
                    if self._is_lost(operation):
                        continue
                await self._flows.wait()
                writer.write(operation)
                await writer.drain()
        raise ConnectionResetError

    async def _return(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass the broker's operations one by one."""
        with contextlib.suppress(asyncio.IncompleteReadError):
            while line := await reader.readuntil(b"\r\n"):
                operation = line
                if line.startswith(_MESSAGES):
                    headers = int(line.split()[-2]) if line.startswith(b"HMSG") else 0
                    payload = await reader.readexactly(int(line.split()[-1]) + 2)
                    operation += payload
                    if self.swallows_acknowledgements and payload[headers:].startswith(_ACKNOWLEDGEMENT):
                        self.swallowed_count += 1
                        continue
                    if self._is_lost(operation):
                        continue
                await self._flows.wait()
                writer.write(operation)
                self.returned_bytes += len(operation)
                await writer.drain()
        raise ConnectionResetError


@asynccontextmanager
async def broker_proxy(broker_url: str) -> AsyncIterator[BrokerProxy]:
    """Run a proxy in front of a broker inside the block."""
    proxy = BrokerProxy(broker_url)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.cut()
