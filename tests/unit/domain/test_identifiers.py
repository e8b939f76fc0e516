"""Identities have one spelling each, and survive every name that a venue or a user can have."""

import pytest

from fillwire.domain.identifiers import (
    Account,
    account_of,
    escape_token,
    execution_event_id,
    order_scope,
    state_event_id,
    unescape_token,
)

ALICE = Account("alice", "binance", "live")


@pytest.mark.parametrize(
    ("text", "token"),
    [
        ("BTC-USDT", "BTC-USDT"),
        ("a_b", "a_b"),
        ("", "="),
        ("=", "=3D"),
        ("BRK.B", "BRK=2EB"),
        ("a b", "a=20b"),
        ("*", "=2A"),
        (">", "=3E"),
        ("a:b", "a=3Ab"),
        ("ü", "=C3=BC"),
        ("🦊", "=F0=9F=A6=8A"),
        ("\n", "=0A"),
    ],
)
def test_token_is_escaped_text(text: str, token: str) -> None:
    """Bytes that mean something to the broker are written in hexadecimal, and read back."""
    assert escape_token(text) == token
    assert unescape_token(token) == text


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "expected a token, was empty; the empty text is written ="),
        ("=41", "expected token 'A', was '=41'"),
        ("=2a", "expected token '=3D2a', was '=2a'"),
        ("a.b", "expected token 'a=2Eb', was 'a.b'"),
        ("a=", "expected token 'a=3D', was 'a='"),
        ("=C3", "expected escaped UTF-8, was token '=C3'"),
        ("=ED=A0=80", "expected escaped UTF-8, was token '=ED=A0=80'"),
    ],
)
def test_other_spelling_is_refused(token: str, reason: str) -> None:
    """A token that `escape_token` does not write is refused, for two tokens must not name one thing."""
    with pytest.raises(ValueError, match="token") as caught:
        unescape_token(token)
    assert str(caught.value) == reason


def test_half_a_surrogate_pair_has_no_token() -> None:
    """Text that has no UTF-8 is refused, not mangled."""
    with pytest.raises(ValueError, match="surrogates not allowed"):
        escape_token("\ud83e")


def test_account_reads_as_people_write_it() -> None:
    """An account prints as user, exchange and environment."""
    assert str(ALICE) == "alice@binance/live"


def test_event_id_of_an_execution() -> None:
    """An execution is named by exchange, environment, user, symbol, order and trade, in this order."""
    assert execution_event_id(ALICE, "BTCUSDT", "7001", "41") == "binance:live:alice:BTCUSDT:7001:41"
    assert (
        execution_event_id(ALICE, "BRK.B", "7001", "alloc:5") == "binance:live:alice:BRK=2EB:7001:alloc=3A5"
    )


def test_event_id_of_another_step() -> None:
    """A step that is no execution has a word behind a tilde, which no trade id can begin with."""
    assert (
        state_event_id(ALICE, "BTCUSDT", "7001", "cancelled") == "binance:live:alice:BTCUSDT:7001:~cancelled"
    )
    assert (
        execution_event_id(ALICE, "BTCUSDT", "7001", "~cancelled")
        == "binance:live:alice:BTCUSDT:7001:=7Ecancelled"
    )


def test_scope_begins_every_event_id_of_the_order() -> None:
    """The events of one order are found by one prefix."""
    scope = order_scope(ALICE, "BTCUSDT", "7001")
    assert scope == "binance:live:alice:BTCUSDT:7001"
    assert execution_event_id(ALICE, "BTCUSDT", "7001", "41").startswith(f"{scope}:")
    assert state_event_id(ALICE, "BTCUSDT", "7001", "new").startswith(f"{scope}:")


def test_an_event_id_names_its_account() -> None:
    """Whatever the account is called; what is no event id names none."""
    for account in (Account("alice", "binance", "live"), Account("a.b c", "x:y", "")):
        assert account_of(execution_event_id(account, "BTCUSDT", "1", "2")) == account
        assert account_of(state_event_id(account, "BTCUSDT", "1", "new")) == account
    for name in ("", "1", "binance:live:alice:BTCUSDT:1", "bin ance:live:alice:BTCUSDT:1:2", "=41:b:c:d:e:f"):
        assert account_of(name) is None
