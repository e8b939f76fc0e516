"""Traces that show what is in the latency histograms: of those that were kept, the newest of each bucket.

On the path of a fill the extension holds on to the newest; which stage took how long is found when somebody asks.
"""

from typing import Final

from fillwire.runtime.fill_tracer import FillTracer
from fillwire.runtime.latency import PER_DOUBLING, position_of
from fillwire.runtime.metrics import Exemplar
from fillwire.runtime.telemetry_names import STAGES, Stage

_BUCKET: Final = PER_DOUBLING // 2

Place = tuple[str, str, Stage]


class FillExemplars:
    """Keeps, of each histogram and bucket, the newest record that has a trace.

    Args:
        tracer: takes the records.
    """

    def __init__(self, tracer: FillTracer) -> None:
        self._tracer = tracer
        self._found: dict[Place, dict[int, Exemplar]] = {}

    def collect(self) -> dict[Place, list[Exemplar]]:
        """Return the exemplars by histogram."""
        for exchange, environment, stage, duration_ns, end_ns, trace_id in self._tracer.shown():
            found = self._found.setdefault((exchange, environment, STAGES[stage]), {})
            bucket = position_of(duration_ns) // _BUCKET if duration_ns > 0 else -1
            found[bucket] = Exemplar(trace_id, max(0, duration_ns), end_ns)
        return {place: list(found.values()) for place, found in self._found.items()}
