"""Whatever travels arrives as it was sent, and whatever else arrives is refused in one documented way."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fillwire.domain.errors import DecodeError
from fillwire.domain.events import Alert, ConnectionEvent, OrderEvent
from fillwire.domain.orders import CancelRequest, OrderRequest, TradeOrder
from fillwire.wire.codec import (
    decode_alert,
    decode_connection,
    decode_order,
    encode_alert,
    encode_connection,
    encode_order,
)
from fillwire.wire.commands import (
    decode_cancel_request,
    decode_order_request,
    decode_trade_order,
    encode_command,
)
from fillwire.wire.defects import find_defect
from support import strategies


class Document(NamedTuple):
    """One kind of document: its class, its values, and both directions."""

    kind: type
    values: st.SearchStrategy[Any]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


DOCUMENTS = (
    Document(OrderEvent, strategies.order_events(), encode_order, decode_order),
    Document(ConnectionEvent, strategies.connection_events(), encode_connection, decode_connection),
    Document(Alert, strategies.alerts(), encode_alert, decode_alert),
    Document(OrderRequest, strategies.order_requests(), encode_command, decode_order_request),
    Document(CancelRequest, strategies.cancel_requests(), encode_command, decode_cancel_request),
    Document(TradeOrder, strategies.trade_orders(), encode_command, decode_trade_order),
)
EACH = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.kind.__name__)


@EACH
@given(data=st.data())
def test_document_arrives_as_it_was_sent(document: Document, data: st.DataObject) -> None:
    """Decoding what was encoded gives the same value, and encoding that the same bytes."""
    value = data.draw(document.values)
    sent = document.encode(value)
    received = document.decode(sent)
    assert received == value
    assert type(received) is document.kind
    assert document.encode(received) == sent


@given(event=strategies.order_events(), places=st.integers(0, 12))
def test_equal_events_are_the_same_bytes(event: OrderEvent, places: int) -> None:
    """How often a venue pads its amounts with zeros does not change the event."""
    digits, exponent = event.cumulative_quantity.as_tuple()[1:]
    assert isinstance(exponent, int)
    padded = type(event.cumulative_quantity)((0, digits + (0,) * places, exponent - places))
    other = replace(event, cumulative_quantity=padded)
    assert other == event
    assert encode_order(other) == encode_order(event)


@EACH
@given(data=st.data())
def test_damaged_document_is_read_or_refused(document: Document, data: st.DataObject) -> None:
    """Bytes changed anywhere are either still a document or a `DecodeError` that says where and why; never anything else."""
    whole = document.encode(data.draw(document.values))
    at = data.draw(st.integers(0, len(whole)))
    length = data.draw(st.integers(0, 8))
    inserted = data.draw(st.binary(max_size=4) | st.sampled_from([b"null", b"1", b'"', b"{", b'"1e5"', b"-"]))
    damaged = whole[:at] + inserted + whole[at + length :]
    defect = find_defect(document.kind, damaged)
    try:
        value = document.decode(damaged)
    except DecodeError as error:
        assert (error.pointer, error.reason) == defect  # noqa: PT017 - whether it is refused depends on the damage
    else:
        assert type(value) is document.kind
        # Keys that we do not know are skipped unread, so text in them may be broken.
        assert defect is None or defect.pointer == "/"
