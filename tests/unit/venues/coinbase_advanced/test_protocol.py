"""One connection to Coinbase Advanced Trade, frame by frame: no socket, no clock."""

from decimal import Decimal
from typing import Any

import orjson
import pytest

from fillwire.domain.enums import OrderType, Side
from fillwire.domain.errors import AuthRejected, ConnectionLost
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome
from fillwire.simulator.coinbase_advanced.tokens import TokenVerifier, read_token
from fillwire.venues.coinbase_advanced.auth import TokenSigner
from fillwire.venues.coinbase_advanced.protocol import SILENCE_NS, AdvancedProtocol
from fillwire.venues.coinbase_advanced.records import AdvancedRecords
from fillwire.venues.parsing import ExecutionReport
from fillwire.venues.protocol import (
    Authenticated,
    ClockMeasured,
    ConnectionLimits,
    Event,
    Failed,
    FrameRefused,
    Notice,
    OrderAnswered,
    OrderDoubted,
    StreamDoubted,
    Subscribed,
)
from fillwire.venues.symbols import SymbolTable
from support.advanced_rows import answer, order_answer
from support.coinbase_keys import ES256_KEY_NAME, ES256_PEM, ES256_PUBLIC_PEM

START_NS = 1_778_051_289 * 10**9  # 2026-05-06T07:08:09Z
S = 10**9
ALICE = Account("alice", "coinbase-advanced", "live")
LIMITS = ConnectionLimits(
    connect_timeout_ns=10 * S,
    heartbeat_interval_ns=30 * S,
    lifetime_ns=3600 * S,
    order_timeout_ns=4 * S,
    max_pending_orders=2,
)
REFUSAL = {"type": "error", "message": "authentication failure"}
ORDER: dict[str, Any] = {
    "avg_price": "0",
    "client_order_id": "cli-77",
    "cumulative_quantity": "0",
    "filled_value": "0",
    "leaves_quantity": "2",
    "limit_price": "100",
    "order_id": "o1",
    "order_side": "SELL",
    "order_type": "LIMIT",
    "product_id": "SOL-USD",
    "status": "OPEN",
    "time_in_force": "GOOD_UNTIL_CANCELLED",
    "creation_time": "2026-05-06T07:08:09.5Z",
}


class Connection:
    """A protocol with its clock and the venue's next number."""

    def __init__(self, clock_offset_ns: int = 0, proven: set[str] | None = None) -> None:
        signer = TokenSigner(ES256_KEY_NAME, ES256_PEM)
        self.now_ns = START_NS
        self.number = 0
        self.clock_offset_ns = clock_offset_ns
        self.protocol = AdvancedProtocol(
            account=ALICE,
            signer=signer,
            records=AdvancedRecords(ALICE, signer),
            symbols=SymbolTable.of([("SOL-USD", "SOL-USD")]),
            limits=LIMITS,
            clock_offset_ns=clock_offset_ns,
            dialled_ns=START_NS,
            proven=set() if proven is None else proven,
        )
        self.protocol.connected(START_NS)

    @classmethod
    def live(cls) -> "Connection":
        """A connection that receives, with nothing left to be told or sent."""
        connection = cls()
        connection.acknowledge("user")
        connection.acknowledge("user", "heartbeats")
        connection.sent()
        connection.told()
        return connection

    def receive(self, document: dict[str, Any]) -> None:
        """Take a frame."""
        self.protocol.receive_frame(orjson.dumps(document), self.now_ns)

    def tell(self, channel: str, *events: dict[str, Any]) -> None:
        """Take a numbered frame."""
        venue_s, part = divmod(self.now_ns + self.clock_offset_ns - START_NS, S)
        time = f"2026-05-06T07:08:{9 + venue_s:02d}.{part:09d}Z"
        frame = {"channel": channel, "timestamp": time, "sequence_num": self.number, "events": list(events)}
        self.number += 1
        self.receive(frame)

    def acknowledge(self, *channels: str) -> None:
        """Take the list of subscriptions."""
        self.tell("subscriptions", {"subscriptions": {name: ["x"] for name in channels}})

    def update(self, *orders: dict[str, Any]) -> None:
        """Take news of orders, given by what differs."""
        self.tell("user", {"type": "update", "orders": [ORDER | order for order in orders]})

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ns += int(seconds * S)
        self.protocol.receive_timer(self.now_ns)

    def told(self) -> list[Event]:
        """Return what happened."""
        return self.protocol.events()

    def sent(self) -> list[str]:
        """Return which channels were asked for, each with a token of its own that the venue takes."""
        channels = []
        for frame in self.protocol.frames_to_send():
            wish = orjson.loads(frame)
            token = read_token(wish["jwt"])
            TokenVerifier(ES256_PUBLIC_PEM).check(token, (self.now_ns + self.clock_offset_ns) / S)
            assert "uri" not in token.claims
            channels.append(f"{wish['type']} {wish['channel']}")
        return channels

    def failure(self) -> Exception:
        """Return why the connection is of no more use."""
        (event,) = self.told()
        assert isinstance(event, Failed)
        assert self.protocol.next_deadline_ns() is None
        return event.error


def test_one_channel_is_asked_for_at_a_time() -> None:
    """First the orders: from their acknowledgement on the account is received; then the heartbeats."""
    connection = Connection()
    assert connection.sent() == ["subscribe user"]
    assert connection.told() == []
    connection.acknowledge("user")
    assert connection.told() == [Authenticated(), Subscribed()]
    assert connection.sent() == ["subscribe heartbeats"]
    connection.acknowledge("user", "heartbeats")
    connection.tell("heartbeats", {"heartbeat_counter": 7})
    assert connection.told() == [Notice("heartbeat")]
    assert connection.sent() == []


def test_orders_may_come_before_the_acknowledgement() -> None:
    """As recorded: the snapshot has the first number. What was accepted before this connection is no news in it."""
    connection = Connection()
    past = ORDER | {"creation_time": "2026-05-06T07:08:08.999999999Z"}
    connection.tell("user", {"type": "snapshot", "orders": [past]})
    assert connection.told() == []
    connection.update({"status": "CANCELLED", "cancel_reason": "User requested cancel"})
    (event,) = connection.told()
    assert isinstance(event, ExecutionReport)
    assert event.kind == "cancelled"


def test_a_key_is_refused_only_twice() -> None:
    """The venue refuses good tokens now and then, and does not say whether it was the time: it is asked for that."""
    connection = Connection(clock_offset_ns=-3 * S)
    first = connection.protocol.frames_to_send()
    connection.receive(REFUSAL)
    assert connection.told() == []
    (ask,) = connection.protocol.requests_to_send()
    assert ask.make(0).path == "/api/v3/brokerage/time"
    connection.now_ns += S // 5
    connection.clock_offset_ns = 2 * S
    body = {"iso": "", "epochMillis": str((START_NS + S // 10 + 2 * S) // 10**6)}
    connection.protocol.receive_response(ask.key, answer(body), connection.now_ns)
    assert connection.told() == [ClockMeasured(2 * S, S // 5)]
    second = connection.protocol.frames_to_send()
    assert orjson.loads(first[0])["channel"] == orjson.loads(second[0])["channel"] == "user"
    claims = [read_token(orjson.loads(frame)["jwt"]).claims for frame in (*first, *second)]
    assert claims[1]["nbf"] - claims[0]["nbf"] == 5
    connection.receive(REFUSAL)
    error = connection.failure()
    assert isinstance(error, AuthRejected)
    assert "authentication failure" in str(error)


def test_a_key_that_has_worked_is_tried_again_though_it_is_refused_twice() -> None:
    """The venue refuses good keys now and then, which must not stop an account for good."""
    proven: set[str] = set()
    Connection(proven=proven).acknowledge("user")
    connection = Connection(proven=proven)
    connection.receive(REFUSAL)
    (ask,) = connection.protocol.requests_to_send()
    connection.protocol.receive_response(
        ask.key, ConnectionLost("coinbase-advanced", "no"), connection.now_ns
    )
    connection.receive(REFUSAL)
    assert isinstance(connection.failure(), ConnectionLost)


def test_a_second_token_is_taken_and_the_next_channel_may_be_refused_once_too() -> None:
    """Also where the venue does not tell its time. Heartbeats that it refuses for good make no key bad."""
    connection = Connection()
    connection.sent()
    for channel, granted in (("user", ["user"]), ("heartbeats", ["user", "heartbeats"])):
        connection.receive(REFUSAL)
        (ask,) = connection.protocol.requests_to_send()
        connection.protocol.receive_response(ask.key, ConnectionLost("x", "y"), connection.now_ns)
        assert connection.sent() == [f"subscribe {channel}"]
        if channel == "user":
            connection.acknowledge(*granted)
            assert connection.told() == [Authenticated(), Subscribed()]
            connection.sent()
    connection.receive(REFUSAL)
    error = connection.failure()
    assert isinstance(error, ConnectionLost)
    assert "no subscription to heartbeats" in str(error)


@pytest.mark.parametrize("message", ["rate limit exceeded", "authentication failure"])
def test_an_error_on_a_connection_that_receives_ends_it(message: str) -> None:
    """The venue may leave the socket open and send nothing more: it is dialled anew."""
    connection = Connection.live()
    connection.receive({"type": "error", "message": message, "reason": "why"})
    error = connection.failure()
    assert isinstance(error, ConnectionLost)
    assert f"{message}: why" in str(error)


def test_a_subscription_that_is_gone_ends_the_connection() -> None:
    """As the venue's list of all shows it."""
    connection = Connection.live()
    connection.acknowledge("heartbeats")
    assert "no subscription of the account any more" in str(connection.failure())


def test_silence_is_death() -> None:
    """A frame of any kind, or a ping, is a sign of life; with heartbeats there is one each second."""
    connection = Connection.live()
    connection.wait(6)
    connection.tell("heartbeats", {"heartbeat_counter": 8})
    connection.wait(6)
    connection.protocol.receive_ping(connection.now_ns)
    connection.wait(6)
    connection.told()
    assert connection.protocol.next_deadline_ns() is not None
    connection.wait(SILENCE_NS / S - 6)
    assert "nothing received for 10 s" in str(connection.failure())


def test_a_subscription_is_not_awaited_for_ever() -> None:
    """Though frames come."""
    connection = Connection()
    for _ in range(3):
        connection.wait(4)
        connection.tell("heartbeats", {})
    told = [event for event in connection.told() if isinstance(event, Failed)]
    assert "not acknowledged in time" in str(told[0].error)


def test_what_was_executed_is_a_doubt_with_what_the_frame_shows() -> None:
    """At once, and with an end that belongs to it."""
    connection = Connection.live()
    connection.update({})
    partly = {"cumulative_quantity": "0.5", "avg_price": "101"}
    connection.update(partly)
    connection.update(partly | {"status": "CANCELLED"})
    accepted, *doubts = connection.told()
    assert isinstance(accepted, ExecutionReport)
    key = ("SOL-USD", "o1")
    assert doubts == [
        OrderDoubted(key, 0, Decimal("0.5")),
        OrderDoubted(key, 0, Decimal("0.5"), has_ended=True),
    ]


def test_an_end_is_told_at_once_when_the_records_have_told_of_the_executions() -> None:
    """The gateway says what is published."""
    connection = Connection.live()
    partly = {"cumulative_quantity": "0.5", "avg_price": "101"}
    connection.update({})
    connection.update(partly)
    connection.told()
    row = AdvancedRecords(ALICE, TokenSigner("k", ES256_PEM)).order(("SOL-USD", "o1"))
    next(row)
    with pytest.raises(StopIteration) as end:
        row.send(order_answer(order_id="o1", product_id="SOL-USD", filled_size="0.5", filled_value="50.5"))
    connection.protocol.note_order(end.value.value)
    connection.update(partly | {"status": "CANCELLED"})
    (event,) = connection.told()
    assert isinstance(event, ExecutionReport)
    assert (event.kind, event.cumulative_quantity) == ("cancelled", "0.5")


def test_a_missing_number_puts_everything_in_doubt() -> None:
    """Nobody knows of which orders the frames were; what follows them is read all the same."""
    connection = Connection.live()
    connection.number += 1
    connection.update({})
    gap, accepted = connection.told()
    assert isinstance(gap, StreamDoubted)
    assert isinstance(accepted, ExecutionReport)


def test_a_refused_frame_is_kept_whole_and_counts_as_lost() -> None:
    """The number of the next one shows that it is missing."""
    connection = Connection.live()
    connection.update({"status": "DONE"})
    (refused,) = connection.told()
    assert isinstance(refused, FrameRefused)
    assert refused.error.code == "unknown_status"
    connection.tell("heartbeats", {})
    assert isinstance(connection.told()[0], StreamDoubted)


def test_a_frame_from_the_future_waits_for_the_venues_time() -> None:
    """It is our clock that is wrong: all that came meanwhile is read in its order when that is known."""
    connection = Connection.live()
    connection.clock_offset_ns = 40 * S
    connection.now_ns -= 30 * S  # our clock was set back
    connection.update({})
    connection.wait(0)
    connection.now_ns -= 60 * S
    connection.clock_offset_ns += 60 * S
    connection.update({"order_id": "o2"})
    connection.update({"order_id": "o3"})
    first = connection.told()
    assert [event.order_id for event in first if isinstance(event, ExecutionReport)] == ["o1"]
    (ask,) = connection.protocol.requests_to_send()
    body = {"epochMillis": str((connection.now_ns + connection.clock_offset_ns) // 10**6)}
    connection.protocol.receive_response(ask.key, answer(body), connection.now_ns)
    measured, *rest = connection.told()
    assert measured == ClockMeasured(100 * S, 0)
    assert [event.order_id for event in rest if isinstance(event, ExecutionReport)] == ["o2", "o3"]
    assert len(rest) == 2


def test_bots_are_refused_before_the_connection_receives() -> None:
    """And answered as unknown at the deadline when it has ended."""
    connection = Connection()
    order = OrderRequest(
        client_order_id="mine", pair="SOL-USD", side=Side.BUY, type=OrderType.MARKET, quantity=Decimal(1)
    )
    connection.protocol.place_order(1, order, START_NS, may_exist=False)
    connection.protocol.cancel_order(2, CancelRequest(pair="SOL-USD", order_id="o1"), START_NS)
    answers = [event.answer for event in connection.told() if isinstance(event, OrderAnswered)]
    assert [found.outcome for found in answers] == [Outcome.REJECTED, Outcome.REJECTED]
    connection = Connection.live()
    connection.protocol.place_order(1, order, START_NS, may_exist=False)
    (ask,) = connection.protocol.requests_to_send()
    assert ask.make(START_NS).path == "/api/v3/brokerage/orders"
    connection.protocol.disconnected(connection.now_ns)
    connection.protocol.receive_timer(connection.protocol.next_deadline_ns() or 0)
    (event,) = connection.told()
    assert isinstance(event, OrderAnswered)
    assert event.answer.outcome is Outcome.UNKNOWN


def test_an_order_is_placed_and_cancelled_by_rest() -> None:
    """The stream says what became of it."""
    connection = Connection.live()
    order = OrderRequest(
        client_order_id="mine", pair="SOL-USD", side=Side.BUY, type=OrderType.MARKET, quantity=Decimal(1)
    )
    connection.protocol.place_order(1, order, START_NS, may_exist=False)
    (ask,) = connection.protocol.requests_to_send()
    placed = {"success": True, "success_response": {"order_id": "o9"}}
    connection.protocol.receive_response(ask.key, answer(placed), START_NS)
    connection.protocol.cancel_order(2, CancelRequest(pair="SOL-USD", order_id="o9"), START_NS)
    (ask,) = connection.protocol.requests_to_send()
    cancelled = {"results": [{"success": True, "order_id": "o9"}]}
    connection.protocol.receive_response(ask.key, answer(cancelled), START_NS)
    answers = [event.answer for event in connection.told() if isinstance(event, OrderAnswered)]
    assert [(found.outcome, found.order_id) for found in answers] == [(Outcome.ACCEPTED, "o9")] * 2
