"""Every frame of tests/data/coinbase_exchange is read to what its line expects; where they are from says SOURCES.md there."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwire.cli.parse import result_line
from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account
from fillwire.venues.parsing import Parser
from fillwire.wire.codec import decode_order, encode_order

DATA = Path(__file__).parents[1] / "data" / "coinbase_exchange"
NOW_NS = 1_795_000_000 * 10**9
AMOUNTS = {
    "price",
    "stop_price",
    "quantity",
    "cumulative_quantity",
    "cumulative_quote",
    "average_price",
    "available",
    "holds",
}


def parser() -> Parser:
    """Return the parser of a new connection."""
    return Parser(Account("alice", "coinbase", "live"), symbols=None)


def rows(name: str) -> list[Any]:
    """Return the lines of a file as parameters, named by their place in it."""
    lines = (DATA / name).read_text().splitlines()
    return [
        pytest.param(json.loads(line), id=f"{name}:{number}") for number, line in enumerate(lines, start=1)
    ]


def same(field: str, ours: Any, expected: Any) -> bool:
    """Return whether a field says what is expected."""
    if expected is None or ours is None:
        return ours is expected
    if isinstance(expected, dict):
        return all(same(name, ours[name], value) for name, value in expected.items())
    if field in AMOUNTS:
        return Decimal(ours) == Decimal(expected)
    if field.endswith("_time"):
        micros = round(datetime.fromisoformat(expected).timestamp() * 10**6)
        return bool(ours == micros * 1000)
    return bool(ours == expected)


def said(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what `fillwire parse` says of the last frame of a line: its events, then its controls."""
    fresh = parser()
    for frame in row.get("context", []):
        fresh.parse(frame.encode(), NOW_NS)
    line = json.loads(result_line(fresh, row["raw"].encode(), NOW_NS))
    assert "error" not in line, line
    controls = line.get("controls", [])
    return [*line.get("events", []), *controls, *([line["control"]] if "control" in line else [])]


@pytest.mark.parametrize("row", rows("frames.jsonl"))
def test_a_valid_frame_says_what_it_must(row: dict[str, Any]) -> None:
    """A valid frame gives the expected events and controls and no others."""
    reports = said(row)
    assert len(reports) == len(row["expect"]), reports
    for report, expected in zip(reports, row["expect"], strict=True):
        if "control" in expected:
            expected["type"] = expected.pop("control")
        for field, value in expected.items():
            name = f"{field}_ns" if field.endswith("_time") else field
            assert same(field, report[name], value), field


@pytest.mark.parametrize("row", rows("frames.jsonl"))
def test_events_are_canonical(row: dict[str, Any]) -> None:
    """Each event is byte for byte what the codec writes."""
    fresh = parser()
    for frame in [*row.get("context", []), row["raw"]]:
        for report in fresh.parse(frame.encode(), NOW_NS):
            if b'"event_id"' in report.json:
                assert encode_order(decode_order(report.json)) == report.json


@pytest.mark.parametrize("row", rows("refused.jsonl"))
def test_a_broken_frame_is_refused(row: dict[str, Any]) -> None:
    """A broken frame is an error of the expected class."""
    fresh = parser()
    for frame in row.get("context", []):
        fresh.parse(frame.encode(), NOW_NS)
    with pytest.raises(FrameError) as caught:
        fresh.parse(row["raw"].encode(), NOW_NS)
    assert caught.value.error_class == row["expect"]["error"]
