"""Collecting numbers: added up by label, bounded, and never silenced by one source that fails."""

import asyncio
from collections.abc import Iterator

import pytest

from fillwire.runtime.latency import LatencyHistogram
from fillwire.runtime.metrics import (
    OTHER,
    Distribution,
    Family,
    Fold,
    Label,
    Measures,
    Metric,
    MetricKind,
    Metrics,
)

_VENUE = Label("venue", "which")
_USER = Label("user", "whose", is_open=True)


def _metric(
    kind: MetricKind = MetricKind.COUNTER, *, bound: int = 3, fold: Fold = Fold.SUM, unit: str = "{event}"
) -> Metric:
    return Metric(
        name="fillwire.test.things",
        kind=kind,
        unit=unit,
        meaning="things",
        told_by="tests",
        labels=(_VENUE, _USER),
        bound=bound,
        fold=fold,
    )


def _collected(metrics: Metrics) -> dict[tuple[str, ...], object]:
    (family,) = metrics.collect()
    return dict(family.points)


def test_values_of_the_same_labels_are_added_up() -> None:
    """Two sources may know of the same account."""
    metric, metrics = _metric(), Metrics()
    metrics.add(lambda into: into.put(metric, 2, "a", "alice"))
    metrics.add(lambda into: into.put(metric, 3, "a", "alice"))
    assert _collected(metrics) == {("a", "alice"): 5}


@pytest.mark.parametrize(
    ("fold", "expected"), [(Fold.SUM, 12), (Fold.WORST_IS_MOST, 5), (Fold.WORST_IS_LEAST, 3)]
)
def test_what_is_beyond_the_bound_becomes_other(fold: Fold, expected: int) -> None:
    """The first label sets keep their series; of the rest only the open label is given up, and the worst is shown."""
    metric, metrics = _metric(bound=2, fold=fold), Metrics()

    def say(into: Measures) -> None:
        for number, user in enumerate(("alice", "bob", "carol", "dave", "erin")):
            into.put(metric, number + 1, "a", user)

    metrics.add(say)
    assert _collected(metrics) == {("a", "alice"): 1, ("a", "bob"): 2, ("a", OTHER): expected}


def test_a_series_never_changes_its_meaning() -> None:
    """Who came when there was no room stays `other`, though a place is free by now: its counter would seem to fall."""
    metric, metrics = _metric(bound=1), Metrics()
    users = ["alice", "bob"]

    def say(into: Measures) -> None:
        for user in users:
            into.put(metric, 1, "a", user)

    metrics.add(say)
    assert set(_collected(metrics)) == {("a", "alice"), ("a", OTHER)}
    users.remove("alice")
    assert set(_collected(metrics)) == {("a", OTHER)}
    users.append("alice")
    assert set(_collected(metrics)) == {("a", "alice"), ("a", OTHER)}


def test_the_number_of_series_stays_bounded_however_many_come_and_go() -> None:
    """Ten thousand users in a row leave no more series, and no more memory, than the bound."""
    metric, metrics = _metric(bound=8), Metrics()
    user = [""]
    metrics.add(lambda into: into.put(metric, 1, "a", user[0]))
    seen = set()
    for number in range(10_000):
        user[0] = f"user{number}"
        seen |= set(_collected(metrics))
    assert len(seen) == 8 + 1
    assert len(metrics._known[metric.name]) == 8


def test_histograms_fold_as_well() -> None:
    """Records of accounts beyond the bound are not lost."""
    metric, metrics = _metric(MetricKind.HISTOGRAM, bound=1, unit="s"), Metrics()
    histogram = LatencyHistogram()
    histogram.record(1_000_000)

    def say(into: Measures) -> None:
        for user in ("alice", "bob", "carol"):
            into.put(metric, Distribution(histogram.snapshot()), "a", user)

    metrics.add(say)
    points = _collected(metrics)
    assert {
        labels: value.snapshot.count for labels, value in points.items() if isinstance(value, Distribution)
    } == {
        ("a", "alice"): 1,
        ("a", OTHER): 2,
    }


def test_a_source_that_fails_is_left_out_and_counted() -> None:
    """All others are heard; what the failing one had said before it failed stands."""
    metric, metrics = _metric(), Metrics()

    def fail(into: Measures) -> None:
        into.put(metric, 1, "a", "alice")
        raise RuntimeError("dictionary changed size during iteration")

    metrics.add(fail)
    metrics.add(lambda into: into.put(metric, 1, "a", "bob"))
    assert set(_collected(metrics)) == {("a", "alice"), ("a", "bob")}
    assert metrics.failure_count == 1


async def test_a_source_with_much_to_say_lets_the_loop_turn() -> None:
    """What it says is the same; between two of a thousand steps a fill may be handled."""
    metric, metrics = _metric(bound=2_000), Metrics()
    turns = 0

    def say(into: Measures) -> Iterator[None]:
        for number in range(1_000):
            into.put(metric, 1, "a", str(number))
            yield

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    metrics.add(say)
    turning = asyncio.create_task(turn())
    (family,) = await metrics.collect_in_turns()
    turning.cancel()
    assert turns > 100
    assert family.points == metrics.collect()[0].points
    assert len(family.points) == 1_000


def test_a_source_that_was_removed_is_not_asked() -> None:
    """A gateway that has stopped says nothing."""
    metric, metrics = _metric(), Metrics()

    def say(into: Measures) -> None:
        into.put(metric, 1, "a", "alice")

    metrics.add(say)
    metrics.remove(say)
    assert metrics.collect() == list[Family]()


def test_a_wrong_number_of_labels_is_an_error() -> None:
    """A mistake in a source shows in its test, not in a dashboard."""
    with pytest.raises(ValueError, match="expected 2 labels, found 1"):
        Measures().put(_metric(), 1, "a")


@pytest.mark.parametrize(
    ("name", "kind", "unit", "expected"),
    [
        ("fillwire.fill.latency", MetricKind.HISTOGRAM, "s", "fillwire_fill_latency_seconds"),
        ("fillwire.bot.callbacks.time", MetricKind.COUNTER, "s", "fillwire_bot_callbacks_time_seconds_total"),
        ("fillwire.frames.refused", MetricKind.COUNTER, "{frame}", "fillwire_frames_refused_total"),
        ("fillwire.rate_limit.headroom", MetricKind.GAUGE, "1", "fillwire_rate_limit_headroom_ratio"),
        ("fillwire.broker.up", MetricKind.GAUGE, "", "fillwire_broker_up"),
    ],
)
def test_names_are_those_of_opentelemetrys_own_translation(
    name: str, kind: MetricKind, unit: str, expected: str
) -> None:
    """So a metric that comes by OTLP through a collector has the same name as one that was scraped."""
    metric = Metric(name=name, kind=kind, unit=unit, meaning="m", told_by="t")
    assert metric.prometheus_name == expected
