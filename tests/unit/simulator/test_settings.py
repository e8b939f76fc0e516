"""What a simulator is started with, and what is said of accounts that cannot be used."""

import json
from pathlib import Path

import pytest

from fillwire.domain.errors import ConfigError
from fillwire.simulator.binance.venue import BinanceVenue
from fillwire.simulator.settings import (
    AccountSettings,
    KeySettings,
    SimulatorSettings,
    SymbolSettings,
    load_accounts,
    merge_accounts,
    parse_account,
)


def test_account_text_names_user_key_and_secret() -> None:
    """The secret may hold colons; it does not show in the settings' representation."""
    account = parse_account("alice:key:secret:with:colons")
    assert account.user == "alice"
    assert account.keys == (KeySettings(api_key="key", secret="secret:with:colons"),)
    assert "colons" not in repr(account)


def test_accounts_of_one_user_are_one_with_all_keys() -> None:
    """Two options for one user give one account with two keys, in the order given."""
    merged = merge_accounts(tuple(parse_account(text) for text in ("a:1:x", "b:2:y", "a:3:z")))
    assert [(account.user, [key.api_key for key in account.keys]) for account in merged] == [
        ("a", ["1", "3"]),
        ("b", ["2"]),
    ]


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "expected a list, found dict"),
        ([{"user": "a"}], "entry 0: expected user, keys and optional balances"),
        ([{"user": "a", "keys": [{"api_key": "k"}]}], "needs either a secret or a public key"),
        ([{"user": "a", "keys": [], "balances": {"BTC": "many"}}], "entry 0"),
        ([{"user": "a", "keys": [], "colour": "blue"}], "colour"),
    ],
)
def test_unusable_accounts_file_is_refused_by_entry(tmp_path: Path, document: object, said: str) -> None:
    """What is wrong is said with the file and the entry."""
    path = tmp_path / "accounts.json"
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigError, match=said):
        load_accounts(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tick": "0.0000001"}, "tick times step"),
        ({"price": "cheap"}, "expected a decimal string"),
        ({"price": "64000.001"}, "multiple of the tick"),
        ({"step": "0"}, "a step above 0"),
    ],
)
def test_symbols_must_allow_exact_amounts(change: dict[str, str], said: str) -> None:
    """A symbol whose price times quantity would have to be rounded is refused at the start."""
    fields = {
        "symbol": "BTCUSDT",
        "base": "BTC",
        "quote": "USDT",
        "price": "64000",
        "tick": "0.01",
        "step": "0.00001",
    }
    symbols = (SymbolSettings(**fields | change),)
    with pytest.raises(ConfigError, match=said):
        BinanceVenue(SimulatorSettings(symbols=symbols))


def test_bad_balance_is_refused_with_the_user() -> None:
    """An amount that is none is refused at the start."""
    account = AccountSettings(user="alice", keys=(), balances={"BTC": "-1"})
    with pytest.raises(ConfigError, match="account alice: expected a decimal string"):
        BinanceVenue(SimulatorSettings(accounts=(account,)))
