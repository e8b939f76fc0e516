"""The life of one Alpaca connection, frame by frame: literal frames in, frames and events out."""

from decimal import Decimal

import orjson
import pytest

from fillwire.domain.enums import OrderType, Side
from fillwire.domain.errors import AuthRejected, ConnectionLost, SubscriptionRejected, VenueError
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome
from fillwire.venues.alpaca.protocol import AlpacaProtocol
from fillwire.venues.parsing import ExecutionReport
from fillwire.venues.protocol import (
    Authenticated,
    ClockMeasured,
    ConnectionLimits,
    Failed,
    FrameRefused,
    Notice,
    OrderAnswered,
    OrderDoubted,
    Ping,
    Subscribed,
)
from support.alpaca_venue import ACCOUNT, KEY, ORDER_ID, SYMBOLS, answer, order, update
from support.message_pack import packed

S = 1_000_000_000
NOW_NS = 1_780_324_210 * S  # 2026-06-01T14:30:10Z
LIMITS = ConnectionLimits(
    connect_timeout_ns=10 * S,
    heartbeat_interval_ns=30 * S,
    lifetime_ns=10**18,
    order_timeout_ns=5 * S,
    max_pending_orders=2,
)
AUTHORIZED = b'{"stream":"authorization","data":{"status":"authorized","action":"authenticate"}}'
LISTENING = b'{"stream":"listening","data":{"streams":["trade_updates"]}}'
PLACE = OrderRequest(
    client_order_id="bot-1",
    pair="AAPL-USD",
    side=Side.BUY,
    type=OrderType.LIMIT,
    quantity=Decimal(100),
    price=Decimal("200.5"),
)


def connecting() -> AlpacaProtocol:
    """Return the protocol of a socket that is up."""
    protocol = AlpacaProtocol(
        account=ACCOUNT, key=KEY, symbols=SYMBOLS, limits=LIMITS, clock_offset_ns=0, dialled_ns=NOW_NS
    )
    protocol.connected(NOW_NS)
    return protocol


def receiving() -> AlpacaProtocol:
    """Return the protocol of a connection that receives, with nothing to tell or to send."""
    protocol = connecting()
    for frame in (AUTHORIZED, LISTENING):
        protocol.receive_frame(frame, NOW_NS)
    protocol.events()
    protocol.frames_to_send()
    return protocol


def failure(protocol: AlpacaProtocol) -> VenueError:
    """Return why the connection failed; fails if it did not, or told something else."""
    (event,) = protocol.events()
    assert isinstance(event, Failed)
    return event.error


def test_a_connection_authenticates_listens_and_receives() -> None:
    """Each step waits for the answer to the one before, and the last answer must name the stream."""
    protocol = connecting()
    assert protocol.frames_to_send() == [b'{"action":"auth","key":"PKTEST","secret":"very-secret"}']
    protocol.receive_frame(AUTHORIZED, NOW_NS)
    assert protocol.events() == [Authenticated()]
    assert protocol.frames_to_send() == [b'{"action":"listen","data":{"streams":["trade_updates"]}}']
    protocol.receive_frame(LISTENING, NOW_NS)
    assert protocol.events() == [Subscribed()]
    assert protocol.frames_to_send() == []


def test_a_refused_key_is_not_tried_again() -> None:
    """The venue's own words are the reason, and the error stops."""
    protocol = connecting()
    protocol.receive_frame(
        b'{"stream":"authorization","data":{"action":"authenticate","message":"access key verification failed",'
        b'"status":"unauthorized"}}',
        NOW_NS,
    )
    error = failure(protocol)
    assert isinstance(error, AuthRejected)
    assert str(error) == "alpaca: access key verification failed"


def test_unauthorized_to_listen_is_no_judgement_of_the_key() -> None:
    """A race with the authentication is tried again."""
    protocol = connecting()
    protocol.receive_frame(
        b'{"stream":"authorization","data":{"status":"unauthorized","action":"listen"}}', NOW_NS
    )
    assert isinstance(failure(protocol), ConnectionLost)


def test_an_acknowledgement_without_the_stream_is_a_refusal() -> None:
    """The venue leaves unavailable streams out without a word."""
    protocol = connecting()
    protocol.receive_frame(AUTHORIZED, NOW_NS)
    protocol.events()
    protocol.receive_frame(b'{"stream":"listening","data":{"streams":[]}}', NOW_NS)
    error = failure(protocol)
    assert isinstance(error, SubscriptionRejected)
    assert "trade_updates in the acknowledgement, found none" in str(error)


def test_an_answer_without_verdict_is_no_grant() -> None:
    """An authorization that says nothing is refused, and the wait goes on to its end."""
    protocol = connecting()
    protocol.receive_frame(b'{"stream":"authorization","data":{}}', NOW_NS)
    (event,) = protocol.events()
    assert isinstance(event, FrameRefused)
    protocol.receive_timer(NOW_NS + LIMITS.connect_timeout_ns)
    assert "no answer to the authentication in time" in str(failure(protocol))


def test_a_report_of_an_error_ends_the_connection() -> None:
    """The venue closes after it; the next attempt may do better."""
    protocol = receiving()
    protocol.receive_frame(b'{"action":"error","data":{"error_message":"internal server error"}}', NOW_NS)
    error = failure(protocol)
    assert isinstance(error, ConnectionLost)
    assert "internal server error" in str(error)


@pytest.mark.parametrize("codec", [orjson.dumps, packed])
def test_a_fill_is_read_in_either_codec(codec: object) -> None:
    """Text, or bytes of JSON or MessagePack: the content tells."""
    protocol = receiving()
    frame = update(
        "partial_fill",
        last=("e1", "200.4", "40"),
        filled_qty="40",
        filled_avg_price="200.4",
        status="partially_filled",
    )
    assert callable(codec)
    protocol.receive_frame(codec(orjson.loads(frame)), NOW_NS)
    (event,) = protocol.events()
    assert isinstance(event, ExecutionReport)
    assert (event.trade_id, event.last_quantity, event.cumulative_quantity) == ("e1", "40", "40")


def test_a_state_on_the_way_tells_nothing_of_the_order() -> None:
    """A cancel that is under way is a note."""
    protocol = receiving()
    protocol.receive_frame(update("pending_cancel", status="pending_cancel"), NOW_NS)
    assert protocol.events() == [Notice("order_note")]


def test_what_takes_back_is_kept_and_its_order_looked_up() -> None:
    """A bust is no fill: it goes to quarantine, and the records are asked for the order."""
    protocol = receiving()
    protocol.receive_frame(
        update("trade_bust", last=("e2", "200.4", "-40"), filled_qty="0", status="filled"), NOW_NS
    )
    refused, doubted = protocol.events()
    assert isinstance(refused, FrameRefused)
    assert refused.error.code == "execution_busted"
    assert doubted == OrderDoubted(("AAPL", ORDER_ID))


def test_pings_prove_that_the_connection_lives() -> None:
    """Pings go out at an interval, a pong keeps the connection, and silence within the heartbeat ends it."""
    protocol = receiving()
    protocol.receive_timer(NOW_NS + 10 * S)
    (ping,) = protocol.frames_to_send()
    assert isinstance(ping, Ping)
    protocol.receive_ping(NOW_NS + 11 * S)
    for seconds in (20, 30):
        protocol.receive_timer(NOW_NS + seconds * S)
        assert len(protocol.frames_to_send()) == 1
        assert protocol.events() == []
    protocol.receive_timer(NOW_NS + 40 * S)
    assert "nothing received for 29 s, not even a pong" in str(failure(protocol))
    assert protocol.next_deadline_ns() is None


def test_a_connection_does_not_end_by_age() -> None:
    """No successor is ever asked for: the venue holds one connection per account."""
    protocol = receiving()
    now_ns = NOW_NS
    for _ in range(10_000):
        now_ns += 10 * S
        protocol.receive_ping(now_ns)
        protocol.receive_timer(now_ns)
    assert protocol.events() == []


def test_a_frame_from_the_future_waits_for_the_venue_to_say_its_time() -> None:
    """Our clock is asked after before the frame is refused; then it is read by the time that the venue told."""
    protocol = receiving()
    protocol.receive_frame(update("new", at="2026-06-01T14:40:00Z"), NOW_NS)
    assert protocol.events() == []
    (ask,) = protocol.requests_to_send()
    request = ask.make(NOW_NS)
    assert (request.path, dict(request.headers)["APCA-API-KEY-ID"]) == ("/v2/clock", "PKTEST")
    told = answer({"timestamp": "2026-06-01T10:40:10-04:00", "is_open": True})
    protocol.receive_response(ask.key, told, NOW_NS)
    measured, report = protocol.events()
    assert measured == ClockMeasured(600 * S, 0)
    assert isinstance(report, ExecutionReport)


def test_a_frame_from_the_future_is_refused_if_the_clock_is_right() -> None:
    """The venue's time shows that it is the frame which is wrong; also if the venue does not answer."""
    for told in (answer({"timestamp": "2026-06-01T14:30:10Z"}), ConnectionLost("alpaca", "away")):
        protocol = receiving()
        protocol.receive_frame(update("new", at="2026-06-01T14:40:00Z"), NOW_NS)
        (ask,) = protocol.requests_to_send()
        protocol.receive_response(ask.key, told, NOW_NS)
        refused = [event for event in protocol.events() if isinstance(event, FrameRefused)]
        assert [event.error.code for event in refused] == ["time_out_of_range"]


def test_an_order_is_placed_by_rest() -> None:
    """The request holds what was asked, and the answer is told with its key."""
    protocol = receiving()
    protocol.place_order(7, PLACE, NOW_NS, may_exist=False)
    (ask,) = protocol.requests_to_send()
    request = ask.make(NOW_NS)
    assert (request.method, request.path) == ("POST", "/v2/orders")
    assert orjson.loads(request.body) == {
        "symbol": "AAPL",
        "qty": "100",
        "side": "buy",
        "type": "limit",
        "time_in_force": "day",
        "client_order_id": "bot-1",
        "limit_price": "200.5",
    }
    protocol.receive_response(ask.key, answer(order(status="accepted")), NOW_NS)
    (event,) = protocol.events()
    assert isinstance(event, OrderAnswered)
    assert (event.key, event.answer.outcome, event.answer.order_id) == (7, Outcome.ACCEPTED, ORDER_ID)


def test_no_order_is_sent_by_a_connection_that_does_not_receive() -> None:
    """Before the subscription and after the end, a request is refused unsent."""
    protocol = connecting()
    protocol.place_order(1, PLACE, NOW_NS, may_exist=False)
    protocol.cancel_order(2, CancelRequest(pair="AAPL-USD", order_id="x"), NOW_NS)
    assert protocol.requests_to_send() == []
    outcomes = [event.answer.outcome for event in protocol.events() if isinstance(event, OrderAnswered)]
    assert outcomes == [Outcome.REJECTED, Outcome.REJECTED]


def test_the_end_answers_what_waits() -> None:
    """A bot is told that nobody knows what became of its order."""
    protocol = receiving()
    protocol.place_order(7, PLACE, NOW_NS, may_exist=False)
    protocol.disconnected(NOW_NS)
    deadline_ns = protocol.next_deadline_ns()
    assert deadline_ns is not None
    protocol.receive_timer(deadline_ns)
    (event,) = protocol.events()
    assert isinstance(event, OrderAnswered)
    assert event.answer.outcome is Outcome.UNKNOWN
