"""How Grafana writes a dashboard: where its panels stand, what they are drawn from, and what can be chosen."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SCHEMA_VERSION = 39  # of Grafana 10.4 and newer
WIDTH = 24
_SOURCE = {"type": "prometheus", "uid": "${source}"}


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        title: what it shows.
        says: what to make of it, as the panel's description.
        queries: legend by query.
        unit: Grafana's name of the unit.
        kind: Grafana's name of the panel.
        width: of 24.
        height: in rows.
        options: what is special, merged into the panel.
    """

    title: str
    says: str
    queries: dict[str, str]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    height: int = 8
    options: dict[str, Any] = field(default_factory=dict)


def stat(title: str, says: str, query: str, unit: str = "short", **bad: float) -> Panel:
    """Return a number that turns red; `bad` says `above` or `below` what."""
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if "above" in bad:
        steps.append({"color": "red", "value": bad["above"]})
    if "below" in bad:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": bad["below"]}]
    options = {"fieldConfig": {"defaults": {"thresholds": {"mode": "absolute", "steps": steps}}}}
    return Panel(
        title=title,
        says=says,
        queries={query: ""},
        unit=unit,
        kind="stat",
        width=4,
        height=4,
        options=options,
    )


def dashboard(name: str, title: str, panels: Sequence[Panel]) -> str:
    """Return the file of a dashboard, its panels from left to right and from top to bottom."""
    return json.dumps(_document(name, title, panels), indent=2, ensure_ascii=False) + "\n"


def _document(name: str, title: str, panels: Sequence[Panel]) -> dict[str, Any]:
    placed, x, y, row = [], 0, 0, 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > WIDTH:
            x, y, row = 0, y + row, 0
        placed.append(_panel(number, panel, x, y))
        x, row = x + panel.width, max(row, panel.height)
    return {
        "uid": f"fillwire-{name}",
        "title": title,
        "tags": ["fillwire"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [{"type": "dashboards", "title": "Fillwire", "tags": ["fillwire"], "asDropdown": True}],
        "templating": {"list": _variables()},
        "annotations": {"list": [_alerts()]},
        "panels": placed,
    }


def _panel(number: int, panel: Panel, x: int, y: int) -> dict[str, Any]:
    is_heatmap = panel.kind == "heatmap"
    targets = [
        {
            "refId": chr(ord("A") + at),
            "datasource": _SOURCE,
            "expr": query,
            "legendFormat": legend or "__auto",
            "format": "heatmap" if is_heatmap else "time_series",
            "exemplar": "_bucket" in query,
        }
        for at, (query, legend) in enumerate(panel.queries.items())
    ]
    defaults: dict[str, Any] = {"unit": panel.unit}
    defaults |= panel.options.get("fieldConfig", {}).get("defaults", {})
    found: dict[str, Any] = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.says,
        "datasource": _SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": targets,
    }
    if is_heatmap:
        found["options"] = {
            "calculate": False,
            "yAxis": {"unit": panel.unit},
            "exemplars": {"color": "orange"},
        }
    return found


def _variables() -> list[dict[str, Any]]:
    source = {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    return [source, *(_variable(label) for label in ("exchange", "environment", "user"))]


def _variable(label: str) -> dict[str, Any]:
    query = f"label_values(fillwire_connection_up, {label})"
    return {
        "name": label,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": label},
        "definition": query,
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }


def _alerts() -> dict[str, Any]:
    return {
        "name": "Alerts",
        "datasource": _SOURCE,
        "enable": True,
        "expr": 'ALERTS{alertname=~"Fillwire.*",alertstate="firing"}',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{user}} {{exchange}} {{bot}}",
        "iconColor": "red",
    }
