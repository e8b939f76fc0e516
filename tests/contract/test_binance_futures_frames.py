"""Every frame of tests/data/binance_futures is read to what its line expects; where they are from says SOURCES.md there."""

import json
from pathlib import Path
from typing import Any

import pytest

from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account
from fillwire.venues.parsing import Control, ExecutionReport, Parser
from support.expected_frames import check_event, rows, same
from support.schemas import SCHEMAS, problems

DATA = Path(__file__).parents[1] / "data" / "binance_futures"
NOW_NS = 1_795_000_000 * 10**9
ORDER = SCHEMAS / "events" / "order" / "v1.json"
# Guesses pairs by the ends of symbols; the lines say whether it guesses right.
PARSER = Parser(Account("alice", "binance-futures", "live"), symbols=None)
# The venue's words for types that have other names with us: its STOP has a limit, our stop loss has none.
TYPES = {
    "STOP": "stop_loss_limit",
    "STOP_MARKET": "stop_loss",
    "TAKE_PROFIT": "take_profit_limit",
    "TAKE_PROFIT_MARKET": "take_profit",
    "TRAILING_STOP_MARKET": "trailing_stop",
}
CONTROL_TYPES = {
    "ACCOUNT_UPDATE": "account",
    "ALGO_UPDATE": "conditional_order",
    "CONDITIONAL_ORDER_TRIGGER_REJECT": "conditional_order_rejected",
    "MARGIN_CALL": "margin_call",
    "ACCOUNT_CONFIG_UPDATE": "account_config",
    "listenKeyExpired": "listen_key_expired",
}


def check_announced(control: Control, expected: dict[str, Any]) -> None:
    """Check an execution that is announced before its report."""
    assert control.type == "fill_announced"
    said = json.loads(control.json)
    fill = expected["last_fill"]
    assert (said["trade_id"], said["liquidity"]) == (fill["trade_id"], fill["liquidity"])
    assert same("price", said["last_price"], fill["price"])
    assert same("quantity", said["last_quantity"], fill["quantity"])
    for field in ("symbol", "pair", "order_id", "client_order_id", "price", "side"):
        assert same(field, said[field], expected[field]), field
    for field in ("exchange_time", "transaction_time"):
        assert same(field, said[f"{field}_ns"], expected[field]), field


def check_control(control: Control, expected: dict[str, Any]) -> None:
    """Check the fields of a control."""
    said = json.loads(control.json)
    ours = {"algo_client_id": "client_order_id", "algo_status": "status"}
    for field, value in expected.items():
        match field:
            case "class":
                assert value in {"algo", "account", "other"}
            case "event_type":
                assert said["type"] == control.type == CONTROL_TYPES[value]
            case "exchange_time":
                assert same(field, said["exchange_time_ns"], value)
            case "algo_status":
                assert said["status"] == value.lower()
            case _:
                assert said[ours.get(field, field)] == value, field


@pytest.mark.parametrize("row", rows(DATA, "frames.jsonl"))
def test_a_valid_frame_says_what_it_must(row: dict[str, Any]) -> None:
    """A valid frame gives the expected event, canonical, or the expected control."""
    (report,) = PARSER.parse(row["raw"].encode(), NOW_NS)
    expected = dict(row["expect"])
    if isinstance(report, ExecutionReport):
        if "type" in expected:
            expected["type"] = TYPES.get(expected["type"], expected["type"])
        check_event(report, expected)
        assert problems(ORDER, json.loads(report.json)) == []
    elif expected.get("no_fill"):
        assert report.type == "order_doubted"
    elif expected["class"] == "trade_lite":
        check_announced(report, expected)
    else:
        check_control(report, expected)


@pytest.mark.parametrize("row", rows(DATA, "refused.jsonl"))
def test_a_broken_frame_is_refused(row: dict[str, Any]) -> None:
    """A broken frame is an error of the expected class."""
    with pytest.raises(FrameError) as caught:
        PARSER.parse(row["raw"].encode(), NOW_NS)
    assert caught.value.error_class == row["expect"]["error"]
