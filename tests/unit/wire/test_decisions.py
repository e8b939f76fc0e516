"""What people decided, as it is kept."""

import pytest

from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account
from fillwire.wire.decisions import (
    Decision,
    Verdict,
    decode_decision,
    encode_decision,
    frame_key,
    letter_key,
)

DECISION = Decision(
    verdict=Verdict.DISCARDED, by="ann@desk", time_ns=1_773_000_000_000_000_000, reason="closed"
)


def test_decision_is_read_back() -> None:
    """Who, when, what and why survive."""
    assert decode_decision(encode_decision(DECISION)) == DECISION
    assert str(DECISION) == "discarded by ann@desk: closed"


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", encode_decision(DECISION).replace(b"discarded", b"lost")]
)
def test_other_documents_are_refused(body: bytes) -> None:
    """What is no decision is not taken for one."""
    with pytest.raises(DecodeError):
        decode_decision(body)


def test_keys_keep_different_things_apart() -> None:
    """Names of any kind are one token each, so no two letters or frames share a key."""
    assert (
        letter_key("alice", "grid", "alice==grid:7:on_fill") == "dlq.alice.grid.alice=3D=3Dgrid=3A7=3Aon_fill"
    )
    assert letter_key("a.b", "c", "1") != letter_key("a", "b.c", "1")
    assert frame_key(Account("alice", "binance", "live"), 12) == "quarantine.alice.binance.live.12"
