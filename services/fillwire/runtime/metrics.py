"""What a process can say of itself in numbers, collected when it is asked: nothing is done for it while events pass.

Whoever has a number adds a source, a function that reads what it counts anyway. `Metrics.collect` asks all of them, adds
up what has the same labels, and keeps each metric within the number of label sets that its declaration allows.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from fillwire.runtime.latency import LatencySnapshot
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

OTHER = "other"


class MetricKind(StrEnum):
    """What the value of a metric may do."""

    COUNTER = "counter"  # only grows, from 0 at the start of the process
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Fold(StrEnum):
    """How the values of several label sets become one."""

    SUM = "sum"
    WORST_IS_MOST = "max"
    WORST_IS_LEAST = "min"


@dataclass(frozen=True, slots=True)
class Label:
    """A dimension of a metric.

    Attributes:
        name: as it is exported.
        meaning: what its values are.
        is_open: whether what people configure, or a venue sends, decides how many values there are: beyond the bound of
            a metric such a value becomes `other`.
    """

    name: str
    meaning: str
    is_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric, as it is declared.

    Attributes:
        name: OpenTelemetry's spelling, with dots.
        kind: what the value may do.
        unit: as UCUM writes it: `s`, `1` for a share, `{event}` for a count of something.
        meaning: what it says, for people.
        told_by: which services have it.
        labels: its dimensions.
        bound: label sets at most; what comes later counts as `other`.
        fold: how label sets are put together.
    """

    name: str
    kind: MetricKind
    unit: str
    meaning: str
    told_by: str
    labels: tuple[Label, ...] = ()
    bound: int = 1
    fold: Fold = Fold.SUM

    @property
    def prometheus_name(self) -> str:
        """The name as Prometheus knows it, with the unit, and `_total` behind a counter's."""
        name = self.name.replace(".", "_")
        if (suffix := PROMETHEUS_UNITS.get(self.unit, "")) and not name.endswith(f"_{suffix}"):
            name = f"{name}_{suffix}"
        return f"{name}_total" if self.kind is MetricKind.COUNTER else name


PROMETHEUS_UNITS = {"s": "seconds", "By": "bytes", "1": "ratio"}


class Exemplar(NamedTuple):
    """One record of a histogram that has a trace."""

    trace_id: int
    duration_ns: int
    time_ns: int


class Distribution(NamedTuple):
    """The value of a histogram."""

    snapshot: LatencySnapshot
    exemplars: tuple[Exemplar, ...] = ()

    def merged(self, other: "Distribution") -> "Distribution":
        """Return both together."""
        return Distribution(self.snapshot.merged(other.snapshot), self.exemplars + other.exemplars)


Value = float | Distribution
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric with all its values."""

    metric: Metric
    points: dict[Labels, Value] = field(default_factory=dict)


class Measures:
    """What the sources say in one collection."""

    def __init__(self) -> None:
        self.families: dict[str, Family] = {}

    def put(self, metric: Metric, value: Value, *labels: str) -> None:
        """Say a value; one that was said for the same labels before is put together with it.

        Args:
            metric: which.
            value: a `Distribution` for a histogram, a number for all others.
            labels: the values of the metric's labels, in their order.
        """
        if len(labels) != len(metric.labels):
            raise ValueError(f"{metric.name}: expected {len(metric.labels)} labels, found {len(labels)}")
        family = self.families.get(metric.name)
        if family is None:
            family = self.families[metric.name] = Family(metric)
        before = family.points.get(labels)
        family.points[labels] = value if before is None else folded(metric.fold, before, value)


Source = Callable[[Measures], Iterator[None] | None]
"""Says what it knows; called on the loop's thread, quick, and reading only.

One with much to say is a generator that yields in between, so that the loop can turn: after each account, each bot.
"""
_STEPS_IN_A_ROW = 8


def folded(fold: Fold, one: Value, other: Value) -> Value:
    """Return two values of a metric as one."""
    if isinstance(one, Distribution) and isinstance(other, Distribution):
        return one.merged(other)
    if isinstance(one, Distribution) or isinstance(other, Distribution):
        raise TypeError("expected two distributions or two numbers, found one of each")
    if fold is Fold.SUM:
        return one + other
    return max(one, other) if fold is Fold.WORST_IS_MOST else min(one, other)


class Metrics:
    """The sources of a process. All calls belong to the thread of the loop.

    Args:
        sources: the first of them.
    """

    def __init__(self, *sources: Source) -> None:
        self._sources: list[Source] = list(sources)
        self._known: dict[str, dict[Labels, None]] = {}
        self.failure_count = 0

    def add(self, source: Source) -> None:
        """Ask this source, too, from now on."""
        self._sources.append(source)

    def remove(self, source: Source) -> None:
        """Ask it no longer. Idempotent."""
        if source in self._sources:
            self._sources.remove(source)

    def collect(self) -> list[Family]:
        """Return what all sources say now, each metric within its bound; a source that fails is left out and counted."""
        measures = Measures()
        for _ in self._ask_all(measures):
            pass
        return self._all_bounded(measures)

    async def collect_in_turns(self) -> list[Family]:
        """Return the same and let the loop turn in between, so that a thousand bots do not hold up a fill."""
        measures = Measures()
        for step, _ in enumerate(self._ask_all(measures), 1):
            if step % _STEPS_IN_A_ROW == 0:
                await asyncio.sleep(0)
        return self._all_bounded(measures)

    def _ask_all(self, measures: Measures) -> Iterator[None]:
        for source in list(self._sources):
            try:
                yield from source(measures) or ()
            except Exception as error:  # noqa: BLE001 - one mistake must not blind a person to everything else
                self.failure_count += 1
                if self.failure_count & (self.failure_count - 1) == 0:
                    _log.error("metrics_source_failed", count=self.failure_count, error=error)

    def _all_bounded(self, measures: Measures) -> list[Family]:
        return [self._bounded(family) for family in measures.families.values()]

    def _bounded(self, family: Family) -> Family:
        """Keep the label sets that came first, for as long as the process lives, so that no series changes its meaning."""
        metric = family.metric
        known = self._known.setdefault(metric.name, {})
        for labels in family.points:
            if len(known) >= metric.bound:
                break
            known.setdefault(labels)
        if all(labels in known for labels in family.points):
            return family
        points: dict[Labels, Value] = {}
        for labels, value in family.points.items():
            place = labels if labels in known else _anonymous(metric, labels)
            before = points.get(place)
            points[place] = value if before is None else folded(metric.fold, before, value)
        return Family(metric, points)


def _anonymous(metric: Metric, labels: Labels) -> Labels:
    return tuple(
        OTHER if label.is_open else value for label, value in zip(metric.labels, labels, strict=True)
    )
