"""Every frame of tests/data/alpaca is read to what its line expects; where they are from says SOURCES.md there."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account
from fillwire.venues.parsing import Control, ExecutionReport, Parser
from fillwire.wire.codec import decode_order, encode_order
from support.alpaca_oracle_reader import time_ns
from support.schemas import SCHEMAS, problems

DATA = Path(__file__).parents[1] / "data" / "alpaca"
NOW_NS = 1_795_990_000 * 10**9
ORDER = SCHEMAS / "events" / "order" / "v1.json"
PARSER = Parser(Account("alice", "alpaca", "live"), symbols=None)
AMOUNTS = {"price", "quantity", "cumulative_quantity", "cumulative_quote", "average_price", "fee"}


def rows(name: str) -> list[Any]:
    """Return the lines of a file as parameters, named by their place in it."""
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
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
    return bool(ours == expected)


def check_event(report: ExecutionReport, expected: dict[str, Any]) -> None:
    """Check an event: canonical, valid by the schema, and as expected."""
    assert encode_order(decode_order(report.json)) == report.json
    event = json.loads(report.json)
    assert problems(ORDER, event) == []
    for field, value in expected.items():
        if field.endswith("_time"):
            assert event[f"{field}_ns"] == time_ns(value), field
        else:
            assert same(field, event[field], value), field


@pytest.mark.parametrize("row", rows("frames.jsonl"))
def test_a_valid_frame_says_what_it_must(row: dict[str, Any]) -> None:
    """A valid frame gives the expected events, canonical, or the expected control."""
    reports = PARSER.parse(row["raw"].encode(), NOW_NS)
    expected = row["expect"]
    if isinstance(expected, dict) and "control" in expected:
        (control,) = reports
        assert isinstance(control, Control)
        said = json.loads(control.json)
        assert control.type == said["type"] == expected["control"]
        assert said.items() >= {key: value for key, value in expected.items() if key != "control"}.items()
        return
    expectations = expected if isinstance(expected, list) else [expected]
    events = [report for report in reports if isinstance(report, ExecutionReport)]
    assert len(events) == len(expectations)
    for event, expectation in zip(events, expectations, strict=True):
        check_event(event, expectation)


@pytest.mark.parametrize("row", rows("refused.jsonl"))
def test_a_broken_frame_is_refused(row: dict[str, Any]) -> None:
    """A broken frame is an error of the expected class, and of the expected code where one is named."""
    with pytest.raises(FrameError) as caught:
        PARSER.parse(row["raw"].encode("utf-8", "surrogatepass"), NOW_NS)
    expected = row["expect"]
    assert caught.value.error_class in expected["error"]
    assert caught.value.code == expected.get("code", caught.value.code)
