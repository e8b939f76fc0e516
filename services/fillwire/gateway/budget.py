"""How many connections a venue lets one machine dial, kept by waiting."""

import asyncio


class ConnectBudget:
    """Spreads dialling over time: a burst first, then an even pace. One for all accounts of an exchange.

    After an outage every account wants back at once; a venue answers a rush of connections with a ban.

    Args:
        per_minute: connections in any minute.
        burst: how many of them may come at once.
    """

    def __init__(self, per_minute: int, burst: int = 10) -> None:
        self._interval_s = 60 / per_minute
        self._tolerance_s = self._interval_s * (min(burst, per_minute) - 1)
        self._due_s = 0.0

    def reserve(self, now_s: float) -> float:
        """Return after how many seconds the next connection may be dialled, and count it."""
        due_s = max(self._due_s, now_s)
        self._due_s = due_s + self._interval_s
        return max(0.0, due_s - self._tolerance_s - now_s)

    async def wait(self) -> None:
        """Wait for the turn; a cancelled wait has used its turn up."""
        await asyncio.sleep(self.reserve(asyncio.get_running_loop().time()))
