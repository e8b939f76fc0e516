"""Secrets by name and by value, in every shape in which they reach a log."""

import pytest
from pydantic import SecretStr

from fillwire.runtime.redaction import is_secret_name, redacted, redacted_text, remember_secret


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/v3/order?symbol=BTCUSDT&signature={}&timestamp=1",
        "apiKey={}",
        '{{"apiKey": "{}", "id": 1}}',
        "{{'api_key': '{}'}}",
        "X-MBX-APIKEY: {}",
        "wss://stream.example/ws?listenKey={}",
        "Authorization: Bearer {}",
        "nats://alice:{}@broker:4222",
        "nats://{}@broker:4222",
        "nats://alice:half@{}@broker:4222",
        "secret={},next=1",
        "CB-ACCESS-KEY={}",
        "CB-ACCESS-SIGN: {}",
        "APCA-API-SECRET-KEY: {}",
        "password='{}'",
        "passphrase: {}",
        "access_token={}",
    ],
)
def test_a_value_with_the_name_of_a_secret_is_masked(text: str) -> None:
    """Query strings, JSON, headers, reprs and addresses lose the value and keep the rest."""
    shown = redacted_text(text.format("NhqPtmdSJYd"))
    assert "NhqPtmdSJYd" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    "text",
    [
        "accounts[0].secret: expected env:NAME or file:/path, found a number",
        "symbol=BTCUSDT&timestamp=1",
        "orders.alice.binance.live.BTC-USDT.filled",
        "wss://ws-api.binance.com:443/ws-api/v3",
        "token 3 of the subject",
        "key_type=ed25519",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    """Our own sentences, subjects and addresses can still be read."""
    assert redacted_text(text) == text


def test_a_long_word_is_read_once() -> None:
    """A text without spaces, as an exception may hold: what takes the square of its length takes minutes here."""
    word = "long-word" * 20_000
    assert redacted_text(f"{word}_secret=abc {word}") == f"{word}_secret=*** {word}"


def test_a_remembered_value_is_masked_wherever_it_turns_up() -> None:
    """A library that prints a key under a name of its own does not get it into the log."""
    remember_secret("Zx81-planted-value")
    remember_secret("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIPlanted\n-----END PRIVATE KEY-----")
    assert redacted_text("sent Zx81-planted-value to them") == "sent *** to them"
    assert "Planted" not in redacted_text("blob MC4CAQAwBQYDK2VwBCIEIPlanted")


@pytest.mark.parametrize(
    "name", ["apiKey", "api_key", "X-MBX-APIKEY", "signature", "listenKey", "clientSecret", "Password"]
)
def test_names_of_secrets(name: str) -> None:
    """A name is recognised in any spelling."""
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["key", "event_id", "subject", "pair", "token", "attempt"])
def test_names_of_no_secrets(name: str) -> None:
    """The words of the trade are not taken for secrets."""
    assert not is_secret_name(name)


def test_fields_are_masked_at_any_depth() -> None:
    """A secret inside a mapping inside a list is found; numbers and flags stay what they are."""
    assert redacted("request", {"params": [{"apiKey": "abc", "timestamp": 5}], "ok": True, "none": None}) == {
        "params": [{"apiKey": "***", "timestamp": 5}],
        "ok": True,
        "none": None,
    }
    assert redacted("value", SecretStr("abc")) == "***"
    assert redacted("secret", 12345) == "***"
    assert redacted("secrets", ["abc"]) == "***"
