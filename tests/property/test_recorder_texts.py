"""What the recorder reads of an event as text is what the decoder of all others reads as exact numbers, and nothing else."""

import json
from dataclasses import fields
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.errors import DecodeError
from fillwire.domain.events import Fill, OrderEvent
from fillwire.recorder.texts import read_event
from fillwire.wire.codec import decode_order, encode_order
from fillwire.wire.decimals import decimal_text
from support import strategies
from support.order_events import order_event

PROBES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 2**70, "", "x", "0.50", "00", "-0", "-0.5", "1e3", "1,2", ",", "NaN", "\u0661"),
    *([], {}, {"trade_id": "1"}, "filled", "buy"),
)


def as_text(value: Any) -> Any:
    """Return a value of an event as the recorder reads it."""
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Fill):
        return {entry.name: as_text(getattr(value, entry.name)) for entry in fields(value)}
    return value


def read(data: bytes) -> dict[str, Any] | str:
    """Return what the recorder reads by field; where it refuses, that it does."""
    try:
        event = read_event(data)
    except DecodeError as error:
        return error.pointer
    values = {entry.name: getattr(event, entry.name) for entry in fields(OrderEvent)}
    fill = values["last_fill"]
    if fill is not None:
        values["last_fill"] = {entry.name: getattr(fill, entry.name) for entry in fields(Fill)}
    return values


def expected(data: bytes) -> dict[str, Any] | str:
    """Return the same by the decoder of all others."""
    try:
        event = decode_order(data)
    except DecodeError as error:
        return error.pointer
    return {entry.name: as_text(getattr(event, entry.name)) for entry in fields(event)}


@given(strategies.order_events())
def test_every_event_is_read_alike(event: OrderEvent) -> None:
    """Each field, amounts as canonical text, words as text."""
    data = encode_order(event)
    assert read(data) == expected(data) != ""


@given(strategies.order_events(), st.data())
def test_what_is_wrong_is_refused_alike(event: OrderEvent, data: st.DataObject) -> None:
    """With another value in any one place, or none, it is refused at the same place or read as the same."""
    document = json.loads(encode_order(event))
    inside = document["last_fill"] if document["last_fill"] and data.draw(st.booleans()) else document
    name = data.draw(st.sampled_from(sorted(inside)))
    if data.draw(st.booleans()):
        inside[name] = data.draw(st.sampled_from(PROBES))
    else:
        del inside[name]
    changed = json.dumps(document).encode()
    assert read(changed) == expected(changed)


@pytest.mark.parametrize("name", ["price", "average_price", "cumulative_quantity"])
@pytest.mark.parametrize("amount", ["1,2", ",", "1,", ""])
def test_an_amount_with_a_comma_is_not_two(name: str, amount: str) -> None:
    """Amounts are looked at together, with commas between them."""
    document = json.loads(encode_order(order_event())) | {name: amount}
    assert read(json.dumps(document).encode()) == f"/{name}"
