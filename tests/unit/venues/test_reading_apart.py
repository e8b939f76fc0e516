"""A frame by itself, and answers for which nobody is asked."""

from decimal import Decimal

import orjson
import pytest

from fillwire.domain.errors import FrameError
from fillwire.venues.apart import read_apart
from fillwire.venues.parsing import ExecutionReport, Parser
from fillwire.venues.protocol import OrderDoubted
from fillwire.venues.questions import known
from fillwire.venues.records import OrderReport, RecordedReport
from fillwire.wire.codec import decode_order
from support.questions import asked
from support.spot_frames import ACCOUNT, NOW_NS, SYMBOLS, frame, parse


class Said:
    """A control of a parser in Python."""

    type = "order_doubted"

    def __init__(self, **more: object) -> None:
        self.json = orjson.dumps({"type": self.type, "symbol": "BTC/USD", "order_id": "7"} | more)


def test_a_doubt_says_what_the_frame_shows() -> None:
    """Quantity and end where they stand in it, and neither where they do not."""
    assert OrderDoubted.of(Said()) == OrderDoubted(("BTC/USD", "7"))
    shown = OrderDoubted.of(Said(executed="0.5", has_ended=True))
    assert shown == OrderDoubted(("BTC/USD", "7"), executed=Decimal("0.5"), has_ended=True)


def test_nothing_is_asked_for_what_is_known() -> None:
    """The question ends with the answer, without a request."""
    assert asked(known("wss://a"), []) == ("wss://a", [])


class Scripted:
    """A parser in Python that finds the same in each frame."""

    def __init__(self, *found: RecordedReport | Said) -> None:
        self._found = found

    def parse(self, _frame: bytes, _received_time_ns: int) -> list[ExecutionReport | RecordedReport | Said]:
        """Return it."""
        return list(self._found)

    def use_clock(self, offset_ns: int) -> None:
        """Do nothing."""

    def use_symbols(self, _symbols: object) -> bool:
        """Know nothing."""
        return False

    def note_order(self, order: object) -> None:
        """Do nothing."""


def test_what_a_frame_says_of_orders_is_kept_and_the_rest_is_over() -> None:
    """Of either kind of parser, in order."""
    (found,) = read_apart(Parser(ACCOUNT, SYMBOLS), frame(), NOW_NS)
    assert not isinstance(found, OrderDoubted)
    assert found.json == parse(frame()).json
    heartbeat = Said()
    heartbeat.type = "heartbeat"
    recorded = _recorded(found)
    assert read_apart(Scripted(recorded, heartbeat, Said()), b"", NOW_NS) == [
        recorded,
        OrderDoubted(("BTC/USD", "7")),
    ]


def _recorded(report: OrderReport) -> RecordedReport:
    return RecordedReport.of(decode_order(report.json), report.json)


def test_a_frame_that_cannot_be_accepted_is_an_error() -> None:
    """As on a connection."""
    with pytest.raises(FrameError):
        read_apart(Parser(ACCOUNT, SYMBOLS), b"{", NOW_NS)
