"""Which of the things set aside a command line means."""

import time

import pytest

from fillwire.cli.moments import moment_ns
from fillwire.cli.selecting import agree, require_all, require_choice
from fillwire.domain.errors import ConfigError

HOUR_NS = 3600 * 10**9


def test_a_moment_is_a_time_or_an_age() -> None:
    """A time names its zone; an age counts back from now; none is none."""
    assert moment_ns(None, "--since") is None
    assert moment_ns("2026-01-31T09:00:00+01:00", "--since") == 1_769_846_400 * 10**9
    assert moment_ns("9999999d", "--since") == moment_ns("1066-10-14T09:00:00+00:00", "--since") == 0
    for text, age_ns in (("2h", 2 * HOUR_NS), ("90 m", 90 * 60 * 10**9), ("7d", 168 * HOUR_NS), ("0s", 0)):
        found = moment_ns(text, "--since")
        assert found is not None
        assert abs(time.time_ns() - age_ns - found) < 60 * 10**9


@pytest.mark.parametrize(
    "text", ["", "12345678d", "2 weeks", "-1h", "1.5h", "2026-01-31", "2026-01-31T09:00:00", "h"]
)
def test_other_moments_are_refused(text: str) -> None:
    """The sentence names the option and shows what would do."""
    with pytest.raises(ConfigError, match=r"--until is .*: expected a time with its zone such as"):
        moment_ns(text, "--until")


def test_an_empty_command_line_chooses_nothing() -> None:
    """Neither everything nor what does not exist is dealt with by accident."""
    with pytest.raises(ConfigError, match="no dead letter is chosen"):
        require_choice("dead letter", [], None, None)
    require_choice("dead letter", [], None, "alice")
    require_choice("dead letter", [1])
    with pytest.raises(ConfigError, match="no dead letter 3: expected a number"):
        require_all("dead letter", [1, 3, 4], [1, 2])
    require_all("dead letter", [1, 2], [1, 2, 3])


def test_without_a_person_there_is_no_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is not there cannot agree; who has said yes before is not asked."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    agree("Discard 2 letters?", yes=True)
    with pytest.raises(ConfigError, match="nobody is there to be asked: expected --yes"):
        agree("Discard 2 letters?", yes=False)
