"""Brokers for benchmarks: one, or three that replicate, with what they use."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from fillwire.bus.server import EmbeddedServer
from fillwire.runtime.ports import free_ports


@asynccontextmanager
async def brokers(path: Path, count: int, extra_config: str = "") -> AsyncIterator[list[EmbeddedServer]]:
    """Run so many brokers inside the block, as a cluster if there is more than one.

    Args:
        path: where they keep their stores.
        count: how many.
        extra_config: of each, in the server's own language.
    """
    ports = free_ports(count)
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
    servers = [
        EmbeddedServer(
            path / f"broker-{number}",
            extra_config=extra_config
            if count == 1
            else f'{extra_config}server_name: "n{number}"\n'
            f'cluster {{ name: bench, listen: "127.0.0.1:{port}", routes: [{routes}], no_advertise: true }}',
        )
        for number, port in enumerate(ports)
    ]
    try:
        await asyncio.gather(*(server.start(deadline_s=40) for server in servers))
        yield servers
    finally:
        await asyncio.gather(*(server.stop() for server in servers))


def url_of(servers: Sequence[EmbeddedServer]) -> str:
    """Return the addresses of all with commas between them."""
    return ",".join(server.url for server in servers)
