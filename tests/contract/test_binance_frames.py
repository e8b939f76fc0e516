"""Every frame of tests/data/binance is read to what its line expects; where they are from says SOURCES.md there."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account
from fillwire.venues.parsing import Control, ExecutionReport, Parser
from support.expected_frames import check_event, rows, same

DATA = Path(__file__).parents[1] / "data" / "binance"
NOW_NS = 1_795_000_000 * 10**9
# Guesses pairs by the ends of symbols; the lines say whether it guesses right.
PARSER = Parser(Account("alice", "binance", "live"), symbols=None)

CONTROL_TYPES = {
    "outboundAccountPosition": "account",
    "balanceUpdate": "balance",
    "externalLockUpdate": "external_lock",
    "listStatus": "list_status",
    "eventStreamTerminated": "stream_terminated",
    "serverShutdown": "server_shutdown",
    "listenKeyExpired": "listen_key_expired",
}


def check_control(control: Control, expected: dict[str, Any]) -> None:
    """Check the fields of a control."""
    document = json.loads(control.json)
    for field, value in expected.items():
        match field:
            case "class":
                assert (value == "response") == (control.type == "response")
            case "event_type":
                assert document["type"] == control.type == CONTROL_TYPES[value]
            case "balances":
                ours = {row.pop("asset"): row for row in document["balances"]}
                assert {
                    asset: {name: Decimal(text) for name, text in row.items()} for asset, row in ours.items()
                } == {
                    asset: {name: Decimal(text) for name, text in row.items()} for asset, row in value.items()
                }
            case "delta":
                assert Decimal(document["delta"]) == Decimal(value)
            case "list_id":
                assert document["order_list_id"] == value
            case "order_ids":
                assert [order["order_id"] for order in document["orders"]] == value
            case "exchange_time":
                assert same(field, document["exchange_time_ns"], value)
            case _:
                assert document[field] == value


@pytest.mark.parametrize("row", rows(DATA, "frames.jsonl"))
def test_a_valid_frame_says_what_it_must(row: dict[str, Any]) -> None:
    """A valid frame gives the expected event, canonical, or the expected control."""
    (report,) = PARSER.parse(row["raw"].encode(), NOW_NS)
    expected = row["expect"]
    if not isinstance(report, ExecutionReport):
        check_control(report, expected)
        return
    check_event(report, expected)


@pytest.mark.parametrize("row", rows(DATA, "refused.jsonl"))
def test_a_broken_frame_is_refused(row: dict[str, Any]) -> None:
    """A broken frame is an error of the expected class."""
    with pytest.raises(FrameError) as caught:
        PARSER.parse(row["raw"].encode("utf-8", "surrogatepass"), NOW_NS)
    assert caught.value.error_class == row["expect"]["error"]
