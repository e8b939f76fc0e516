"""One process runs a bot at a time: two would share its events, so that each missed half of them.

A claim is a token that a process writes into the metadata of the bot's durable. Whoever wrote last runs the bot. A
newcomer first waits for a living reader to leave. A process that was cut off for so long that another took its bot over
finds the other's token when it is back, and lets go.
"""

import asyncio
import uuid
from typing import Any

from fillwire.bus import api
from fillwire.bus.connection import Bus
from fillwire.bus.durables import create_consumer
from fillwire.domain.errors import ConfigError
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

_KEY = "fillwire-claim"
_ASK_AGAIN_S = 0.25


class Claim:
    """This process's claim on one bot's durable.

    Args:
        bus: the connection.
        stream: name of the stream.
        durable: name of the bot's durable consumer, which must exist.

    Attributes:
        waiting_count: events that the bot had not handled when the broker was asked last, None if it never was.
    """

    def __init__(self, bus: Bus, stream: str, durable: str) -> None:
        self._bus = bus
        self._stream = stream
        self._durable = durable
        self._token = uuid.uuid4().hex
        self.waiting_count: int | None = None

    async def info(self) -> dict[str, Any]:
        """Return what the broker says of the durable, in its own JSON.

        Raises:
            BrokerError: no answer, or no such consumer.
        """
        info = await api.call(self._bus, f"CONSUMER.INFO.{self._stream}.{self._durable}")
        self.waiting_count = info["num_pending"] + info["num_ack_pending"]
        return info

    async def take(self, takeover_s: float) -> None:
        """Wait until nobody else reads the durable, then claim it.

        Args:
            takeover_s: how long to wait, in seconds.

        Raises:
            ConfigError: somebody else still reads it.
            BrokerError: no answer.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + takeover_s
        has_warned = False
        while (await self.info())["num_waiting"] > 0:  # open pulls
            if not has_warned:
                has_warned = True
                _log.warning("bot_runs_elsewhere", durable=self._durable, waiting_s=takeover_s)
            if loop.time() >= end:
                raise ConfigError("another process runs it: stop that one, or give this one another name")
            await asyncio.sleep(_ASK_AGAIN_S)
        await self.renew()

    async def renew(self) -> None:
        """Write the claim, be it for the first time or because the durable was made again.

        Raises:
            BrokerError: no answer.
        """
        config = (await self.info())["config"]
        config["metadata"] = {**config.get("metadata", {}), _KEY: self._token}
        await create_consumer(self._bus, self._stream, self._durable, config)

    async def is_ours(self) -> bool:
        """Return whether nobody has claimed the durable since.

        Raises:
            BrokerError: no answer.
        """
        token = (await self.info())["config"].get("metadata", {}).get(_KEY)
        return token is None or token == self._token
