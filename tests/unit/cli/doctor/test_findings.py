"""How findings are shown, and what they make the exit status."""

from io import StringIO

import pytest
from rich.console import Console

from fillwire.cli.doctor.command import document, table
from fillwire.cli.doctor.findings import (
    CheckName,
    Finding,
    Verdict,
    exit_code,
    failed,
    ok,
    skipped,
    warning,
)
from fillwire.domain.identifiers import Account
from fillwire.runtime.redaction import remember_secret

ALICE = Account("alice", "binance", "live")


def _finding(verdict: Verdict, check: CheckName = CheckName.REST) -> Finding:
    return Finding.of(check, verdict, 0.25)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ({}, 0),
        ({CheckName.CONFIGURATION: ok("fine"), CheckName.CLOCK: warning("late", "set it")}, 0),
        ({CheckName.KEY: skipped("no key"), CheckName.CLOCK: ok("fine")}, 0),
        ({CheckName.CLOCK: warning("late", "set it"), CheckName.ACCEPTED: failed("no", "do")}, 1),
        ({CheckName.CONFIGURATION: failed("no", "do"), CheckName.BROKER: failed("no", "do")}, 2),
    ],
)
def test_what_failed_decides_the_exit_status(verdicts: dict[CheckName, Verdict], code: int) -> None:
    """Nothing 0, a configuration that cannot be used 2, anything else 1; warnings and what was skipped do not count."""
    assert exit_code(_finding(verdict, check) for check, verdict in verdicts.items()) == code


def test_a_finding_is_a_line_and_its_advice_another() -> None:
    """Outcome, check and sentence stand in columns; what to do comes below, if there is something."""
    assert _finding(ok("it answers")).lines() == ["ok      rest          it answers"]
    assert _finding(failed("it is away", "wait")).lines() == [
        "failed  rest          it is away",
        "                      do: wait",
    ]


def test_nothing_secret_and_nothing_that_writes_to_a_terminal_is_shown() -> None:
    """Known secrets, and values of secret names, are masked; control characters spelt out; lines joined."""
    remember_secret("Zk3v9QpLm7Rt2XwY")
    said = "first\nno Zk3v9QpLm7Rt2XwY; signature=abcdef \x1b[31m"
    finding = _finding(failed(said, said))
    assert finding.found == "first; no ***; signature=*** \\x1b[31m"
    assert finding.advice == finding.found


def test_a_document_holds_all_that_was_found() -> None:
    """The account, whether all is well, and each check with its time."""
    findings = [_finding(ok("it answers")), _finding(failed("no", "do"), CheckName.ACCEPTED)]
    shown = document(ALICE, findings)
    assert (shown["user"], shown["exchange"], shown["environment"]) == ("alice", "binance", "live")
    assert shown["is_healthy"] is False
    assert shown["checks"] == [
        {"check": "rest", "outcome": "ok", "found": "it answers", "advice": None, "seconds": 0.25},
        {"check": "accepted", "outcome": "failed", "found": "no", "advice": "do", "seconds": 0.25},
    ]
    assert document(ALICE, findings[:1])["is_healthy"] is True


def test_a_table_shows_what_to_do_below_what_was_found() -> None:
    """One row a check, on a terminal; text in brackets is text."""
    console = Console(width=80, file=StringIO(), record=True)
    console.print(table([_finding(failed("[red] is no colour", "look"))]))
    lines = [line.rstrip() for line in console.export_text().splitlines()]
    assert lines[1].split() == ["rest", "failed", "[red]", "is", "no", "colour"]
    assert lines[2].strip() == "→ look"
