"""The fast parser of Coinbase Advanced and the plain one say the same of every connection, frame by frame."""

import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.enums import Kind, OrderType, Side
from fillwire.domain.errors import FrameError
from fillwire.domain.identifiers import Account
from fillwire.venues.parsing import FRAME_ERROR_CODES, Control, Parser
from fillwire.venues.records import OrderRow
from fillwire.wire.codec import decode_order, encode_order
from support.advanced_frames import NOW_NS, PRODUCTS, Note, damaged, stories
from support.advanced_oracle import Oracle, Said

ACCOUNT = Account("alicé", "coinbase-advanced", "live")


def check_facts(error: FrameError, frame: bytes) -> None:
    """Check what must hold of every error."""
    assert error.error_class is FRAME_ERROR_CODES[error.code]
    assert 0 <= error.offset <= len(frame)
    assert len(error.message) < 400


class Pair:
    """Both parsers of one connection."""

    def __init__(self) -> None:
        self.fast = Parser(ACCOUNT, PRODUCTS)
        self.plain = Oracle(ACCOUNT, PRODUCTS)

    def said(self, frame: bytes) -> list[Said]:
        """Return what the fast parser says, in the oracle's form."""
        try:
            reports = self.fast.parse(frame, NOW_NS)
        except FrameError as error:
            check_facts(error, frame)
            return [("error", error.code)]
        found: list[Said] = []
        for report in reports:
            if isinstance(report, Control):
                document = json.loads(report.json)
                assert document["type"] == report.type
                found.append(("control", document))
            else:
                found.append(("event", report.json))
        return found

    def compare(self, frame: bytes) -> list[Said]:
        """Check that both say the same of a frame, and return it."""
        said = self.said(frame)
        assert said == self.plain.parse(frame, NOW_NS)
        return said

    def note(self, note: Note) -> None:
        """Tell both what the records show."""
        self.plain.note_order(note.order_id, note.executed, note.price, note.quantity, is_open=note.is_open)
        self.fast.note_order(_row(note))


def _row(note: Note) -> OrderRow:
    return OrderRow(
        symbol="SOL-USD",
        order_id=note.order_id,
        client_order_id=None,
        order_list_id=None,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=None,
        price=note.price,
        stop_price=None,
        quantity=note.quantity,
        quote_quantity=None,
        executed=note.executed,
        executed_quote=None,
        prevented=None,
        status="",
        ending=None if note.is_open else Kind.CANCELLED,
        is_pending=False,
        is_working=None,
        reject_reason=None,
        created_ns=0,
        updated_ns=0,
    )


@given(stories())
def test_connections_are_read_alike(story: list[bytes | Note]) -> None:
    """Whatever is lost, late, repeated or contradicted, and whatever the records show meanwhile."""
    pair = Pair()
    for item in story:
        if isinstance(item, Note):
            pair.note(item)
        else:
            pair.compare(item)


@given(stories())
def test_no_frame_makes_an_execution(story: list[bytes | Note]) -> None:
    """The stream has none: events are canonical and never a fill; what was executed is told as a doubt, or was recorded."""
    pair = Pair()
    accounted: dict[str, Decimal] = {}
    for item in story:
        if isinstance(item, Note):
            pair.note(item)
            accounted[item.order_id] = max(accounted.get(item.order_id, Decimal(0)), item.executed)
            continue
        said = pair.said(item)
        for kind, what in said:
            if kind == "event":
                event = decode_order(what)
                assert encode_order(event) == what
                assert event.last_fill is None
            elif kind == "control" and what["type"] == "order_doubted":
                known = accounted.get(what["order_id"], Decimal(0))
                accounted[what["order_id"]] = max(known, Decimal(what["executed"]))
        if said and said[0][0] == "error":
            continue
        for event in json.loads(item)["events"]:
            for order in event.get("orders") or ():
                assert Decimal(order["cumulative_quantity"]) <= accounted.get(order["order_id"], Decimal(0))


@given(stories(), st.lists(damaged(), min_size=1, max_size=3))
def test_damaged_frames_are_judged_alike(story: list[bytes | Note], frames: list[bytes]) -> None:
    """By themselves and among good ones: nothing of a refused frame is kept."""
    pair = Pair()
    for item in [*story, *frames, *story]:
        if isinstance(item, bytes):
            pair.compare(item)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(frame: bytes) -> None:
    """Any bytes at all are a frame or an error, the same with both parsers."""
    Pair().compare(frame)
