"""The alert rules, evaluated by Prometheus' own promtool: each fires when it should, and each test would notice."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from support.monitoring_files import MONITORING, RULES
from support.prometheus_tools import tool

pytestmark = pytest.mark.timeout(180)  # the first run on a machine may fetch the package


@pytest.fixture
def promtool() -> Path:
    """Return promtool; without it the weaker check of tests/contract/test_monitoring_files.py is all that ran."""
    found = tool("promtool")
    if found is None:
        pytest.skip(
            "promtool is not on the path and Debian's package cannot be fetched: "
            "of the rules only names and labels were checked, by tests/contract/test_monitoring_files.py"
        )
    return found


def _run(promtool: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(promtool), *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)  # noqa: S603 - fixed arguments


def test_the_rules_are_valid_and_fire_when_they_should(promtool: Path) -> None:
    """`promtool check rules` and `promtool test rules`."""
    for arguments in (
        ("check", "rules", MONITORING / "rules.yml"),
        ("test", "rules", MONITORING / "rules_test.yml"),
        ("check", "config", "--syntax-only", MONITORING / "prometheus.yml"),
        ("check", "rules", MONITORING / "cluster-rules.yml"),
        ("test", "rules", MONITORING / "cluster-rules_test.yml"),
        ("check", "config", "--syntax-only", MONITORING / "cluster.yml"),
    ):
        done = _run(promtool, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", [rule["alert"] for rule in RULES])
def test_the_tests_notice_a_rule_that_never_fires(promtool: Path, alert: str, tmp_path: Path) -> None:
    """Each rule broken in turn: nothing can be told by a test that passes anyway."""
    rules = yaml.safe_load((MONITORING / "rules.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            if rule["alert"] == alert:
                rule["expr"] = f"({rule['expr']}) and vector(1) == 2"
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(rules))
    shutil.copy(MONITORING / "rules_test.yml", tmp_path)
    done = _run(promtool, "test", "rules", tmp_path / "rules_test.yml")
    assert done.returncode == 1
    assert alert in done.stdout + done.stderr
