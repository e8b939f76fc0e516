"""Commands and their answers as bytes."""

import json
from decimal import Decimal

import pytest

from fillwire.domain.enums import OrderType, Side, TimeInForce
from fillwire.domain.errors import DecodeError
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.wire.commands import (
    decode_cancel_request,
    decode_order_request,
    decode_trade_order,
    encode_command,
)

ORDER = OrderRequest(
    client_order_id="grid-1-6f1c",
    pair="SOL-USDT",
    side=Side.SELL,
    type=OrderType.LIMIT,
    quantity=Decimal("1.250"),
    price=Decimal("1.712E+2"),
    time_in_force=TimeInForce.GTC,
)


def test_order_request_is_written_canonically() -> None:
    """A request is the version and the fields in their order, amounts as plain text."""
    assert encode_command(ORDER) == (
        b'{"v":1,"client_order_id":"grid-1-6f1c","pair":"SOL-USDT","side":"sell","type":"limit","quantity":"1.25",'
        b'"price":"171.2","time_in_force":"gtc"}'
    )


def test_market_order_says_null() -> None:
    """What a request does not have is null."""
    request = OrderRequest(
        client_order_id="1", pair="SOL-USDT", side=Side.BUY, type=OrderType.MARKET, quantity=Decimal(1)
    )
    assert encode_command(request).endswith(b'"quantity":"1","price":null,"time_in_force":null}')


def test_answer_is_written_canonically() -> None:
    """An answer too."""
    answer = TradeOrder(
        outcome=Outcome.REJECTED, pair="SOL-USDT", client_order_id="1", reason="no", code=-2010
    )
    assert encode_command(answer) == (
        b'{"v":1,"outcome":"rejected","pair":"SOL-USDT","client_order_id":"1","order_id":null,"venue_status":null,'
        b'"cumulative_quantity":null,"reason":"no","code":-2010,"kind":null,"side":null,"type":null,"quantity":null,'
        b'"price":null,"time_in_force":null,"cumulative_quote":null}'
    )


def test_what_a_bot_of_another_maker_leaves_out_has_its_default() -> None:
    """Optional fields may be absent."""
    data = b'{"v":1,"client_order_id":"1","pair":"SOL-USDT","side":"buy","type":"market","quantity":"2"}'
    request = decode_order_request(data)
    assert (request.price, request.time_in_force, request.quantity) == (None, None, Decimal(2))
    assert decode_cancel_request(b'{"v":1,"pair":"SOL-USDT","order_id":"7"}') == CancelRequest(
        pair="SOL-USDT", order_id="7"
    )


@pytest.mark.parametrize(
    ("key", "value", "pointer", "reason"),
    [
        ("v", 2, "/v", "expected 1, was integer 2"),
        ("quantity", 1.25, "/quantity", "expected a decimal string, was number 1.25"),
        ("quantity", "1e3", "/quantity", 'expected a decimal string, was string "1e3"'),
        ("price", "market", "/price", 'expected a decimal string or null, was string "market"'),
        ("side", "short", "/side", 'expected one of buy, sell, was string "short"'),
        ("pair", None, "/pair", "expected a string, was null"),
    ],
)
def test_defect_of_an_order_request_is_named(key: str, value: object, pointer: str, reason: str) -> None:
    """An order is never placed from a request that is not wholly understood; the bot is told what is wrong."""
    document = json.loads(encode_command(ORDER)) | {key: value}
    with pytest.raises(DecodeError) as caught:
        decode_order_request(json.dumps(document).encode())
    assert (caught.value.what, caught.value.pointer, caught.value.reason) == (
        "order request",
        pointer,
        reason,
    )


def test_defects_name_the_document() -> None:
    """The error says which of the documents it could not read."""
    with pytest.raises(DecodeError, match=r"^cannot decode cancel request at /pair: expected a value"):
        decode_cancel_request(b'{"v":1}')
    with pytest.raises(
        DecodeError, match=r"^cannot decode trade order at /outcome: expected one of accepted, "
    ):
        decode_trade_order(b'{"v":1,"outcome":"done","pair":"A-B","client_order_id":null}')
    with pytest.raises(DecodeError, match=r"^cannot decode trade order at /: expected JSON, "):
        decode_trade_order(b"")
