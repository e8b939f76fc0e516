"""Programs that the docs and the Makefile start as `python -m MODULE`: each can be started as it is written there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
_PAGES: Final = (ROOT / "Makefile", *ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
_STARTED: Final = re.compile(r"python -m ([a-z_]+(?:\.[a-z_]+)+)")
MODULES: Final = sorted(
    {found for page in _PAGES for found in _STARTED.findall(page.read_text(encoding="utf-8"))}
)


def test_programs_are_found() -> None:
    """What is looked for is what they are written as."""
    assert {"deploy.cluster", "support.go_tools", "bench.run", "fillwire.runtime.metrics_page"} <= {*MODULES}


@pytest.mark.parametrize("module", MODULES)
def test_it_needs_no_path_but_the_one_that_is_written(module: str) -> None:
    """Pytest puts more on the path, so that a module that leans on it is imported by tests and by nobody else."""
    done = subprocess.run(  # noqa: S603 - our own modules
        [sys.executable, "-c", f"import {module}"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "tests"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
