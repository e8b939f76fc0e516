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

from fillwire.runtime import telemetry_names as names
from fillwire.runtime.fill_latency import LatencySeries
from fillwire.runtime.latency import SCALE, LatencySnapshot
from fillwire.runtime.metrics import Distribution, Family, MetricKind

_NS_PER_S = 1e9


def _series_point(series: LatencySeries, start_ns: int, now_ns: int) -> ExponentialHistogramDataPoint:
    attributes = {
        names.METRIC_EXCHANGE: series.exchange,
        names.METRIC_ENVIRONMENT: series.environment,
        names.STAGE: str(series.stage),
    }
    return _data_point(attributes, series.snapshot, start_ns, now_ns)


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

    What the first two say is left out of `families`.
    """
    points = [_series_point(one, start_ns, now_ns) for one in series if one.snapshot.count]
    latency = Metric(
        name=names.FILL_LATENCY,
        description=names.FILL_LATENCY_DESCRIPTION,
        unit=names.FILL_LATENCY_UNIT,
        data=ExponentialHistogram(
            data_points=points, aggregation_temporality=AggregationTemporality.CUMULATIVE
        ),
    )
    lost = Metric(
        name=names.FILLS_LOST,
        description=names.FILLS_LOST_DESCRIPTION,
        unit=names.FILLS_LOST_UNIT,
        data=Sum(
            data_points=[
                NumberDataPoint(
                    attributes={}, start_time_unix_nano=start_ns, time_unix_nano=now_ns, value=lost_fills
                )
            ],
            aggregation_temporality=AggregationTemporality.CUMULATIVE,
            is_monotonic=True,
        ),
    )
    metrics = [latency, lost] if points else [lost]
    told = {latency.name, lost.name}
    metrics += [_metric(family, start_ns, now_ns) for family in families if family.metric.name not in told]
    return MetricsData(
        resource_metrics=[
            ResourceMetrics(
                resource=resource,
                scope_metrics=[ScopeMetrics(scope=scope, metrics=metrics, schema_url=names.SCHEMA_URL)],
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
