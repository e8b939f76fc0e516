"""Three brokers that replicate, on this machine: for faults that only a cluster can have."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.server import HOST, EmbeddedServer
from fillwire.runtime.ports import free_ports

SIZE = 3
_START_DEADLINE_S = 60.0


class BrokerCluster:
    """Three embedded brokers: `async with BrokerCluster(directory) as cluster`.

    Args:
        directory: holds a directory for each.
        extra_config: of each, in the broker's own language.
    """

    def __init__(self, directory: Path, extra_config: str = "") -> None:
        ports = free_ports(SIZE)
        routes = ", ".join(f'"nats://{HOST}:{port}"' for port in ports)
        self.servers = [
            EmbeddedServer(
                directory / f"broker-{number}",
                extra_config=f'server_name: "n{number}"\n'
                f'cluster {{ name: chaos, listen: "{HOST}:{port}", routes: [{routes}], no_advertise: true }}\n'
                f"{extra_config}",
            )
            for number, port in enumerate(ports)
        ]

    async def __aenter__(self) -> Self:
        """Start all of them; none is ready before the others are."""
        try:
            await asyncio.gather(*(server.start(_START_DEADLINE_S) for server in self.servers))
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop all of them."""
        await self.stop()

    async def stop(self) -> None:
        """Stop all of them; idempotent."""
        await asyncio.gather(*(server.stop() for server in self.servers))

    @property
    def url(self) -> str:
        """The addresses with commas between them."""
        return ",".join(server.url for server in self.servers)

    async def leader(self, bus: Bus, stream: str) -> EmbeddedServer:
        """Return the broker that leads a stream.

        Raises:
            BrokerError: no answer, as during an election.
        """
        info = await api.call(bus, f"STREAM.INFO.{stream}")
        return self.servers[int(info["cluster"]["leader"].removeprefix("n"))]
