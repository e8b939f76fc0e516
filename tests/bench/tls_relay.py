"""TLS in front of a server that has none: what a gateway's connection to a venue costs in memory, it costs with TLS."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

HOST = "127.0.0.1"
_CHUNK = 1 << 16


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    raise ConnectionResetError


@asynccontextmanager
async def tls_relay(target_port: int, pem: Path) -> AsyncIterator[int]:
    """Listen with TLS inside the block and pass everything on to a port of loopback; yields the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            back, forth = await asyncio.open_connection(HOST, target_port)
            ends.append(forth)
            async with asyncio.TaskGroup() as group:
                group.create_task(_forward(reader, forth))
                group.create_task(_forward(back, writer))
        except* OSError:  # a side that is gone: the connection ends
            pass
        finally:
            for end in ends:
                end.transport.abort()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(relay(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    server = await asyncio.start_server(begin, HOST, 0, ssl=context, backlog=1024)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
