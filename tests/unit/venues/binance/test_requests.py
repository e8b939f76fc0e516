"""Requests to Binance byte for byte."""

from decimal import Decimal

import orjson
import pytest

from fillwire.domain.enums import OrderType, Side, TimeInForce
from fillwire.domain.errors import OrderRejected
from fillwire.domain.orders import CancelRequest, OrderRequest
from fillwire.venues.binance import requests
from fillwire.venues.binance.auth import signer, websocket_payload
from support.binance_keys import API_KEY, ED25519_PEM, HMAC_SECRET

HMAC = signer(API_KEY, HMAC_SECRET)


def _order(**changes: object) -> OrderRequest:
    values: dict[str, object] = {
        "client_order_id": "grid-1",
        "pair": "BTC-USDT",
        "side": Side.BUY,
        "type": OrderType.LIMIT,
        "quantity": Decimal("0.50000000"),
        "price": Decimal("6.4E+4"),
        "time_in_force": None,
    }
    return OrderRequest(**(values | changes))  # type: ignore[arg-type]  # values by name, as the test varies them


def test_an_unsigned_call_carries_nothing_but_its_method() -> None:
    """`session.status` and `userDataStream.subscribe` take no parameters: the venue refuses any."""
    assert requests.SESSION_STATUS.frame(7) == b'{"id":7,"method":"session.status"}'
    assert requests.SUBSCRIBE.frame(8) == b'{"id":8,"method":"userDataStream.subscribe"}'


def test_a_signed_call_signs_what_it_sends() -> None:
    """The signature covers exactly the parameters in the frame, without itself."""
    frame = orjson.loads(requests.SUBSCRIBE_SIGNATURE.signed_frame(1, HMAC, 1747385641636))
    assert frame["method"] == "userDataStream.subscribe.signature"
    assert (
        frame["params"].pop("signature") == "49601ffc5b0122c3c7ee3ea85ef7d6cd76256f5191a57c976418faa32e917653"
    )
    assert frame["params"] == {"apiKey": API_KEY, "recvWindow": 5000, "timestamp": 1747385641636}


def test_a_call_on_a_session_is_timed_but_not_signed() -> None:
    """After logging on the key is known to the venue: time and window remain."""
    assert requests.cancel_order("BTCUSDT", CancelRequest(pair="BTC-USDT", order_id="12")).timed_frame(
        3, 1747385641636
    ) == (
        b'{"id":3,"method":"order.cancel","params":{"symbol":"BTCUSDT","orderId":12,"recvWindow":5000,'
        b'"timestamp":1747385641636}}'
    )


def test_amounts_are_sent_exactly_and_plainly() -> None:
    """No exponent, no trailing zeros, no float: the text is the amount."""
    assert requests.place_order("BTCUSDT", _order()).params == {
        "symbol": "BTCUSDT",
        "side": "BUY",
        "type": "LIMIT",
        "quantity": "0.5",
        "newClientOrderId": "grid-1",
        "newOrderRespType": "RESULT",
        "price": "64000",
        "timeInForce": "GTC",
    }
    tiny = requests.place_order("X", _order(quantity=Decimal("1E-8"), price=Decimal("0.000000010")))
    assert (tiny.params["quantity"], tiny.params["price"]) == ("0.00000001", "0.00000001")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"time_in_force": TimeInForce.FOK}, {"type": "LIMIT", "timeInForce": "FOK", "price": "64000"}),
        ({"type": OrderType.LIMIT_MAKER}, {"type": "LIMIT_MAKER", "timeInForce": None, "price": "64000"}),
        (
            {"type": OrderType.MARKET, "price": None, "side": Side.SELL},
            {"type": "MARKET", "timeInForce": None, "price": None, "side": "SELL"},
        ),
    ],
)
def test_each_type_is_sent_with_what_it_takes(
    changes: dict[str, object], expected: dict[str, object]
) -> None:
    """A price for limit orders only; a time in force where the type has one."""
    params = requests.place_order("BTCUSDT", _order(**changes)).params
    assert {name: params.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"price": None}, "price of a limit order: expected a price, was none"),
        ({"type": OrderType.MARKET}, "price of a market order: expected none, was 64000"),
        ({"quantity": Decimal(0)}, "quantity 0: expected more than 0"),
        ({"quantity": Decimal("NaN")}, "quantity NaN: expected more than 0"),
        ({"price": Decimal("Infinity")}, "price Infinity: expected more than 0"),
        ({"type": OrderType.STOP_LOSS}, "order type stop_loss needs a stop price"),
    ],
)
def test_an_order_that_cannot_be_is_refused_unsent(changes: dict[str, object], sentence: str) -> None:
    """What the venue would refuse for certain is refused here, saying why."""
    with pytest.raises(OrderRejected, match=sentence):
        requests.place_order("BTCUSDT", _order(**changes))


def test_an_order_is_named_by_either_id() -> None:
    """By the venue's id, by the client's, or by both; never by neither or by something else."""
    both = requests.order_status("BTCUSDT", "42", "grid-1")
    assert both.params == {"symbol": "BTCUSDT", "orderId": 42, "origClientOrderId": "grid-1"}
    with pytest.raises(OrderRejected, match="found neither"):
        requests.cancel_order("BTCUSDT", CancelRequest(pair="BTC-USDT"))
    with pytest.raises(OrderRejected, match="expected digits"):
        requests.cancel_order("BTCUSDT", CancelRequest(pair="BTC-USDT", order_id="42&x=1"))


def test_public_rest_requests_need_no_key() -> None:
    """Time and symbols are asked for without key, times in microseconds."""
    assert requests.server_time().target == "/api/v3/time"
    assert requests.server_time().headers == (("X-MBX-TIME-UNIT", "MICROSECOND"),)
    assert requests.exchange_info().target == "/api/v3/exchangeInfo?showPermissionSets=false"


def test_executions_are_asked_for_as_the_documents_sign_it() -> None:
    """The published vector of `myTrades`, byte for byte, with the key in a header."""
    request = requests.rest_my_trades(HMAC, 1499827319559, "BTCUSDT", from_id="28457")
    assert request.target == (
        "/api/v3/myTrades?symbol=BTCUSDT&fromId=28457&limit=1000&recvWindow=5000&timestamp=1499827319559"
        "&signature=3a4332927a07421381c8a7ccd0207a0c342d6e853d5eeac7ee4896177f945997"
    )
    assert ("X-MBX-APIKEY", API_KEY) in request.headers
    assert API_KEY not in repr(request)


def test_rest_requests_name_their_filters_and_weights() -> None:
    """Each filter stands where it was asked for; the cheaper forms cost less."""
    by_order = requests.rest_my_trades(HMAC, 1, "BTCUSDT", order_id="7", start_time_ms=5, limit=10)
    assert by_order.query.startswith(
        "symbol=BTCUSDT&orderId=7&startTime=5&limit=10&recvWindow=5000&timestamp=1&"
    )
    assert by_order.weight == 5
    assert requests.rest_open_orders(HMAC, 1).weight == 80
    assert requests.rest_open_orders(HMAC, 1, "BTCUSDT").weight == 6
    assert requests.rest_order(HMAC, 1, "BTCUSDT", "7").target.startswith(
        "/api/v3/order?symbol=BTCUSDT&orderId=7&"
    )


def test_what_url_and_base64_disagree_about_is_encoded() -> None:
    """A symbol outside ASCII is signed percent-encoded, and `+`, `/`, `=` of a base64 signature are encoded."""
    key = signer(API_KEY, ED25519_PEM)
    query = requests.signed_query(key, 1, {"symbol": "１"})  # noqa: RUF001 - a symbol outside ASCII
    payload, _, signature = query.partition("&signature=")
    assert payload == "symbol=%EF%BC%91&recvWindow=5000&timestamp=1"
    assert not set("+/=") & set(signature)
    assert websocket_payload({}) == b""
