"""Frames of a spot order's life as the documents show them, changed field by field, and what the parser makes of them."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account
from fillwire.venues.parsing import Control, ExecutionReport, Parser

ACCOUNT = Account("alice", "binance", "live")
NOW_MS = 1_773_000_060_000
NOW_NS = NOW_MS * 10**6
SYMBOLS = {"SOLUSDT": "SOL-USDT", "１２３": "１２-３"}  # noqa: RUF001 - the venue has such symbols
# The documents' example of a partial fill.
TRADE: Mapping[str, Any] = MappingProxyType(
    {
        "e": "executionReport",
        "E": 1773000007411,
        "s": "SOLUSDT",
        "c": "acme-0001",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTC",
        "q": "10.00000000",
        "p": "150.00000000",
        "P": "0.00000000",
        "F": "0.00000000",
        "g": -1,
        "C": "",
        "x": "TRADE",
        "X": "PARTIALLY_FILLED",
        "r": "NONE",
        "i": 7000000101,
        "l": "4.00000000",
        "z": "4.00000000",
        "L": "150.00000000",
        "n": "0.00400000",
        "N": "SOL",
        "T": 1773000007410,
        "t": 41000001,
        "I": 14000001010,
        "w": True,
        "m": True,
        "M": True,
        "O": 1773000000122,
        "Z": "600.00000000",
        "Y": "600.00000000",
        "Q": "0.00000000",
        "W": 1773000000122,
        "V": "EXPIRE_MAKER",
    }
)
# What a report has in place of a last fill.
NO_FILL = {"l": "0.00000000", "L": "0.00000000", "Y": "0.00000000", "n": "0", "N": None, "t": -1}


def frame(*without: str, **fields: Any) -> bytes:
    """Return the trade's frame without some fields and with others."""
    event = {**TRADE, **fields}
    event = {key: value for key, value in event.items() if key not in without}
    return json.dumps(
        {"subscriptionId": 0, "event": event}, ensure_ascii=False, separators=(",", ":")
    ).encode()


def step(execution_type: str, status: str, **fields: Any) -> bytes:
    """Return the frame of a step in the order's life that is no execution."""
    return frame(x=execution_type, X=status, **{**NO_FILL, **fields})


def parse(data: bytes, *, microseconds: bool = False) -> ExecutionReport:
    """Return the order event of a frame."""
    (report,) = Parser(ACCOUNT, SYMBOLS, microseconds=microseconds).parse(data, NOW_NS)
    assert isinstance(report, ExecutionReport)
    return report


def event(data: bytes) -> Any:
    """Return the document of a frame's order event."""
    return json.loads(parse(data).json)


def control(data: bytes) -> Any:
    """Return the document of a frame's control."""
    (report,) = Parser(ACCOUNT, SYMBOLS).parse(data, NOW_NS)
    assert isinstance(report, Control)
    return json.loads(report.json)


def refusal(data: bytes) -> FrameError:
    """Return the error of a frame."""
    with pytest.raises(FrameError) as caught:
        Parser(ACCOUNT, SYMBOLS).parse(data, NOW_NS)
    return caught.value
