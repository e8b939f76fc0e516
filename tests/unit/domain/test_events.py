"""What events say beyond their fields, and that they are values: equal, immutable, copied and pickled."""

import pickle
from dataclasses import FrozenInstanceError, fields, replace
from decimal import Decimal, localcontext

import pytest

from fillwire.domain.enums import ConnectionState, Kind
from fillwire.domain.events import ConnectionEvent, Fill, OrderEvent
from fillwire.domain.identifiers import Account
from fillwire.wire.codec import decode_order, encode_order
from support.order_events import order_event

PARTLY = replace(
    order_event(kind=Kind.PARTIALLY_FILLED, quantity="0.5", cumulative="0.2"), cumulative_quote=Decimal(12800)
)
RECEIVING = ConnectionEvent(
    user="alice",
    exchange="binance",
    environment="live",
    state=ConnectionState.RECEIVING,
    previous_state=ConnectionState.AUTHENTICATED,
    reason=None,
    attempt=0,
    subscription_count=1,
    connected_since_ns=1_000_000_000,
    last_event_time_ns=None,
    clock_offset_ns=None,
    gateway="gateway-0",
    time_ns=1_000_000_000,
)


def test_remaining_is_what_may_still_execute() -> None:
    """Executed and prevented quantity is taken from the ordered quantity."""
    assert PARTLY.remaining_quantity == Decimal("0.3")
    assert replace(PARTLY, prevented_quantity=Decimal("0.1")).remaining_quantity == Decimal("0.2")


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind.is_terminal])
def test_nothing_remains_of_an_ended_order(kind: Kind) -> None:
    """After the last event of an order nothing more can execute, whatever was left of it."""
    assert replace(PARTLY, kind=kind).remaining_quantity == 0


def test_remaining_is_never_negative() -> None:
    """An order by quote amount may execute more than the venue first computed; less than nothing never remains."""
    assert replace(PARTLY, cumulative_quantity=Decimal("0.6")).remaining_quantity == 0


def test_remaining_is_exact_in_any_context() -> None:
    """The precision that a strategy sets for itself does not round the remaining quantity."""
    event = replace(
        PARTLY, quantity=Decimal("123456789.123456789"), cumulative_quantity=Decimal("0.000000001")
    )
    with localcontext(prec=4):
        assert event.remaining_quantity == Decimal("123456789.123456788")


def test_account_is_whose_event_it_is() -> None:
    """Both events name their account as one value."""
    assert PARTLY.account == RECEIVING.account == Account("alice", "binance", "live")


@pytest.mark.parametrize("state", ConnectionState)
def test_only_receiving_is_connected(state: ConnectionState) -> None:
    """Fills are detected live in one state only, however far the connection has come otherwise."""
    assert replace(RECEIVING, state=state).is_connected is (state is ConnectionState.RECEIVING)


def test_uptime_counts_from_the_first_reception() -> None:
    """Uptime is in seconds, 0 while not receiving, and never negative when clocks disagree."""
    assert RECEIVING.uptime_s(3_500_000_000) == 2.5
    assert RECEIVING.uptime_s(0) == 0.0
    assert replace(RECEIVING, connected_since_ns=None).uptime_s(3_500_000_000) == 0.0


@pytest.mark.parametrize("event", [PARTLY, decode_order(encode_order(PARTLY))], ids=["built", "decoded"])
def test_event_is_a_value(event: OrderEvent) -> None:
    """A decoded event behaves as one that was built: equal, hashable, printable, picklable, replaceable, immutable."""
    assert event == PARTLY
    assert hash(event) == hash(PARTLY)
    assert repr(event) == repr(PARTLY)
    assert pickle.loads(pickle.dumps(event)) == PARTLY  # noqa: S301 - what we just wrote
    assert replace(event, order_id="2").order_id == "2"
    assert replace(event, order_id="2") != event
    assert event.last_fill is not None
    assert event.last_fill == PARTLY.last_fill
    with pytest.raises(FrozenInstanceError):
        event.order_id = "2"  # type: ignore[misc]  # the point of the test
    assert not hasattr(event, "__dict__")


@pytest.mark.parametrize("kind", [Fill, OrderEvent, ConnectionEvent])
def test_fields_are_given_by_name(kind: type) -> None:
    """No field has a default and none is positional: what the venue did not say is said to be None."""
    assert all(field.kw_only for field in fields(kind))
    with pytest.raises(TypeError, match="required keyword-only arguments"):
        kind()
