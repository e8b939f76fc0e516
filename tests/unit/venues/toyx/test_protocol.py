"""A connection of the toy venue, step by step, without a socket."""

from decimal import Decimal

import orjson
import pytest

from fillwire.domain.enums import OrderType, Side
from fillwire.domain.errors import AuthRejected, ConnectionLost
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import OrderRequest, Outcome
from fillwire.venues.protocol import (
    Authenticated,
    ConnectionLimits,
    Failed,
    FrameRefused,
    OrderAnswered,
    OrderDoubted,
    Ping,
    Subscribed,
)
from fillwire.venues.symbols import SymbolTable
from toyx.venue.protocol import ToyProtocol
from toyx.venue.requests import Key

S = 1_000_000_000
NOW_NS = 1_795_000_000 * S
WELCOME = b'{"type":"welcome","time":1795000000000000}'


@pytest.fixture
def protocol() -> ToyProtocol:
    """A connection whose socket is up."""
    made = ToyProtocol(
        account=Account("alice", "toyx", "simulated"),
        key=Key("key", "secret"),
        symbols=SymbolTable.of([("BTC/USD", "BTC-USD")]),
        limits=ConnectionLimits(
            connect_timeout_ns=5 * S,
            heartbeat_interval_ns=30 * S,
            lifetime_ns=3600 * S,
            order_timeout_ns=5 * S,
            max_pending_orders=10,
        ),
        clock_offset_ns=0,
        dialled_ns=NOW_NS,
    )
    made.connected(NOW_NS)
    return made


def test_login_is_the_first_word(protocol: ToyProtocol) -> None:
    """The key goes out, and with the welcome every event is seen; a second welcome says nothing new."""
    (frame,) = protocol.frames_to_send()
    assert orjson.loads(frame) == {"op": "login", "key": "key", "secret": "secret"}
    assert protocol.events() == []
    protocol.receive_frame(WELCOME, NOW_NS)
    protocol.receive_frame(WELCOME, NOW_NS)
    assert protocol.events() == [Authenticated(), Subscribed()]


def test_a_refused_key_ends_the_connection(protocol: ToyProtocol) -> None:
    """By the error that is not tried again, with the venue's reason."""
    protocol.receive_frame(b'{"type":"refused","reason":"no such key"}', NOW_NS)
    (event,) = protocol.events()
    assert isinstance(event, Failed)
    assert isinstance(event.error, AuthRejected)
    assert event.error.reason == "no such key"
    assert protocol.next_deadline_ns() is None


def test_a_login_without_answer_ends_at_its_deadline(protocol: ToyProtocol) -> None:
    """Not before, and as something to try again."""
    assert protocol.next_deadline_ns() == NOW_NS + 5 * S
    protocol.receive_timer(NOW_NS + 5 * S - 1)
    assert protocol.events() == []
    protocol.receive_timer(NOW_NS + 5 * S)
    (event,) = protocol.events()
    assert isinstance(event, Failed)
    assert isinstance(event.error, ConnectionLost)


def test_pongs_keep_a_connection_and_silence_ends_it(protocol: ToyProtocol) -> None:
    """Within the heartbeat's interval."""
    protocol.receive_frame(WELCOME, NOW_NS)
    protocol.frames_to_send()
    protocol.receive_timer(NOW_NS + 10 * S)
    assert [type(frame) for frame in protocol.frames_to_send()] == [Ping]
    protocol.receive_ping(NOW_NS + 11 * S)
    protocol.receive_timer(NOW_NS + 20 * S)
    protocol.receive_timer(NOW_NS + 30 * S)
    assert not any(isinstance(event, Failed) for event in protocol.events())
    protocol.receive_timer(NOW_NS + 40 * S)
    assert [type(event) for event in protocol.events()] == [Failed]


def test_a_refused_frame_that_names_its_order_is_a_doubt(protocol: ToyProtocol) -> None:
    """The frame goes to quarantine, and the records are asked what it could not tell."""
    frame = b'{"type":"order","time":1,"order":{"id":"7","symbol":"BTC/USD"},"trade":null}'
    protocol.receive_frame(frame, NOW_NS)
    refused, doubt = protocol.events()
    assert isinstance(refused, FrameRefused)
    assert (refused.frame, refused.error.code) == (frame, "missing_field")
    assert doubt == OrderDoubted(("BTC/USD", "7"))
    protocol.receive_frame(b"{", NOW_NS)
    assert [type(event) for event in protocol.events()] == [FrameRefused]


def test_no_order_is_sent_before_events_are_seen(protocol: ToyProtocol) -> None:
    """It is refused at once, and nothing goes out."""
    request = OrderRequest(
        client_order_id="bot-1", pair="BTC-USD", side=Side.BUY, type=OrderType.MARKET, quantity=Decimal(1)
    )
    protocol.place_order(1, request, NOW_NS, may_exist=False)
    (event,) = protocol.events()
    assert isinstance(event, OrderAnswered)
    assert (event.key, event.answer.outcome) == (1, Outcome.REJECTED)
    assert protocol.requests_to_send() == []
    protocol.receive_frame(WELCOME, NOW_NS)
    protocol.place_order(2, request, NOW_NS, may_exist=False)
    (ask,) = protocol.requests_to_send()
    sent = ask.make(NOW_NS)
    assert (sent.method, sent.target) == ("POST", "/orders")
    assert orjson.loads(sent.body)["client_id"] == "bot-1"
    assert "secret" not in repr(sent)
