"""The headers of a refused frame."""

from dataclasses import replace

import pytest

from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account
from fillwire.wire.refused_frames import RefusedFrame, parse_refused_frame, refused_frame_id

ALICE = Account("alice", "binance", "live")
REFUSED = RefusedFrame(
    reason="commission asset (N) missing at offset 212 in executionReport: expected a string, was null",
    code="missing_field",
    field="N",
    offset=212,
    symbol="BTCUSDT",
    order_id="7001",
    received_time_ns=1_773_000_000_000_000_000,
    gateway="gateway-binance-0",
)


def test_refusal_is_read_back() -> None:
    """What a gateway says about a frame is read back by the one who replays it."""
    assert parse_refused_frame(REFUSED.headers()) == REFUSED


def test_what_could_not_be_read_has_no_header() -> None:
    """A frame that is no JSON has neither field nor symbol nor order, and no header that says None."""
    refused = replace(REFUSED, field=None, symbol=None, order_id=None)
    assert "None" not in refused.headers().values()
    assert parse_refused_frame(refused.headers()) == refused


def test_values_are_lines_that_a_header_can_hold() -> None:
    """What is quoted from a frame may hold line feeds and half surrogate pairs; a header holds neither."""
    headers = replace(REFUSED, reason="found\r\n\ud800", symbol="A\nB").headers()
    assert headers["Fillwire-Reason"] == "found ?"
    assert headers["Fillwire-Symbol"] == "A B"


def test_id_is_of_the_account_and_the_frame() -> None:
    """The same frame is kept once for an account, whenever it is read; another account's is another."""
    assert refused_frame_id(ALICE, b"{") == refused_frame_id(ALICE, b"{")
    assert refused_frame_id(ALICE, b"{").startswith("alice.binance.live:")
    others = {refused_frame_id(ALICE, b"["), refused_frame_id(Account("bob", "binance", "live"), b"{")}
    assert len(others | {refused_frame_id(ALICE, b"{")}) == 3


@pytest.mark.parametrize(
    ("header", "value", "pointer"),
    [("Fillwire-Code", None, "/Fillwire-Code"), ("Fillwire-Offset", "far", "/")],
)
def test_other_refusal_is_refused(header: str, value: str | None, pointer: str) -> None:
    """Headers of another maker, one missing or no number, are refused."""
    headers = REFUSED.headers() | {header: value or ""}
    if value is None:
        del headers[header]
    with pytest.raises(DecodeError) as caught:
        parse_refused_frame(headers)
    assert caught.value.pointer == pointer
