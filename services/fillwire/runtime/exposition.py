"""Metrics as Prometheus scrapes them: the text format, or OpenMetrics with exemplars where that is asked for.

Histograms become classic ones, which every Prometheus reads: a bucket ends at each power of the square root of two from
15 µs to 32 s. Ours are 16 times finer and end at the same places, so no record is counted on the wrong side. Prometheus'
native histograms need its protobuf format, which `prometheus-client` does not write.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as PrometheusMetric
from prometheus_client.registry import Collector
from prometheus_client.samples import Exemplar as PrometheusExemplar

from fillwire.runtime.latency import FIRST_INDEX, PER_DOUBLING
from fillwire.runtime.metrics import Distribution, Exemplar, Family, MetricKind

_PER_BUCKET: Final = PER_DOUBLING // 2
_FIRST_DOUBLING: Final = -16  # 2**-16 s is 15 µs
_LAST_DOUBLING: Final = 5  # 32 s
_NS_PER_S: Final = 1e9
# The end of each bucket in seconds, and how many of our finer buckets lie below it.
BOUNDS: Final[tuple[tuple[float, int], ...]] = tuple(
    (2 ** (half / 2), half * _PER_BUCKET - FIRST_INDEX)
    for half in range(2 * _FIRST_DOUBLING, 2 * _LAST_DOUBLING + 1)
)


def exposition(families: Sequence[Family], accept: str) -> tuple[bytes, str]:
    """Return the page and its content type; some milliseconds of work, on any thread.

    With what the sources said stand the process's own memory, CPU and descriptors.

    Args:
        families: what all sources said.
        accept: what the scraper takes, as its header says.
    """
    # A registry of our own: what other libraries put into the global one is not ours to show.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(families))
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


class _Families(Collector):
    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[PrometheusMetric]:
        """Yield each metric in the library's own classes."""
        return map(_family, self._families)


def _family(family: Family) -> PrometheusMetric:
    metric = family.metric
    name, labels = metric.prometheus_name, [label.name for label in metric.labels]
    if metric.kind is MetricKind.HISTOGRAM:
        histogram = HistogramMetricFamily(name, metric.meaning, labels=labels)
        for values, value in family.points.items():
            if isinstance(value, Distribution):
                histogram.add_metric(values, list(_buckets(value)), value.snapshot.sum_ns / _NS_PER_S)
        return histogram
    numbers = (CounterMetricFamily if metric.kind is MetricKind.COUNTER else GaugeMetricFamily)(
        name, metric.meaning, labels=labels
    )
    for values, value in family.points.items():
        if not isinstance(value, Distribution):
            numbers.add_metric(values, value)
    return numbers


def _buckets(value: Distribution) -> Iterator[tuple[str, float] | tuple[str, float, PrometheusExemplar]]:
    snapshot = value.snapshot
    below = list(accumulate(snapshot.counts, initial=snapshot.zero_count))
    exemplars = _newest_by_bucket(value.exemplars)
    for position, (bound, fine) in enumerate(BOUNDS):
        yield _bucket(repr(bound), below[fine], exemplars.get(position))
    yield _bucket("+Inf", below[-1], exemplars.get(len(BOUNDS)))


def _bucket(
    bound: str, count: int, exemplar: Exemplar | None
) -> tuple[str, float] | tuple[str, float, PrometheusExemplar]:
    if exemplar is None:
        return bound, count
    shown = PrometheusExemplar(
        {"trace_id": f"{exemplar.trace_id:032x}"},
        exemplar.duration_ns / _NS_PER_S,
        exemplar.time_ns / _NS_PER_S,
    )
    return bound, count, shown


def _newest_by_bucket(exemplars: Iterable[Exemplar]) -> dict[int, Exemplar]:
    found: dict[int, Exemplar] = {}
    for exemplar in exemplars:
        seconds = exemplar.duration_ns / _NS_PER_S
        position = next((at for at, (bound, _) in enumerate(BOUNDS) if seconds <= bound), len(BOUNDS))
        if position not in found or found[position].time_ns <= exemplar.time_ns:
            found[position] = exemplar
    return found
