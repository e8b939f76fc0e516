"""Plays a plan: episode after episode, each until everything is delivered or the patience is at its end."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from fillwire.cli.chaos import bots
from fillwire.cli.chaos.evidence import LISTENERS, Evidence
from fillwire.cli.chaos.fault import Fault, Ground
from fillwire.cli.chaos.judge import LOG, Judge, Tally
from fillwire.cli.chaos.load import Load
from fillwire.cli.chaos.plan import Episode, Stroke
from fillwire.cli.chaos.stage import FIRST, Stage, open_stage
from fillwire.domain.errors import BrokerError, FillwireError
from fillwire.runtime.lifecycle import Stop

PATIENCE_S = 120.0
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
class RunResult:
    """What became of a run.

    Attributes:
        unfinished: the episode in which it ended early, None if it did not.
    """

    episodes: list[EpisodeResult] = field(default_factory=list)
    unfinished: Episode | None = None
    ledger: dict[str, Tally] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def total(self) -> Tally:
        """The counts of all classes together."""
        total = Tally()
        for tally in self.ledger.values():
            total.add(tally)
        return total

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, doubled, out of order, foreign or altered, and no process ended by itself."""
        is_played = bool(self.episodes) and self.unfinished is None
        return is_played and self.total.is_clean and all(result.is_clean for result in self.episodes)


class Run:
    """Plays the episodes of one ground on one stage after the other.

    Args:
        directory: where the stages are set; it must exist.
        seed: of the venue.
        on_episode: told of each episode when it is over.
        patience_s: how long everything may take to arrive after the last fault of an episode has ended.
        fast_lane: whether bots are told of live copies, too.
    """

    def __init__(
        self,
        directory: Path,
        seed: int,
        on_episode: Callable[[EpisodeResult], None],
        *,
        patience_s: float = PATIENCE_S,
        fast_lane: bool = False,
    ) -> None:
        self._directory = directory
        self._seed = seed
        self._on_episode = on_episode
        self._patience_s = patience_s
        self._fast_lane = fast_lane
        self.result = RunResult()

    async def play_until(self, stop: Stop, episodes: Sequence[Episode]) -> None:
        """Play as `play` does, unless the end is asked for first."""
        playing = asyncio.ensure_future(self.play(episodes))
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                raise FillwireError(f"ended by {stop.reason} after {len(self.result.episodes)} episodes")
            await playing
        finally:
            for task in (playing, stopping):
                task.cancel()
            await asyncio.gather(playing, stopping, return_exceptions=True)

    async def play(self, episodes: Sequence[Episode]) -> RunResult:
        """Play all episodes and return what became of them; `result` holds what is known so far.

        Raises:
            FillwireError: a part of the system did not start, or did not come back after a fault.
        """
        began_s = time.monotonic()
        for ground in Ground:
            own = [episode for episode in episodes if episode.ground is ground]
            if own:
                await self._play_on(ground, own)
        self.result.seconds = time.monotonic() - began_s
        return self.result

    async def _play_on(self, ground: Ground, episodes: Sequence[Episode]) -> None:
        directory = self._directory / ground.name.lower()
        directory.mkdir()
        judge = Judge(LISTENERS)
        try:
            await self._play_before(judge, directory, ground, episodes)
        finally:  # what is known of a run that ended early counts, too
            for label, tally in judge.ledger().items():
                self.result.ledger.setdefault(label, Tally()).add(tally)

    async def _play_before(
        self, judge: Judge, directory: Path, ground: Ground, episodes: Sequence[Episode]
    ) -> None:
        async with open_stage(directory, ground, self._seed, fast_lane=self._fast_lane) as stage:
            evidence = Evidence(stage, judge)
            for episode in episodes:
                self.result.unfinished = episode
                result = await _Performance(stage, judge, evidence, episode, self._patience_s).play()
                self.result.episodes.append(result)
                self.result.unfinished = None
                self._on_episode(result)
            await stage.gateways[FIRST].stop()  # publishes what it still holds
            await stage.host.stop()
            await evidence.look()
            await evidence.read_log()


@dataclass(slots=True)
class _Mark:
    """A stroke while it happens: when, and which executions it met."""

    fault: Fault
    begun_ns: int
    first_row: int
    ended_ns: int = 0
    last_row: int = 0


class _Performance:
    """One episode on the stage."""

    def __init__(
        self, stage: Stage, judge: Judge, evidence: Evidence, episode: Episode, patience_s: float
    ) -> None:
        self._stage = stage
        self._judge = judge
        self._evidence = evidence
        self._episode = episode
        self._patience_s = patience_s
        self._marks: list[_Mark] = []
        self._problems: list[str] = []

    async def play(self) -> EpisodeResult:
        """Emit, strike, wait for everything, and return what became of it."""
        began_s = time.monotonic()
        episode, judge = self._episode, self._judge
        first_row = judge.emitted_count
        judge.begin(episode.label)
        load = Load(self._stage.venue, episode)
        async with AsyncExitStack() as prepared:
            for stroke in episode.strokes:
                await prepared.enter_async_context(stroke.fault.prepare(self._stage))
            await self._perform(load)
        missing = await self._settle(first_row)
        self._problems += [f"{name} ended by itself" for name in self._stage.ended()]
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
        """Emit and strike.

        Raises:
            FillwireError: a part did not come back, or did not answer.
        """
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
        listeners = [name for name in LISTENERS if name != LOG]
        while True:
            await self._evidence.look()
            missing = {name: self._judge.missing_count(name, first_row) for name in listeners}
            if not any(missing.values()) or time.monotonic() > end_s:
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
