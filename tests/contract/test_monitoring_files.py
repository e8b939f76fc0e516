"""Alert rules and dashboards against what is exported and what the runbook says.

This is the weaker check, which needs nothing: every series and label that a query names is declared. What the queries
evaluate to is tried with Prometheus' own programs in tests/integration/test_alert_rules.py and
tests/e2e/test_prometheus.py, which say so when they are skipped.
"""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

from fillwire.domain import alert_names
from support.monitoring_files import DASHBOARDS, MONITORING, RULES, panel_queries
from support.promql import Selector, complaints, grouping_labels, selectors

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def _section(title: str) -> str:
    """Return the runbook's section of this title, empty if there is none."""
    match = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", RUNBOOK, flags=re.MULTILINE | re.DOTALL)
    return match[1].strip() if match else ""


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_what_is_exported(rule: dict[str, Any]) -> None:
    """A series that nobody exports never fires."""
    assert complaints(rule["expr"]) == []


@pytest.mark.parametrize(("where", "query"), panel_queries(), ids=lambda value: value[:60])
def test_a_panel_asks_for_what_is_exported(where: str, query: str) -> None:
    """A panel that stays empty looks like a system at rest."""
    assert complaints(query) == [], where


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_rule_has_its_section_in_the_runbook(rule: dict[str, Any]) -> None:
    """Who is woken finds there what it means and what to do, by the link in the alert."""
    assert rule["annotations"]["runbook"] == f"docs/operations.md#{rule['alert'].lower()}"
    section = _section(rule["alert"])
    assert "means" in section.lower()
    assert re.search(r"^(1\. |\*\*Do\*\*|- )", section, flags=re.MULTILINE), section


@pytest.mark.parametrize("name", sorted(alert_names.ALL))
def test_every_alert_subject_is_in_the_runbook(name: str) -> None:
    """The same goes for what travels on `alerts.…`."""
    assert f"`{name}`" in RUNBOOK


def test_every_rule_is_tried() -> None:
    """rules_test.yml sees each alert fire at least once."""
    tests = yaml.safe_load((MONITORING / "rules_test.yml").read_text())["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert fired == {rule["alert"] for rule in RULES}


def test_dashboards_are_as_their_script_writes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run `python deploy/monitoring/render.py` after a change."""
    monkeypatch.syspath_prepend(str(MONITORING))  # as Python does for a script
    written = {path.stem: path.read_text(encoding="utf-8") for path in DASHBOARDS}
    assert written == runpy.run_path(str(MONITORING / "render.py"))["rendered"]()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_can_be_loaded_anywhere(path: Path) -> None:
    """Its identity is stable, its source is a variable, its panels are numbered, explained and do not overlap."""
    dashboard = json.loads(path.read_text())
    assert dashboard["uid"] == f"fillwire-{path.stem}"
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["description"]
        assert all(target["datasource"]["uid"] == "${source}" for target in panel["targets"])
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in own) < 24
        assert not own & cells
        cells |= own


def test_the_weak_reading_finds_what_is_wrong() -> None:
    """Names, labels and groupings that nobody exports; functions, durations and texts are none."""
    query = 'sum by (user, nobody) (rate(fillwire_connection_losses_total{user=~"a{b}",bot="x"}[5m])) > 5 unless fillwire_gone'
    assert selectors(query) == [
        Selector("fillwire_connection_losses_total", frozenset({"user", "bot"})),
        Selector("fillwire_gone", frozenset()),
    ]
    assert grouping_labels(query) == {"user", "nobody"}
    assert complaints(query) == [
        "fillwire_connection_losses_total has no label bot",
        "no metric fillwire_gone",
        "no metric of the query has the label nobody",
    ]
