"""A weak reading of PromQL: which series a query names and by which labels. It evaluates nothing; `promtool` does."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from fillwire.runtime import metric_names
from fillwire.runtime.metrics import MetricKind

_TEXT = re.compile(r'"(?:\\.|[^"\\])*"')
_RANGE = re.compile(r"\[[^\]]*\]")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_SELECTOR = re.compile(r"(?<![\w.$])([A-Za-z_:][\w:]*)(?![\w:]*\s*\()\s*(\{[^}]*\})?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}
_TARGET = {"job", "instance"}


class Selector(NamedTuple):
    """One series that a query names."""

    metric: str
    labels: frozenset[str]


def selectors(query: str) -> list[Selector]:
    """Return the series that a query names, with the labels by which it chooses among them."""
    plain = _GROUPING.sub(" ", _RANGE.sub("", _TEXT.sub('""', query)))
    return [
        Selector(match[1], frozenset(_MATCHER.findall(match[2] or "")))
        for match in _SELECTOR.finditer(plain)
        if match[1].lower() not in _WORDS
    ]


def grouping_labels(query: str) -> set[str]:
    """Return the labels by which a query groups or joins."""
    return {
        label.strip()
        for match in _GROUPING.finditer(_TEXT.sub('""', query))
        for label in match[1].split(",")
        if label.strip()
    }


def exported() -> Mapping[str, frozenset[str]]:
    """Return the labels of every series that the declarations promise, and of those that are not ours to declare."""
    found: dict[str, frozenset[str]] = {
        "up": frozenset(_TARGET),
        "process_cpu_seconds_total": frozenset(_TARGET),
        "process_resident_memory_bytes": frozenset(_TARGET),
        "ALERTS": frozenset({"alertname", "alertstate"}),
    }
    for metric in metric_names.ALL:
        labels = frozenset(label.name for label in metric.labels) | _TARGET
        if metric.kind is MetricKind.HISTOGRAM:
            found[f"{metric.prometheus_name}_bucket"] = labels | {"le"}
            found[f"{metric.prometheus_name}_sum"] = found[f"{metric.prometheus_name}_count"] = labels
        else:
            found[metric.prometheus_name] = labels
    return found


def complaints(query: str) -> list[str]:
    """Return what a query asks for that nobody exports, in words; nothing if all is well."""
    known = exported()
    found = []
    for metric, labels in selectors(query):
        if metric not in known:
            found.append(f"no metric {metric}")
        elif labels - known[metric]:
            found.append(f"{metric} has no label {', '.join(sorted(labels - known[metric]))}")
    used = [known[metric] for metric, _ in selectors(query) if metric in known]
    strangers = grouping_labels(query) - frozenset().union(*used)
    return found + [f"no metric of the query has the label {label}" for label in sorted(strangers)]
