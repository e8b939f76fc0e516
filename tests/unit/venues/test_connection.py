"""What connections have in common: frames from the future, bots' requests outside of its life, the end."""

from decimal import Decimal

import orjson
import pytest

from fillwire.domain.enums import OrderType, Side
from fillwire.domain.errors import ConnectionLost
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome
from fillwire.venues import connection
from fillwire.venues.connection import RestConnection, Stage
from fillwire.venues.parsing import ExecutionReport, Said
from fillwire.venues.protocol import (
    ClockMeasured,
    ConnectionLimits,
    Failed,
    FrameRefused,
    OrderAnswered,
    Subscribed,
)
from fillwire.venues.questions import Question
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.venues.rest_desk import TOO_LATE, ShownOrder
from fillwire.venues.symbols import SymbolTable
from support.binance_connection import NOW_NS, trade_frame

S = 1_000_000_000
AHEAD_NS = 90 * S
ORDER = OrderRequest(
    client_order_id="mine", pair="BTC-USDT", side=Side.BUY, type=OrderType.MARKET, quantity=Decimal(1)
)
CANCEL = CancelRequest(pair="BTC-USDT", order_id="7")


class NoOrders:
    """A venue at which every order is on its way."""

    def place(self, symbol: str, request: OrderRequest) -> Question[ShownOrder]:
        """Place an order."""
        yield lambda _: HttpRequest(method="POST", path=f"/{symbol}/{request.client_order_id}")
        raise AssertionError("nothing is answered here")

    def find(
        self, symbol: str, order_id: str | None, client_order_id: str | None
    ) -> Question[ShownOrder | None]:
        """Look for an order."""
        yield lambda _: HttpRequest(method="GET", path=f"/{symbol}/{order_id or client_order_id}")
        return None

    def cancel(self, symbol: str, request: CancelRequest) -> Question[ShownOrder]:
        """Cancel an order."""
        yield lambda _: HttpRequest(method="DELETE", path=f"/{symbol}/{request.order_id}")
        raise AssertionError("nothing is answered here")


class PlainConnection(RestConnection):
    """A connection that is live with its socket; its frames are those of a venue that we have."""

    def __init__(self) -> None:
        super().__init__(
            account=Account("alice", "binance", "live"),
            symbols=SymbolTable.of([("BTCUSDT", "BTC-USDT")]),
            limits=ConnectionLimits(
                connect_timeout_ns=S,
                heartbeat_interval_ns=S,
                lifetime_ns=S,
                order_timeout_ns=4 * S,
                max_pending_orders=4,
            ),
            clock_offset_ns=0,
            microseconds=True,
            api=NoOrders(),
        )

    def connected(self, now_ns: int) -> None:
        """Begin."""
        self._stage = Stage.LIVE
        self._heard_ns = now_ns
        self._events.append(Subscribed())

    def fail(self) -> None:
        """End with an error."""
        self._fail(ConnectionLost("binance", "enough"))

    def _receive_control(self, control: Said, now_ns: int) -> None:
        raise AssertionError(f"no control is received here, at {now_ns} {control.type}")

    def _clock_request(self) -> HttpRequest:
        return HttpRequest(method="GET", path="/time")

    def _read_clock_ns(self, body: bytes) -> int:
        return int(orjson.loads(body))


def live() -> PlainConnection:
    """Return a connection that is live."""
    made = PlainConnection()
    made.connected(NOW_NS)
    made.events()
    return made


def fill(trade_id: int, ahead_ns: int = 0) -> bytes:
    """Return the frame of a fill of an order of its own."""
    return trade_frame(order_id=trade_id, trade_id=trade_id, time_ns=NOW_NS + ahead_ns)


def tell_time(made: PlainConnection, body: bytes, status: int = 200) -> None:
    """Answer the one question that was asked."""
    (ask,) = made.requests_to_send()
    assert ask.make(0).path == "/time"
    made.receive_response(ask.key, HttpResponse(status=status, body=body), NOW_NS)


def trades(made: PlainConnection) -> list[str | None]:
    """Return the trade ids of the events, and None for each frame that was refused."""
    return [
        event.trade_id if isinstance(event, ExecutionReport) else None
        for event in made.events()
        if isinstance(event, ExecutionReport | FrameRefused)
    ]


def test_frames_from_the_future_wait_for_the_venues_time_with_those_behind_them() -> None:
    """Whatever comes meanwhile keeps its place, also what is of today; and the clock is told."""
    made = live()
    made.receive_frame(fill(1, AHEAD_NS), NOW_NS)
    made.receive_frame(fill(2), NOW_NS)
    made.receive_frame(fill(3, AHEAD_NS), NOW_NS)
    assert made.events() == []
    tell_time(made, b"%d" % (NOW_NS + AHEAD_NS))
    clock, *fills = made.events()
    assert clock == ClockMeasured(AHEAD_NS, 0)
    assert [event.trade_id for event in fills if isinstance(event, ExecutionReport)] == ["1", "2", "3"]
    made.receive_frame(fill(4, AHEAD_NS), NOW_NS)
    assert trades(made) == ["4"]


@pytest.mark.parametrize(("body", "status"), [(b"no time", 200), (b"1", 503), (b"%d" % NOW_NS, 200)])
def test_a_frame_from_the_venues_own_future_is_refused(body: bytes, status: int) -> None:
    """Also where the venue does not say its time; what waited behind is read, and it is not asked again at once."""
    made = live()
    made.receive_frame(fill(1, AHEAD_NS), NOW_NS)
    made.receive_frame(fill(2), NOW_NS)
    tell_time(made, body, status)
    assert trades(made) == [None, "2"]
    made.receive_frame(fill(3, AHEAD_NS), NOW_NS + 9 * S)
    assert trades(made) == [None]
    made.receive_frame(fill(4, AHEAD_NS), NOW_NS + 11 * S)
    assert trades(made) == []
    assert made.requests_to_send()


def test_no_more_frames_wait_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more, and all are judged by the clock as it is known; none is lost."""
    monkeypatch.setattr(connection, "MAX_DOUBTED_FRAMES", 3)
    made = live()
    made.receive_frame(fill(1, AHEAD_NS), NOW_NS)
    for trade_id in (2, 3, 4):
        made.receive_frame(fill(trade_id), NOW_NS)
    assert trades(made) == [None, "2", "3", "4"]


def test_frames_that_wait_are_told_when_the_connection_ends() -> None:
    """Nobody asks for them a second time."""
    made = live()
    made.receive_frame(fill(1, AHEAD_NS), NOW_NS)
    made.receive_frame(fill(2), NOW_NS)
    made.disconnected(NOW_NS)
    assert trades(made) == [None, "2"]


def test_requests_are_sent_only_while_it_is_live() -> None:
    """Before and after they are refused unsent; those under way are followed beyond the end, for they are carried out."""
    made = PlainConnection()
    made.place_order(1, ORDER, NOW_NS, may_exist=False)
    made.connected(NOW_NS)
    made.place_order(2, ORDER, NOW_NS, may_exist=False)
    made.cancel_order(3, CANCEL, NOW_NS)
    place, cancel = made.requests_to_send()
    assert (place.make(0).method, cancel.make(0).method) == ("POST", "DELETE")
    made.disconnected(NOW_NS)
    made.cancel_order(4, CANCEL, NOW_NS)
    made.receive_response(place.key, ConnectionLost("binance", "cut"), NOW_NS)
    (look,) = made.requests_to_send()
    assert look.make(0).method == "GET"
    assert made.next_deadline_ns() == NOW_NS + 4 * S
    made.receive_timer(NOW_NS + 4 * S)
    assert made.next_deadline_ns() is None
    answers = {
        event.key: (event.answer.outcome, event.answer.reason)
        for event in made.events()
        if isinstance(event, OrderAnswered)
    }
    not_sent = Outcome.REJECTED, "not sent: the connection is not receiving"
    late = Outcome.UNKNOWN, TOO_LATE
    assert answers == {1: not_sent, 2: late, 3: late, 4: not_sent}


def test_a_connection_fails_once_and_then_wants_nothing() -> None:
    """The first reason is the one that is told."""
    made = live()
    made.place_order(1, ORDER, NOW_NS, may_exist=False)
    assert made.next_deadline_ns() == NOW_NS + 4 * S
    made.receive_timer(NOW_NS + 4 * S)
    made.events()
    made.fail()
    made.fail()
    (failed,) = made.events()
    assert isinstance(failed, Failed)
    assert failed.error.reason == "enough"
    assert made.next_deadline_ns() is None
