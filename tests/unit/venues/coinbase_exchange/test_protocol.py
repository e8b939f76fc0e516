"""The life of one Coinbase Exchange connection, frame by frame: literal frames in, frames, requests and events out."""

import base64
import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import pytest

from fillwire.domain.enums import OrderType, Side, TimeInForce
from fillwire.domain.errors import AuthRejected, ConnectionLost, SubscriptionRejected, VenueError
from fillwire.domain.identifiers import Account
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome
from fillwire.venues.coinbase_exchange.auth import signer
from fillwire.venues.coinbase_exchange.names import ClientOrderIds, venue_id
from fillwire.venues.coinbase_exchange.protocol import SILENCE_NS, ExchangeProtocol
from fillwire.venues.parsing import ExecutionReport
from fillwire.venues.protocol import (
    Authenticated,
    ClockMeasured,
    ConnectionLimits,
    Expiring,
    Failed,
    FrameRefused,
    OrderAnswered,
    OrderDoubted,
    StreamDoubted,
    Subscribed,
)
from fillwire.venues.records import OrderRow
from fillwire.venues.rest import HttpResponse
from fillwire.venues.symbols import SymbolTable

S = 1_000_000_000
NOW_NS = 1_795_000_000 * S
ACCOUNT = Account("alice", "coinbase", "live")
PRODUCTS = ("BTC-USD", "ETH-USD", "SOL-USD")
SIGNER = signer("the-key", base64.b64encode(bytes(range(64))).decode(), "the-phrase")
LIMITS = ConnectionLimits(
    connect_timeout_ns=10 * S,
    heartbeat_interval_ns=30 * S,
    lifetime_ns=86_000 * S,
    order_timeout_ns=5 * S,
    max_pending_orders=2,
)
US = {"user_id": "u1", "profile_id": "p1"}


def protocol(
    *pairs: str,
    follows: bool = True,
    products: tuple[str, ...] = PRODUCTS,
    names: ClientOrderIds | None = None,
) -> ExchangeProtocol:
    """Return the protocol of a connection that is being dialled."""
    return ExchangeProtocol(
        account=ACCOUNT,
        signer=SIGNER,
        names=names or ClientOrderIds(),
        symbols=SymbolTable.of((product, product) for product in products),
        pairs=frozenset(pairs),
        follows=follows,
        limits=LIMITS,
        clock_offset_ns=0,
        dialled_ns=NOW_NS,
    )


def subscriptions(**channels: tuple[str, ...]) -> bytes:
    """Return the acknowledgement of these channels."""
    entries = [
        {"name": name, "product_ids": products, "account_ids": None} for name, products in channels.items()
    ]
    return orjson.dumps({"type": "subscriptions", "channels": entries})


def receiving(*pairs: str, **options: Any) -> ExchangeProtocol:
    """Return a protocol whose subscription is acknowledged."""
    found = protocol(*pairs, **options)
    found.connected(NOW_NS)
    found.frames_to_send()
    found.receive_frame(subscriptions(user=PRODUCTS, heartbeat=PRODUCTS[:1]), NOW_NS)
    found.events()
    found.frames_to_send()
    return found


def message(kind: str, sequence: int, **members: Any) -> bytes:
    """Return a message about an order of ours."""
    head = {"type": kind, "side": "buy", "product_id": "BTC-USD", "time": "2026-11-07T08:19:27.028459Z"}
    return orjson.dumps(head | {"sequence": sequence, "order_id": "o1"} | US | members)


def received(sequence: int = 1, **members: Any) -> bytes:
    """Return the beginning of an order."""
    return message("received", sequence, **{"order_type": "limit", "size": "3", "price": "100"} | members)


def traded(sequence: int, trade_id: int, size: str) -> bytes:
    """Return a trade of it."""
    return message(
        "match",
        sequence,
        trade_id=trade_id,
        size=size,
        price="100",
        maker_order_id="o1",
        taker_order_id="o9",
        maker_user_id="u1",
    )


def asked(frames: list[bytes]) -> dict[str, list[str]]:
    """Return the products by channel that the frames ask for; `-channel` for those that they no longer want."""
    found: dict[str, list[str]] = {}
    for frame in frames:
        document = json.loads(frame)
        for entry in document["channels"]:
            name = entry["name"] if document["type"] == "subscribe" else f"-{entry['name']}"
            found.setdefault(name, []).extend(entry["product_ids"])
    return found


def error(found: ExchangeProtocol) -> VenueError:
    """Return why the connection failed, which must be all that happened."""
    (event,) = found.events()
    assert isinstance(event, Failed)
    return event.error


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


ORDER = OrderRequest(
    client_order_id="mine-1",
    pair="BTC-USD",
    side=Side.BUY,
    type=OrderType.LIMIT,
    quantity=Decimal("0.5"),
    price=Decimal("100.10"),
    time_in_force=TimeInForce.GTC,
)


def answer(found: ExchangeProtocol) -> Any:
    """Return the answer to a bot's request, which must be all that happened."""
    (event,) = found.events()
    assert isinstance(event, OrderAnswered)
    return event.answer


def test_an_order_is_placed_under_a_name_that_the_venue_takes() -> None:
    """Signed over the body, and its events go by the id of its owner, whether they come before the answer or after."""
    found = receiving(names=ClientOrderIds())
    found.place_order(5, ORDER, NOW_NS, may_exist=False)
    (ask,) = found.requests_to_send()
    request = ask.make(NOW_NS)
    name = venue_id("mine-1")
    assert (request.method, request.target) == ("POST", "/orders")
    assert json.loads(request.body) == {
        "side": "buy",
        "product_id": "BTC-USD",
        "client_oid": name,
        "size": "0.5",
        "type": "limit",
        "price": "100.1",
        "time_in_force": "GTC",
    }
    headers = dict(request.headers)
    assert headers["CB-ACCESS-SIGN"] == SIGNER.sign("1795000000", "POST", "/orders", request.body)
    assert headers["CB-ACCESS-TIMESTAMP"] == "1795000000"
    found.receive_frame(received(client_oid=name), NOW_NS)
    (event,) = found.events()
    assert isinstance(event, ExecutionReport)
    assert event.client_order_id == "mine-1"
    body = orjson.dumps({"id": "o1", "status": "pending", "filled_size": "0"})
    found.receive_response(ask.key, HttpResponse(status=200, body=body), NOW_NS)
    told = answer(found)
    assert (told.outcome, told.order_id, told.client_order_id) == (Outcome.ACCEPTED, "o1", "mine-1")


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, {"message": "Insufficient funds"}, Outcome.REJECTED),
        (200, {"id": "o1", "status": "rejected", "reject_reason": "post only"}, Outcome.REJECTED),
        (401, {"message": "Invalid API Key"}, Outcome.REJECTED),
        (429, {"message": "Private rate limit exceeded"}, Outcome.REJECTED),
    ],
)
def test_a_refusal_is_an_answer(status: int, body: dict[str, str], outcome: Outcome) -> None:
    """The venue said that nothing was done."""
    found = receiving()
    found.place_order(5, ORDER, NOW_NS, may_exist=False)
    (ask,) = found.requests_to_send()
    found.receive_response(ask.key, HttpResponse(status=status, body=orjson.dumps(body)), NOW_NS)
    assert answer(found).outcome is outcome


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (502, b"<html>"),
        (408, b""),
        (404, b"<html>"),
        (400, b'{"message":"duplicate client_oid"}'),
        (200, b"what"),
    ],
)
def test_an_order_that_may_exist_is_looked_for_by_its_name(status: int, body: bytes) -> None:
    """No answer, or one that says that there is such an order: the venue's records tell."""
    found = receiving()
    found.place_order(5, ORDER, NOW_NS, may_exist=False)
    (ask,) = found.requests_to_send()
    found.receive_response(ask.key, HttpResponse(status=status, body=body), NOW_NS)
    (look,) = found.requests_to_send()
    assert look.make(NOW_NS).path == f"/orders/client:{venue_id('mine-1')}"
    row = {"id": "o1", "status": "done", "done_reason": "filled", "filled_size": "0.5"}
    found.receive_response(look.key, HttpResponse(status=200, body=orjson.dumps(row)), NOW_NS)
    told = answer(found)
    assert (told.outcome, told.cumulative_quantity) == (Outcome.ACCEPTED, Decimal("0.5"))


def test_an_order_whose_time_is_refused_is_sent_by_the_venues_clock() -> None:
    """Nothing was done, and it is not looked for: the clock is measured, and the order sent once more."""
    found = receiving()
    found.place_order(5, ORDER, NOW_NS, may_exist=False)
    (ask,) = found.requests_to_send()
    refused = HttpResponse(status=400, body=b'{"message":"request timestamp expired"}')
    found.receive_response(ask.key, refused, NOW_NS)
    (ask,) = found.requests_to_send()
    assert ask.make(NOW_NS).path == "/time"
    found.receive_response(ask.key, HttpResponse(status=200, body=b'{"epoch":1795000007.0}'), NOW_NS)
    (ask,) = found.requests_to_send()
    assert ask.make(NOW_NS).method == "POST"


def test_an_order_that_the_venue_may_have_deleted_is_not_placed_again() -> None:
    """What was cancelled without an execution is gone: that it does not show is no proof."""
    found = receiving()
    found.place_order(5, ORDER, NOW_NS, may_exist=True)
    for look in range(3):
        (ask,) = found.requests_to_send()
        assert ask.make(NOW_NS).method == "GET"
        found.receive_response(
            ask.key, HttpResponse(status=404, body=b'{"message":"NotFound"}'), NOW_NS + look * S // 4
        )
        found.receive_timer(NOW_NS + (look + 1) * S // 4)
    assert found.requests_to_send() == []
    assert answer(found).outcome is Outcome.UNKNOWN


def test_an_unreadable_answer_to_a_cancellation_leaves_it_unknown() -> None:
    """It may have been cancelled; the connection goes on."""
    found = receiving()
    found.cancel_order(6, CancelRequest(pair="BTC-USD", order_id="o1"), NOW_NS)
    (ask,) = found.requests_to_send()
    found.receive_response(ask.key, HttpResponse(status=200, body=b"<html>"), NOW_NS)
    assert answer(found).outcome is Outcome.UNKNOWN


def test_an_order_is_cancelled_by_either_id() -> None:
    """By the venue's, or by ours in the venue's spelling."""
    found = receiving()
    for request, name in (
        (CancelRequest(pair="BTC-USD", order_id="o1"), "o1"),
        (CancelRequest(pair="BTC-USD", client_order_id="mine-1"), f"client:{venue_id('mine-1')}"),
    ):
        found.cancel_order(6, request, NOW_NS)
        (ask,) = found.requests_to_send()
        sent = ask.make(NOW_NS)
        assert (sent.method, sent.target) == ("DELETE", f"/orders/{name}?product_id=BTC-USD")
        found.receive_response(ask.key, HttpResponse(status=200, body=b'"o1"'), NOW_NS)
        assert answer(found).outcome is Outcome.ACCEPTED
    found.cancel_order(7, CancelRequest(pair="BTC-USD", order_id="o1"), NOW_NS)
    (ask,) = found.requests_to_send()
    found.receive_response(ask.key, HttpResponse(status=404, body=b'{"message":"order not found"}'), NOW_NS)
    (look,) = found.requests_to_send()
    found.receive_response(look.key, HttpResponse(status=404, body=b'{"message":"NotFound"}'), NOW_NS)
    assert answer(found).outcome is Outcome.REJECTED


def test_an_order_that_the_venue_does_not_take_is_not_sent() -> None:
    """The reason names what can be placed."""
    found = receiving()
    request = OrderRequest(
        client_order_id="x", pair="BTC-USD", side=Side.BUY, type=OrderType.STOP_LOSS, quantity=Decimal(1)
    )
    found.place_order(8, request, NOW_NS, may_exist=False)
    assert found.requests_to_send() == []
    told = answer(found)
    assert (told.outcome, "expected market, or limit" in told.reason) == (Outcome.REJECTED, True)


def test_nothing_is_sent_before_the_stream_is_there() -> None:
    """An order whose fills nobody would see is refused unsent; one without answer ends unknown."""
    found = protocol()
    found.place_order(1, ORDER, NOW_NS, may_exist=False)
    assert answer(found).outcome is Outcome.REJECTED
    found = receiving()
    found.place_order(1, ORDER, NOW_NS, may_exist=False)
    found.disconnected(NOW_NS)
    found.receive_timer(found.next_deadline_ns() or 0)
    assert answer(found).outcome is Outcome.UNKNOWN
    assert found.next_deadline_ns() is None
