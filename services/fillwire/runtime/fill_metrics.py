"""The histograms of a process as OpenTelemetry metrics; built when they are exported, not when a fill is counted."""

from collections.abc import Sequence

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
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
from fillwire.runtime.latency import SCALE

_NS_PER_S = 1e9


def _data_point(series: LatencySeries, start_ns: int, now_ns: int) -> ExponentialHistogramDataPoint:
    snapshot = series.snapshot
    offset, counts = snapshot.exponential()
    return ExponentialHistogramDataPoint(
        attributes={
            names.METRIC_EXCHANGE: series.exchange,
            names.METRIC_ENVIRONMENT: series.environment,
            names.STAGE: series.stage,
        },
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
) -> MetricsData:
    """Return the metrics of one export: everything since `start_ns`, as both are cumulative."""
    points = [_data_point(one, start_ns, now_ns) for one in series if one.snapshot.count]
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
    return MetricsData(
        resource_metrics=[
            ResourceMetrics(
                resource=resource,
                scope_metrics=[ScopeMetrics(scope=scope, metrics=metrics, schema_url=names.SCHEMA_URL)],
                schema_url=resource.schema_url,
            )
        ]
    )
