"""The executions of an episode: half of them on orders that live through all of it, half on orders that live for a moment."""

import asyncio
from typing import Any

from fillwire.cli.chaos.plan import Episode
from fillwire.cli.chaos.stage import EMITTED_SYMBOLS
from fillwire.cli.simulated import SimulatedVenue
from fillwire.domain.errors import FillwireError

_PROGRESS_S = 0.04
_GRACE_S = 180.0  # a venue whose sockets are full waits


class Load:
    """Emits, and tells how far it is.

    An order that begins and ends while the gateway is away shows in no list of open orders, and one that lives through
    everything shows each gap: they are found in different ways, so there are both.

    Args:
        venue: emits.
        episode: how much.

    Attributes:
        share: of the executions emitted so far, 0 to 1.
    """

    def __init__(self, venue: SimulatedVenue, episode: Episode) -> None:
        self.share = 0.0
        self._venue = venue
        self._episode = episode
        self._emitted: dict[int, int] = {}  # by job
        self._moved = asyncio.Condition()

    async def run(self) -> None:
        """Emit everything.

        Raises:
            FillwireError: the venue did not.
            TimeoutError: not within three minutes beyond the time it takes.
        """
        episode = self._episode
        async with (
            asyncio.timeout(episode.executions / episode.per_s + _GRACE_S),
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._emit_lasting(), name="lasting orders")
            group.create_task(self._emit_brief(), name="brief orders")

    async def reached(self, share: float) -> None:
        """Wait until a share of the executions has been emitted."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.share >= share)

    async def _emit_lasting(self) -> None:
        episode = self._episode
        await self._emit(episode.executions - episode.executions // 2, episode.orders)

    async def _emit_brief(self) -> None:
        episode = self._episode
        count, waves = episode.executions // 2, min(episode.waves, episode.executions // 2)
        for wave in range(waves):
            executions = count // waves + (1 if wave < count % waves else 0)
            await self._emit(executions, max(1, executions // episode.fills_per_order))

    async def _emit(self, count: int, orders: int) -> None:
        rate = max(1.0, self._episode.per_s / 2)
        job = await self._venue.emit(
            self._venue.symbols[:EMITTED_SYMBOLS], rate=rate, count=count, orders=min(orders, count)
        )
        while True:
            progress = await self._venue.control("GET", f"emit/{job}")
            await self._note(job, progress)
            if progress["state"] == "done":
                return
            if progress["state"] != "running":
                raise FillwireError(f"the emission of episode {self._episode.number} {progress['state']}")
            await asyncio.sleep(_PROGRESS_S)

    async def _note(self, job: int, progress: dict[str, Any]) -> None:
        self._emitted[job] = progress["emitted"]
        async with self._moved:
            self.share = sum(self._emitted.values()) / self._episode.executions
            self._moved.notify_all()
