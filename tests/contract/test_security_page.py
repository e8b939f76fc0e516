"""SECURITY.md claims nothing that no test or code holds."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
_, _, REST = PAGE.partition("## What each threat meets\n")
THREATS, _, _ = REST.partition("\n## ")
CLAIMS = [line.removeprefix("- ") for line in THREATS.splitlines() if line.startswith("- ")]
POINTER = re.compile(r"`([\w./-]+?\.(?:py|rs|toml))(?:::(\w+))?`")


def _holds(path: str, test: str | None) -> bool:
    file = ROOT / path
    if not file.is_file():
        return False
    if test is None:
        return not path.startswith("tests/") or path.startswith("tests/bench/")
    return re.search(rf"^(?:async )?def {test}\(", file.read_text(encoding="utf-8"), re.MULTILINE) is not None


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim[:60])
def test_a_claim_names_what_holds_it(claim: str) -> None:
    """At the end of its line: tests by name, or the code where no test can show it; all of them are there."""
    pointers = POINTER.findall(claim)
    assert pointers
    assert [path for path, test in pointers if not _holds(path, test or None)] == []


def test_each_threat_has_claims() -> None:
    """No title stands over nothing."""
    sections = re.split(r"^### ", THREATS, flags=re.MULTILINE)[1:]
    assert len(sections) > 5
    assert all("\n- " in section for section in sections)


def test_what_is_missing_is_noticed() -> None:
    """A test that was renamed, or a file that has moved, holds nothing any more."""
    assert _holds("tests/contract/test_security_page.py", "test_what_is_missing_is_noticed")
    assert not _holds("tests/contract/test_security_page.py", "test_that_is_not_there")
    assert not _holds("tests/contract/test_nowhere.py", None)
    assert not _holds("tests/contract/test_security_page.py", None)  # which of its tests
