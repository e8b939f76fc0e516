"""Events to canonical JSON bytes and back.

The bytes are canonical: one key order, no white space, amounts by `decimal_text`. The Rust parser writes the same
bytes for the same event, so that a fill seen by stream and by REST differs in nothing but `source` and times.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from fillwire.domain.enums import ConnectionState, Kind, Liquidity, OrderType, Side, Source, TimeInForce
from fillwire.domain.errors import DecodeError
from fillwire.domain.events import ConnectionEvent, Fill, OrderEvent
from fillwire.wire.decimals import decimal_text

VERSION = 1


def _jsonable(value: object) -> object:
    return decimal_text(value) if isinstance(value, Decimal) else value


_FILL_FIELDS = tuple(field.name for field in fields(Fill))
_ORDER_FIELDS = tuple(field.name for field in fields(OrderEvent))
_CONNECTION_FIELDS = tuple(field.name for field in fields(ConnectionEvent))


def _fill_document(fill: Fill) -> dict[str, object]:
    return {name: _jsonable(getattr(fill, name)) for name in _FILL_FIELDS}


def encode_order(event: OrderEvent) -> bytes:
    """Return the canonical JSON bytes of an order event."""
    document: dict[str, object] = {"v": VERSION}
    for name in _ORDER_FIELDS:
        value = getattr(event, name)
        document[name] = _fill_document(value) if isinstance(value, Fill) else _jsonable(value)
    return orjson.dumps(document)


def encode_connection(event: ConnectionEvent) -> bytes:
    """Return the canonical JSON bytes of a connection event."""
    return orjson.dumps({"v": VERSION} | {name: getattr(event, name) for name in _CONNECTION_FIELDS})


def _load(data: bytes, what: str) -> dict[str, Any]:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise DecodeError(what, "/", f"expected JSON, {error}") from error
    if not isinstance(document, dict):
        raise DecodeError(what, "/", f"expected an object, was {type(document).__name__}")
    if document.get("v") != VERSION:
        raise DecodeError(what, "/v", f"expected {VERSION}, was {document.get('v')!r}")
    return document


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _convert(what: str, build: Callable[[Mapping[str, Any]], Any], document: Mapping[str, Any]) -> Any:
    try:
        return build(document)
    except KeyError as error:
        raise DecodeError(what, f"/{error.args[0]}", "expected a value, the key is missing") from error
    except (ValueError, TypeError, InvalidOperation) as error:
        raise DecodeError(what, "/", f"{error}") from error


def _fill(document: Mapping[str, Any]) -> Fill:
    liquidity = document["liquidity"]
    return Fill(
        trade_id=document["trade_id"],
        price=Decimal(document["price"]),
        quantity=Decimal(document["quantity"]),
        quote=_amount(document["quote"]),
        fee=_amount(document["fee"]),
        fee_currency=document["fee_currency"],
        liquidity=None if liquidity is None else Liquidity(liquidity),
    )


def _order(document: Mapping[str, Any]) -> OrderEvent:
    fill = document["last_fill"]
    time_in_force = document["time_in_force"]
    return OrderEvent(
        event_id=document["event_id"],
        kind=Kind(document["kind"]),
        exchange=document["exchange"],
        environment=document["environment"],
        user=document["user"],
        pair=document["pair"],
        symbol=document["symbol"],
        order_id=document["order_id"],
        client_order_id=document["client_order_id"],
        new_client_order_id=document["new_client_order_id"],
        order_list_id=document["order_list_id"],
        side=Side(document["side"]),
        type=OrderType(document["type"]),
        time_in_force=None if time_in_force is None else TimeInForce(time_in_force),
        price=_amount(document["price"]),
        stop_price=_amount(document["stop_price"]),
        quantity=Decimal(document["quantity"]),
        quote_quantity=_amount(document["quote_quantity"]),
        cumulative_quantity=Decimal(document["cumulative_quantity"]),
        cumulative_quote=_amount(document["cumulative_quote"]),
        average_price=_amount(document["average_price"]),
        prevented_quantity=_amount(document["prevented_quantity"]),
        is_working=document["is_working"],
        venue_status=document["venue_status"],
        last_fill=None if fill is None else _fill(fill),
        reject_reason=document["reject_reason"],
        execution_id=document["execution_id"],
        exchange_time_ns=document["exchange_time_ns"],
        transaction_time_ns=document["transaction_time_ns"],
        received_time_ns=document["received_time_ns"],
        source=Source(document["source"]),
    )


def decode_order(data: bytes) -> OrderEvent:
    """Return the order event in `data`; keys this version does not know are ignored.

    Raises:
        DecodeError: `data` is no JSON object, of another version, or lacks or misspells a field.
    """
    event: OrderEvent = _convert("order event", _order, _load(data, "order event"))
    return event


def _connection(document: Mapping[str, Any]) -> ConnectionEvent:
    values = {name: document[name] for name in _CONNECTION_FIELDS}
    values["state"] = ConnectionState(values["state"])
    values["previous_state"] = ConnectionState(values["previous_state"])
    return ConnectionEvent(**values)


def decode_connection(data: bytes) -> ConnectionEvent:
    """Return the connection event in `data`.

    Raises:
        DecodeError: as `decode_order`.
    """
    event: ConnectionEvent = _convert("connection event", _connection, _load(data, "connection event"))
    return event
