"""Keeps accounts connected for as long as the manager has something to ask of them: perhaps no bot listens any more."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fillwire.bus.connection import Bus
from fillwire.domain.errors import BrokerError, DecodeError
from fillwire.domain.identifiers import Account
from fillwire.runtime.logs import get_log
from fillwire.sdk.connections import Connections
from fillwire.sdk.desired import Wishes

_log = get_log(__name__)

_LOOK_EVERY_S = 0.1


class Serving:
    """Wants accounts connected.

    Args:
        bus: the connection.
        subscriber: name of this process in the desired state.
    """

    def __init__(self, bus: Bus, subscriber: str) -> None:
        self._wishes = Wishes(bus, subscriber)
        self._connections = Connections(bus)
        self._users: Counter[Account] = Counter()

    def start(self) -> None:
        """Begin."""
        self._wishes.start()

    async def stop(self) -> None:
        """Want nothing more."""
        await self._wishes.stop()

    @asynccontextmanager
    async def connected(self, account: Account, wait_s: float) -> AsyncIterator[None]:
        """Keep an account connected inside the block, which begins when it is, or after so long in seconds."""
        self._users[account] += 1
        try:
            await self._wishes.want(account, (), self._users[account])
            await self._wait(account, wait_s)
            yield
        finally:
            self._users[account] -= 1
            if not self._users[account]:
                del self._users[account]
            await self._wishes.want(account, (), self._users[account])

    async def _wait(self, account: Account, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                while not await self._is_connected(account):  # noqa: ASYNC110 - a key of a bucket, for a moment
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            _log.warning("account_not_connected", account=str(account), waited_s=wait_s)

    async def _is_connected(self, account: Account) -> bool:
        try:
            event = await self._connections.ask(account)
        except (BrokerError, DecodeError):
            return False
        return event is not None and event.is_connected
