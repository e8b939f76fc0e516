"""Which callbacks a connection event is for."""

import pytest

from fillwire.domain.enums import ConnectionState
from fillwire.sdk.callbacks import ON_CONNECTED, ON_DISCONNECTED, ON_ERROR
from fillwire.sdk.connections import callbacks_for
from support.order_events import connection_event

RECEIVING, LOST, REFUSED = (
    ConnectionState.RECEIVING,
    ConnectionState.RECONNECTING,
    ConnectionState.AUTH_FAILED,
)


@pytest.mark.parametrize(
    ("last", "state", "reason", "names"),
    [
        (None, RECEIVING, None, (ON_CONNECTED,)),
        (None, LOST, None, ()),
        (ConnectionState.CONNECTING, RECEIVING, None, (ON_CONNECTED,)),
        (RECEIVING, RECEIVING, None, ()),
        (RECEIVING, LOST, None, (ON_DISCONNECTED,)),
        (RECEIVING, LOST, "closed by the venue", (ON_ERROR, ON_DISCONNECTED)),
        (RECEIVING, ConnectionState.DISCONNECTED, None, (ON_DISCONNECTED,)),
        (ConnectionState.CONNECTING, REFUSED, "bad key", (ON_ERROR,)),
        (ConnectionState.CONNECTING, REFUSED, None, (ON_ERROR,)),
        (None, REFUSED, "bad key", (ON_ERROR,)),
    ],
)
def test_a_change_is_told_as_what_it_means(
    last: ConnectionState | None, state: ConnectionState, reason: str | None, names: tuple[str, ...]
) -> None:
    """Entering and leaving `receiving` are connected and disconnected; a reason and a refused key are errors."""
    before = None if last is None else connection_event(last)
    assert callbacks_for(connection_event(state, reason=reason), before) == names


def test_a_refresh_of_the_same_trouble_is_not_told_again() -> None:
    """A gateway repeats its state from time to time; only news are told."""
    trouble = connection_event(LOST, reason="venue is down")
    assert callbacks_for(trouble, trouble) == ()
    assert callbacks_for(connection_event(LOST, reason="venue answers 418"), trouble) == (ON_ERROR,)
