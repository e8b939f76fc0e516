"""The section of trades and profit, as whoever runs the console has them recorded."""

import asyncio
import re
from collections.abc import Sequence
from typing import Final, Protocol

from aiohttp import web

from fillwire.console.facts import Facts
from fillwire.console.guarding import SESSION, Guard, Refused, answer

SHOWN: Final = 200
_LIMIT: Final = re.compile("[1-9][0-9]{0,8}")
_READ_AT_ONCE: Final = 1  # the first profit of a viewer reads every trade there ever was


class Trades(Protocol):
    """Knows recorded trades; amounts are decimal strings."""

    async def newest(self, user: str | None, limit: int) -> Sequence[Facts]:
        """Return the newest trades, of one user or of all.

        Raises:
            FillwireError: they cannot be read.
        """
        ...

    async def profit(self, user: str | None) -> Facts:
        """Return realised profit by day and by bot and pair; raises as `newest`."""
        ...


class TradesSection:
    """Tells a viewer their own trades.

    Args:
        trades: knows them.
    """

    def __init__(self, trades: Trades) -> None:
        self._trades = trades
        self._turns = asyncio.Semaphore(_READ_AT_ONCE)
        self._profit_turns = asyncio.Semaphore(_READ_AT_ONCE)

    def routes(self, guard: Guard) -> list[web.RouteDef]:
        """Return the paths."""
        return [
            web.get("/api/trades", guard.private(self.newest)),
            web.get("/api/profit", guard.private(self.profit)),
        ]

    async def newest(self, request: web.Request) -> web.Response:
        """Show the newest trades."""
        wanted = request.query.get("limit", str(SHOWN))
        if _LIMIT.fullmatch(wanted) is None or int(wanted) > SHOWN:
            raise Refused(400, f"expected a limit of 1 to {SHOWN}")
        async with self._turns:
            trades = await self._trades.newest(request[SESSION].viewer.scope, int(wanted))
        return answer({"trades": list(trades)})

    async def profit(self, request: web.Request) -> web.Response:
        """Show realised profit."""
        async with self._profit_turns:
            return answer(await self._trades.profit(request[SESSION].viewer.scope))
