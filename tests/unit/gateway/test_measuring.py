"""When a gateway's accounts are settled, and what is counted of their connections."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from fillwire.domain.enums import ConnectionState
from fillwire.gateway.measuring import GatewayMeasures
from fillwire.gateway.metering import ConnectionMeter, Meters
from fillwire.venues.states import Step

S = 1_000_000_000


@dataclass
class _Session:
    state: ConnectionState
    attempt: int = 0
    is_receiving: bool = False

    def snapshot(self) -> SimpleNamespace:
        return SimpleNamespace(attempt=self.attempt)


def _obstacle(*sessions: _Session) -> str | None:
    anything: Any = None
    tenancies: Any = [SimpleNamespace(session=session) for session in sessions]
    return GatewayMeasures(
        "binance",
        bus=anything,
        outlet=anything,
        meters=Meters(),
        tenancies=lambda: tenancies,
        quarantines={},
        environments={},
    ).accounts_obstacle()


@pytest.mark.parametrize(
    ("session", "is_settled"),
    [
        (_Session(ConnectionState.DISCONNECTED), False),
        (_Session(ConnectionState.CONNECTING, 1), False),
        (_Session(ConnectionState.AUTHENTICATED, 1), False),
        (_Session(ConnectionState.RECEIVING, is_receiving=True), True),
        (_Session(ConnectionState.RECONNECTING, 2), False),
        (_Session(ConnectionState.DISCONNECTED, 11), True),
        (_Session(ConnectionState.AUTH_FAILED), True),
        (_Session(ConnectionState.DISCONNECTED, is_receiving=True), True),
    ],
    ids=str,
)
def test_settled_is_what_waiting_does_not_change(session: _Session, is_settled: bool) -> None:
    """Before the first attempt an account is on its way; given up, refused or polled it is not."""
    assert _obstacle(session) == (None if is_settled else "1 of 1 accounts are not settled yet")


def test_a_gateway_without_accounts_is_ready() -> None:
    """No bot listens: nothing stands in the way."""
    assert _obstacle() is None


def test_a_meter_adds_up_what_happened_to_a_connection() -> None:
    """Two lives of a second each, one lost and one closed; a refusal while receiving is a loss as well."""
    meter = ConnectionMeter()
    for at_s, step in enumerate(
        (
            Step.OPEN,
            Step.OPENED,
            Step.AUTHENTICATED,
            Step.SUBSCRIBED,
            Step.LOST,
            Step.OPEN,
            Step.SUBSCRIBED,
            Step.CLOSED,
        )
    ):
        meter.note(step, at_s * S)
    assert (meter.attempts, meter.successes, meter.losses, meter.refusals) == (2, 2, 1, 0)
    assert meter.received_s(100 * S) == 2.0
    meter.note(Step.OPEN, 10 * S)
    meter.note(Step.SUBSCRIBED, 11 * S)
    assert meter.received_s(14 * S) == 5.0
    meter.note(Step.REFUSED, 15 * S)
    assert (meter.losses, meter.refusals, meter.received_s(100 * S)) == (2, 1, 6.0)
