"""Three brokers that replicate over proxies, so that one of them can be cut off from the others and not from its clients."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fillwire.bus.server import EmbeddedServer
from fillwire.runtime.ports import free_ports
from support.broker_proxy import TcpProxy

SIZE = 3

Route = Callable[[tuple[int, int], str], TcpProxy]
"""Makes the proxy of one route: from which broker to which, and the address of the latter."""


class DividedCluster:
    """A cluster whose routes can be cut.

    Attributes:
        servers: the brokers `n0` to `n2`.
    """

    def __init__(self, servers: list[EmbeddedServer], routes: dict[tuple[int, int], TcpProxy]) -> None:
        self.servers = servers
        self._routes = routes

    @property
    def url(self) -> str:
        """All brokers."""
        return ",".join(server.url for server in self.servers)

    async def cut_off(self, number: int) -> None:
        """Cut one broker off from the two others; clients still reach it."""
        for ends, route in self._routes.items():
            if number in ends:
                await route.cut()

    async def join(self, number: int) -> None:
        """Let it reach the others again."""
        for ends, route in self._routes.items():
            if number in ends:
                await route.listen()


def _plain(_ends: tuple[int, int], url: str) -> TcpProxy:
    return TcpProxy(url)


@asynccontextmanager
async def divided_cluster(
    path: Path, *, route: Route = _plain, more_config: Sequence[str] = ("",) * SIZE
) -> AsyncIterator[DividedCluster]:
    """Run the cluster inside the block, undivided at first.

    Args:
        path: where the brokers keep their stores.
        route: makes the routes.
        more_config: of each broker, in the server's own language.
    """
    ports = free_ports(SIZE)
    routes: dict[tuple[int, int], TcpProxy] = {}
    for ends in ((here, there) for here in range(SIZE) for there in range(SIZE) if here != there):
        routes[ends] = route(ends, f"nats://127.0.0.1:{ports[ends[1]]}")
        await routes[ends].listen()
    servers = [_server(path, number, port, routes, more_config[number]) for number, port in enumerate(ports)]
    try:
        await asyncio.gather(*(server.start(deadline_s=40) for server in servers))
        yield DividedCluster(servers, routes)
    finally:
        await asyncio.gather(*(route.cut() for route in routes.values()))
        await asyncio.gather(*(server.kill() for server in servers))


def _server(
    path: Path, number: int, port: int, routes: dict[tuple[int, int], TcpProxy], more_config: str
) -> EmbeddedServer:
    urls = ", ".join(f'"{route.url}"' for (here, _), route in routes.items() if here == number)
    return EmbeddedServer(
        path / f"broker-{number}",
        extra_config=f'server_name: "n{number}"\n{more_config}\n'
        # What brokers tell each other of themselves leads nowhere, so that they know no way but the proxies.
        f'cluster {{ name: test, listen: "127.0.0.1:{port}", advertise: "127.0.0.1:1", no_advertise: true, '
        f"routes: [{urls}] }}",
    )
