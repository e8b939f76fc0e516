"""The latency of every fill by exchange, environment and stage, counted on its path for a microsecond."""

from functools import reduce
from typing import NamedTuple

from fillwire.runtime.fill_traces import GatewayTrace, HostTrace, emitted_ns
from fillwire.runtime.latency import LatencyHistogram, LatencySnapshot
from fillwire.runtime.telemetry_names import Stage


class LatencySeries(NamedTuple):
    """One histogram, as it was at one moment."""

    exchange: str
    environment: str
    stage: Stage
    snapshot: LatencySnapshot


class _Venue:
    """The histograms of one exchange and environment, in the order of a fill's way."""

    __slots__ = (
        "acknowledged",
        "callback",
        "called",
        "delivered",
        "parsed",
        "published",
        "received",
        "total",
    )

    def __init__(self) -> None:
        self.received = LatencyHistogram()
        self.parsed = LatencyHistogram()
        self.published = LatencyHistogram()
        self.acknowledged = LatencyHistogram()
        self.delivered = LatencyHistogram()
        self.called = LatencyHistogram()
        self.callback = LatencyHistogram()
        self.total = LatencyHistogram()

    def stages(self) -> dict[Stage, LatencyHistogram]:
        return {
            Stage.EMIT_TO_RECEIVED: self.received,
            Stage.RECEIVED_TO_PARSED: self.parsed,
            Stage.PARSED_TO_PUBLISHED: self.published,
            Stage.PUBLISHED_TO_ACKNOWLEDGED: self.acknowledged,
            Stage.PUBLISHED_TO_DELIVERED: self.delivered,
            Stage.DELIVERED_TO_CALLBACK: self.called,
            Stage.CALLBACK: self.callback,
            Stage.EMIT_TO_CALLBACK: self.total,
        }


class FillLatencies:
    """All histograms of one process. One thread counts; any thread may read."""

    def __init__(self) -> None:
        self._venues: dict[tuple[str, str], _Venue] = {}

    def _venue(self, exchange: str, environment: str) -> _Venue:
        key = (exchange, environment)
        venue = self._venues.get(key)
        if venue is None:
            venue = self._venues[key] = _Venue()
        return venue

    def count_gateway(self, trace: GatewayTrace) -> None:
        """Count a fill that the gateway has published; an event without an execution is no fill."""
        if trace.trade_id is None:
            return
        venue = self._venue(trace.exchange, trace.environment)
        received_ns = trace.received_ns
        if trace.exchange_time_ns is not None:
            emit_ns = emitted_ns(trace.exchange_time_ns, trace.clock_offset_ns, received_ns)
            venue.received.record(received_ns - emit_ns)
        venue.parsed.record(trace.parsed_ns - received_ns)
        venue.published.record(trace.published_ns - trace.parsed_ns)
        if trace.acknowledged_ns is not None:
            venue.acknowledged.record(trace.acknowledged_ns - trace.published_ns)

    def count_host(self, trace: HostTrace, took_ns: int) -> None:
        """Count a call of a bot's method for a fill; the way to the call is counted for the first call only.

        Args:
            trace: the call.
            took_ns: its `latency_ns`.
        """
        if trace.trade_id is None:
            return
        venue = self._venue(trace.exchange, trace.environment)
        venue.callback.record(trace.returned_ns - trace.started_ns)
        if not trace.is_first_call:
            return
        venue.called.record(trace.started_ns - trace.delivered_ns)
        if trace.published_ns is not None:
            venue.delivered.record(trace.delivered_ns - trace.published_ns)
        venue.total.record(took_ns)

    def snapshot(self, stage: Stage) -> LatencySnapshot:
        """Return the histogram of one stage over all exchanges and environments."""
        found = [venue.stages()[stage].snapshot() for venue in list(self._venues.values())]
        return reduce(LatencySnapshot.merged, found, LatencyHistogram().snapshot())

    def series(self) -> list[LatencySeries]:
        """Return all histograms."""
        return [
            LatencySeries(exchange, environment, stage, histogram.snapshot())
            for (exchange, environment), venue in list(self._venues.items())
            for stage, histogram in venue.stages().items()
        ]


def latency_ns(trace: HostTrace) -> int:
    """Return the time from the venue's emission, else from the reading of the frame, to the call of the bot's method."""
    return trace.started_ns - emitted_ns(trace.exchange_time_ns, trace.clock_offset_ns, trace.received_ns)
