"""Compare what a venue emitted with what a bot was told: lost, doubled, out of order, and how late."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution as the venue emitted it or a bot was told of it.

    Attributes:
        event_id: identity of the execution.
        order: what orders its executions among themselves: symbol and order id.
    """

    event_id: str
    order: str


@dataclass(frozen=True, slots=True)
class Balance:
    """Result of a comparison; all counts are executions.

    Attributes:
        foreign: delivered, though the venue never emitted it.
        out_of_order: delivered after a later execution of the same order.
    """

    emitted: int
    delivered: int
    lost: int
    doubled: int
    foreign: int
    out_of_order: int

    @property
    def is_clean(self) -> bool:
        """Whether every execution arrived once, in order, and nothing else did."""
        return self.lost == self.doubled == self.foreign == self.out_of_order == 0

    def to_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)


def balance(emitted: Iterable[Execution], delivered: Iterable[Execution]) -> Balance:
    """Return how `delivered`, in the order of delivery, differs from `emitted`, in the order of the venue."""
    position = {execution.event_id: index for index, execution in enumerate(emitted)}
    counts: Counter[str] = Counter()
    latest: dict[str, int] = {}
    out_of_order = 0
    for execution in delivered:
        counts[execution.event_id] += 1
        index = position.get(execution.event_id)
        if index is None or counts[execution.event_id] > 1:
            continue
        if index < latest.get(execution.order, -1):
            out_of_order += 1
        else:
            latest[execution.order] = index
    known = position.keys() & counts.keys()
    return Balance(
        emitted=len(position),
        delivered=counts.total(),
        lost=len(position) - len(known),
        doubled=sum(counts[event_id] - 1 for event_id in counts),
        foreign=len(counts) - len(known),
        out_of_order=out_of_order,
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0 to 1) of the ascending `ordered` lie; 0.0 if there are none."""
    if not ordered:
        return 0.0
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summarise_ms(latencies_ns: Iterable[int]) -> dict[str, float]:
    """Return p50, p99, p99.9 and the maximum of latencies, in milliseconds rounded to microseconds."""
    ordered = sorted(latency / 1e6 for latency in latencies_ns)
    return {
        "p50_ms": round(percentile(ordered, 0.5), 3),
        "p99_ms": round(percentile(ordered, 0.99), 3),
        "p99_9_ms": round(percentile(ordered, 0.999), 3),
        "max_ms": round(ordered[-1], 3) if ordered else 0.0,
    }
