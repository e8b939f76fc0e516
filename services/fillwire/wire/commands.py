"""Requests to a gateway and its answers, as JSON bytes on `commands.<user>.<exchange>.<environment>.<verb>`."""

from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import orjson

from fillwire.domain.enums import OrderType, Side, TimeInForce
from fillwire.domain.errors import DecodeError
from fillwire.domain.orders import CancelRequest, OrderRequest, Outcome, TradeOrder
from fillwire.wire.decimals import decimal_text

PLACE_ORDER = "place_order"
CANCEL_ORDER = "cancel_order"
STATUS = "status"  # answered with the account's connection event

_CONVERT = {
    "side": Side,
    "type": OrderType,
    "time_in_force": TimeInForce,
    "outcome": Outcome,
    "quantity": Decimal,
    "price": Decimal,
    "cumulative_quantity": Decimal,
}


Command = TypeVar("Command", OrderRequest, CancelRequest, TradeOrder)


def encode_command(command: OrderRequest | CancelRequest | TradeOrder) -> bytes:
    """Return the JSON bytes of a request or an answer."""
    values = {field.name: getattr(command, field.name) for field in fields(command)}
    return orjson.dumps(
        {"v": 1}
        | {
            name: decimal_text(value) if isinstance(value, Decimal) else value
            for name, value in values.items()
        }
    )


def _decode(kind: type[Command], data: bytes) -> Command:
    what = kind.__name__
    try:
        document: Any = orjson.loads(data)
        if not isinstance(document, dict) or document.pop("v", None) != 1:
            raise DecodeError(what, "/v", "expected an object of version 1")
        known = {field.name for field in fields(kind)}
        return kind(
            **{
                name: _CONVERT[name](value) if name in _CONVERT and value is not None else value
                for name, value in document.items()
                if name in known
            }
        )
    except (ValueError, TypeError, InvalidOperation) as error:
        raise DecodeError(what, "/", f"{error}") from error


def decode_order_request(data: bytes) -> OrderRequest:
    """Return the order request in `data`; raises `DecodeError` if it is none."""
    return _decode(OrderRequest, data)


def decode_cancel_request(data: bytes) -> CancelRequest:
    """Return the cancel request in `data`; raises `DecodeError` if it is none."""
    return _decode(CancelRequest, data)


def decode_trade_order(data: bytes) -> TradeOrder:
    """Return the answer in `data`; raises `DecodeError` if it is none."""
    return _decode(TradeOrder, data)
