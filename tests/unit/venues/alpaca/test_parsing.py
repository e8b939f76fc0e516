"""What only the parser of Alpaca's frames refuses, and that MessagePack says what JSON says."""

import json
from typing import Any

import pytest

from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account, execution_event_id
from fillwire.venues.parsing import FRAME_ERROR_CODES, Control, ExecutionReport, Parser
from support.message_pack import packed

NOW_NS = 1_790_000_000 * 10**9
ACCOUNT = Account("alice", "alpaca", "paper")


def update(event: str = "partial_fill", status: str = "partially_filled", **changes: Any) -> dict[str, Any]:
    """Return a trade update of an order; `changes` go into the order if it has the field, else beside it."""
    order: dict[str, Any] = {
        "id": "0d3c4b5a-1111-4222-8333-000000000001",
        "client_order_id": "bot-1",
        "symbol": "AAPL",
        "asset_class": "us_equity",
        "qty": "100",
        "filled_qty": "40",
        "filled_avg_price": "200.4",
        "type": "limit",
        "side": "buy",
        "time_in_force": "day",
        "limit_price": "200.5",
        "status": status,
    }
    data: dict[str, Any] = {
        "at": "2026-06-01T14:30:01.205Z",
        "event": event,
        "timestamp": "2026-06-01T14:30:01.2Z",
        "order": order,
        "price": "200.4",
        "execution_id": "e0000000-0000-4000-8000-000000000001",
    }
    data["qty"] = changes.pop("last_qty", "40")
    order |= changes
    return {"stream": "trade_updates", "data": data}


def parse(frame: bytes) -> list[ExecutionReport | Control]:
    """Return what a frame says."""
    return Parser(ACCOUNT, None).parse(frame, NOW_NS)


BROKEN = {
    "invalid_message_pack": b"\x81\xa1a\xc1",
    "partial_fill_complete": json.dumps(update(qty="40")).encode(),
    "execution_busted": json.dumps(update("trade_bust", last_qty="-40")).encode(),
    "execution_corrected": json.dumps(update("trade_correct")).encode(),
    "order_restated": json.dumps(update("restated")).encode(),
}


@pytest.mark.parametrize("code", BROKEN)
def test_a_broken_frame_has_its_code(code: str) -> None:
    """Each code is raised by its frame, with the class that belongs to it."""
    with pytest.raises(FrameError) as caught:
        parse(BROKEN[code])
    assert (caught.value.code, caught.value.error_class) == (code, FRAME_ERROR_CODES[code])
    assert caught.value.venue == "alpaca"


def test_an_anomaly_names_the_order() -> None:
    """What is taken back names its order, so that its records are looked up."""
    with pytest.raises(FrameError) as caught:
        parse(BROKEN["execution_busted"])
    assert (caught.value.symbol, caught.value.order_id) == ("AAPL", "0d3c4b5a-1111-4222-8333-000000000001")


def test_an_execution_is_known_by_what_is_executed_after_it() -> None:
    """The event id is made of order and cumulative quantity, the trade id is the venue's execution id."""
    (report,) = parse(json.dumps(update(filled_qty="40.50", last_qty="0.50")).encode())
    assert isinstance(report, ExecutionReport)
    assert report.event_id == execution_event_id(
        ACCOUNT, "AAPL", "0d3c4b5a-1111-4222-8333-000000000001", "40.5"
    )
    assert (report.trade_id, report.last_quantity) == ("e0000000-0000-4000-8000-000000000001", "0.5")


def test_message_pack_says_what_json_says() -> None:
    """The same update in either codec is the same event, byte for byte."""
    frame = update()
    (from_json,) = parse(json.dumps(frame).encode())
    (from_message_pack,) = parse(packed(frame))
    assert from_message_pack.json == from_json.json


def test_an_order_by_amount_has_no_quantity() -> None:
    """An order placed by amount carries the amount, and no quantity that the venue did not say."""
    (report,) = parse(json.dumps(update(qty=None, notional="10000")).encode())
    assert isinstance(report, ExecutionReport)
    assert report.quantity is None
    assert json.loads(report.json)["quote_quantity"] == "10000"
