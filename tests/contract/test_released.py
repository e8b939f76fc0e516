"""What a released version wrote is read by every later one, and means the same."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.round_trips import ROUND_TRIPS
from support.schemas import PAYLOADS, SCHEMAS, problems

RELEASED = sorted((SCHEMAS / "released").glob("*/*.jsonl"))
CHANGELOG = SCHEMAS.parent / "CHANGELOG.md"


def contradictions(written: Any, read: Any, place: str = "") -> Iterator[str]:
    """Yield where what was read differs from what was written; what was added since is no difference."""
    if isinstance(written, dict) and isinstance(read, dict):
        for key, value in written.items():
            yield from contradictions(value, read.get(key, "nothing"), f"{place}/{key}")
    elif written != read:
        yield f"{place}: {written!r} became {read!r}"


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_released_documents_mean_the_same(path: Path) -> None:
    """Every document of a released version is still valid, decodes, and keeps each value when it is written again."""
    for line in path.read_bytes().splitlines():
        document = json.loads(line)
        version = document["v"]
        schema = next(p for p in PAYLOADS if p.parent.name == path.stem and p.stem == f"v{version}")
        assert problems(schema, document) == []
        assert list(contradictions(document, json.loads(ROUND_TRIPS[path.stem, version](line)))) == []


def test_every_release_is_on_record() -> None:
    """Each version that the changelog dates has its documents of every kind."""
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", CHANGELOG.read_text(encoding="utf-8"), re.MULTILINE)
    recorded = {(path.parent.name, path.stem) for path in RELEASED}
    kinds = {path.parent.name for path in (SCHEMAS / "examples").glob("*/*.json")}
    assert recorded >= {(version, kind) for version in versions for kind in kinds}
    assert recorded, "no record at all would prove nothing"
