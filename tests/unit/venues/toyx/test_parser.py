"""A parser in Python: as strict as it must be, and one with the records, over whole lives of orders of a simulated venue."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.enums import Kind, Source
from fillwire.domain.errors import FrameError
from fillwire.domain.events import OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.simulator.exchange.accounts import AccountEvent
from fillwire.simulator.exchange.orders import Ticket
from fillwire.simulator.exchange.reports import ExecutionReport
from fillwire.simulator.exchange.units import parse_units
from fillwire.simulator.settings import SimulatorSettings
from fillwire.venues.records import RecordedReport
from fillwire.wire.codec import decode_order
from toyx.simulator.market import ToyMarket
from toyx.simulator.views import order_document, trade_document, update
from toyx.venue.parser import ToyParser
from toyx.venue.records import ToyRecords
from toyx.venue.requests import Key
from toyx.venue.rows import execution_row, order_row

ACCOUNT = Account("alice", "toyx", "simulated")
PARSER = ToyParser(ACCOUNT, {"BTC/USD": "BTC-USD"})
NOW_NS = 1_795_000_000 * 10**9


def life(quantity: str, fills: Sequence[str]) -> tuple[list[bytes], list[OrderEvent]]:
    """Return the frames of an order that is filled in parts and, if something is left, cancelled; and its records' events."""
    market = ToyMarket(SimulatorSettings())
    account, engine = market.accounts["demo"], market.engine
    ticket = Ticket(
        market=engine.market("BTC/USD"),
        is_buy=True,
        type="LIMIT",
        time_in_force="GTC",
        quantity=parse_units(quantity),
        quote_quantity=0,
        price=parse_units("60000"),
        stop_price=0,
        client_order_id="bot-1",
        stp_mode="NONE",
    )
    frames: list[bytes] = []

    def tell(events: Sequence[AccountEvent]) -> None:
        steps = [event for event in events if isinstance(event, ExecutionReport) and event.account is account]
        frames.extend(orjson.dumps(update(market.ids, step, NOW_NS)) for step in steps)

    order, events = engine.place(account, ticket)
    tell(events)
    for part in fills:
        tell(engine.execute_resting(order, parse_units(part)))
    if order.is_open:
        tell(engine.cancel(order, order.client_order_id))
    records = ToyRecords(ACCOUNT, Key("key", "secret"))
    row = order_row(order_document(market.ids, order, order.state()))
    log = account.executions
    trades = [execution_row(trade_document(market.ids, log.execution(number))) for number in order.rows]
    opening = records.opening("BTC-USD", row, NOW_NS)
    ending = records.ending("BTC-USD", row, NOW_NS)
    told = [opening, *records.fills("BTC-USD", row, trades, Decimal(0), NOW_NS), ending]
    return frames, [event for event in told if event is not None]


def parsed(frame: bytes) -> OrderEvent:
    """Return the one event of a frame."""
    (report,) = PARSER.parse(frame, NOW_NS)
    assert isinstance(report, RecordedReport)
    event = decode_order(report.json)
    assert (report.event_id, report.kind, report.order_id) == (event.event_id, event.kind, event.order_id)
    return event


@pytest.mark.parametrize(
    ("quantity", "fills", "ending"),
    [
        ("0.5", ["0.2", "0.3"], Kind.FILLED),
        ("0.5", ["0.00001", "0.1"], Kind.CANCELLED),
        ("0.5", [], Kind.CANCELLED),
    ],
)
def test_frames_and_records_tell_the_same_life(quantity: str, fills: Sequence[str], ending: Kind) -> None:
    """Each step is the same event by either way, but for its source and when the venue emitted it."""
    frames, recorded = life(quantity, fills)
    streamed = [parsed(frame) for frame in frames]
    assert [replace(event, source=Source.REST, exchange_time_ns=None) for event in streamed] == recorded
    assert {event.source for event in streamed} == {Source.STREAM}
    assert streamed[-1].kind is ending
    assert all(one.cumulative_quantity <= two.cumulative_quantity for one, two in pairwise(streamed))


FRAME = life("0.5", ["0.2"])[0][1]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b'"type":"order"', b'"type":"orders"', "unknown_event"),
        (b'"type":"order",', b'"type":"order","type":"order",', "duplicate_key"),
        (b'"trade":', b'"trades":', "missing_field"),
        (b'"quantity":"0.50000000"', b'"quantity":0.5', "wrong_type"),
        (b'"quantity":"0.50000000"', b'"quantity":"-1"', "invalid_decimal"),
        (b'"quantity":"0.50000000"', b'"quantity":"0.1"', "cumulative_exceeds_quantity"),
        (b'"executed":"0.20000000"', b'"executed":"0.1"', "last_exceeds_cumulative"),
        (b'"quantity":"0.20000000"', b'"quantity":"0"', "fill_without_quantity"),
        (b'"symbol":"BTC/USD"', b'"symbol":"XRP/USD"', "unknown_symbol"),
        (b'"state":"open"', b'"state":"opened"', "unknown_status"),
        (b'"side":"buy"', b'"side":"long"', "unknown_side"),
        (b'"kind":"limit"', b'"kind":"iceberg"', "unknown_order_type"),
        (b'"tif":"gtc"', b'"tif":"day"', "unknown_time_in_force"),
        (b'"maker":true', b'"maker":"true"', "wrong_type"),
        (b'"order":"', b'"order":"x', "trade_contradicted"),
        (b'"time":', b'"time":-', "invalid_time"),
        (b"BTC/USD", b"BTC\xffUSD", "invalid_json"),
        (b"BTC/USD", b"\\ud800", "invalid_json"),
        (b'{"type"', b'[{"type"', "invalid_json"),
    ],
)
def test_what_the_documents_do_not_allow_is_refused(old: bytes, new: bytes, code: str) -> None:
    """By a code that says what is wrong, and with the order, where it can still be read, so that its records are asked."""
    parsed(FRAME)
    assert old in FRAME
    with pytest.raises(FrameError) as caught:
        PARSER.parse(FRAME.replace(old, new), NOW_NS)
    assert caught.value.code == code
    is_readable = code not in {"invalid_json", "duplicate_key"}
    assert (caught.value.order_id is not None) == is_readable


@given(at=st.integers(0, len(FRAME)), length=st.integers(0, 30), patch=st.binary(max_size=30))
def test_nothing_but_a_refusal_comes_of_broken_frames(at: int, length: int, patch: bytes) -> None:
    """Whatever stands in a frame, it is read or refused as a frame."""
    try:
        found = PARSER.parse(FRAME[:at] + patch + FRAME[at + length :], NOW_NS)
    except FrameError:
        return
    assert all(orjson.loads(item.json) for item in found)
