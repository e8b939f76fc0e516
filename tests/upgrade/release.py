"""A former release, built from this repository's own history into an environment of its own, as its lock file says it."""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
# Until a release is tagged: the first commit that has every service of today, gateway, hosts, manager and recorder.
FIRST_WHOLE = "70aaa5101d1860429b2c1cfd078d46c02a66da68"
_COMPLETE = "complete"


def previous_release(repository: Path = REPOSITORY) -> str:
    """Return the newest tag of a version before this commit, or the commit that stands for one while there is none."""
    found = _git(repository, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*", "HEAD^")
    return found or FIRST_WHOLE


def commit_of(revision: str, repository: Path = REPOSITORY) -> str:
    """Return the commit that a revision names.

    Raises:
        SystemExit: this clone does not hold it; the message says what to do.
    """
    found = _git(repository, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found:
        return found
    if _git(repository, "rev-parse", "--is-shallow-repository") == "true":
        raise SystemExit(
            f"release {revision} is not in this clone, which is shallow: expected its history, "
            "`git fetch --unshallow --tags` brings it"
        )
    raise SystemExit(f"release {revision} is not in this repository: expected a tag or a commit of it")


def build(commit: str, directory: Path) -> Path:
    """Return the interpreter of an environment that has a release installed, made unless it was made before.

    Args:
        commit: which.
        directory: where environments are kept, one for each commit.

    Raises:
        SystemExit: a step failed; what it said stands above.
    """
    home = directory / commit[:12]
    python = home / "venv" / "bin" / "python"
    if (home / _COMPLETE).exists():
        return python
    shutil.rmtree(home, ignore_errors=True)
    source, wheels = home / "source", home / "wheels"
    source.mkdir(parents=True)
    _run("git", "-C", REPOSITORY, "archive", "--output", home / "source.tar", commit)
    with tarfile.open(home / "source.tar") as archive:
        archive.extractall(source, filter="data")
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    requirements = home / "requirements.txt"
    _run(uv, "export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "-o", requirements, at=source)
    _run(uv, "venv", "--quiet", "--python", sys.executable, home / "venv")
    _run(uv, "pip", "install", "--quiet", "--python", python, "-r", requirements)
    _run(uv, "build", "--quiet", "--wheel", "--out-dir", wheels, at=source)
    _run(uv, "pip", "install", "--quiet", "--python", python, "--no-deps", *wheels.glob("*.whl"))
    _run(
        python, "-I", "-c", f"import fillwire, sys; sys.exit(not fillwire.__file__.startswith({str(home)!r}))"
    )
    (home / _COMPLETE).touch()
    return python


def _git(repository: Path, *arguments: str) -> str:
    asked = subprocess.run(  # noqa: S603 - our own command
        ["git", "-C", repository, *arguments],  # noqa: S607 - git as everybody has it
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() if asked.returncode == 0 else ""


def _run(*arguments: str | Path, at: Path | None = None) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    if subprocess.run(arguments, cwd=at, env=environ, check=False).returncode:  # noqa: S603 - our own commands
        raise SystemExit(f"{Path(arguments[0]).name} {arguments[1]} failed: expected release to be built")
