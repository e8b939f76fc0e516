"""Which release an upgrade begins with, and what is said where a clone does not hold it."""

import subprocess
from pathlib import Path

import pytest

from upgrade.release import FIRST_WHOLE, commit_of, previous_release

_WHO = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")


def git(repository: Path, *arguments: str) -> str:
    """Run git, and return what it said."""
    asked = subprocess.run(  # noqa: S603 - our own command
        ["git", "-C", repository, *_WHO, *arguments],  # noqa: S607 - git as everybody has it
        capture_output=True,
        text=True,
        check=True,
    )
    return asked.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with three commits."""
    made = tmp_path / "repository"
    made.mkdir()
    git(made, "init", "--quiet", "--initial-branch", "main")
    for number in range(3):
        git(made, "commit", "--quiet", "--allow-empty", "-m", str(number))
    return made


def test_the_previous_release_is_the_last_tag_before_this_commit(repository: Path) -> None:
    """A commit that is itself tagged is upgraded to from the tag before; without any, a commit stands for it."""
    assert previous_release(repository) == FIRST_WHOLE
    git(repository, "tag", "v0.1.0", "HEAD~2")
    git(repository, "tag", "other", "HEAD~1")
    assert previous_release(repository) == "v0.1.0"
    git(repository, "tag", "v0.2.0", "HEAD")
    assert previous_release(repository) == "v0.1.0"
    assert commit_of("v0.1.0", repository) == git(repository, "rev-parse", "HEAD~2")


def test_a_clone_that_does_not_hold_the_release_says_so(repository: Path, tmp_path: Path) -> None:
    """A shallow one says how to get it, a full one that there is none."""
    with pytest.raises(SystemExit, match="release v9 is not in this repository: expected a tag or a commit"):
        commit_of("v9", repository)
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{repository}", str(shallow))
    with pytest.raises(SystemExit, match="which is shallow: expected its history, `git fetch --unshallow"):
        commit_of(FIRST_WHOLE, shallow)
