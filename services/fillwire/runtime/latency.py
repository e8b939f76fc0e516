"""A histogram of durations that costs a fraction of a microsecond per record and is exact enough to alarm on.

Base-2 exponential buckets of scale 5, as OpenTelemetry defines them: 32 buckets per doubling, so that a bucket is 2.2 %
wide and its middle is within 1.1 % of every value in it.
"""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, log2
from typing import Final

from fillwire._fastparse import Histogram  # noqa: TID251 - this is the other module that may

SCALE: Final = 5
PER_DOUBLING: Final = 1 << SCALE
_NS_PER_S: Final = 1_000_000_000
# Bucket 0 of our list is the OpenTelemetry bucket of this index, in seconds; it begins below 1 ns.
FIRST_INDEX: Final = -30 * PER_DOUBLING
# The extension's are the same: up to 2**14 s, 4.5 hours; what is longer counts in the last bucket.
_BUCKETS: Final = 44 * PER_DOUBLING
_SHIFT: Final = -log2(_NS_PER_S) * PER_DOUBLING - FIRST_INDEX


def _upper_ns(position: int) -> float:
    return float(2 ** ((position + 1 + FIRST_INDEX) / PER_DOUBLING) * _NS_PER_S)


def _middle_ns(position: int) -> float:
    return _upper_ns(position) / float(2 ** (0.5 / PER_DOUBLING))


def position_of(duration_ns: int) -> int:
    """Return the place of the bucket of a duration above 0; the first ends below a nanosecond."""
    return min(_BUCKETS, ceil(log2(duration_ns) * PER_DOUBLING + _SHIFT)) - 1


@dataclass(frozen=True, slots=True)
class LatencySnapshot:
    """What a histogram held at one moment.

    Attributes:
        counts: records per bucket, of the whole range.
        zero_count: records of 0 ns or less.
        sum_ns: sum of all records.
        min_ns: smallest record, None when there is none.
        max_ns: largest record, None when there is none.
    """

    counts: tuple[int, ...]
    zero_count: int
    sum_ns: int
    min_ns: int | None
    max_ns: int | None

    @property
    def count(self) -> int:
        """Number of records."""
        return sum(self.counts) + self.zero_count

    @property
    def mean_ns(self) -> float:
        """Mean of all records; 0.0 when there is none."""
        return self.sum_ns / self.count if self.count else 0.0

    def percentile_ns(self, percent: float) -> float:
        """Return the value that `percent` of the records do not exceed, within 1.1 %; 0.0 when there is none."""
        count = self.count
        if count == 0 or self.min_ns is None or self.max_ns is None:
            return 0.0
        rank = max(1, ceil(count * percent / 100))
        if rank >= count:
            return float(self.max_ns)
        if rank <= self.zero_count:
            return 0.0
        position = bisect_left(list(accumulate(self.counts, initial=self.zero_count)), rank) - 1
        return min(float(self.max_ns), max(float(self.min_ns), _middle_ns(position)))

    def merged(self, other: "LatencySnapshot") -> "LatencySnapshot":
        """Return the histogram of both sets of records."""
        mins = [value for value in (self.min_ns, other.min_ns) if value is not None]
        maxs = [value for value in (self.max_ns, other.max_ns) if value is not None]
        return LatencySnapshot(
            counts=tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            zero_count=self.zero_count + other.zero_count,
            sum_ns=self.sum_ns + other.sum_ns,
            min_ns=min(mins, default=None),
            max_ns=max(maxs, default=None),
        )

    def since(self, earlier: "LatencySnapshot") -> "LatencySnapshot":
        """Return the records made after `earlier`, a snapshot of the same histogram.

        Their smallest and largest are known to the width of a bucket only.
        """
        counts = tuple(a - b for a, b in zip(self.counts, earlier.counts, strict=True))
        zero_count = self.zero_count - earlier.zero_count
        used = [position for position, count in enumerate(counts) if count]
        has_any = bool(used) or zero_count > 0
        low = 0 if zero_count or not used else round(_middle_ns(used[0]))
        high = round(_middle_ns(used[-1])) if used else 0
        if self.max_ns is not None:
            high = min(high, self.max_ns)
        return LatencySnapshot(
            counts=counts,
            zero_count=zero_count,
            sum_ns=self.sum_ns - earlier.sum_ns,
            min_ns=min(low, high) if has_any else None,
            max_ns=high if has_any else None,
        )

    def exponential(self) -> tuple[int, list[int]]:
        """Return the OpenTelemetry offset (scale 5, unit seconds) and the counts of the buckets in use."""
        used = [position for position, count in enumerate(self.counts) if count]
        if not used:
            return 0, []
        return used[0] + FIRST_INDEX, list(self.counts[used[0] : used[-1] + 1])


class LatencyHistogram(Histogram):
    """Durations in nanoseconds, recorded by the extension. One thread records; any thread may take a snapshot."""

    __slots__ = ()

    def snapshot(self) -> LatencySnapshot:
        """Return what has been recorded so far."""
        return LatencySnapshot(*self.counted())
