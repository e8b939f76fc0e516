"""Frames of Binance with what must be read from them, as tests/data keeps them: one JSON object per line."""

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwire.venues.parsing import ExecutionReport
from fillwire.wire.codec import decode_order, encode_order

AMOUNTS = {"price", "quantity", "cumulative_quantity", "cumulative_quote", "average_price", "fee"}
WORDS = {"side", "type", "time_in_force"}
OURS = {"event": "kind", "order_status": "venue_status", "exchange_time": "exchange_time_ns"}
OURS |= {"transaction_time": "transaction_time_ns"}


def rows(data: Path, name: str) -> list[Any]:
    """Return the lines of a file as parameters, named by their place in it."""
    lines = (data / name).read_text().splitlines()
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
    if field in WORDS:
        return bool(ours == expected.lower())
    if field.endswith("_time"):
        return bool(ours == round(datetime.fromisoformat(expected).timestamp() * 1000) * 10**6)
    return bool(ours == expected)


def check_event(report: ExecutionReport, expected: dict[str, Any]) -> None:
    """Check that an event is canonical and says what is expected."""
    assert expected["class"] == "order"
    assert encode_order(decode_order(report.json)) == report.json
    event = json.loads(report.json)
    for field in expected.keys() - {"class", "subscription_id"}:
        assert same(field, event[OURS.get(field, field)], expected[field]), field
