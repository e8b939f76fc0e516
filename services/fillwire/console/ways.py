"""The section of latency: the way of one fill, step by step, as whoever runs the console can find it out."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final, Protocol

from aiohttp import web

from fillwire.console.facts import Facts
from fillwire.console.guarding import SESSION, Guard, Refused, answer
from fillwire.console.viewers import Viewer

_ASKED_AT_ONCE: Final = 4
_WAITING_OF_ONE: Final = 4  # questions of one viewer, of which one at a time is asked
_WAIT_DEADLINE_S: Final = 30.0
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
        self._own_turns: dict[Viewer, asyncio.Lock] = {}
        self._asking: Counter[Viewer] = Counter()

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
        viewer = request[SESSION].viewer
        async with self._turn_of(viewer):
            found = await self._ways.way(event_id, pair, int(time_text), viewer.scope)
        return answer(found)

    @asynccontextmanager
    async def _turn_of(self, viewer: Viewer) -> AsyncIterator[None]:
        """Wait until it is the viewer's turn: one question of each at a time, and few of all.

        Raises:
            Refused: too many of the viewer's wait, or it takes too long.
        """
        if self._asking[viewer] >= _WAITING_OF_ONE:
            raise Refused(429, f"{_WAITING_OF_ONE} ways are looked for: expected no more at a time")
        self._asking[viewer] += 1
        own = self._own_turns.setdefault(viewer, asyncio.Lock())
        try:
            async with AsyncExitStack() as turns:
                try:
                    async with asyncio.timeout(_WAIT_DEADLINE_S):
                        await turns.enter_async_context(own)
                        await turns.enter_async_context(self._turns)
                except TimeoutError:
                    raise Refused(
                        503, f"too many ways are looked for: none free within {_WAIT_DEADLINE_S:g} s"
                    ) from None
                yield
        finally:
            self._asking[viewer] -= 1
            if not self._asking[viewer]:
                del self._asking[viewer], self._own_turns[viewer]
