"""What the judge is handed: amounts as events write them, and the executions among the events of the log."""

import orjson
import pytest

from fillwire.cli.chaos.evidence import _plain, _stored
from fillwire.cli.chaos.judge import LOG, Heard


@pytest.mark.parametrize(
    ("venues", "ours"),
    [
        ("0.00001000", "0.00001"),
        ("64000.00000000", "64000"),
        ("100", "100"),
        ("0.10", "0.1"),
        ("0.00000000", "0"),
    ],
)
def test_amounts_lose_their_trailing_zeros(venues: str, ours: str) -> None:
    """The venue pads to eight places, events do not; digits before the point stay."""
    assert _plain(venues) == ours


def test_an_execution_of_the_log_is_what_it_says() -> None:
    """Identity, price and quantity are taken from the event as it is stored."""
    event = {
        "event_id": "binance:x:y:BTCUSDT:1:2",
        "received_time_ns": 7,
        "last_fill": {"price": "64000", "quantity": "0.1", "trade_id": "2"},
    }
    assert _stored(orjson.dumps(event)) == Heard("binance:x:y:BTCUSDT:1:2", LOG, 7, "64000", "0.1")


def test_an_event_without_execution_is_none() -> None:
    """A new order is no execution."""
    assert _stored(orjson.dumps({"event_id": "a", "received_time_ns": 7, "last_fill": None})) is None
