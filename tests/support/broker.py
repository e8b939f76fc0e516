"""A real nats-server for tests, three of them as a cluster, and connections to them; where it comes from says `shared_broker`."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from fillwire.bus.buckets import ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams
from fillwire.runtime.ports import free_ports
from support.shared_broker import SharedBroker, has_binary

ConnectBus = Callable[..., Awaitable[Bus]]


@pytest.fixture
async def broker(tmp_path: Path, shared_broker_url: str | None) -> AsyncIterator[EmbeddedServer]:
    """An empty broker with JetStream. It may be stopped, killed and started again, or the test is skipped where it was given."""
    own = (
        EmbeddedServer(tmp_path / "broker") if shared_broker_url is None else SharedBroker(shared_broker_url)
    )
    async with own as server:
        yield server


@pytest.fixture
async def connect_bus(broker: EmbeddedServer) -> AsyncIterator[ConnectBus]:
    """Makes connections to the broker, closed at the end of the test."""
    async with AsyncExitStack() as stack:

        async def connect(name: str = "test", **options: object) -> Bus:
            return await stack.enter_async_context(await Bus.connect(broker.url, name=name, **options))  # type: ignore[arg-type]  # passed through

        yield connect


@pytest.fixture
async def bus(connect_bus: ConnectBus) -> Bus:
    """A connection to the broker, which has all streams and buckets."""
    connected = await connect_bus()
    await ensure_streams(connected)
    await ensure_buckets(connected)
    return connected


@asynccontextmanager
async def cluster(path: Path, extra_config: str = "") -> AsyncIterator[list[EmbeddedServer]]:
    """Run three brokers `n0` to `n2` that replicate; each may be stopped, killed and started again."""
    ports = free_ports(3)
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
    servers = [
        EmbeddedServer(
            path / f"broker-{number}",
            extra_config=f'server_name: "n{number}"\nlame_duck_grace_period: "1s"\n{extra_config}\n'
            f'cluster {{ name: test, listen: "127.0.0.1:{port}", routes: [{routes}], no_advertise: true }}',
        )
        for number, port in enumerate(ports)
    ]
    try:
        await asyncio.gather(*(server.start(deadline_s=40) for server in servers))
        yield servers
    finally:
        await asyncio.gather(*(server.stop() for server in servers))


@pytest.fixture
async def broker_cluster(tmp_path: Path) -> AsyncIterator[list[EmbeddedServer]]:
    """Three brokers that replicate; each may be stopped, killed and started again."""
    if not has_binary():
        pytest.skip("needs three brokers of its own, and there is no nats-server on this machine")
    async with cluster(tmp_path) as servers:
        yield servers
