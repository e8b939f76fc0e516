"""The histogram against exact statistics of the same values, and its buckets against OpenTelemetry's definition."""

from functools import reduce
from math import ceil
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.runtime.latency import SCALE, LatencyHistogram, LatencySnapshot, position_of

WITHIN = 0.0115  # half a bucket of scale 5, and a hair for the logarithm


def _filled(values: list[int]) -> LatencySnapshot:
    histogram = LatencyHistogram()
    for value in values:
        histogram.record(value)
    return histogram.snapshot()


durations = st.lists(st.integers(-10, 10**13), max_size=200)


@given(durations.filter(bool), st.floats(0, 100))
def test_percentiles_are_within_half_a_bucket(values: list[int], percent: float) -> None:
    """A percentile is the exact one of the values, give or take 1.1 %."""
    exact = sorted(max(0, value) for value in values)[max(1, ceil(len(values) * percent / 100)) - 1]
    assert _filled(values).percentile_ns(percent) == pytest.approx(exact, rel=WITHIN)


@given(durations)
def test_count_sum_and_extremes_are_exact(values: list[int]) -> None:
    """Nothing is lost or rounded but the place inside a bucket; what is negative counts as zero."""
    snapshot = _filled(values)
    counted = [max(0, value) for value in values]
    assert snapshot.count == len(values)
    assert snapshot.sum_ns == sum(counted)
    assert snapshot.max_ns == max(counted, default=None)
    assert snapshot.min_ns == min(counted, default=None)
    assert snapshot.mean_ns == pytest.approx(sum(counted) / len(counted) if counted else 0.0)


@given(durations, durations)
def test_merging_is_recording_both(some: list[int], others: list[int]) -> None:
    """Histograms of two processes add up to the one that would have seen all."""
    both = _filled(some + others)
    assert _filled(some).merged(_filled(others)) == both
    assert reduce(LatencySnapshot.merged, (_filled(some), _filled(others)), _filled([])) == both


@given(durations, durations)
def test_a_difference_holds_what_came_after(before: list[int], after: list[int]) -> None:
    """Subtracting an earlier snapshot leaves the later records, exact but for their extremes."""
    histogram = LatencyHistogram()
    for value in before:
        histogram.record(value)
    earlier = histogram.snapshot()
    for value in after:
        histogram.record(value)
    delta, expected = histogram.snapshot().since(earlier), _filled(after)
    assert (delta.counts, delta.zero_count, delta.sum_ns) == (
        expected.counts,
        expected.zero_count,
        expected.sum_ns,
    )
    for found, exact in ((delta.min_ns, expected.min_ns), (delta.max_ns, expected.max_ns)):
        # Half a bucket, and then rounded to whole nanoseconds: the two add up.
        assert found == (None if exact is None else pytest.approx(exact, rel=0, abs=WITHIN * exact + 1))


@given(st.integers(1, 10**13))
def test_buckets_are_those_of_opentelemetry(value: int) -> None:
    """A value lies in its bucket: above `base ** index` and at most `base ** (index + 1)` seconds."""
    offset, counts = _filled([value]).exponential()
    base = 2 ** (1 / 2**SCALE)
    assert counts == [1]
    assert base**offset * (1 - 1e-9) < value / 1e9 <= base ** (offset + 1) * (1 + 1e-9)


def test_what_is_longer_than_the_range_is_counted_in_the_last_bucket() -> None:
    """A nonsensical stamp costs precision, not an exception on the path of a fill."""
    snapshot = _filled([10**30, 5, -(10**30)])
    assert (snapshot.counts[-1], snapshot.zero_count, snapshot.count) == (1, 1, 3)
    assert (snapshot.min_ns, snapshot.max_ns) == (0, 2**63 - 1)
    assert snapshot.percentile_ns(100) == 2.0**63


def test_what_is_no_number_of_nanoseconds_is_refused() -> None:
    """Not counted as if it were the longest of all."""
    histogram = LatencyHistogram()
    for value in (1.5, "1", None):
        with pytest.raises(TypeError):
            histogram.record(value)  # type: ignore[arg-type]
    assert histogram.snapshot().count == 0


@given(st.integers(1, 10**13))
def test_the_extension_and_exemplars_mean_the_same_buckets(value: int) -> None:
    """An exemplar is put to the bucket in which its fill was counted."""
    assert _filled([value]).counts.index(1) == position_of(value)


def test_an_empty_histogram_says_zero() -> None:
    """Before the first fill there is nothing to divide by."""
    empty = LatencyHistogram().snapshot()
    assert (empty.count, empty.mean_ns, empty.percentile_ns(99), empty.exponential()) == (
        0,
        0.0,
        0.0,
        (0, []),
    )


def test_percentiles_of_a_realistic_load() -> None:
    """p50, p99 and p99.9 of a skewed load come out within the promised 1.1 %."""
    random = Random(7)
    values = [round(random.lognormvariate(13, 0.8)) for _ in range(20_000)]
    snapshot = _filled(values)
    ordered = sorted(values)
    for percent in (50, 99, 99.9):
        assert snapshot.percentile_ns(percent) == pytest.approx(
            ordered[ceil(20_000 * percent / 100) - 1], rel=WITHIN
        )
