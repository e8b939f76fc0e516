"""`fillwire chaos` as a command: what it plans, and how it refuses."""

import json

from click.testing import CliRunner

from fillwire.cli import main
from fillwire.cli.chaos.faults import FAULTS


def test_the_plan_is_shown_without_being_played() -> None:
    """`--plan` prints the episodes as JSON, the same each time."""
    first, second = (CliRunner().invoke(main, ["chaos", "--plan", "--seed", "7"]) for _ in range(2))
    assert first.exit_code == 0
    assert first.output == second.output
    episodes = json.loads(first.output)
    assert {stroke["fault"] for episode in episodes for stroke in episode["strokes"]} == set(FAULTS)


def test_one_episode_is_played_as_in_the_whole_plan() -> None:
    """`--episode` takes one of the plan as it stands there, so that a failure can be looked at alone."""
    whole = json.loads(CliRunner().invoke(main, ["chaos", "--plan"]).output)
    one = json.loads(CliRunner().invoke(main, ["chaos", "--plan", "--episode", "3"]).output)
    assert one == [whole[2]]


def test_an_unknown_fault_is_refused_with_those_there_are() -> None:
    """A misspelt class is one clear sentence."""
    result = CliRunner().invoke(main, ["chaos", "--faults", "socket_cut,meteor"])
    assert result.exit_code == 2
    assert "fault 'meteor': expected some of socket_cut, silent_stall" in result.stderr
    assert "Traceback" not in result.stderr


def test_too_few_executions_are_refused() -> None:
    """Each episode needs one."""
    result = CliRunner().invoke(main, ["chaos", "--executions", "3"])
    assert result.exit_code == 2
    assert "expected 39 or more, one for each episode, found 3" in result.stderr
