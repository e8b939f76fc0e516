"""Writes docs/metrics.md, the page for people, from the declarations: `python -m fillwire.runtime.metrics_page`."""

import sys
from collections.abc import Iterator

from fillwire.runtime import metric_names
from fillwire.runtime.metrics import Label, Metric

HEAD = """\
<!-- Written by `python -m fillwire.runtime.metrics_page > docs/metrics.md` from fillwire/runtime/metric_names.py. -->
# Metrics

What the services say of themselves in numbers. Prometheus scrapes them from `/metrics` where `monitoring.port` is set
([configuration](configuration.md)); the same go out by OTLP, under the names with dots, where
`OTEL_EXPORTER_OTLP_ENDPOINT` names a receiver. What to do when one of them looks wrong is in the
[runbook](operations.md#alerts).

- Numbers are read when they are asked for. Nothing is done for them while a fill passes, beyond counting.
- **Histograms** are classic ones for Prometheus: a bucket ends at each power of the square root of two from 15 µs to 32 s,
  so a quantile is off by a fifth at most. By OTLP they are exponential ones of scale 5, exact to 1.1 %.
- **Exemplars** carry the `trace_id` of a fill whose trace was kept. They are in the OpenMetrics format, which Prometheus
  asks for; it stores them with `--enable-feature=exemplar-storage`.
- **Bounds**: a metric has at most so many label sets per process as the table says. Those that come first have a series of
  their own for as long as the process lives; of later ones the labels marked with * become `other`, one for each
  combination of the labels without, and their values are added up (or the worst is shown, where it says so).
- An account may be shown by two gateways for a moment, when it changes hands: take the `max by (exchange, environment, user)`.
- Counters begin at 0 when the process starts.
"""

TAIL = """\
## The process

Beside these stand the `prometheus-client` library's own `process_*` (memory, CPU, descriptors, start) and `python_gc_*`,
for Prometheus only.
"""


def page() -> str:
    """Return the page."""
    parts = [HEAD, "## By name\n", *_table(), "", "## Labels\n", *_labels(), "", TAIL]
    return "\n".join(parts).rstrip() + "\n"


def _table() -> Iterator[str]:
    yield "| metric | kind | unit | labels | bound | told by | meaning |"
    yield "|---|---|---|---|---|---|---|"
    for metric in metric_names.ALL:
        labels = ", ".join(_label_name(label) for label in metric.labels) or "-"
        yield (
            f"| `{metric.name}`<br>`{metric.prometheus_name}` | {metric.kind} | {metric.unit or '-'} | {labels} "
            f"| {metric.bound}{_fold(metric)} | {metric.told_by} | {metric.meaning} |"
        )


def _fold(metric: Metric) -> str:
    return {"sum": "", "max": ", the highest", "min": ", the lowest"}[metric.fold]


def _label_name(label: Label) -> str:
    return f"{label.name}{'*' if label.is_open else ''}"


def _labels() -> Iterator[str]:
    yield "| label | values |"
    yield "|---|---|"
    labels = {label.name: label for metric in metric_names.ALL for label in metric.labels}
    for label in labels.values():
        yield f"| {_label_name(label)} | {label.meaning} |"


if __name__ == "__main__":
    sys.stdout.write(page())
