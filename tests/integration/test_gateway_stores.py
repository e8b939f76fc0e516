"""The part of a gateway that keeps streams in existence lives through a broker that comes and goes."""

import shutil

import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.bus.streams import STREAMS, missing_streams
from fillwire.gateway.stores import Stores
from fillwire.runtime.settings.services import NatsSettings
from fillwire.runtime.supervision import Supervisor
from support.eventually import eventually


@pytest.mark.timeout(30)
async def test_a_connection_that_is_lost_before_anybody_looked_is_waited_for(
    broker: EmbeddedServer, bus: Bus
) -> None:
    """The rest of the gateway goes on meanwhile, and so the broker is reached again, and gets its streams."""
    losses: list[None] = []
    stores = Stores(bus, NatsSettings(), "binance")
    stores.start(Supervisor(), lambda: 0.0, lambda: losses.append(None), lambda _name, _reason: None)
    await broker.kill()
    await eventually(lambda: not bus.is_connected)
    await bus.notices.tell_reconnected()  # of a connection that was there for a moment
    shutil.rmtree(broker.data_dir / "jetstream")
    await broker.start()

    async def has_all() -> bool:
        return bus.is_connected and not await missing_streams(bus, [stream.name for stream in STREAMS])

    await eventually(has_all, 15, "the streams are made")
    assert losses == [None]
    await stores.stop()
