"""The section of latency: the way of one fill, step by step, as whoever runs the console can find it out."""

import asyncio
import re
from typing import Final, Protocol

from aiohttp import web

from fillwire.console.facts import Facts
from fillwire.console.guarding import SESSION, Guard, Refused, answer

_ASKED_AT_ONCE: Final = 2
_LONGEST: Final = 1_000
_TIME: Final = re.compile("[0-9]{1,13}")  # until the year 2286


class Ways(Protocol):
    """Knows the ways of fills."""

    async def way(self, event_id: str, pair: str, time_ms: int, user: str | None) -> Facts:
        """Return the steps of an event's way.

        Args:
            event_id: of the event.
            pair: of its order.
            time_ms: about when it was received.
            user: whose it must be; None for anybody's.

        Raises:
            FillwireError: it is not known.
        """
        ...


class WaysSection:
    """Tells a viewer the ways of their own fills.

    Args:
        ways: knows them.
    """

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._turns = asyncio.Semaphore(_ASKED_AT_ONCE)

    def routes(self, guard: Guard) -> list[web.RouteDef]:
        """Return the paths."""
        return [web.get("/api/way", guard.private(self.way))]

    async def way(self, request: web.Request) -> web.Response:
        """Show the way of one fill."""
        event_id, pair, time_text = (request.query.get(name, "") for name in ("id", "pair", "time_ms"))
        if not event_id or not pair or _TIME.fullmatch(time_text) is None:
            raise Refused(400, "expected id, pair and time_ms")
        if len(event_id) + len(pair) > _LONGEST:
            raise Refused(400, "expected a shorter question")
        async with self._turns:
            found = await self._ways.way(event_id, pair, int(time_text), request[SESSION].viewer.scope)
        return answer(found)
