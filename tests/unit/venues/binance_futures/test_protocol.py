"""One connection to a private stream: what it asks, what it tells, and how it ends."""

from decimal import Decimal
from urllib.parse import parse_qs

import orjson
import pytest

from fillwire.domain.enums import OrderType, Reach, Side, TimeInForce
from fillwire.domain.errors import AuthRejected, ConnectionLost, Throttled, VenueError
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.venues.binance.auth import signer
from fillwire.venues.binance_futures.keeping import KEEP_EVERY_NS, MAX_FAILURES, RETRY_NS
from fillwire.venues.binance_futures.protocol import (
    REPORT_WITHIN_NS,
    SILENCE_NS,
    SUCCEED_WITHIN_NS,
    FuturesProtocol,
)
from fillwire.venues.parsing import ExecutionReport
from fillwire.venues.protocol import (
    Authenticated,
    ClockMeasured,
    ConnectionLimits,
    Event,
    Expiring,
    Failed,
    FrameRefused,
    HttpAsk,
    Notice,
    OrderAnswered,
    OrderDoubted,
    Ping,
    Subscribed,
    Throttling,
)
from fillwire.venues.rest import HttpRequest, HttpResponse
from fillwire.venues.symbols import SymbolTable
from support.binance_keys import API_KEY, HMAC_SECRET

S = 1_000_000_000
NOW_NS = 1_773_000_060 * S
LITE = (
    b'{"e":"TRADE_LITE","E":1773000050738,"T":1773000050738,"s":"SOLUSDT","q":"20","p":"150.10","m":false,'
    b'"c":"acme-f-0001","S":"BUY","L":"150.04","l":"7","t":2710000055,"i":188000001234}'
)
FILL = (
    b'{"e":"ORDER_TRADE_UPDATE","T":1773000050738,"E":1773000050739,"o":{"s":"SOLUSDT","c":"acme-f-0001","S":"BUY",'
    b'"o":"LIMIT","f":"GTC","q":"20","p":"150.10","ap":"150.05","sp":"0","x":"TRADE","X":"PARTIALLY_FILLED",'
    b'"i":188000001234,"l":"7","z":"12","L":"150.04","n":"0.42011200","N":"USDT","T":1773000050738,"t":2710000055,'
    b'"m":false,"R":false,"ot":"LIMIT","ps":"BOTH","cp":false,"rp":"0","er":"0"}}'
)
EXPIRED = b'{"e":"listenKeyExpired","E":1773000050739,"listenKey":"WsCMN0a4"}'
ORDER = OrderRequest(
    client_order_id="bot-1",
    pair="SOL-USDT",
    side=Side.SELL,
    type=OrderType.LIMIT,
    quantity=Decimal("1.50"),
    price=Decimal(150),
)
SHOWN = {"orderId": 77, "clientOrderId": "bot-1", "status": "NEW", "executedQty": "0"}


class Talk:
    """A connection that is up, the time, and what has come of it."""

    def __init__(self, *, answers_pings: bool = True, **limits: int) -> None:
        self.now_ns = NOW_NS
        defaults = {
            "connect_timeout_ns": 10 * S,
            "heartbeat_interval_ns": 30 * S,
            "lifetime_ns": 80_000 * S,
            "order_timeout_ns": 10 * S,
            "max_pending_orders": 3,
        }
        self.protocol = FuturesProtocol(
            account=Account("alice", "binance-futures", "live"),
            signer=signer(API_KEY, HMAC_SECRET),
            symbols=SymbolTable.of([("SOLUSDT", "SOL-USDT")]),
            limits=ConnectionLimits(**(defaults | limits)),
            clock_offset_ns=0,
        )
        self.protocol.connected(self.now_ns)
        assert self.told() == [Authenticated(), Subscribed()]
        assert self.sent() == [Ping()]
        if answers_pings:
            self.protocol.receive_ping(self.now_ns + 1)

    def told(self) -> list[Event]:
        """What the protocol says."""
        return self.protocol.events()

    def sent(self) -> list[bytes]:
        """What it sends."""
        return self.protocol.frames_to_send()

    def frame(self, frame: bytes) -> list[Event]:
        """What it says to a frame."""
        self.protocol.receive_frame(frame, self.now_ns)
        return self.told()

    def wait(self, for_ns: int, *, pongs: bool = True) -> list[Event]:
        """What it says while time goes by, in which the venue answers pings or not."""
        until_ns = self.now_ns + for_ns
        told: list[Event] = []
        while (due_ns := self.protocol.next_deadline_ns()) is not None and due_ns <= until_ns:
            self.now_ns = max(due_ns, self.now_ns)
            self.protocol.receive_timer(self.now_ns)
            told += self.told()
            if self.sent() and pongs:
                self.protocol.receive_ping(self.now_ns + 1)
        self.now_ns = until_ns
        return told

    def ask(self) -> tuple[HttpAsk, HttpRequest]:
        """The one request that it wants sent."""
        (ask,) = self.protocol.requests_to_send()
        return ask, ask.make(self.now_ns)

    def answer(self, ask: HttpAsk, answer: object, status: int = 200) -> list[Event]:
        """What it says to an answer."""
        body = (
            answer
            if isinstance(answer, VenueError)
            else HttpResponse(status=status, body=orjson.dumps(answer))
        )
        self.protocol.receive_response(ask.key, body, self.now_ns)
        return self.told()


def refusal(code: int, text: str = "no") -> dict[str, object]:
    """An error of the venue."""
    return {"code": code, "msg": text}


# -- the stream


def test_an_execution_becomes_an_event_and_its_announcement_none() -> None:
    """The early copy says nothing; the report is the event, and settles the announcement."""
    talk = Talk()
    assert talk.frame(LITE) == []
    (report,) = talk.frame(FILL)
    assert isinstance(report, ExecutionReport)
    assert report.event_id == "binance-futures:live:alice:SOLUSDT:188000001234:2710000055"
    assert not [event for event in talk.wait(60 * S) if isinstance(event, OrderDoubted)]


def test_an_announcement_without_report_is_a_doubt() -> None:
    """Where the report of an announced execution was lost, the order is looked up."""
    talk = Talk()
    talk.frame(LITE)
    talk.frame(LITE.replace(b"2710000055", b"2710000056"))
    assert talk.wait(REPORT_WITHIN_NS - 1) == []
    assert talk.wait(1) == [OrderDoubted(("SOLUSDT", "188000001234"))]
    talk.frame(LITE.replace(b"188000001234", b"99"))
    assert talk.wait(REPORT_WITHIN_NS) == [OrderDoubted(("SOLUSDT", "99"))]


def test_a_liquidation_of_nothing_is_a_doubt() -> None:
    """What claims an execution and shows none is looked up."""
    empty = FILL.replace(b'"x":"TRADE"', b'"x":"CALCULATED"').replace(b'"l":"7"', b'"l":"0"')
    assert Talk().frame(empty.replace(b'"L":"150.04"', b'"L":"0"')) == [
        OrderDoubted(("SOLUSDT", "188000001234"))
    ]


def test_other_frames_are_noticed_or_refused() -> None:
    """An event of the account is a notice; what cannot be read is kept whole."""
    talk = Talk()
    margin_call = b'{"e":"MARGIN_CALL","E":1773000050738,"p":[]}'
    assert talk.frame(margin_call) == [Notice("margin_call")]
    (refused,) = talk.frame(b'{"e":"SURPRISE","E":1773000050738}')
    assert isinstance(refused, FrameRefused)
    assert refused.error.code == "unknown_event"


def test_a_frame_from_the_future_has_the_venue_asked_for_its_time() -> None:
    """If it is our clock that is slow, the frame is read after all."""
    talk = Talk()
    late = FILL.replace(b"1773000050739", b"1773000260739")
    assert talk.frame(late) == []
    ask, request = talk.ask()
    assert request.target == "/fapi/v1/time"
    measured, report = talk.answer(ask, {"serverTime": 1773000260739})
    assert measured == ClockMeasured(1773000260739 * 10**6 - talk.now_ns, 0)
    assert isinstance(report, ExecutionReport)


def test_a_frame_from_the_future_is_refused_if_the_venue_agrees_with_our_clock() -> None:
    """Or does not say: then it is judged by the clock as it is."""
    talk = Talk()
    talk.frame(FILL.replace(b"1773000050739", b"1773000260739"))
    ask, _ = talk.ask()
    (refused,) = talk.answer(ask, ConnectionLost("binance-futures", "no answer"))
    assert isinstance(refused, FrameRefused)
    assert refused.error.code == "time_out_of_range"


# -- the key


def test_the_key_is_kept_alive_every_half_hour() -> None:
    """A PUT without signature; when it is answered the next half hour begins."""
    talk = Talk()
    for _ in range(3):
        assert talk.wait(KEEP_EVERY_NS) == []
        ask, request = talk.ask()
        assert (request.method, request.target) == ("PUT", "/fapi/v1/listenKey")
        assert talk.answer(ask, {"listenKey": "abc"}) == []


def test_a_key_that_the_venue_forgot_is_replaced_before_the_connection_ends() -> None:
    """A refused keepalive asks for a successor, whose address has a new key; the connection goes on meanwhile."""
    talk = Talk()
    talk.wait(KEEP_EVERY_NS)
    ask, _ = talk.ask()
    (expiring,) = talk.answer(ask, refusal(-1125, "This listenKey does not exist."), 400)
    assert isinstance(expiring, Expiring)
    assert "This listenKey does not exist" in expiring.reason
    assert isinstance(talk.frame(FILL)[0], ExecutionReport)


@pytest.mark.parametrize("answer", [ConnectionLost("x", "no answer"), Throttled("x", "banned", 60.0)])
def test_a_keepalive_that_is_not_answered_is_tried_again(answer: VenueError) -> None:
    """Ten times, a minute apart, before a successor is asked for."""
    talk = Talk()
    talk.wait(KEEP_EVERY_NS)
    for _ in range(MAX_FAILURES - 1):
        ask, _request = talk.ask()
        assert talk.answer(ask, answer) == []
        assert talk.wait(RETRY_NS) == []
    ask, _request = talk.ask()
    assert isinstance(talk.answer(ask, answer)[0], Expiring)


def test_a_keepalive_waits_while_the_venue_wants_no_requests() -> None:
    """And is sent when it does again."""
    talk = Talk()
    talk.wait(KEEP_EVERY_NS - 1)
    talk.protocol.keep_quiet(talk.now_ns + 100 * S)
    talk.wait(60 * S)
    assert talk.protocol.requests_to_send() == []
    talk.wait(60 * S)
    assert talk.ask()[1].method == "PUT"


def test_a_revoked_api_key_ends_the_connection() -> None:
    """A person must act."""
    talk = Talk()
    talk.wait(KEEP_EVERY_NS)
    ask, _ = talk.ask()
    (failed,) = talk.answer(ask, refusal(-2015, "Invalid API-key."), 401)
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, AuthRejected)


def test_an_expired_key_wants_a_successor_at_once() -> None:
    """The venue says so and is silent from there on: without a successor the connection counts as lost."""
    talk = Talk()
    assert talk.frame(EXPIRED) == [Expiring("the listenKey has expired")]
    assert talk.wait(SUCCEED_WITHIN_NS - 1) == []
    (failed,) = talk.wait(1)
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, ConnectionLost)


def test_a_connection_grows_old() -> None:
    """A successor is asked for before the venue ends the connection."""
    talk = Talk(lifetime_ns=100 * S)
    assert talk.wait(100 * S) == [Expiring("the venue ends connections at an age of 24 h")]


# -- silence


def test_a_ping_that_is_not_answered_ends_the_connection() -> None:
    """Once the venue has answered one, silence within the interval is a dead connection."""
    talk = Talk()
    assert talk.wait(100 * S) == []
    failed = [event for event in talk.wait(40 * S, pongs=False) if isinstance(event, Failed)]
    assert "a ping was not answered" in failed[0].error.reason


def test_a_venue_that_answers_no_pings_is_not_taken_for_dead() -> None:
    """Then only its own pings count, which come minutes apart."""
    talk = Talk(answers_pings=False)
    assert talk.wait(SILENCE_NS - S, pongs=False) == []
    talk.protocol.receive_ping(talk.now_ns)
    assert talk.wait(SILENCE_NS - S, pongs=False) == []
    (failed,) = talk.wait(2 * S, pongs=False)
    assert isinstance(failed, Failed)
    assert "nothing received for 600 s" in failed.error.reason


def test_a_first_answer_that_is_lost_does_not_end_the_search_for_dead_sockets() -> None:
    """The next ping is answered, and from then on one that is not ends the connection."""
    talk = Talk(answers_pings=False)
    assert talk.wait(25 * S) == []
    assert talk.wait(100 * S) == []
    failed = [event for event in talk.wait(40 * S, pongs=False) if isinstance(event, Failed)]
    assert "a ping was not answered" in failed[0].error.reason


def test_nothing_is_due_after_the_end() -> None:
    """Once what waits is answered."""
    talk = Talk()
    talk.protocol.place_order(1, ORDER, talk.now_ns, may_exist=False)
    talk.protocol.disconnected(talk.now_ns)
    assert talk.told() == []
    talk.protocol.receive_timer(talk.protocol.next_deadline_ns() or 0)
    (answered,) = talk.told()
    assert isinstance(answered, OrderAnswered)
    assert answered.answer.outcome is Outcome.UNKNOWN
    assert talk.protocol.next_deadline_ns() is None
    talk.protocol.place_order(2, ORDER, talk.now_ns, may_exist=False)
    assert [event.answer.outcome for event in talk.told() if isinstance(event, OrderAnswered)] == [
        Outcome.REJECTED
    ]


# -- orders


def placed(talk: Talk, answer: object, status: int = 200, request: OrderRequest = ORDER) -> list[Event]:
    """Place an order, and answer it so."""
    talk.protocol.place_order(1, request, talk.now_ns, may_exist=False)
    ask, sent = talk.ask()
    assert (sent.method, sent.path, dict(sent.headers)) == (
        "POST",
        "/fapi/v1/order",
        {"X-MBX-APIKEY": API_KEY},
    )
    return talk.answer(ask, answer, status)


def outcome(events: list[Event]) -> TradeOrder:
    """The one answer among what was said."""
    (answered,) = events
    assert isinstance(answered, OrderAnswered)
    return answered.answer


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, {"type": "LIMIT", "price": "150", "timeInForce": "GTC", "quantity": "1.5", "side": "SELL"}),
        ({"type": OrderType.LIMIT_MAKER}, {"type": "LIMIT", "timeInForce": "GTX"}),
        ({"time_in_force": TimeInForce.IOC}, {"timeInForce": "IOC"}),
        ({"type": OrderType.MARKET, "price": None}, {"type": "MARKET"}),
    ],
)
def test_an_order_is_sent_as_the_venue_wants_it(
    changed: dict[str, object], expected: dict[str, object]
) -> None:
    """Post-only is a time in force here; the order carries its client id, and is signed."""
    talk = Talk()
    request = OrderRequest(**(_fields(ORDER) | changed))  # type: ignore[arg-type] # fields of a request
    talk.protocol.place_order(1, request, talk.now_ns, may_exist=False)
    query = {name: values[0] for name, values in parse_qs(talk.ask()[1].query).items()}
    assert expected.items() <= query.items()
    assert (query["newClientOrderId"], query["symbol"]) == ("bot-1", "SOLUSDT")
    assert len(query["signature"]) == 64
    assert "price" in query or query["type"] == "MARKET"


def _fields(request: OrderRequest) -> dict[str, object]:
    return {name: getattr(request, name) for name in OrderRequest.__dataclass_fields__}


def test_an_accepted_order_is_answered() -> None:
    """With the venue's id and word."""
    answer = outcome(placed(Talk(), SHOWN))
    assert (answer.outcome, answer.order_id, answer.venue_status) == (Outcome.ACCEPTED, "77", "NEW")


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (-2019, 400, Outcome.REJECTED),
        (-5022, 400, Outcome.REJECTED),
        (-2015, 401, Outcome.REJECTED),
        (-1015, 429, Outcome.REJECTED),
    ],
)
def test_a_refused_order_is_rejected(code: int, status: int, expected: Outcome) -> None:
    """Margin, post-only, key, too many orders: nothing was done."""
    *told, answered = placed(Talk(), refusal(code, "because"), status)
    answer = outcome([answered])
    assert answer.outcome is expected
    assert "because" in (answer.reason or "")
    # Who places too many orders waits with orders only, and nobody else is told.
    assert [event.error.reach for event in told if isinstance(event, Throttling)] == (
        [Reach.ACCOUNT] if code == -1015 else []
    )


def test_an_order_that_something_in_between_refuses_is_looked_for() -> None:
    """408, or a page instead of the venue's code: nobody knows what was done."""
    talk = Talk()
    assert placed(talk, {}, 408) == []
    ask, request = talk.ask()
    assert request.method == "GET"
    assert outcome(talk.answer(ask, SHOWN)).outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    "answer", [refusal(-1007), ConnectionLost("x", "timeout"), refusal(-4116, "ClientOrderId is duplicated.")]
)
def test_an_order_that_may_exist_is_looked_for(answer: object) -> None:
    """Where nobody knows whether it was placed, or the venue says it was before, the order itself tells."""
    talk = Talk()
    assert placed(talk, answer, 503 if answer == refusal(-1007) else 400) == []
    ask, request = talk.ask()
    assert (request.method, parse_qs(request.query)["origClientOrderId"]) == ("GET", ["bot-1"])
    assert outcome(talk.answer(ask, SHOWN)).outcome is Outcome.ACCEPTED


def test_an_order_whose_time_was_refused_is_sent_once_more() -> None:
    """With the time as the venue tells it; a second refusal is an answer."""
    talk = Talk()
    refused = refusal(-1021, "Timestamp for this request is outside of the recvWindow.")
    assert placed(talk, refused, 400) == []
    ask, request = talk.ask()
    assert request.target == "/fapi/v1/time"
    venue_ms = talk.now_ns // 10**6 + 60_000
    assert talk.answer(ask, {"serverTime": venue_ms}) == []
    ask, request = talk.ask()
    assert parse_qs(request.query)["timestamp"] == [str(venue_ms)]
    answer = outcome(talk.answer(ask, refused, 400))
    assert (answer.outcome, answer.code) == (Outcome.REJECTED, -1021)


@pytest.mark.parametrize(
    "changed",
    [
        {"type": OrderType.STOP_LOSS},
        {"price": None},
        {"quantity": Decimal(0)},
        {"client_order_id": "a b"},
        {"time_in_force": TimeInForce.DAY},
        {"pair": "ADA-USDT"},
    ],
)
def test_a_request_that_cannot_be_sent_is_refused_unsent(changed: dict[str, object]) -> None:
    """It lacks something, or says what the venue cannot do."""
    talk = Talk()
    request = OrderRequest(**(_fields(ORDER) | changed))  # type: ignore[arg-type] # fields of a request
    talk.protocol.place_order(1, request, talk.now_ns, may_exist=False)
    assert outcome(talk.told()).outcome is Outcome.REJECTED
    assert talk.protocol.requests_to_send() == []


def test_an_order_is_cancelled_by_either_id() -> None:
    """One that is cancelled already counts as cancelled; one that is filled does not."""
    for status, expected in (("CANCELED", Outcome.ACCEPTED), ("FILLED", Outcome.REJECTED)):
        talk = Talk()
        talk.protocol.cancel_order(1, CancelRequest(pair="SOL-USDT", order_id="77"), talk.now_ns)
        ask, request = talk.ask()
        assert (request.method, parse_qs(request.query)["orderId"]) == ("DELETE", ["77"])
        assert talk.answer(ask, refusal(-2011, "Unknown order sent."), 400) == []
        ask, request = talk.ask()
        assert request.method == "GET"
        assert outcome(talk.answer(ask, SHOWN | {"status": status})).outcome is expected
