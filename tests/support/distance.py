"""Distance between regions: what a connection carries arrives later, in order, by so many milliseconds each way."""

import asyncio

from support.broker_proxy import TcpProxy

_ON_THE_WAY = (
    4096  # pieces of up to 64 KiB: more than a test sends within the delay; beyond that the sender waits
)


class DelayedProxy(TcpProxy):
    """Stands before a server that is far away.

    Latency alone: nothing is lost, and as much passes as at home. Connecting takes no time; the first answer does.

    Args:
        url: `scheme://host:port` of the server.
        one_way_s: for how long everything is on its way, in seconds.
    """

    def __init__(self, url: str, one_way_s: float) -> None:
        super().__init__(url)
        self._one_way_s = one_way_s

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_ON_THE_WAY)

        async def depart() -> None:
            while data := await reader.read(1 << 16):
                await on_the_way.put((loop.time() + self._one_way_s, data))
            await on_the_way.put((loop.time() + self._one_way_s, b""))

        async def arrive() -> None:
            while True:
                due_s, data = await on_the_way.get()
                await asyncio.sleep(due_s - loop.time())  # the distance itself
                if not data:
                    raise ConnectionResetError
                writer.write(data)
                await writer.drain()

        async with asyncio.TaskGroup() as group:
            group.create_task(depart())
            group.create_task(arrive())
