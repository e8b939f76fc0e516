"""The latency of every fill by exchange, environment and stage, counted on its path by the extension."""

from functools import reduce
from typing import NamedTuple

from fillwire.runtime.fill_tracer import FillTracer
from fillwire.runtime.latency import LatencyHistogram, LatencySnapshot
from fillwire.runtime.telemetry_names import STAGES, Stage


class LatencySeries(NamedTuple):
    """One histogram, as it was at one moment."""

    exchange: str
    environment: str
    stage: Stage
    snapshot: LatencySnapshot


class FillLatencies:
    """All histograms of one process. Any thread may read.

    Args:
        tracer: counts.
    """

    def __init__(self, tracer: FillTracer) -> None:
        self._tracer = tracer

    def snapshot(self, stage: Stage) -> LatencySnapshot:
        """Return the histogram of one stage over all exchanges and environments."""
        found = [series.snapshot for series in self.series() if series.stage is stage]
        return reduce(LatencySnapshot.merged, found, LatencyHistogram().snapshot())

    def series(self) -> list[LatencySeries]:
        """Return all histograms."""
        return [
            LatencySeries(exchange, environment, stage, LatencySnapshot(*counted))
            for exchange, environment, stages in self._tracer.series()
            for stage, counted in zip(STAGES, stages, strict=True)
        ]
