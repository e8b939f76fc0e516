"""The life of one Coinbase Exchange connection, frame by frame: literal frames in, frames, requests and events out."""

import json
from dataclasses import replace
from decimal import Decimal

import orjson
import pytest

from fillwire.domain.enums import OrderType, Side, TimeInForce
from fillwire.domain.errors import AuthRejected, ConnectionLost, SubscriptionRejected, VenueError
from fillwire.venues.coinbase_exchange.protocol import SILENCE_NS
from fillwire.venues.parsing import ExecutionReport
from fillwire.venues.protocol import (
    Authenticated,
    ClockMeasured,
    Expiring,
    FrameRefused,
    OrderDoubted,
    StreamDoubted,
    Subscribed,
)
from fillwire.venues.records import OrderRow
from fillwire.venues.rest import HttpResponse
from fillwire.venues.symbols import SymbolTable
from support.coinbase_exchange_connection import (
    LIMITS,
    NOW_NS,
    PRODUCTS,
    SIGNER,
    S,
    asked,
    error,
    protocol,
    received,
    receiving,
    subscriptions,
    traded,
)


def test_the_subscription_is_the_log_in() -> None:
    """Signed as the documents say, for every product; its acknowledgement proves key and stream at once."""
    found = protocol()
    assert found.frames_to_send() == []
    found.connected(NOW_NS)
    (frame,) = found.frames_to_send()
    document = json.loads(frame)
    assert document == {
        "type": "subscribe",
        "channels": [
            {"name": "user", "product_ids": list(PRODUCTS)},
            {"name": "heartbeat", "product_ids": ["BTC-USD"]},
        ],
        "signature": SIGNER.sign("1795000000", "GET", "/users/self/verify"),
        "key": "the-key",
        "passphrase": "the-phrase",
        "timestamp": "1795000000",
    }
    found.receive_frame(subscriptions(user=PRODUCTS[:2], heartbeat=PRODUCTS[:1]), NOW_NS)
    assert found.events() == []
    found.receive_frame(subscriptions(user=PRODUCTS, heartbeat=PRODUCTS[:1]), NOW_NS)
    assert found.events() == [Authenticated(), Subscribed()]


def test_many_products_are_asked_for_in_several_messages() -> None:
    """The venue limits the size of a message."""
    products = tuple(f"P{number:03}-USD" for number in range(450))
    found = protocol(products=products)
    found.connected(NOW_NS)
    frames = found.frames_to_send()
    assert len(frames) == 3
    assert asked(frames)["user"] == list(products)


def test_what_bots_listen_to_moves_to_the_channel_that_has_everything() -> None:
    """Never on neither: it is asked for on one, and given up on the other when it was granted; and back again."""
    found = protocol("ETH-USD")
    found.connected(NOW_NS)
    assert asked(found.frames_to_send()) == {
        "user": list(PRODUCTS),
        "heartbeat": ["ETH-USD"],
        "full": ["ETH-USD"],
    }
    found.receive_frame(subscriptions(user=PRODUCTS, heartbeat=("ETH-USD",), full=("ETH-USD",)), NOW_NS)
    assert asked(found.frames_to_send()) == {"-user": ["ETH-USD"]}
    rest = ("BTC-USD", "SOL-USD")
    found.receive_frame(subscriptions(user=rest, heartbeat=("ETH-USD",), full=("ETH-USD",)), NOW_NS)
    assert found.events() == [Authenticated(), Subscribed()]
    found.use_pairs(frozenset())
    assert asked(found.frames_to_send()) == {
        "user": ["ETH-USD"],
        "-heartbeat": ["ETH-USD"],
        "heartbeat": ["BTC-USD"],
    }
    found.receive_frame(subscriptions(user=PRODUCTS, heartbeat=("BTC-USD",), full=("ETH-USD",)), NOW_NS)
    assert asked(found.frames_to_send()) == {"-full": ["ETH-USD"]}
    found.receive_frame(subscriptions(user=PRODUCTS, heartbeat=("BTC-USD",)), NOW_NS)
    assert found.events() == []


def test_a_change_that_nobody_acknowledges_ends_the_connection() -> None:
    """Nothing else is asked for meanwhile, and nobody knows what is subscribed."""
    found = receiving()
    found.use_pairs(frozenset({"ETH-USD"}))
    assert asked(found.frames_to_send())["full"] == ["ETH-USD"]
    found.use_pairs(frozenset({"SOL-USD"}))
    assert found.frames_to_send() == []
    found.receive_ping(NOW_NS + 9 * S)
    found.receive_timer(NOW_NS + 10 * S)
    assert "was not acknowledged in time" in error(found).reason


def test_the_channel_that_has_everything_can_be_left_alone() -> None:
    """Who wants no public messages gets none."""
    found = protocol("ETH-USD", follows=False)
    found.connected(NOW_NS)
    assert "full" not in asked(found.frames_to_send())


def test_where_bots_listen_to_every_pair_those_with_orders_are_followed() -> None:
    """All of them would be everybody's messages of everything."""
    found = receiving("*")
    assert found.frames_to_send() == []
    found.receive_frame(received(), NOW_NS)
    assert asked(found.frames_to_send()) == {"full": ["BTC-USD"]}
    found.receive_frame(subscriptions(user=PRODUCTS, heartbeat=PRODUCTS[:1], full=PRODUCTS[:1]), NOW_NS)
    assert asked(found.frames_to_send()) == {"-user": ["BTC-USD"]}
    found.receive_frame(subscriptions(user=PRODUCTS[1:], heartbeat=PRODUCTS[:1], full=PRODUCTS[:1]), NOW_NS)
    found.note_order(replace(row("0", None), symbol="ETH-USD", order_id="o2"))
    assert asked(found.frames_to_send()) == {"full": ["ETH-USD"], "heartbeat": ["ETH-USD"]}


def test_a_product_that_the_venue_does_not_know_is_left_out() -> None:
    """One name fails a whole subscription: it is asked for without it, also later on."""
    found = protocol()
    found.connected(NOW_NS)
    found.frames_to_send()
    refusal = {"type": "error", "message": "Failed to subscribe", "reason": "SOL-USD is not a valid product"}
    found.receive_frame(orjson.dumps(refusal), NOW_NS)
    assert asked(found.frames_to_send())["user"] == ["BTC-USD", "ETH-USD"]
    found.receive_frame(subscriptions(user=PRODUCTS[:2], heartbeat=PRODUCTS[:1]), NOW_NS)
    assert found.events() == [Authenticated(), Subscribed()]
    found.use_pairs(frozenset({"SOL-USD"}))
    assert found.frames_to_send() == []


def test_a_stream_that_was_taken_away_is_lost() -> None:
    """An acknowledgement that no longer lists what it did: nothing would come any more."""
    found = receiving()
    found.receive_frame(b'{"type":"subscriptions","product_ids":[],"channels":[]}', NOW_NS)
    assert isinstance(error(found), ConnectionLost)


@pytest.mark.parametrize(
    ("message", "reason", "expected"),
    [
        ("Authentication Failed", '{"message":"Invalid API Key"}', AuthRejected),
        ("Failed to subscribe", "rfq is not a valid channel", SubscriptionRejected),
        ("ErrSlowConsume", None, ConnectionLost),
        ("Failed to subscribe", "internal error", ConnectionLost),
    ],
)
def test_an_error_says_what_is_to_be_done(
    message: str, reason: str | None, expected: type[VenueError]
) -> None:
    """A bad key is for a person, a bad day for another attempt."""
    found = protocol()
    found.connected(NOW_NS)
    found.receive_frame(orjson.dumps({"type": "error", "message": message, "reason": reason}), NOW_NS)
    assert type(error(found)) is expected


def test_a_refused_time_is_signed_once_more_by_the_venues_clock() -> None:
    """The venue is asked for its time; a second refusal ends the attempt and says how far off the clock is."""
    found = protocol()
    found.connected(NOW_NS)
    found.frames_to_send()
    refusal = orjson.dumps(
        {
            "type": "error",
            "message": "Authentication Failed",
            "reason": '{"message":"request timestamp expired"}',
        }
    )
    found.receive_frame(refusal, NOW_NS)
    (ask,) = found.requests_to_send()
    assert ask.make(NOW_NS).path == "/time"
    body = orjson.dumps({"iso": "2026-11-18T12:28:20Z", "epoch": 1795004900.0})
    found.receive_response(ask.key, HttpResponse(status=200, body=body), NOW_NS + 2 * S)
    (measured,) = found.events()
    assert isinstance(measured, ClockMeasured)
    assert (measured.offset_ns, measured.round_trip_ns) == (4_899 * S, 2 * S)
    (frame,) = found.frames_to_send()
    assert json.loads(frame)["timestamp"] == "1795004901"
    found.receive_frame(refusal, NOW_NS + 3 * S)
    assert "set this machine's clock" in error(found).reason


def test_silence_is_death() -> None:
    """With a heartbeat a second, five seconds without any frame are the end; a ping is a sign of life."""
    found = receiving()
    beat = b'{"type":"heartbeat","sequence":9,"last_trade_id":2,"product_id":"BTC-USD","time":"2026-11-07T08:19:28Z"}'
    found.receive_frame(beat, NOW_NS + 3 * S)
    assert found.events() == []
    found.receive_timer(NOW_NS + SILENCE_NS)
    assert found.events() == []
    found.receive_ping(NOW_NS + 6 * S)
    found.receive_timer(NOW_NS + 3 * S + SILENCE_NS)
    assert found.events() == []
    found.receive_timer(NOW_NS + 6 * S + SILENCE_NS)
    assert "nothing received for 5 s" in error(found).reason


def test_a_subscription_that_nobody_acknowledges_is_given_up() -> None:
    """Within the limit for connecting, counted from dialling."""
    found = protocol()
    found.connected(NOW_NS)
    found.receive_ping(NOW_NS + 9 * S)
    found.receive_timer(NOW_NS + 10 * S)
    assert "not acknowledged in time" in error(found).reason


def test_a_connection_is_renewed_at_its_age() -> None:
    """Before a deployment of the venue chooses the time."""
    found = receiving()
    found.receive_ping(NOW_NS + LIMITS.lifetime_ns)
    found.receive_timer(NOW_NS + LIMITS.lifetime_ns)
    (event,) = found.events()
    assert isinstance(event, Expiring)


def test_fills_are_events_also_before_the_acknowledgement() -> None:
    """What the venue says of an order is told whenever it comes."""
    found = protocol()
    found.connected(NOW_NS)
    found.receive_frame(received(), NOW_NS)
    found.receive_frame(traded(2, 7, "1"), NOW_NS)
    assert [event.kind for event in found.events() if isinstance(event, ExecutionReport)] == [
        "new",
        "partially_filled",
    ]


def row(executed: str, last_trade_id: str | None) -> OrderRow:
    """Return what the records show of the order."""
    return OrderRow(
        symbol="BTC-USD",
        order_id="o1",
        client_order_id=None,
        order_list_id=None,
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        price=Decimal(100),
        stop_price=None,
        quantity=Decimal(3),
        quote_quantity=None,
        executed=Decimal(executed),
        executed_quote=Decimal(100),
        prevented=None,
        status="open",
        ending=None,
        is_pending=False,
        is_working=None,
        reject_reason=None,
        created_ns=0,
        updated_ns=0,
        last_trade_id=last_trade_id,
    )


def test_an_order_met_mid_life_is_doubted_until_the_records_tell() -> None:
    """While they lag behind what was told, they are asked again, more and more seldom; then the stream goes on."""
    found = receiving()
    found.receive_frame(traded(2, 7, "1"), NOW_NS)
    assert found.events() == [OrderDoubted(("BTC-USD", "o1"))]
    for delay_ns in (S // 2, S, 2 * S):
        found.note_order(row("0", None))
        assert found.events() == [OrderDoubted(("BTC-USD", "o1"), delay_ns)]
    found.note_order(row("1", "7"))
    assert found.events() == []
    found.receive_frame(traded(3, 8, "2"), NOW_NS)
    (event,) = found.events()
    assert isinstance(event, ExecutionReport)
    assert (event.kind, event.cumulative_quantity) == ("filled", "3")


def test_what_is_known_of_orders_outlives_a_new_table_of_products() -> None:
    """And what is new in it is subscribed to."""
    found = receiving()
    found.receive_frame(received(), NOW_NS)
    found.use_symbols(SymbolTable.of((product, product) for product in (*PRODUCTS, "XRP-USD")))
    assert asked(found.frames_to_send()) == {"user": ["XRP-USD"]}
    found.receive_frame(traded(2, 7, "3"), NOW_NS)
    assert [event.kind for event in found.events() if isinstance(event, ExecutionReport)] == ["new", "filled"]


def test_lost_messages_are_noticed_by_their_numbers() -> None:
    """The orders of the product are looked up at once, and everything is compared, not more often than is of use."""
    found = receiving("BTC-USD")
    found.receive_frame(subscriptions(user=PRODUCTS[1:], heartbeat=PRODUCTS[:1], full=PRODUCTS[:1]), NOW_NS)
    found.receive_frame(received(1), NOW_NS)
    found.events()
    public = {"type": "open", "product_id": "BTC-USD", "order_id": "o7"}
    found.receive_frame(orjson.dumps(public | {"sequence": 3}), NOW_NS)
    stream, order = found.events()
    assert isinstance(stream, StreamDoubted)
    assert order == OrderDoubted(("BTC-USD", "o1"))
    found.receive_frame(orjson.dumps(public | {"sequence": 5}), NOW_NS + S)
    assert found.events() == [order]
    found.receive_ping(NOW_NS + 5 * S)
    found.receive_timer(NOW_NS + 5 * S)
    assert found.events() == [stream]


def test_a_broken_frame_is_kept_and_the_connection_goes_on() -> None:
    """It is handed over whole, with what is wrong with it."""
    found = receiving()
    frame = traded(2, 7, "-1")
    found.receive_frame(frame, NOW_NS)
    (event,) = found.events()
    assert isinstance(event, FrameRefused)
    assert (event.frame, event.error.code, event.error.order_id) == (frame, "negative_amount", "o1")


def test_frames_from_the_future_wait_for_the_venues_time() -> None:
    """It may be our clock that is wrong; what comes meanwhile waits in its order."""
    found = receiving()
    found.receive_frame(received(time="2026-12-07T08:19:27Z"), NOW_NS)
    found.receive_frame(traded(2, 7, "3").replace(b"2026-11-07", b"2026-12-07"), NOW_NS)
    assert found.events() == []
    (ask,) = found.requests_to_send()
    body = orjson.dumps({"iso": "2026-12-07T08:19:27Z", "epoch": 1.0})
    found.receive_response(ask.key, HttpResponse(status=200, body=body), NOW_NS)
    measured, *events = found.events()
    assert isinstance(measured, ClockMeasured)
    assert [event.kind for event in events if isinstance(event, ExecutionReport)] == ["new", "filled"]
