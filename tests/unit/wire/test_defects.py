"""What a dataclass says about its documents."""

import pytest

from fillwire.domain.events import ConnectionEvent, Fill, OrderEvent
from fillwire.wire.codec import encode_order
from fillwire.wire.defects import amounts_of, find_defect, parts_of
from support.order_events import order_event


def test_amounts_and_parts_are_found() -> None:
    """Amounts and parts are known by their annotations, nullable or not."""
    assert amounts_of(Fill) == ("price", "quantity", "quote", "fee")
    assert amounts_of(ConnectionEvent) == ()
    assert parts_of(OrderEvent) == {"last_fill": Fill}
    assert parts_of(ConnectionEvent) == {}


def test_good_document_has_no_defect() -> None:
    """Where nothing is wrong, nothing is found."""
    assert find_defect(OrderEvent, encode_order(order_event())) is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"null", "null"),
        (b"{}", "object"),
        (b"[1,2]", "array"),
        (b"1.5", "number 1.5"),
        (b"false", "boolean false"),
        ('"ü"'.encode(), 'string "ü"'),
    ],
)
def test_found_value_is_shown(value: bytes, found: str) -> None:
    """The error shows what was found, in the words of JSON."""
    assert find_defect(OrderEvent, b'{"v":1,"event_id":"1","kind":' + value + b"}") == (
        "/kind",
        f"expected one of new, partially_filled, filled, cancelled, expired, rejected, replaced, was {found}",
    )
