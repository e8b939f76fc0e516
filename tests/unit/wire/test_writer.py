"""What is written, and what is not."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import orjson
import pytest

from fillwire.domain.orders import CancelRequest
from fillwire.wire.writer import write
from support.order_events import order_event


def test_version_comes_first() -> None:
    """Every document begins with its version, so that a reader knows what follows."""
    assert (
        write(CancelRequest(pair="A-B", order_id="7"))
        == b'{"v":1,"pair":"A-B","order_id":"7","client_order_id":null}'
    )


def test_text_is_escaped_as_json_and_not_as_ascii() -> None:
    """Text of any script is written as UTF-8, control characters as escapes."""
    written = write(CancelRequest(pair="ü-🦊", client_order_id='a"b\\c\n\x00'))
    assert '"pair":"ü-🦊"'.encode() in written
    assert orjson.loads(written)["client_order_id"] == 'a"b\\c\n\x00'
    assert b"\n" not in written


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-Infinity"])
def test_amount_that_is_no_number_is_not_written(amount: str) -> None:
    """What no amount can be is never put on the broker."""
    with pytest.raises(TypeError):
        write(replace(order_event(), price=Decimal(amount)))


def test_value_of_a_wrong_type_is_not_written() -> None:
    """What the schema cannot say is never put on the broker."""
    wrong: Any = object()
    with pytest.raises(TypeError):
        write(replace(order_event(), reject_reason=wrong))
