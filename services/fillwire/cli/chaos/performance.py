"""Plays one episode: emits, strikes, and waits until everything is delivered or the patience is at its end."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

from fillwire.cli.chaos import bots
from fillwire.cli.chaos.counters import Counters
from fillwire.cli.chaos.evidence import BOTS, Evidence
from fillwire.cli.chaos.fault import Fault
from fillwire.cli.chaos.judge import LOG, Judge
from fillwire.cli.chaos.load import Load
from fillwire.cli.chaos.plan import MIXED, Episode, Stroke
from fillwire.cli.chaos.stage import Stage
from fillwire.domain.errors import BrokerError, FillwireError

_LOOK_S = 0.1
_NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StrokeResult:
    """What one stroke did.

    Attributes:
        fault: its class.
        struck: executions emitted while it lasted.
        recovery_s: from its end until all of those were delivered to every bot; None if there were none.
        longest_wait_s: from the emission of one of those to its callback in the steady bot; None if there were none, or
            the venue's clock was bent.
        lasted_s: from its beginning to its end.
    """

    fault: str
    struck: int
    recovery_s: float | None
    longest_wait_s: float | None
    lasted_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeResult:
    """What became of one episode.

    Attributes:
        missing: by listener, executions that did not come before the patience ended.
        problems: what else went wrong, in sentences.
        seconds: how long it took.
    """

    episode: Episode
    strokes: tuple[StrokeResult, ...]
    missing: dict[str, int]
    problems: tuple[str, ...]
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Whether everything came and nothing else went wrong."""
        return not any(self.missing.values()) and not self.problems

    def to_dict(self) -> dict[str, Any]:
        """Return it as the report shows it."""
        return self.episode.to_dict() | {
            "seconds": round(self.seconds, 2),
            "missing": self.missing,
            "problems": list(self.problems),
            "results": [asdict(stroke) for stroke in self.strokes],
        }


@dataclass(slots=True)
class _Mark:
    """A stroke while it happens: when, and which executions it met."""

    fault: Fault
    begun_ns: int
    first_row: int
    ended_ns: int = 0
    last_row: int = 0


class Performance:
    """One episode on the stage.

    Args:
        stage: the running system.
        judge: counts executions.
        counters: counts counter-orders.
        evidence: gathers what the judge counts.
        episode: what to play.
        patience_s: how long everything may take to arrive after the last fault has ended.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - its collaborators, and how long it may take
        self,
        stage: Stage,
        judge: Judge,
        counters: Counters,
        evidence: Evidence,
        episode: Episode,
        patience_s: float,
    ) -> None:
        self._stage = stage
        self._judge = judge
        self._counters = counters
        self._evidence = evidence
        self._episode = episode
        self._patience_s = patience_s
        self._marks: list[_Mark] = []
        self._problems: list[str] = []

    async def play(self) -> EpisodeResult:
        """Emit, strike, wait for everything, and return what became of it.

        Raises:
            FillwireError: a part of the system did not come back, or did not answer.
        """
        began_s = time.monotonic()
        episode, judge = self._episode, self._judge
        first_row = judge.emitted_count
        judge.begin(episode.label)
        self._counters.begin(episode.label)
        load = Load(self._stage.venue, episode)
        async with AsyncExitStack() as prepared:
            for stroke in episode.strokes:
                await prepared.enter_async_context(stroke.fault.prepare(self._stage))
            await self._perform(load)
        missing = await self._settle(first_row)
        unreached, self._stage.ordering.unreached = self._stage.ordering.unreached, []
        if episode.label != MIXED:  # there another fault may have been in the way
            self._problems += [f"not reached: {what}" for what in unreached]
        for child in self._stage.ended():
            self._problems.append(f"{child.name} ended by itself")
            await self._stage.start(child)
        emitted = judge.emitted_count - first_row
        if emitted != episode.executions:
            self._problems.append(f"{emitted} executions emitted, expected {episode.executions}")
        return EpisodeResult(
            episode=episode,
            strokes=tuple(self._result(mark) for mark in self._marks),
            missing=missing,
            problems=tuple(self._problems),
            seconds=time.monotonic() - began_s,
        )

    async def _perform(self, load: Load) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(load.run(), name="load")
                for stroke in self._episode.strokes:
                    group.create_task(self._strike(load, stroke), name=stroke.fault.name)
        except* (TimeoutError, aiohttp.ClientError) as errors:
            reasons = ", ".join(str(error) or type(error).__name__ for error in errors.exceptions)
            raise FillwireError(f"a part of the system does not answer: {reasons}") from errors

    async def _strike(self, load: Load, stroke: Stroke) -> None:
        await load.reached(stroke.at)
        fault, venue = stroke.fault, self._stage.venue
        async with self._stage.part(fault.part):
            mark = _Mark(fault, time.time_ns(), await venue.execution_count())
            self._marks.append(mark)
            async with fault.strike(self._stage):
                await asyncio.sleep(fault.hold_s)
                mark.ended_ns, mark.last_row = time.time_ns(), await venue.execution_count()

    async def _settle(self, first_row: int) -> dict[str, int]:
        """Wait until everything of the episode has been delivered; return what has not, by listener."""
        end_s = time.monotonic() + self._patience_s
        listeners = list(BOTS)
        while True:
            await self._evidence.look()
            missing = {name: self._judge.missing_count(name, first_row) for name in listeners}
            is_settled = not any(missing.values()) and not self._counters.outstanding
            if is_settled or time.monotonic() > end_s:
                break
            await asyncio.sleep(_LOOK_S)
        try:
            await self._evidence.read_log()
        except BrokerError as error:
            self._problems.append(f"the log cannot be read: {error}")
        return missing | {LOG: self._judge.missing_count(LOG, first_row)}

    def _result(self, mark: _Mark) -> StrokeResult:
        told_ns = self._judge.last_told_ns(mark.first_row, mark.last_row)
        wait_ns = None
        if self._episode.is_timed:
            wait_ns = self._judge.longest_wait_ns(bots.EVERYTHING, mark.first_row, mark.last_row)
        return StrokeResult(
            fault=mark.fault.name,
            struck=mark.last_row - mark.first_row,
            recovery_s=None if told_ns is None else round(max(0, told_ns - mark.ended_ns) / _NS, 3),
            longest_wait_s=None if wait_ns is None else round(wait_ns / _NS, 3),
            lasted_s=round((mark.ended_ns - mark.begun_ns) / _NS, 3),
        )
