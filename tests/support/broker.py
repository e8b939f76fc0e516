"""A real nats-server for tests, and connections to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from fillwire.bus.buckets import ensure_buckets
from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import ensure_streams

ConnectBus = Callable[..., Awaitable[Bus]]


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A broker of the test's own, empty, with JetStream; it may be stopped, killed and started again."""
    async with EmbeddedServer(tmp_path / "broker") as server:
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
