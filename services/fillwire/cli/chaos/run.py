"""Plays a plan: one ground after the other, episode after episode."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fillwire.cli.chaos.bots import COUNTERING
from fillwire.cli.chaos.counters import Counters, CounterTally
from fillwire.cli.chaos.evidence import Evidence, listeners
from fillwire.cli.chaos.fault import Ground, duplicate_window_s
from fillwire.cli.chaos.judge import Judge, Tally
from fillwire.cli.chaos.performance import EpisodeResult, Performance
from fillwire.cli.chaos.plan import Episode
from fillwire.cli.chaos.stage import FIRST, open_stage
from fillwire.domain.client_order_ids import is_derived_for
from fillwire.domain.errors import FillwireError
from fillwire.runtime.lifecycle import Stop
from fillwire.runtime.supervision import unless_stopped

PATIENCE_S = 120.0


@dataclass(slots=True)
class RunResult:
    """What became of a run.

    Attributes:
        unfinished: the episode in which it ended early, None if it did not.
        ledger: what became of executions, by class of fault.
        orders: what became of counter-orders, by class of fault.
    """

    episodes: list[EpisodeResult] = field(default_factory=list)
    unfinished: Episode | None = None
    ledger: dict[str, Tally] = field(default_factory=dict)
    orders: dict[str, CounterTally] = field(default_factory=dict)
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
        are_orders_clean = all(tally.is_clean for tally in self.orders.values())
        are_episodes_clean = all(result.is_clean for result in self.episodes)
        return is_played and self.total.is_clean and are_orders_clean and are_episodes_clean


class Run:
    """Plays the episodes of one ground on one stage after the other.

    Args:
        directory: where the stages are set; it must exist.
        exchange: which venue.
        seed: of the venue.
        on_episode: told of each episode when it is over.
        patience_s: how long everything may take to arrive after the last fault of an episode has ended.
        fast_lane: whether bots are told of live copies, too.
        partitions: of the log.
    """

    def __init__(  # noqa: PLR0913 - where, of what, and who is told
        self,
        directory: Path,
        exchange: str,
        seed: int,
        on_episode: Callable[[EpisodeResult], None],
        *,
        patience_s: float = PATIENCE_S,
        fast_lane: bool = False,
        partitions: int = 1,
    ) -> None:
        self._directory = directory
        self._exchange = exchange
        self._seed = seed
        self._on_episode = on_episode
        self._patience_s = patience_s
        self._fast_lane = fast_lane
        self._partitions = partitions
        self.result = RunResult()

    async def play_until(self, stop: Stop, episodes: Sequence[Episode]) -> None:
        """Play as `play` does, unless the end is asked for first."""
        if not await unless_stopped(stop, self.play(episodes)):
            raise FillwireError(f"ended by {stop.reason} after {len(self.result.episodes)} episodes")

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
        judge, counters = Judge(listeners(self._exchange)), Counters(partial(is_derived_for, COUNTERING))
        try:
            await self._play_before(judge, counters, directory, ground, episodes)
        finally:  # what is known of a run that ended early counts, too
            for label, tally in judge.ledger().items():
                self.result.ledger.setdefault(label, Tally()).add(tally)
            for label, orders in counters.ledger().items():
                self.result.orders.setdefault(label, CounterTally()).add(orders)

    async def _play_before(
        self,
        judge: Judge,
        counters: Counters,
        directory: Path,
        ground: Ground,
        episodes: Sequence[Episode],
    ) -> None:
        window_s = duplicate_window_s(max(episode.executions for episode in episodes))
        async with open_stage(
            directory,
            self._exchange,
            ground,
            self._seed,
            duplicate_window_s=window_s,
            fast_lane=self._fast_lane,
            partitions=self._partitions,
        ) as stage:
            evidence = Evidence(stage, judge, counters)
            for episode in episodes:
                self.result.unfinished = episode
                result = await Performance(stage, judge, counters, evidence, episode, self._patience_s).play()
                self.result.episodes.append(result)
                self.result.unfinished = None
                self._on_episode(result)
            await stage.gateways[FIRST].stop()  # publishes what it still holds
            await stage.host.stop()
            await evidence.look()
            await evidence.read_log()
