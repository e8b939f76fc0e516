"""The page for people is what the declarations of the metrics say."""

import re
from pathlib import Path

import pytest

from fillwire.runtime import metric_names
from fillwire.runtime.metrics import Metric, MetricKind
from fillwire.runtime.metrics_page import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
_DOTTED = re.compile(r"fillwire(\.[a-z][a-z0-9_]*)+")


def test_page_is_up_to_date() -> None:
    """docs/metrics.md is what `python -m fillwire.runtime.metrics_page` writes now; run it after a change."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_no_two_metrics_share_a_name() -> None:
    """Neither by OpenTelemetry's spelling nor by Prometheus', where a unit or a dot may make two the same."""
    for names in ([m.name for m in metric_names.ALL], [m.prometheus_name for m in metric_names.ALL]):
        assert len(names) == len(set(names))


@pytest.mark.parametrize("metric", metric_names.ALL, ids=lambda metric: metric.name)
def test_a_declaration_is_sound(metric: Metric) -> None:
    """Names are dotted words, what is open is bounded, and a histogram is one of seconds."""
    assert _DOTTED.fullmatch(metric.name)
    assert metric.bound >= 1
    assert metric.labels or metric.bound == 1
    assert metric.kind is not MetricKind.HISTOGRAM or metric.unit == "s"
    assert metric.meaning
    assert not metric.meaning.endswith(".")


@pytest.mark.parametrize("metric", metric_names.ALL, ids=lambda metric: metric.name)
def test_every_bound_can_be_kept(metric: Metric) -> None:
    """A metric whose labels people or venues fill has one that can become `other`; all others are closed sets of ours."""
    closed = {"stage", "state", "class", "queue", "outcome", "answer", "result", "login", "status"}
    assert all(label.name in closed for label in metric.labels) or any(
        label.is_open for label in metric.labels
    )
