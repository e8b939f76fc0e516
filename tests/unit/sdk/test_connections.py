"""Which callbacks a connection event is for."""

from dataclasses import replace

import pytest

from fillwire.domain.enums import ConnectionState
from fillwire.sdk.callbacks import ON_CONNECTED, ON_DISCONNECTED, ON_ERROR, ON_RECONCILED
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
        (None, RECEIVING, None, (ON_CONNECTED, ON_RECONCILED)),
        (None, LOST, None, ()),
        (ConnectionState.CONNECTING, RECEIVING, None, (ON_CONNECTED, ON_RECONCILED)),
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


def test_reconciled_is_told_when_the_log_is_in_step_and_not_before() -> None:
    """Live without being in step is connected only; what is found later, and each later comparison, is told by itself."""
    live = connection_event(RECEIVING, is_reconciled=False)
    assert callbacks_for(live, None) == (ON_CONNECTED,)
    in_step = replace(live, reconciled_ns=live.time_ns)
    assert callbacks_for(in_step, live) == (ON_RECONCILED,)
    missing = replace(in_step, missing_since_ns=live.time_ns)
    assert callbacks_for(missing, in_step) == ()
    assert callbacks_for(in_step, missing) == (ON_RECONCILED,)
    assert callbacks_for(replace(in_step, reconciled_ns=live.time_ns + 1), in_step) == (ON_RECONCILED,)


def test_a_refresh_of_the_same_trouble_is_not_told_again() -> None:
    """A gateway repeats its state from time to time; only news are told."""
    trouble = connection_event(LOST, reason="venue is down")
    assert callbacks_for(trouble, trouble) == ()
    assert callbacks_for(connection_event(LOST, reason="venue answers 418"), trouble) == (ON_ERROR,)
