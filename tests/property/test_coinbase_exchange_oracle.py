"""The fast parser of Coinbase Exchange and the plain one say the same of every life of an order."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.enums import Kind, OrderType, Side, TimeInForce
from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account
from fillwire.domain.ledger import Conflict, Gap, Ledger
from fillwire.venues.parsing import FRAME_ERROR_CODES, Control, ExecutionReport, Parser
from fillwire.venues.records import OrderRow
from fillwire.wire.codec import decode_order, encode_order
from support.coinbase_exchange_frames import NOW_NS, SYMBOLS, Frame, Pause, Step, damaged, journeys
from support.coinbase_exchange_oracle import Oracle
from support.coinbase_exchange_oracle_orders import Facts

ACCOUNT = Account("alicé", "coinbase", "live")


def row(facts: Facts) -> OrderRow:
    """Return what the records show as the gateway has it."""
    values = facts.values
    return OrderRow(
        symbol=facts.symbol,
        order_id=facts.order_id,
        client_order_id=values["client_order_id"],
        order_list_id=None,
        side=Side(facts.side),
        type=OrderType(values["order_type"]),
        time_in_force=TimeInForce(values["time_in_force"]),
        price=values["price"],
        stop_price=values["stop_price"],
        quantity=values["quantity"],
        quote_quantity=values["quote_quantity"],
        executed=facts.executed,
        executed_quote=facts.quote,
        prevented=None,
        status="open" if facts.is_open else "done",
        ending=None if facts.is_open else Kind.CANCELLED,
        is_pending=False,
        is_working=None,
        reject_reason=None,
        created_ns=0,
        updated_ns=0,
        last_trade_id=None if facts.last_trade_id is None else str(facts.last_trade_id),
    )


def check_facts(error: FrameError, frame: bytes) -> None:
    """Check what must hold of every error."""
    assert error.error_class is FRAME_ERROR_CODES[error.code]
    assert 0 <= error.offset <= len(frame)
    assert len(error.message) < 400


def fast(parser: Parser, frame: bytes, now_ns: int) -> list[tuple[str, Any]]:
    """Return what the fast parser says of a frame, in the oracle's form."""
    try:
        reports = parser.parse(frame, now_ns)
    except FrameError as error:
        check_facts(error, frame)
        return [("error", error.code)]
    return [
        ("control", json.loads(report.json)) if isinstance(report, Control) else ("event", report.json)
        for report in reports
    ]


def check_alike(steps: list[Step]) -> None:
    """Check that both parsers say the same at each step."""
    parser, oracle = Parser(ACCOUNT, SYMBOLS), Oracle(ACCOUNT, SYMBOLS)
    order_ids = set()
    now_ns = NOW_NS
    for step in steps:
        if isinstance(step, Pause):
            now_ns += step.seconds * 10**9
        elif isinstance(step, Frame):
            assert fast(parser, step.data, now_ns) == oracle.parse(step.data, now_ns)
        else:
            order_ids.add(step.order_id)
            parser.note_order(row(step))
            oracle.note(step)
        for order_id in order_ids:
            assert parser.is_doubted("BTC-USD", order_id) == oracle.is_doubted(order_id)


@given(journeys())
def test_lives_are_read_alike(steps: list[Step]) -> None:
    """Whatever is lost, doubled or late on the way, both parsers say the same."""
    check_alike(steps)


@given(damaged())
def test_damaged_frames_are_judged_alike(steps: list[Step]) -> None:
    """A damaged frame has the same error with both parsers, and the same consequences."""
    check_alike(steps)


@given(journeys())
def test_events_are_canonical(steps: list[Step]) -> None:
    """Each event is what the codec writes of it, and its properties say what its JSON says."""
    parser = Parser(ACCOUNT, SYMBOLS)
    for step in steps:
        if not isinstance(step, Frame):
            continue
        for report in parser.parse(step.data, NOW_NS):
            if isinstance(report, ExecutionReport):
                event = json.loads(report.json)
                assert encode_order(decode_order(report.json)) == report.json
                for name in ("event_id", "kind", "pair", "symbol", "order_id", "client_order_id", "quantity"):
                    assert getattr(report, name) == event[name], name


@given(journeys())
def test_nothing_is_made_up(steps: list[Step]) -> None:
    """Whatever is lost, doubled or late, no event contradicts what was told before, and none is told twice."""
    frames = [step for step in steps if isinstance(step, Frame)]
    parser, ledger = Parser(ACCOUNT, SYMBOLS), Ledger()
    seen: set[str] = set()
    for frame in frames:
        for report in parser.parse(frame.data, NOW_NS):
            if isinstance(report, ExecutionReport):
                assert report.event_id not in seen
                seen.add(report.event_id)
                verdict = ledger.apply(report)
                assert not isinstance(verdict, Conflict | Gap), verdict


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(frame: bytes) -> None:
    """Any bytes at all are a frame or an error, the same with both parsers."""
    check_alike([Frame(frame)])


@pytest.mark.parametrize("kind", ["received", "open", "match", "done", "change", "heartbeat", "ticker"])
def test_what_names_nobody_is_nobodys(kind: str) -> None:
    """A message of a product without our name is no event, whatever order it names."""
    frame = {"type": kind, "product_id": "BTC-USD", "sequence": 5, "order_id": "x", "last_trade_id": 1}
    check_alike([Frame(json.dumps(frame | {"time": "2026-11-07T08:19:28Z"}).encode())])
