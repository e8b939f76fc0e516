"""The life of one Binance connection, frame by frame: literal frames in, frames and events out."""

from dataclasses import replace

import orjson
import pytest

from fillwire.domain.enums import Reach
from fillwire.domain.errors import AuthRejected, ConnectionLost, SubscriptionRejected, Throttled, VenueError
from fillwire.domain.identifiers import Account
from fillwire.venues.binance.auth import signer
from fillwire.venues.binance.protocol import BinanceProtocol
from fillwire.venues.parsing import ExecutionReport
from fillwire.venues.protocol import (
    Authenticated,
    ClockMeasured,
    ConnectionLimits,
    Expiring,
    Failed,
    FrameRefused,
    Notice,
    Subscribed,
    Throttling,
)
from fillwire.venues.symbols import SymbolTable
from support.binance_connection import NOW_NS, answer_frame, refusal_frame, trade_frame
from support.binance_keys import API_KEY, ED25519_PEM, HMAC_SECRET

S = 1_000_000_000
MS = 1_000_000
ACCOUNT = Account("alice", "binance", "live")
LIMITS = ConnectionLimits(
    connect_timeout_ns=10 * S,
    heartbeat_interval_ns=30 * S,
    lifetime_ns=86_000 * S,
    order_timeout_ns=5 * S,
    max_pending_orders=2,
)


def _protocol(secret: str = HMAC_SECRET, *, limits: ConnectionLimits = LIMITS) -> BinanceProtocol:
    return BinanceProtocol(
        account=ACCOUNT,
        signer=signer(API_KEY, secret),
        symbols=SymbolTable.of([("BTCUSDT", "BTC-USDT")]),
        limits=limits,
        microseconds=True,
        clock_offset_ns=0,
        dialled_ns=NOW_NS,
    )


def _receiving(limits: ConnectionLimits = LIMITS) -> BinanceProtocol:
    protocol = _protocol(limits=limits)
    protocol.connected(NOW_NS)
    protocol.receive_frame(answer_frame(1, {"subscriptionId": 0}), NOW_NS)
    protocol.frames_to_send()
    protocol.events()
    return protocol


def _methods(protocol: BinanceProtocol) -> list[str]:
    return [orjson.loads(frame)["method"] for frame in protocol.frames_to_send()]


def _error(protocol: BinanceProtocol) -> VenueError:
    (event,) = (event for event in protocol.events() if not isinstance(event, Throttling))
    assert isinstance(event, Failed)
    return event.error


def test_an_hmac_key_subscribes_with_one_signed_call() -> None:
    """The call of the documents goes out, and its acknowledgement proves key and stream at once."""
    protocol = _protocol()
    assert protocol.frames_to_send() == []
    protocol.connected(NOW_NS)
    (frame,) = protocol.frames_to_send()
    assert frame == (
        b'{"id":1,"method":"userDataStream.subscribe.signature","params":{"apiKey":"%b","recvWindow":5000,'
        b'"timestamp":1773000000000,"signature":"%b"}}'
        % (
            API_KEY.encode(),
            signer(API_KEY, HMAC_SECRET)
            .sign(f"apiKey={API_KEY}&recvWindow=5000&timestamp=1773000000000".encode())
            .encode(),
        )
    )
    assert protocol.events() == []
    protocol.receive_frame(b'{"id":1,"status":200,"result":{"subscriptionId":0}}', NOW_NS + MS)
    assert protocol.events() == [Authenticated(), Subscribed()]
    assert protocol.events() == []


def test_an_ed25519_key_logs_on_and_then_subscribes() -> None:
    """Log on, wait for the acknowledgement, subscribe without parameters, wait again: receiving."""
    protocol = _protocol(ED25519_PEM)
    protocol.connected(NOW_NS)
    (frame,) = protocol.frames_to_send()
    logon = orjson.loads(frame)
    assert logon["method"] == "session.logon"
    assert set(logon["params"]) == {"apiKey", "recvWindow", "timestamp", "signature"}
    protocol.receive_frame(
        answer_frame(1, {"apiKey": API_KEY, "authorizedSince": 1, "userDataStream": False}), NOW_NS
    )
    assert protocol.events() == [Authenticated()]
    assert protocol.frames_to_send() == [b'{"id":2,"method":"userDataStream.subscribe"}']
    protocol.receive_frame(answer_frame(2, {"subscriptionId": 0}), NOW_NS)
    assert protocol.events() == [Subscribed()]


def test_a_fill_is_read_wherever_it_comes() -> None:
    """Order events are events, also before the acknowledgement and after the connection has failed."""
    protocol = _protocol()
    protocol.connected(NOW_NS)
    protocol.receive_frame(trade_frame(trade_id=1), NOW_NS + MS)
    protocol.receive_frame(
        refusal_frame(1, -2015, "Invalid API-key, IP, or permissions for action."), NOW_NS + MS
    )
    protocol.receive_frame(trade_frame(trade_id=2), NOW_NS + MS)
    first, failed, second = protocol.events()
    assert isinstance(first, ExecutionReport)
    assert isinstance(failed, Failed)
    assert isinstance(second, ExecutionReport)
    assert first.event_id == "binance:live:alice:BTCUSDT:7001:1"
    assert first.received_time_ns == NOW_NS + MS
    assert first.exchange_time_ns == NOW_NS


def test_a_frame_that_does_not_parse_is_kept_whole_and_the_connection_goes_on() -> None:
    """Malformed bytes become an event with the frame and the reason; the next fill is read."""
    protocol = _receiving()
    broken = trade_frame()[:-3]
    protocol.receive_frame(broken, NOW_NS)
    protocol.receive_frame(trade_frame(symbol="NEWUSDT"), NOW_NS)
    protocol.receive_frame(trade_frame(), NOW_NS)
    refused, unknown, report = protocol.events()
    assert isinstance(refused, FrameRefused)
    assert (refused.frame, refused.error.code, refused.received_time_ns) == (broken, "invalid_json", NOW_NS)
    assert isinstance(unknown, FrameRefused)
    assert (unknown.error.code, unknown.error.symbol) == ("unknown_symbol", "NEWUSDT")
    assert isinstance(report, ExecutionReport)


def test_new_symbols_are_read_from_the_next_frame_on() -> None:
    """After the table was fetched anew, the frame that was refused parses."""
    protocol = _receiving()
    protocol.use_symbols(SymbolTable.of([("NEWUSDT", "NEW-USDT")]))
    protocol.receive_frame(trade_frame(symbol="NEWUSDT"), NOW_NS)
    (report,) = protocol.events()
    assert isinstance(report, ExecutionReport)
    assert report.pair == "NEW-USDT"


@pytest.mark.parametrize(
    ("status", "code", "text", "kind"),
    [
        (400, -2015, "Invalid API-key, IP, or permissions for action.", AuthRejected),
        (400, -2014, "API-key format invalid.", AuthRejected),
        (400, -1022, "Signature for this request is not valid.", AuthRejected),
        (401, 0, "?", AuthRejected),
        (418, -1003, "Way too much request weight used; IP banned until 1773000060000.", Throttled),
        (429, -1003, "Too much request weight used.", Throttled),
        (400, -1034, "Too many connection attempts.", Throttled),
        (500, -1001, "Internal error; unable to process your request.", ConnectionLost),
        (400, -1104, "Not all sent parameters were read.", SubscriptionRejected),
        (400, -2042, "Maximum subscription ID reached for this connection.", SubscriptionRejected),
    ],
)
def test_a_refused_subscription_says_what_is_to_be_done(
    status: int, code: int, text: str, kind: type[VenueError]
) -> None:
    """Each class of refusal has its own error, whose disposition decides; the venue's words and code are in it."""
    protocol = _protocol()
    protocol.connected(NOW_NS)
    protocol.receive_frame(refusal_frame(1, code, text, status=status, retry_after_ms=1773000060000), NOW_NS)
    error = _error(protocol)
    assert type(error) is kind
    assert f"(code {code})" in str(error)
    assert API_KEY not in str(error)
    if isinstance(error, Throttled):
        assert error.retry_after_s == 60
    assert protocol.next_deadline_ns() is None


def test_a_stream_that_is_active_already_counts_as_subscribed() -> None:
    """The venue says so when the answer to the first call was lost."""
    protocol = _protocol()
    protocol.connected(NOW_NS)
    protocol.receive_frame(refusal_frame(1, -2035, "User Data Stream subscription already active."), NOW_NS)
    assert protocol.events() == [Authenticated(), Subscribed()]


def test_an_acknowledgement_that_does_not_come_ends_the_connection() -> None:
    """The limit counts from dialling, over all steps; before it nothing happens."""
    protocol = _protocol(ED25519_PEM)
    protocol.connected(NOW_NS + 2 * S)
    protocol.receive_frame(answer_frame(1, {}), NOW_NS + 9 * S)
    protocol.events()
    assert protocol.next_deadline_ns() == NOW_NS + 10 * S
    protocol.receive_timer(NOW_NS + 10 * S - 1)
    assert protocol.events() == []
    protocol.receive_timer(NOW_NS + 10 * S)
    error = _error(protocol)
    assert isinstance(error, ConnectionLost)
    assert "no answer to userDataStream.subscribe in time" in str(error)


def test_a_refused_timestamp_is_mended_once() -> None:
    """-1021: the venue is asked for its time, the offset measured, and the same call sent once more."""
    protocol = _protocol()
    protocol.connected(NOW_NS)
    protocol.frames_to_send()
    protocol.receive_frame(
        refusal_frame(1, -1021, "Timestamp for this request is outside of the recvWindow."), NOW_NS
    )
    assert protocol.events() == []
    assert protocol.frames_to_send() == [b'{"id":2,"method":"time"}']
    venue_ns = NOW_NS + 3600 * S + 50 * MS
    protocol.receive_frame(answer_frame(2, {"serverTime": venue_ns // 1000}), NOW_NS + 100 * MS)
    assert protocol.events() == [ClockMeasured(3600 * S, 100 * MS)]
    (frame,) = protocol.frames_to_send()
    again = orjson.loads(frame)
    assert again["method"] == "userDataStream.subscribe.signature"
    assert again["params"]["timestamp"] == (NOW_NS + 100 * MS + 3600 * S) // MS
    protocol.receive_frame(answer_frame(3, {"subscriptionId": 0}), NOW_NS + 200 * MS)
    assert protocol.events() == [Authenticated(), Subscribed()]


def test_a_fill_from_the_future_is_read_again_by_the_venues_clock() -> None:
    """Our clock was set back by an hour: the venue is asked for its time, and no fill is refused for our mistake."""
    protocol = _receiving()
    ahead_ns = 3600 * S
    for trade_id in (41, 42):
        protocol.receive_frame(trade_frame(trade_id=trade_id, time_ns=NOW_NS + ahead_ns), NOW_NS)
    assert protocol.events() == []
    assert protocol.frames_to_send() == [b'{"id":2,"method":"time"}']
    protocol.receive_frame(answer_frame(2, {"serverTime": (NOW_NS + ahead_ns) // 1000}), NOW_NS)
    clock, *fills = protocol.events()
    assert clock == ClockMeasured(ahead_ns, 0)
    assert [fill.trade_id for fill in fills if isinstance(fill, ExecutionReport)] == ["41", "42"]
    protocol.receive_frame(trade_frame(trade_id=43, time_ns=NOW_NS + ahead_ns), NOW_NS)
    assert isinstance(protocol.events()[0], ExecutionReport)


def test_a_fill_from_the_future_by_the_venues_own_clock_is_refused() -> None:
    """The venue's clock agrees with ours: the frame goes to quarantine, and the next does without asking again."""
    protocol = _receiving()
    frame = trade_frame(time_ns=NOW_NS + 90 * S)
    protocol.receive_frame(frame, NOW_NS)
    protocol.frames_to_send()
    protocol.receive_frame(answer_frame(2, {"serverTime": NOW_NS // 1000}), NOW_NS)
    _, refused = protocol.events()
    assert isinstance(refused, FrameRefused)
    assert (refused.frame, refused.error.code) == (frame, "time_out_of_range")
    protocol.receive_frame(frame, NOW_NS + S)
    assert isinstance(protocol.events()[0], FrameRefused)
    assert protocol.frames_to_send() == []


def test_a_fill_from_the_future_is_refused_when_the_venue_does_not_tell_its_time() -> None:
    """No answer in time: what waited for it is refused, not forgotten."""
    protocol = _receiving()
    protocol.receive_frame(trade_frame(time_ns=NOW_NS + 61 * S), NOW_NS)
    protocol.receive_timer(NOW_NS + 3 * S)
    assert isinstance(protocol.events()[0], FrameRefused)


def test_a_connection_that_ends_leaves_no_frame_in_doubt() -> None:
    """The connection is lost while the venue is asked for its time: what waited is refused."""
    protocol = _receiving()
    protocol.receive_frame(trade_frame(time_ns=NOW_NS + 61 * S), NOW_NS)
    protocol.disconnected(NOW_NS + S)
    assert isinstance(protocol.events()[0], FrameRefused)


def test_a_clock_that_cannot_be_mended_is_named() -> None:
    """-1021 also after measuring: the attempt fails and says to set this machine's clock."""
    protocol = _protocol()
    protocol.connected(NOW_NS)
    protocol.receive_frame(
        refusal_frame(1, -1021, "Timestamp for this request is outside of the recvWindow."), NOW_NS
    )
    protocol.receive_frame(answer_frame(2, {"serverTime": NOW_NS // MS}), NOW_NS)
    protocol.receive_frame(
        refusal_frame(3, -1021, "Timestamp for this request is outside of the recvWindow."), NOW_NS
    )
    _, failed = protocol.events()
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, ConnectionLost)
    assert "set this machine's clock" in str(failed.error)


def test_a_venue_that_does_not_tell_its_time_leaves_the_refusal() -> None:
    """-1021 and no usable answer to `time`: the attempt fails for its timestamp."""
    protocol = _protocol()
    protocol.connected(NOW_NS)
    protocol.receive_frame(refusal_frame(1, -1021, "Timestamp ..."), NOW_NS)
    protocol.receive_frame(refusal_frame(2, -1003, "Too many requests."), NOW_NS)
    assert "did not say its time" in str(_error(protocol))


def test_a_quiet_connection_is_probed_not_presumed_dead() -> None:
    """Silence of an idle account is normal: each interval the session's status is asked, and its answer suffices."""
    protocol = _receiving()
    assert protocol.next_deadline_ns() == NOW_NS + 10 * S  # the acknowledgement's, void by now
    for beat in range(1, 5):
        at_ns = NOW_NS + beat * 30 * S
        protocol.receive_timer(at_ns)
        assert _methods(protocol) == ["session.status"]
        protocol.receive_frame(answer_frame(beat + 1, {"userDataStream": True}), at_ns + MS)
        assert protocol.events() == []


def test_a_probe_without_answer_ends_the_connection() -> None:
    """The socket is open and mute: ten seconds after the probe the connection counts as lost."""
    protocol = _receiving()
    protocol.receive_timer(NOW_NS + 30 * S)
    protocol.receive_ping(NOW_NS + 39 * S)
    protocol.receive_timer(NOW_NS + 40 * S)
    assert "no answer to session.status in time" in str(_error(protocol))


@pytest.mark.parametrize("result", [{"userDataStream": False}, {"userDataStream": None}, {}, []])
def test_a_session_without_stream_ends_the_connection(result: object) -> None:
    """The venue answers, but shows no subscription: nothing would come any more."""
    protocol = _receiving()
    protocol.receive_timer(NOW_NS + 30 * S)
    protocol.receive_frame(answer_frame(2, result), NOW_NS + 30 * S)
    assert "no active user data stream" in str(_error(protocol))


def test_a_silent_connection_is_found_within_the_interval() -> None:
    """Whatever the moment at which it falls silent: probe and time to answer fit into the interval, of 30 seconds here."""
    protocol = _receiving()
    answered_ns = NOW_NS
    for call in (2, 3, 4):
        probed_ns = protocol.next_deadline_ns() or 0
        while not _methods(protocol):
            probed_ns = protocol.next_deadline_ns() or 0
            protocol.receive_timer(probed_ns)
        answered_ns = probed_ns
        protocol.receive_frame(answer_frame(call, {"userDataStream": True}), answered_ns)
        protocol.receive_ping(answered_ns)
    at_ns = answered_ns
    while not (events := protocol.events()):
        at_ns = protocol.next_deadline_ns() or 0
        protocol.receive_timer(at_ns)
    assert isinstance(events[0], Failed)
    assert answered_ns < at_ns <= answered_ns + 30 * S


def test_a_throttled_probe_is_an_answer_and_the_last_for_as_long_as_the_venue_wants() -> None:
    """A refusal for its weight shows that the connection lives; it is told, and obeyed by asking nothing more."""
    protocol = _receiving()
    protocol.receive_timer(NOW_NS + 20 * S)
    protocol.receive_frame(
        refusal_frame(2, -1003, "Too much weight.", status=429, retry_after_ms=(NOW_NS + 100 * S) // MS),
        NOW_NS + 20 * S,
    )
    (told,) = protocol.events()
    assert isinstance(told, Throttling)
    assert (told.error.retry_after_s, told.error.reach) == (80.0, Reach.MACHINE)
    assert _methods(protocol) == ["session.status"]
    for seconds in (40, 60, 80, 99):
        protocol.receive_ping(NOW_NS + seconds * S)
        protocol.receive_timer(NOW_NS + seconds * S)
    assert _methods(protocol) == []
    protocol.receive_timer(NOW_NS + 100 * S)
    assert _methods(protocol) == ["session.status"]


def test_what_another_connection_was_told_keeps_this_one_quiet_too() -> None:
    """No probe before the time, and then they go on."""
    protocol = _receiving()
    protocol.keep_quiet(NOW_NS + 45 * S)
    protocol.receive_timer(NOW_NS + 44 * S)
    assert _methods(protocol) == []
    protocol.receive_timer(NOW_NS + 45 * S)
    assert _methods(protocol) == ["session.status"]


def test_silence_without_even_pings_ends_the_connection() -> None:
    """With probes far apart, a minute without any frame is the sign; a ping is a sign of life."""
    protocol = _receiving(limits=replace(LIMITS, heartbeat_interval_ns=3600 * S))
    protocol.receive_ping(NOW_NS + 50 * S)
    protocol.receive_timer(NOW_NS + 60 * S)
    assert protocol.events() == []
    protocol.receive_timer(NOW_NS + 110 * S - 1)
    assert protocol.events() == []
    protocol.receive_timer(NOW_NS + 110 * S)
    assert "nothing received for 60 s, not even a ping" in str(_error(protocol))


def test_a_terminated_stream_ends_the_connection() -> None:
    """`eventStreamTerminated`: from here on fills are missed, so the connection is made anew."""
    protocol = _receiving()
    protocol.receive_frame(
        b'{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1773000000000000}}', NOW_NS
    )
    error = _error(protocol)
    assert isinstance(error, ConnectionLost)
    assert "terminated the event stream" in str(error)


def test_an_announced_shutdown_asks_for_a_successor() -> None:
    """`serverShutdown`: the connection still delivers, and a successor should be receiving before it ends."""
    protocol = _receiving()
    protocol.receive_frame(b'{"event":{"e":"serverShutdown","E":1773000000000000}}', NOW_NS)
    protocol.receive_frame(trade_frame(), NOW_NS)
    expiring, report = protocol.events()
    assert expiring == Expiring("the venue announced the shutdown of its server")
    assert isinstance(report, ExecutionReport)


def test_a_connection_asks_for_its_successor_before_the_venue_ends_it() -> None:
    """At the drawn age, not before: `Expiring`, once."""
    protocol = _receiving(limits=replace(LIMITS, lifetime_ns=20 * S))
    protocol.receive_timer(NOW_NS + 20 * S - 1)
    assert protocol.events() == []
    protocol.receive_timer(NOW_NS + 20 * S)
    assert protocol.events() == [Expiring("the venue ends connections at an age of 24 h")]
    protocol.receive_timer(NOW_NS + 29 * S)
    assert protocol.events() == []


def test_a_revoked_key_ends_the_connection_for_a_person() -> None:
    """The unsolicited 401 with `id: null` means that the key was deleted or lost its rights."""
    protocol = _receiving()
    protocol.receive_frame(
        b'{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}}',
        NOW_NS,
    )
    error = _error(protocol)
    assert isinstance(error, AuthRejected)
    assert str(error) == "binance: Invalid API-key, IP, or permissions for action (code -2015)"


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (
            b'{"subscriptionId":0,"event":{"e":"balanceUpdate","E":1773000000000000,"a":"BTC","d":"1.00000000","T":1773000000000000}}',
            "balance",
        ),
        (b'{"id":99,"status":200,"result":{}}', "unexpected_response"),
        (
            b'{"id":null,"status":400,"error":{"code":-1135,"msg":"Invalid JSON."}}',
            "unexpected_response",
        ),
    ],
)
def test_what_concerns_no_order_is_noted_and_nothing_else(frame: bytes, kind: str) -> None:
    """Balances, late answers and complaints about a single request leave the connection as it is."""
    protocol = _receiving()
    protocol.receive_frame(frame, NOW_NS)
    assert protocol.events() == [Notice(kind)]


def test_nothing_follows_the_end() -> None:
    """A protocol whose socket is gone has no deadline, and late timers change nothing."""
    protocol = _receiving()
    protocol.disconnected(NOW_NS)
    assert protocol.next_deadline_ns() is None
    protocol.receive_timer(NOW_NS + 90_000 * S)
    assert protocol.events() == []
    assert protocol.frames_to_send() == []


def test_a_recorded_life_replays_to_the_same_frames() -> None:
    """No clock, no chance: the same input gives the same output, byte for byte."""

    def replay() -> list[bytes]:
        protocol = _protocol()
        frames: list[bytes] = []
        protocol.connected(NOW_NS)
        frames += protocol.frames_to_send()
        protocol.receive_frame(answer_frame(1, {"subscriptionId": 0}), NOW_NS)
        for beat in range(1, 4):
            protocol.receive_timer(NOW_NS + beat * 30 * S)
            frames += protocol.frames_to_send()
            protocol.receive_frame(answer_frame(beat + 1, {"userDataStream": True}), NOW_NS + beat * 30 * S)
        return frames

    assert replay() == replay()
    assert len(replay()) == 4
