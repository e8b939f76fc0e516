"""The report of a chaos run: what its lines say, what it calls a defect, and where it writes."""

import json
from pathlib import Path

import pytest

from fillwire.cli.chaos.counters import CounterTally
from fillwire.cli.chaos.judge import Tally
from fillwire.cli.chaos.performance import EpisodeResult, StrokeResult
from fillwire.cli.chaos.plan import plan
from fillwire.cli.chaos.report import Report
from fillwire.cli.chaos.run import RunResult
from fillwire.domain.errors import ConfigError

EPISODE = plan(1, 100, ["socket_cut"])[0]
MARKED = "# Chaos\n\n<!-- ledger: written by `make chaos-long` -->\nold\n<!-- end of ledger -->\n\nAfter.\n"


def report(tally: Tally, *, problems: tuple[str, ...] = (), missing: int = 0) -> Report:
    """Return the report of a run of one episode."""
    strokes = tuple(
        StrokeResult(fault="socket_cut", struck=10, recovery_s=recovery, longest_wait_s=wait, lasted_s=0.3)
        for recovery, wait in ((0.25, 0.5), (0.75, 1.5), (None, None))
    )
    episode = EpisodeResult(
        episode=EPISODE, strokes=strokes, missing={"steady": missing}, problems=problems, seconds=4.0
    )
    result = RunResult(episodes=[episode], ledger={"socket_cut": tally}, seconds=63.0)
    return Report(seed=1, executions=100, command="fillwire chaos --seed 1 --executions 100", result=result)


def test_a_clean_run_says_so() -> None:
    """A clean run has no defects; its line holds counts and times."""
    clean = report(Tally(emitted=1_000, delivered=1_000, redelivered=2))
    assert clean.result.is_clean
    assert clean.defects() == []
    assert clean.to_dict()["classes"]["socket_cut"]["recovery_s"] == {"p50": 0.75, "max": 0.75}
    assert clean.rows()[0] == (
        *("socket_cut", "1,000", "1,000", "0", "0", "0", "2"),
        *("1.50", "1.50", "0.75", "0.75"),
    )
    assert clean.rows()[-1][0] == "all"


@pytest.mark.parametrize("defect", ["lost", "doubled", "out_of_order", "foreign", "altered"])
def test_each_defect_is_named(defect: str) -> None:
    """One of whatever kind makes the run unclean, and the sentence names class, count and kind."""
    found = report(Tally(**{"emitted": 9, "delivered": 9, defect: 1}))
    assert not found.result.is_clean
    assert found.defects() == [f"socket_cut: 1 {defect.replace('_', ' ')}"]
    assert "1" in found.rows()[0][3:6]


def test_what_came_late_or_ended_is_named() -> None:
    """An episode whose executions were not heard in time, or in which a process ended, makes the run unclean."""
    found = report(Tally(emitted=9, delivered=9), problems=("host ended by itself",), missing=3)
    assert not found.result.is_clean
    assert found.defects() == [
        "episode 1 (socket_cut): not heard in time: 3 by steady",
        "episode 1 (socket_cut): host ended by itself",
    ]


def test_a_run_that_ended_early_is_not_clean() -> None:
    """Neither a run that ended in an episode nor one that played none may pass for clean."""
    found = report(Tally(emitted=9, delivered=9))
    found.result.unfinished = EPISODE
    assert not found.result.is_clean
    assert found.defects() == ["episode 1 (socket_cut): the run ended in it"]
    assert not RunResult().is_clean


def test_the_ledger_is_written_between_its_marks(tmp_path: Path) -> None:
    """The page keeps what stands around the marks, and the JSON beside it holds the command and the counts."""
    page = tmp_path / "chaos.md"
    page.write_text(MARKED)
    report(Tally(emitted=1_000, delivered=1_000)).write(page)
    text = page.read_text()
    assert text.startswith("# Chaos\n\n<!-- ledger")
    assert text.endswith("<!-- end of ledger -->\n\nAfter.\n")
    assert "old" not in text
    assert "| socket_cut | 1,000 | 1,000 | 0 |" in text
    written = json.loads((tmp_path / "chaos.json").read_text())
    assert written["command"] == "fillwire chaos --seed 1 --executions 100"
    assert written["total"]["emitted"] == 1_000
    report(Tally(emitted=2, delivered=2)).write(page)
    assert "1,000" not in page.read_text()


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    """A page that has no place for the ledger is refused, not overwritten."""
    page = tmp_path / "chaos.md"
    page.write_text("# Something else\n")
    with pytest.raises(ConfigError, match="expected a line"):
        report(Tally()).write(page)
    assert page.read_text() == "# Something else\n"


@pytest.mark.parametrize(
    ("defect", "words"),
    [
        ("twice", "1 placed twice"),
        ("never", "1 never placed"),
        ("unknown", "1 of unknown outcome"),
        ("foreign", "1 without a cause"),
    ],
)
def test_each_defect_of_counter_orders_is_named(defect: str, words: str) -> None:
    """One makes the run unclean though every execution is accounted for, and stands in its table."""
    found = report(Tally(emitted=9, delivered=9))
    assert found.order_rows() == []
    found.result.orders["order_sent"] = CounterTally(wanted=3, once=3)
    assert found.result.is_clean
    assert found.order_rows()[0] == ("order_sent", "3", "3", "0", "0", "0")
    found.result.orders["order_sent"] = CounterTally(**{"wanted": 3, "once": 2, defect: 1})
    assert not found.result.is_clean
    assert found.defects() == [f"order_sent: counter-orders: {words}"]
    assert "1" in found.order_rows()[0][3:]
    assert "| order_sent | 3 | 2 |" in found.markdown()
