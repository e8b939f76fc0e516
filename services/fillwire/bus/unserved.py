"""Leaves a server of a cluster that is reached and yet does not serve: one that is cut off from the others."""

import asyncio

from fillwire.bus.connection import Bus

MOVE_ON_S = 12.0  # longer than the election of a stream's leader


class Unserved:
    """Notes whether one user of the connection is served, and has the connection moved when it is not for long.

    Args:
        bus: the connection; it paces the moves of all its users.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._since_s: float | None = None

    async def note(self, *, is_served: bool) -> None:
        """Take how things are now; call it again every few seconds while they are not well."""
        now_s = asyncio.get_running_loop().time()
        if is_served or not self._bus.is_connected:
            self._since_s = None
            return
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s >= MOVE_ON_S and await self._bus.move_on():
            self._since_s = now_s
