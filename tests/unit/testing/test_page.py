"""The examples in docs/testing.md run, and its tables name what there is."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from fillwire.testing import Fault

PAGE = (Path(__file__).parents[3] / "docs" / "testing.md").read_text(encoding="utf-8")
SOURCE = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
TESTS = re.findall(r"^async def (test_\w+)", SOURCE, re.MULTILINE)


@pytest.mark.parametrize("name", TESTS)
def test_each_example_passes(name: str) -> None:
    """As a reader would run it."""
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(SOURCE, "docs/testing.md", "exec"), names)  # noqa: S102 - our own page
    asyncio.run(names[name]())


def test_there_are_examples() -> None:
    """A page without any would pass."""
    assert len(TESTS) == 3


def test_every_fault_is_named() -> None:
    """And no other."""
    table = PAGE[PAGE.index("| fault |") :].split("\n\n")[0]
    named = [name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])]
    assert sorted(named) == sorted(Fault)
