"""The histograms of a process as OpenTelemetry metrics; built when they are exported, not when a fill is counted."""

from collections.abc import Mapping, Sequence

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from fillwire.runtime import metric_names as names
from fillwire.runtime.fill_latency import LatencySeries
from fillwire.runtime.latency import SCALE, LatencySnapshot
from fillwire.runtime.metrics import Distribution, Family, Measures, MetricKind
from fillwire.runtime.telemetry_names import SCHEMA_URL

_NS_PER_S = 1e9


def _data_point(
    attributes: Mapping[str, str], snapshot: LatencySnapshot, start_ns: int, now_ns: int
) -> ExponentialHistogramDataPoint:
    offset, counts = snapshot.exponential()
    return ExponentialHistogramDataPoint(
        attributes=attributes,
        start_time_unix_nano=start_ns,
        time_unix_nano=now_ns,
        count=snapshot.count,
        sum=snapshot.sum_ns / _NS_PER_S,
        scale=SCALE,
        zero_count=snapshot.zero_count,
        positive=Buckets(offset=offset, bucket_counts=counts),
        negative=Buckets(offset=0, bucket_counts=[]),
        flags=0,
        min=(snapshot.min_ns or 0) / _NS_PER_S,
        max=(snapshot.max_ns or 0) / _NS_PER_S,
    )


def metrics_data(  # noqa: PLR0913 - one export: who, what, and over which time
    resource: Resource,
    scope: InstrumentationScope,
    series: Sequence[LatencySeries],
    *,
    lost_fills: int,
    start_ns: int,
    now_ns: int,
    families: Sequence[Family] = (),
) -> MetricsData:
    """Return the metrics of one export: everything since `start_ns`, as all of them are cumulative.

    What `series` and `lost_fills` say goes for what `families` says of the same: those are silent while the loop is busy.
    """
    own = Measures()
    for exchange, environment, stage, snapshot in series:
        if snapshot.count:
            own.put(names.FILL_LATENCY, Distribution(snapshot), exchange, environment, stage)
    own.put(names.FILLS_LOST, lost_fills)
    told = {**{family.metric.name: family for family in families}, **own.families}
    metrics = [_metric(family, start_ns, now_ns) for family in told.values()]
    return MetricsData(
        resource_metrics=[
            ResourceMetrics(
                resource=resource,
                scope_metrics=[ScopeMetrics(scope=scope, metrics=metrics, schema_url=SCHEMA_URL)],
                schema_url=resource.schema_url,
            )
        ]
    )


def _metric(family: Family, start_ns: int, now_ns: int) -> Metric:
    metric = family.metric
    keys = [label.name for label in metric.labels]
    distributions: list[ExponentialHistogramDataPoint] = []
    numbers: list[NumberDataPoint] = []
    for values, value in family.points.items():
        attributes = dict(zip(keys, values, strict=True))
        if isinstance(value, Distribution):
            distributions.append(_data_point(attributes, value.snapshot, start_ns, now_ns))
        else:
            numbers.append(NumberDataPoint(attributes, start_ns, now_ns, value))
    cumulative = AggregationTemporality.CUMULATIVE
    data: ExponentialHistogram | Sum | Gauge
    if metric.kind is MetricKind.HISTOGRAM:
        data = ExponentialHistogram(distributions, cumulative)
    elif metric.kind is MetricKind.COUNTER:
        data = Sum(numbers, cumulative, is_monotonic=True)
    else:
        data = Gauge(numbers)
    return Metric(name=metric.name, description=metric.meaning, unit=metric.unit, data=data)
