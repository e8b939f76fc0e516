"""What faults do to a frame."""

import json

import pytest

from fillwire.simulator.binance.tampering import BinanceTampering

FRAME = (
    b'{"subscriptionId":0,"event":{"e":"executionReport","E":1,"s":"BTCUSDT","x":"TRADE","i":7,"l":"1.00000000",'
    b'"z":"2.00000000","t":3}}'
)


@pytest.mark.parametrize("how", ["truncated", "not_json"])
def test_malformed_frames_cannot_be_read(how: str) -> None:
    """What is cut or has wrong signs is no JSON."""
    with pytest.raises(json.JSONDecodeError):
        json.loads(BinanceTampering().corrupt(FRAME, how))


def test_readable_corruptions_change_one_thing() -> None:
    """A missing id, an id as text, a negative quantity, and a key that stands twice."""
    events = {
        how: json.loads(BinanceTampering().corrupt(FRAME, how), object_pairs_hook=list)[1][1]
        for how in ("missing_field", "wrong_type", "bad_quantity", "duplicate_key")
    }
    assert "i" not in dict(events["missing_field"])
    assert dict(events["wrong_type"])["i"] == "7"
    assert dict(events["bad_quantity"])["l"] == "-1.00000000"
    assert [name for name, _ in events["duplicate_key"]].count("z") == 2
