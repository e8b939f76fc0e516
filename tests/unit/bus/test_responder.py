"""Which reply subjects may be answered."""

import pytest

from fillwire.bus.responder import is_inbox


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("_INBOX.abc.1", True),
        ("_INBOX_alice.abc", True),
        ("_R_.abc", True),
        ("orders.bob.binance.live.BTC-USDT.filled", False),
        ("$KV.LEASES.gw", False),
        ("$JS.API.STREAM.DELETE.ORDERS", False),
        ("", False),
    ],
)
def test_only_inboxes_are_answered(reply: str, expected: bool) -> None:
    """An answer published anywhere else could become an event, a lease or a request of ours."""
    assert is_inbox("commands.alice.binance.live.place_order", reply) is expected
