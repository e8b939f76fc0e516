"""A rolling restart as an operator does it: one server after the other, each told to leave first and its work handed over."""

import os
import signal
from collections.abc import Sequence

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.domain.errors import BrokerError
from support.eventually import eventually

_LEAVE_DEADLINE_S = 60.0


async def leave(server: EmbeddedServer) -> None:
    """Have a server hand over what it leads and send its clients away, and wait for its end: the lame duck mode."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGUSR2)
    await eventually(lambda: not server.is_running, _LEAVE_DEADLINE_S, "the server has left")
    await server.stop()  # what this process holds for it


async def whole(bus: Bus, stream: str, servers: Sequence[EmbeddedServer]) -> None:
    """Wait until every server holds all of a stream: before that the next one must not leave."""

    async def is_whole() -> bool:
        try:
            cluster = (await api.call(bus, f"STREAM.INFO.{stream}"))["cluster"]
        except BrokerError:  # a leader changes
            return False
        replicas = cluster.get("replicas") or []
        return len(replicas) == len(servers) - 1 and all(
            replica.get("current") and not replica.get("offline") for replica in replicas
        )

    await eventually(is_whole, _LEAVE_DEADLINE_S, f"{stream} on every server")
