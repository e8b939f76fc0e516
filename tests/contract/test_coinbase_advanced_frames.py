"""Every frame of tests/data/coinbase_advanced is read to what its line expects; where they are from says SOURCES.md there.

The lines say what happened to an order. Of what was executed a frame has totals only, and Fillwire makes no execution of
their difference: it doubts the order, with the total, and leaves the executions to the venue's records. So it answers
whatever is expected as filled, or as ended after executions that nobody has published.
"""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

from fillwire.cli.parse import result_line
from fillwire.domain.enums import Kind, OrderType, Side
from fillwire.domain.errors import FrameError, OrderRejected
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import OrderRequest
from fillwire.venues.coinbase_advanced.auth import TokenSigner
from fillwire.venues.coinbase_advanced.orders import AdvancedOrders
from fillwire.venues.coinbase_advanced.records import AdvancedRecords
from fillwire.venues.parsing import Parser
from fillwire.venues.records import ExecutionRow, OrderRow
from fillwire.venues.rest import HttpResponse
from fillwire.wire.codec import decode_order, encode_order
from support.alpaca_oracle_reader import time_ns
from support.coinbase_keys import ES256_KEY_NAME, ES256_PEM
from support.questions import asked
from support.schemas import SCHEMAS, problems

DATA = Path(__file__).parents[1] / "data" / "coinbase_advanced"
NOW_NS = 1_795_990_000 * 10**9
ORDER = SCHEMAS / "events" / "order" / "v1.json"
ACCOUNT = Account("alice", "coinbase-advanced", "live")
SIGNER = TokenSigner(ES256_KEY_NAME, ES256_PEM)
RECORDS = AdvancedRecords(ACCOUNT, SIGNER)
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
    if field == "time_in_force":
        return bool(ours == expected.lower())
    return bool(ours == expected)


def check_event(event: dict[str, Any], expected: dict[str, Any]) -> None:
    """Check that an event is canonical, valid by the schema, and as expected."""
    json_bytes = orjson.dumps(event)
    assert encode_order(decode_order(json_bytes)) == json_bytes
    assert problems(ORDER, event) == []
    for field, value in expected.items():
        if field.endswith("_time"):
            assert event[f"{field}_ns"] == time_ns(value), field
        else:
            assert same(field, event[field], value), field


def said(parser: Parser, frame: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the events and controls that `fillwire parse` tells of a frame."""
    line = orjson.loads(result_line(parser, frame.encode(), NOW_NS))
    assert "error" not in line, line
    controls = [line["control"]] if "control" in line else line.get("controls", [])
    # The numbers of the frames before are not always those of the recording.
    return line.get("events", []), [control for control in controls if control["type"] != "sequence_gap"]


@pytest.mark.parametrize("row", rows("frames.jsonl"))
def test_a_valid_frame_says_what_it_must(row: dict[str, Any]) -> None:
    """A valid frame gives the expected event, a doubt of what was executed, or the expected control."""
    parser = Parser(ACCOUNT, symbols=None)
    for frame in row.get("context", []):
        parser.parse(frame.encode(), NOW_NS)
    events, controls = said(parser, row["raw"])
    expected = row["expect"]
    if isinstance(expected, dict):
        assert (events, [control["type"] for control in controls]) == ([], [expected["control"]])
        return
    (expected,) = expected
    if Decimal(expected["cumulative_quantity"]) == 0:
        assert controls == []
        (event,) = events
        check_event(event, expected)
        return
    assert events == []
    (doubt,) = controls
    assert (doubt["type"], doubt["symbol"], doubt["order_id"]) == (
        "order_doubted",
        expected["pair"],
        expected["order_id"],
    )
    assert Decimal(doubt["executed"]) == Decimal(expected["cumulative_quantity"])
    assert doubt["has_ended"] is True  # all these lines are of orders that have ended


def ends(row: Any) -> bool:
    """Return whether a line is of an order that is ended by something else than its last execution."""
    (expected,) = row.values[0]["expect"]
    return bool(expected["kind"] != "filled")


@pytest.mark.parametrize(
    "row", [row for row in rows("frames.jsonl") if "context" in row.values[0] and ends(row)]
)
def test_an_end_is_told_when_the_records_have_told_of_the_executions(row: dict[str, Any]) -> None:
    """The same frames on a connection that knows what is published: the frame tells the end itself, as expected."""
    parser = Parser(ACCOUNT, symbols=None)
    for frame in row["context"]:
        parser.parse(frame.encode(), NOW_NS)
    (expected,) = row["expect"]
    shown = orjson.loads(row["context"][0])["events"][0]["orders"][0]
    record = {
        "order_id": shown["order_id"],
        "product_id": shown["product_id"],
        "side": shown["order_side"],
        "status": "OPEN",
        "order_type": "LIMIT",
        "created_time": shown["creation_time"],
        "filled_size": expected["cumulative_quantity"],
    }
    order = asked(RECORDS.order(("SOL-USD", shown["order_id"])), [_answer({"order": record})])[0]
    assert order is not None
    parser.note_order(order)
    events, controls = said(parser, row["raw"])
    assert controls == []
    (event,) = events
    check_event(event, expected)
    assert event["quantity"] == "2"  # what is left is 0 on an order that has ended, not what was ordered


@pytest.mark.parametrize("row", rows("refused.jsonl"))
def test_a_broken_frame_is_refused(row: dict[str, Any]) -> None:
    """A broken frame is an error of the expected class."""
    with pytest.raises(FrameError) as caught:
        Parser(ACCOUNT, symbols=None).parse(row["raw"].encode("utf-8", "surrogatepass"), NOW_NS)
    assert caught.value.error_class in row["expect"]["error"]


def _answer(document: object) -> HttpResponse:
    return HttpResponse(status=200, body=orjson.dumps(document))


def _first_page(request_count: int, body: bytes) -> HttpResponse:
    """Return the answer as recorded, and after it an empty one: the next page is not part of the recording."""
    return HttpResponse(status=200, body=body) if request_count == 0 else _answer({"fills": [], "cursor": ""})


def _recorded(row: dict[str, Any]) -> list[OrderRow] | list[ExecutionRow]:
    body = row["raw"].encode()
    match row["channel"].rpartition("/")[2]:
        case "fills":
            pages = (_first_page(number, body) for number in range(2))
            return asked(RECORDS.executions_of(("BTC-USD", "1"), None), pages)[0]
        case "batch":
            return asked(RECORDS.open_orders(None), [HttpResponse(status=200, body=body)])[0]
        case _:
            order = asked(RECORDS.order(("BTC-USD", "1")), [HttpResponse(status=200, body=body)])[0]
            assert order is not None
            return [order]


def _as_event(found: OrderRow | ExecutionRow) -> dict[str, Any]:
    """Return the event that the record becomes."""
    if isinstance(found, OrderRow):
        # That an order was filled is inferred where its executions are not at hand.
        event = RECORDS.ending(found.symbol, found, NOW_NS) or RECORDS.opening(found.symbol, found, NOW_NS)
    else:
        order = OrderRow(
            symbol=found.symbol,
            order_id=found.order_id,
            client_order_id=None,
            order_list_id=None,
            side=found.side,
            type=OrderType.LIMIT,
            time_in_force=None,
            price=None,
            stop_price=None,
            quantity=None,
            quote_quantity=None,
            executed=found.quantity,
            executed_quote=found.quote,
            prevented=None,
            status="FILLED",
            ending=Kind.FILLED,
            is_pending=False,
            is_working=None,
            reject_reason=None,
            created_ns=found.time_ns,
            updated_ns=found.time_ns,
        )
        (event,) = RECORDS.fills(found.symbol, order, [found], Decimal(0), NOW_NS)
    assert event is not None
    document: dict[str, Any] = orjson.loads(encode_order(event))
    return document


@pytest.mark.parametrize(
    "row", [row for row in rows("rest.jsonl") if row.values[0]["channel"] != "POST /orders"]
)
def test_a_record_becomes_the_event_that_it_must(row: dict[str, Any]) -> None:
    """Fills are executions with their price, fee and side; orders say how they stand."""
    expected = row["expect"] if isinstance(row["expect"], list) else [row["expect"]]
    found = _recorded(row)
    assert len(found) == len(expected)
    for event, wanted in zip(sorted(map(_as_event, found), key=_id), sorted(expected, key=_id), strict=True):
        wanted = dict(wanted)  # noqa: PLW2901 - without the choice
        assert event["kind"] in wanted.pop("kind_any_of", [wanted.get("kind")])
        average = wanted.pop("average_price", None)
        check_event(event, wanted)
        # The venue rounds it, and Fillwire computes it from the amounts.
        assert average is None or abs(Decimal(event["average_price"]) - Decimal(average)) < Decimal("1e-9")


def _id(event: dict[str, Any]) -> str:
    return str(event["order_id"])


@pytest.mark.parametrize(
    "row", [row for row in rows("rest.jsonl") if row.values[0]["channel"] == "POST /orders"]
)
def test_a_refusal_names_its_reason(row: dict[str, Any]) -> None:
    """Though it comes with status 200."""
    request = OrderRequest(
        client_order_id="mine", pair="BTC-USD", side=Side.BUY, type=OrderType.MARKET, quantity=Decimal(1)
    )
    question = AdvancedOrders(SIGNER, RECORDS).place("BTC-USD", request)
    with pytest.raises(OrderRejected, match=row["expect"]["reject_reason"]):
        asked(question, [HttpResponse(status=200, body=row["raw"].encode())])
