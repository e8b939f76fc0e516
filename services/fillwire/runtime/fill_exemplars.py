"""Traces that show what is in the latency histograms: of those that were kept, the newest of each bucket.

On the path of a fill a reference is put into a bounded queue; which stage took how long is found when somebody asks.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

from fillwire.runtime.fill_latency import latency_ns
from fillwire.runtime.fill_traces import GatewayTrace, HostTrace, emitted_ns
from fillwire.runtime.keeping import Kept, Record
from fillwire.runtime.latency import PER_DOUBLING, position_of
from fillwire.runtime.metrics import Exemplar
from fillwire.runtime.telemetry_names import Stage
from fillwire.runtime.tracing import trace_ids

_ORDINARY: Final = 256
_REMARKABLE: Final = 64
_BUCKET: Final = PER_DOUBLING // 2

Place = tuple[str, str, Stage]


class FillExemplars:
    """Keeps, of each histogram and bucket, the newest record that has a trace."""

    def __init__(self) -> None:
        self._ordinary: deque[Record] = deque(maxlen=_ORDINARY)
        # What was kept for being slow or failing is rare, and must not be pushed out by the rest.
        self._remarkable: deque[Record] = deque(maxlen=_REMARKABLE)
        self._found: dict[Place, dict[int, Exemplar]] = {}

    def offer(self, kept: Record | Kept) -> None:
        """Take a record whose trace is kept."""
        if isinstance(kept, Kept):
            self._remarkable.append(kept.trace)
        else:
            self._ordinary.append(kept)

    def collect(self) -> dict[Place, list[Exemplar]]:
        """Return the exemplars by histogram."""
        for waiting in (self._ordinary, self._remarkable):
            while waiting:
                trace = waiting.popleft()
                if isinstance(trace, GatewayTrace | HostTrace):
                    self._note(trace)
        return {place: list(found.values()) for place, found in self._found.items()}

    def _note(self, trace: GatewayTrace | HostTrace) -> None:
        if trace.trade_id is None:
            return
        trace_id = trace_ids(trace.event_id).trace_id
        stages = _gateway_stages(trace) if isinstance(trace, GatewayTrace) else _host_stages(trace)
        for stage, duration_ns, time_ns in stages:
            found = self._found.setdefault((trace.exchange, trace.environment, stage), {})
            bucket = position_of(duration_ns) // _BUCKET if duration_ns > 0 else -1
            found[bucket] = Exemplar(trace_id, max(0, duration_ns), time_ns)


def _gateway_stages(trace: GatewayTrace) -> Iterator[tuple[Stage, int, int]]:
    received_ns = trace.received_ns
    if trace.exchange_time_ns is not None:
        emit_ns = emitted_ns(trace.exchange_time_ns, trace.clock_offset_ns, received_ns)
        yield Stage.EMIT_TO_RECEIVED, received_ns - emit_ns, received_ns
    yield Stage.RECEIVED_TO_PARSED, trace.parsed_ns - received_ns, trace.parsed_ns
    yield Stage.PARSED_TO_PUBLISHED, trace.published_ns - trace.parsed_ns, trace.published_ns
    if trace.acknowledged_ns is not None:
        yield (
            Stage.PUBLISHED_TO_ACKNOWLEDGED,
            trace.acknowledged_ns - trace.published_ns,
            trace.acknowledged_ns,
        )


def _host_stages(trace: HostTrace) -> Iterator[tuple[Stage, int, int]]:
    yield Stage.CALLBACK, trace.returned_ns - trace.started_ns, trace.returned_ns
    if trace.is_first_call:
        yield Stage.DELIVERED_TO_CALLBACK, trace.started_ns - trace.delivered_ns, trace.started_ns
        if trace.published_ns is not None:
            yield Stage.PUBLISHED_TO_DELIVERED, trace.delivered_ns - trace.published_ns, trace.delivered_ns
        yield Stage.EMIT_TO_CALLBACK, latency_ns(trace), trace.started_ns
