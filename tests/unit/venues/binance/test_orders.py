"""Bots' orders over one Binance connection: literal answers in, what the bot is told out."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from fillwire.domain.enums import OrderType, Reach, Side
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.venues.binance.auth import signer
from fillwire.venues.binance.protocol import BinanceProtocol
from fillwire.venues.protocol import ConnectionLimits, OrderAnswered, Throttling
from fillwire.venues.symbols import SymbolTable
from support.binance_connection import NOW_NS, answer_frame, refusal_frame
from support.binance_keys import API_KEY, ED25519_PEM, HMAC_SECRET

S = 1_000_000_000
MS = 1_000_000
REQUEST = OrderRequest(
    client_order_id="grid-1",
    pair="BTC-USDT",
    side=Side.BUY,
    type=OrderType.LIMIT,
    quantity=Decimal("0.5"),
    price=Decimal(64000),
)
CANCEL = CancelRequest(pair="BTC-USDT", order_id="42")
# Section "order.place" of the venue's documents, RESULT form.
RESULT = {
    "symbol": "BTCUSDT",
    "orderId": 42,
    "orderListId": -1,
    "clientOrderId": "grid-1",
    "transactTime": 1655716096505,
    "price": "64000.00000000",
    "origQty": "0.50000000",
    "executedQty": "0.20000000",
    "origQuoteOrderQty": "0.000000",
    "cummulativeQuoteQty": "12800.00000000",
    "status": "PARTIALLY_FILLED",
    "timeInForce": "GTC",
    "type": "LIMIT",
    "side": "BUY",
    "workingTime": 1655716096505,
    "selfTradePreventionMode": "NONE",
}
ACCEPTED = TradeOrder(
    outcome=Outcome.ACCEPTED,
    pair="BTC-USDT",
    client_order_id="grid-1",
    order_id="42",
    venue_status="PARTIALLY_FILLED",
    cumulative_quantity=Decimal("0.2"),
)


def _receiving(secret: str = HMAC_SECRET) -> BinanceProtocol:
    """Return a receiving connection; the next call has id 2 with an HMAC key, 3 with an Ed25519 key."""
    protocol = BinanceProtocol(
        account=Account("alice", "binance", "live"),
        signer=signer(API_KEY, secret),
        symbols=SymbolTable.of([("BTCUSDT", "BTC-USDT")]),
        limits=ConnectionLimits(
            connect_timeout_ns=10 * S,
            heartbeat_interval_ns=30 * S,
            lifetime_ns=86_000 * S,
            order_timeout_ns=5 * S,
            max_pending_orders=2,
        ),
        microseconds=True,
        clock_offset_ns=0,
        dialled_ns=NOW_NS,
    )
    protocol.connected(NOW_NS)
    protocol.receive_frame(answer_frame(1, {"subscriptionId": 0}), NOW_NS)
    if secret == ED25519_PEM:
        protocol.receive_frame(answer_frame(2, {"subscriptionId": 0}), NOW_NS)
    protocol.frames_to_send()
    protocol.events()
    return protocol


def _sent(protocol: BinanceProtocol) -> dict[str, Any]:
    (frame,) = protocol.frames_to_send()
    document: dict[str, Any] = orjson.loads(frame)
    return document


def _answer(protocol: BinanceProtocol, key: int = 1) -> TradeOrder:
    (event,) = (event for event in protocol.events() if not isinstance(event, Throttling))
    assert isinstance(event, OrderAnswered)
    assert event.key == key
    return event.answer


def test_an_order_is_signed_sent_and_answered() -> None:
    """The call carries the exact amounts and a signature; the answer is the order as the venue shows it."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=False)
    call = _sent(protocol)
    assert (call["id"], call["method"]) == (2, "order.place")
    assert call["params"].keys() >= {"apiKey", "signature", "timestamp", "recvWindow"}
    assert (call["params"]["quantity"], call["params"]["price"]) == ("0.5", "64000")
    assert protocol.events() == []
    protocol.receive_frame(answer_frame(2, RESULT), NOW_NS + MS)
    assert _answer(protocol) == ACCEPTED


def test_a_logged_on_session_sends_orders_without_signature() -> None:
    """With an Ed25519 key the session has the authority: an order costs no signing."""
    protocol = _receiving(ED25519_PEM)
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=False)
    call = _sent(protocol)
    assert call["id"] == 3
    assert "signature" not in call["params"]
    assert "apiKey" not in call["params"]
    assert call["params"]["timestamp"] == NOW_NS // MS


@pytest.mark.parametrize(
    ("status", "code", "text", "outcome"),
    [
        (400, -2010, "Account has insufficient balance for requested action.", Outcome.REJECTED),
        (400, -1013, "Filter failure: LOT_SIZE", Outcome.REJECTED),
        (400, -1121, "Invalid symbol.", Outcome.REJECTED),
        (429, -1015, "Too many new orders; current limit is 50 orders per 10 SECOND.", Outcome.REJECTED),
        (400, -1006, "An unexpected response was received from the message bus.", Outcome.UNKNOWN),
        (408, -1007, "Timeout waiting for response from backend server.", Outcome.UNKNOWN),
        (503, -1008, "Server is currently overloaded with other requests.", Outcome.UNKNOWN),
        (500, -1000, "An unknown error occurred while processing the request.", Outcome.UNKNOWN),
    ],
)
def test_a_refusal_is_told_and_a_doubt_stays_a_doubt(
    status: int, code: int, text: str, outcome: Outcome
) -> None:
    """`rejected` only where the venue certainly did not take the order; the venue's code and words come along."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=False)
    protocol.receive_frame(refusal_frame(2, code, text, status=status), NOW_NS)
    assert _answer(protocol) == TradeOrder(
        outcome=outcome, pair="BTC-USDT", client_order_id="grid-1", reason=text, code=code
    )


def test_no_answer_leaves_the_outcome_unknown() -> None:
    """At the deadline, and not before, the bot is told that nobody knows; a late answer is not told again."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=False)
    protocol.receive_timer(NOW_NS + 5 * S - 1)
    assert protocol.events() == []
    protocol.receive_timer(NOW_NS + 5 * S)
    answer = _answer(protocol)
    assert (answer.outcome, answer.reason) == (Outcome.UNKNOWN, "no answer in time")
    protocol.receive_frame(answer_frame(2, RESULT), NOW_NS + 6 * S)
    assert not any(isinstance(event, OrderAnswered) for event in protocol.events())


def test_a_lost_connection_leaves_the_outcome_unknown() -> None:
    """What was sent and not answered may have been carried out."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=False)
    protocol.disconnected(NOW_NS)
    answer = _answer(protocol)
    assert (answer.outcome, answer.client_order_id) == (Outcome.UNKNOWN, "grid-1")
    assert answer.reason == "the connection was lost before the venue answered"


def test_what_was_not_sent_is_rejected() -> None:
    """Without a receiving connection nothing is sent, and the bot learns that for certain."""
    protocol = _receiving()
    protocol.disconnected(NOW_NS)
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=False)
    protocol.cancel_order(2, CANCEL, NOW_NS)
    placed, cancelled = protocol.events()
    assert isinstance(placed, OrderAnswered)
    assert isinstance(cancelled, OrderAnswered)
    assert placed.answer.outcome is cancelled.answer.outcome is Outcome.REJECTED
    assert placed.answer.reason == "not sent: the connection is not receiving"
    assert (cancelled.key, cancelled.answer.order_id) == (2, "42")
    assert protocol.frames_to_send() == []


def test_requests_that_wait_are_bounded() -> None:
    """The third request while two wait is refused unsent; after an answer there is room again."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=False)
    protocol.cancel_order(2, CANCEL, NOW_NS)
    assert len(protocol.frames_to_send()) == 2
    protocol.place_order(3, REQUEST, NOW_NS, may_exist=False)
    refused = _answer(protocol, key=3)
    assert refused.outcome is Outcome.REJECTED
    assert refused.reason == "not sent: 2 requests wait for the venue, expected fewer"
    protocol.receive_frame(answer_frame(2, RESULT), NOW_NS)
    protocol.events()
    protocol.place_order(4, REQUEST, NOW_NS, may_exist=False)
    assert _sent(protocol)["method"] == "order.place"


def test_an_unlisted_pair_is_refused_unsent() -> None:
    """The pair is named; nothing goes out, and the request holds no place among those that wait."""
    protocol = _receiving()
    for key in range(1, 5):
        protocol.cancel_order(key, CancelRequest(pair="NEW-USDT", order_id="1"), NOW_NS)
        assert _answer(protocol, key).reason == (
            "pair NEW-USDT is not listed: expected BASE-QUOTE such as BTC-USDT"
        )
    assert protocol.frames_to_send() == []


def test_asking_twice_places_once() -> None:
    """The venue knows the client order id already: the answer is the order that stands."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=False)
    _sent(protocol)
    protocol.receive_frame(refusal_frame(2, -2010, "Duplicate order sent."), NOW_NS)
    call = _sent(protocol)
    assert call["method"] == "order.status"
    assert call["params"]["origClientOrderId"] == "grid-1"
    protocol.receive_frame(answer_frame(3, RESULT), NOW_NS)
    assert _answer(protocol) == ACCEPTED


def test_a_duplicate_that_the_venue_cannot_show_yet_is_asked_for_again() -> None:
    """Queries lag behind the matching engine: the order is looked for until the deadline."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=False)
    protocol.receive_frame(refusal_frame(2, -2010, "Duplicate order sent."), NOW_NS)
    protocol.receive_frame(refusal_frame(3, -2013, "Order does not exist."), NOW_NS)
    protocol.frames_to_send()
    protocol.receive_timer(NOW_NS + 250 * MS)
    assert _sent(protocol)["method"] == "order.status"
    protocol.receive_frame(answer_frame(4, RESULT), NOW_NS + 300 * MS)
    assert _answer(protocol) == ACCEPTED


def test_a_duplicate_that_never_shows_is_unknown() -> None:
    """The venue says that the order exists and never which: at the deadline the doubt is told."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=False)
    protocol.receive_frame(refusal_frame(2, -2010, "Duplicate order sent."), NOW_NS)
    protocol.receive_frame(refusal_frame(3, -2013, "Order does not exist."), NOW_NS + 5 * S - MS)
    protocol.receive_timer(NOW_NS + 5 * S)
    answer = _answer(protocol)
    assert (answer.outcome, answer.reason) == (Outcome.UNKNOWN, "no answer in time")
    protocol.receive_timer(NOW_NS + 6 * S)
    assert protocol.events() == []


def test_an_order_that_may_exist_is_looked_for_before_it_is_placed() -> None:
    """The venue would take the id of an order that was filled a second time: it is asked first, and finds it."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=True)
    assert _sent(protocol)["method"] == "order.status"
    protocol.receive_frame(answer_frame(2, RESULT | {"status": "FILLED"}), NOW_NS)
    answer = _answer(protocol)
    assert (answer.outcome, answer.venue_status) == (Outcome.ACCEPTED, "FILLED")
    assert protocol.frames_to_send() == []


def test_an_order_that_does_not_exist_is_placed_after_looking_thrice() -> None:
    """Queries lag, so one that finds nothing proves little: three of them, a quarter of a second apart, do."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=True)
    for lookup in range(3):
        at_ns = NOW_NS + lookup * 250 * MS
        protocol.receive_timer(at_ns)
        assert _sent(protocol)["method"] == "order.status"
        protocol.receive_frame(refusal_frame(2 + lookup, -2013, "Order does not exist."), at_ns)
    assert _sent(protocol)["method"] == "order.place"
    protocol.receive_frame(answer_frame(5, RESULT), NOW_NS + S)
    assert _answer(protocol) == ACCEPTED


def test_an_order_that_may_still_be_carried_out_is_looked_for_only() -> None:
    """That it does not show proves nothing while the earlier one is on its way: unknown, and nothing is sent."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=True, may_place=False)
    for lookup in range(3):
        at_ns = NOW_NS + lookup * 250 * MS
        protocol.receive_timer(at_ns)
        assert _sent(protocol)["method"] == "order.status"
        protocol.receive_frame(refusal_frame(2 + lookup, -2013, "Order does not exist."), at_ns)
    assert protocol.frames_to_send() == []
    answer = _answer(protocol)
    assert (answer.outcome, answer.reason) == (
        Outcome.UNKNOWN,
        "it was asked for a moment ago, and may still be carried out",
    )


def test_an_order_whose_time_has_passed_is_not_placed() -> None:
    """The process stood still before the last lookup's answer: it is read before the timers run, and nothing is sent."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=True)
    for lookup in range(3):
        protocol.receive_timer(NOW_NS + lookup * 250 * MS)
        assert _sent(protocol)["method"] == "order.status"
        at_ns = NOW_NS + (5 * S if lookup == 2 else lookup * 250 * MS)
        protocol.receive_frame(refusal_frame(2 + lookup, -2013, "Order does not exist."), at_ns)
    assert protocol.frames_to_send() == []
    answer = _answer(protocol)
    assert (answer.outcome, answer.reason) == (Outcome.UNKNOWN, "no answer in time")


def test_an_order_that_cannot_be_looked_for_is_not_placed() -> None:
    """The venue refuses to say whether the order exists: unknown, rather than perhaps twice."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=True)
    protocol.frames_to_send()
    protocol.receive_frame(refusal_frame(2, -1003, "Too much request weight used.", status=429), NOW_NS)
    answer = _answer(protocol)
    assert answer.outcome is Outcome.UNKNOWN
    assert answer.reason is not None
    assert answer.reason.startswith(
        "the order may exist, and the venue does not say: Too much request weight"
    )
    assert protocol.frames_to_send() == []


def test_a_lost_connection_answers_also_what_waits_between_two_lookups() -> None:
    """A request without a call under way is answered all the same, once."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=True)
    protocol.receive_frame(refusal_frame(2, -2013, "Order does not exist."), NOW_NS)
    assert protocol.events() == []
    protocol.disconnected(NOW_NS + MS)
    assert _answer(protocol).outcome is Outcome.UNKNOWN


def test_a_cancel_is_answered_under_the_orders_own_id() -> None:
    """A cancelled order shows the cancel's id as its client id; the bot knows its order by the original one."""
    protocol = _receiving()
    protocol.cancel_order(1, CANCEL, NOW_NS)
    call = _sent(protocol)
    assert call["method"] == "order.cancel"
    assert call["params"]["orderId"] == 42
    cancelled = RESULT | {"origClientOrderId": "grid-1", "clientOrderId": "IY4Ps2FC", "status": "CANCELED"}
    protocol.receive_frame(answer_frame(2, cancelled), NOW_NS)
    answer = _answer(protocol)
    assert (answer.outcome, answer.client_order_id, answer.venue_status) == (
        Outcome.ACCEPTED,
        "grid-1",
        "CANCELED",
    )


@pytest.mark.parametrize(
    ("status_answer", "outcome", "reason"),
    [
        (answer_frame(3, RESULT | {"status": "CANCELED"}), Outcome.ACCEPTED, None),
        (
            answer_frame(3, RESULT | {"status": "FILLED"}),
            Outcome.REJECTED,
            "Unknown order sent. The order is FILLED.",
        ),
        (refusal_frame(3, -2013, "Order does not exist."), Outcome.REJECTED, "Unknown order sent."),
    ],
)
def test_cancelling_twice_cancels_once(status_answer: bytes, outcome: Outcome, reason: str | None) -> None:
    """A refused cancel is looked into: cancelled already is what was wanted; filled is said."""
    protocol = _receiving()
    protocol.cancel_order(1, CANCEL, NOW_NS)
    protocol.receive_frame(refusal_frame(2, -2011, "Unknown order sent."), NOW_NS)
    protocol.receive_frame(status_answer, NOW_NS)
    answer = _answer(protocol)
    assert (answer.outcome, answer.reason, answer.order_id) == (outcome, reason, "42")


def test_a_refused_timestamp_costs_one_more_call_not_the_order() -> None:
    """-1021 for two orders at once: one question for the time, then both again; still one answer each."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=False)
    protocol.cancel_order(2, CANCEL, NOW_NS)
    protocol.frames_to_send()
    for call_id in (2, 3):
        protocol.receive_frame(refusal_frame(call_id, -1021, "Timestamp ..."), NOW_NS)
    assert _sent(protocol) == {"id": 4, "method": "time"}
    protocol.receive_frame(answer_frame(4, {"serverTime": (NOW_NS - 2 * S) // 1000}), NOW_NS)
    again = [orjson.loads(frame) for frame in protocol.frames_to_send()]
    assert [call["method"] for call in again] == ["order.place", "order.cancel"]
    assert {call["params"]["timestamp"] for call in again} == {(NOW_NS - 2 * S) // MS}
    protocol.events()
    protocol.receive_frame(refusal_frame(5, -1021, "Timestamp ..."), NOW_NS)
    protocol.receive_frame(answer_frame(6, RESULT), NOW_NS)
    first, second = protocol.events()
    assert isinstance(first, OrderAnswered)
    assert isinstance(second, OrderAnswered)
    assert (first.key, first.answer.outcome, first.answer.code) == (1, Outcome.REJECTED, -1021)
    assert (second.key, second.answer.outcome) == (2, Outcome.ACCEPTED)


@pytest.mark.parametrize("result", [[], {}, {"orderId": "42"}, RESULT | {"executedQty": "x"}, None])
def test_an_answer_that_is_no_order_leaves_the_outcome_unknown(result: object) -> None:
    """The venue said yes, but not to what: never a guess."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=False)
    protocol.receive_frame(answer_frame(2, result), NOW_NS)
    answers = [event for event in protocol.events() if isinstance(event, OrderAnswered)]
    if not answers:  # the frame itself was refused, so that no answer was seen
        protocol.receive_timer(NOW_NS + 5 * S)
        answers = [event for event in protocol.events() if isinstance(event, OrderAnswered)]
    assert [answered.answer.outcome for answered in answers] == [Outcome.UNKNOWN]


@pytest.mark.parametrize(
    ("status", "code", "reach"),
    [
        (429, -1003, Reach.MACHINE),
        (418, -1034, Reach.MACHINE),
        (429, -1034, Reach.CONNECTING),
        (429, -1015, Reach.ACCOUNT),
        (503, -1008, Reach.REQUEST),
    ],
)
def test_a_refused_order_says_whom_the_wait_concerns(status: int, code: int, reach: Reach) -> None:
    """Weight is counted by machine, orders by account; a ban concerns the machine whatever its code says."""
    protocol = _receiving()
    protocol.place_order(1, REQUEST, NOW_NS, may_exist=False)
    protocol.receive_frame(refusal_frame(2, code, "Too many.", status=status), NOW_NS)
    told = next(event for event in protocol.events() if isinstance(event, Throttling))
    assert told.error.reach is reach
