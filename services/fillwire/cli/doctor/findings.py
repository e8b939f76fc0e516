"""What an examination finds, check by check."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fillwire.runtime.lifecycle import ExitCode
from fillwire.runtime.redaction import printable, redacted_text


class Outcome(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class CheckName(StrEnum):
    """What is looked at, in this order."""

    CONFIGURATION = "configuration"
    KEY = "key"
    BROKER = "broker"
    REST = "rest"
    CLOCK = "clock"
    SYMBOLS = "symbols"
    ACCEPTED = "accepted"
    PERMISSIONS = "permissions"
    SUBSCRIPTION = "subscription"


class CannotRun(Exception):
    """A check cannot run; the message says why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a check went, what was found, and what to do where something is wrong; one sentence each."""

    outcome: Outcome
    found: str
    advice: str | None = None


def ok(found: str) -> Verdict:
    """Return that all is well."""
    return Verdict(Outcome.OK, found)


def warning(found: str, advice: str) -> Verdict:
    """Return that something is not as it should be, and yet works."""
    return Verdict(Outcome.WARNING, found, advice)


def failed(found: str, advice: str) -> Verdict:
    """Return that something is wrong."""
    return Verdict(Outcome.FAILED, found, advice)


def skipped(why: str) -> Verdict:
    """Return that nothing was looked at."""
    return Verdict(Outcome.SKIPPED, why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's verdict as it is shown: without secrets, and without what could write to a terminal.

    Attributes:
        seconds: how long it took.
    """

    check: CheckName
    outcome: Outcome
    found: str
    advice: str | None
    seconds: float

    @classmethod
    def of(cls, check: CheckName, verdict: Verdict, seconds: float) -> "Finding":
        """Return the finding of a verdict."""
        return cls(
            check=check,
            outcome=verdict.outcome,
            found=_shown(verdict.found),
            advice=None if verdict.advice is None else _shown(verdict.advice),
            seconds=seconds,
        )

    def document(self) -> dict[str, Any]:
        """Return the finding as JSON."""
        return {
            "check": self.check,
            "outcome": self.outcome,
            "found": self.found,
            "advice": self.advice,
            "seconds": round(self.seconds, 3),
        }

    def lines(self) -> list[str]:
        """Return the finding as text: one line, and one more where there is something to do."""
        lines = [f"{self.outcome:<8}{self.check:<14}{self.found}"]
        if self.advice is not None:
            lines.append(f"{'':22}do: {self.advice}")
        return lines


def _shown(text: str) -> str:
    return printable(redacted_text("; ".join(text.splitlines())))


def exit_code(findings: Iterable[Finding]) -> ExitCode:
    """Return the exit status of the command: 2 where the configuration is wrong, 1 where anything else is."""
    failures = {finding.check for finding in findings if finding.outcome is Outcome.FAILED}
    if not failures:
        return ExitCode.OK
    return ExitCode.CONFIG if CheckName.CONFIGURATION in failures else ExitCode.FAILED
