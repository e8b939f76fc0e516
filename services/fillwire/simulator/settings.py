"""What a simulated venue is started with: its market, its accounts, its clock and its limits."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from fillwire.domain.errors import ConfigError

# Published test vectors: the HMAC pair of the venue's documents, and the key of RFC 8032, section 7.1, test 1.
DEMO_HMAC_API_KEY = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
DEMO_HMAC_SECRET = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"  # noqa: S105 - published
DEMO_ED25519_API_KEY = "mjcKCrJzTU6TChLsnPmgnQJJMR616J4yWvdZWDUeXkk6vL6dLyS7rcVOQlADlVjA"
DEMO_ED25519_PRIVATE_KEY = """\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
"""
DEMO_ED25519_PUBLIC_KEY = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
-----END PUBLIC KEY-----
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings:
    """One API key: an HMAC key has a secret, an RSA or Ed25519 key a public key in PEM form."""

    api_key: str
    secret: str | None = field(default=None, repr=False)
    public_key: str | None = None

    def __post_init__(self) -> None:
        if (self.secret is None) == (self.public_key is None):
            raise ConfigError(f"key {self.api_key[:4]}… needs either a secret or a public key")


def _default_balances() -> dict[str, str]:
    return {
        "USDT": "1000000000",
        "BTC": "10000",
        "ETH": "100000",
        "BNB": "1000",
        "SOL": "1000000",
        "XRP": "10000000",
        "LTC": "100000",
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """One account of the venue.

    Attributes:
        user: its name in the control API and in the printed accounts.
        balances: free amounts at the start, as decimal strings by asset.
        maker_rate: commission rate of a maker fill, a decimal string.
        taker_rate: commission rate of a taker fill, a decimal string.
        pays_in_bnb: whether commissions are taken in BNB, at a discount, while there is enough of it.
    """

    user: str
    keys: tuple[KeySettings, ...]
    balances: Mapping[str, str] = field(default_factory=_default_balances)
    maker_rate: str = "0.00100000"
    taker_rate: str = "0.00100000"
    pays_in_bnb: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolSettings:
    """One symbol: names, first price, and the numbers of its filters, as decimal strings."""

    symbol: str
    base: str
    quote: str
    price: str
    tick: str
    step: str
    min_notional: str = "5"
    max_quantity: str = "1000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """Limits of the venue. Windows are aligned to the clock; `ban_s` doubles with each further ban."""

    weight_per_minute: int = 6000
    raw_requests_per_5_minutes: int = 300_000
    orders_per_10_seconds: int = 100
    orders_per_day: int = 200_000
    connections_per_5_minutes: int = 300
    refusals_before_ban: int = 20
    ban_s: int = 120


def _demo_accounts() -> tuple[AccountSettings, ...]:
    return (
        AccountSettings(
            user="demo",
            keys=(
                KeySettings(api_key=DEMO_HMAC_API_KEY, secret=DEMO_HMAC_SECRET),
                KeySettings(api_key=DEMO_ED25519_API_KEY, public_key=DEMO_ED25519_PUBLIC_KEY),
            ),
        ),
    )


def _default_symbols() -> tuple[SymbolSettings, ...]:
    rows = (
        ("BTC", "USDT", "64000", "0.01", "0.00001"),
        ("ETH", "USDT", "3200", "0.01", "0.0001"),
        ("BNB", "USDT", "600", "0.01", "0.001"),
        ("SOL", "USDT", "150", "0.01", "0.001"),
        ("XRP", "USDT", "0.6", "0.0001", "0.1"),
        ("LTC", "USDT", "80", "0.01", "0.001"),
    )
    crosses = (
        ("ETH", "BTC", "0.05", "0.00001", "0.001", "0.0001"),
        ("BNB", "BTC", "0.0094", "0.000001", "0.01", "0.0001"),
        ("LTC", "BTC", "0.00125", "0.000001", "0.01", "0.0001"),
        ("LTC", "BNB", "0.133", "0.0001", "0.001", "0.01"),
    )
    return tuple(
        SymbolSettings(symbol=base + quote, base=base, quote=quote, price=price, tick=tick, step=step)
        for base, quote, price, tick, step in rows
    ) + tuple(
        SymbolSettings(
            symbol=base + quote,
            base=base,
            quote=quote,
            price=price,
            tick=tick,
            step=step,
            min_notional=notional,
        )
        for base, quote, price, tick, step, notional in crosses
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """Everything a simulator is started with.

    Attributes:
        host: address to listen on; loopback unless said otherwise.
        port: port to listen on, 0 for any free one.
        seed: of all randomness: prices, ids, gaps, faults.
        ping_interval_s: seconds between two pings of the server.
        pong_deadline_s: seconds after which an unanswered ping ends the connection.
        lifetime_s: seconds after which a connection is ended.
        query_lag_s: seconds by which order and trade queries lag behind the engine.
        skew_ms: venue clock minus machine clock.
        market_interval_s: seconds between two steps of the price process; 0 stands still until told to move.
        market_step_bps: standard deviation of one step, in basis points of the price.
        send_buffer_bytes: a connection with more unsent bytes than this is ended.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    ping_interval_s: float = 20.0
    pong_deadline_s: float = 60.0
    lifetime_s: float = 86_400.0
    query_lag_s: float = 0.0
    skew_ms: int = 0
    market_interval_s: float = 0.0
    market_step_bps: float = 2.0
    send_buffer_bytes: int = 64 * 1024 * 1024
    accounts: tuple[AccountSettings, ...] = field(default_factory=_demo_accounts)
    symbols: tuple[SymbolSettings, ...] = field(default_factory=_default_symbols)
    limits: LimitSettings = field(default_factory=LimitSettings)


def parse_account(text: str) -> AccountSettings:
    """Return the account written as `user:api_key:secret`, or `user:api_key:@file` with a public key in PEM form.

    Raises:
        ConfigError: the text is not of that form, or the file cannot be read.
    """
    parts = text.split(":", 2)
    if len(parts) != 3 or not all(parts):  # noqa: PLR2004 - user, key, secret
        raise ConfigError("account: expected user:api_key:secret or user:api_key:@public_key_file")
    user, api_key, secret = parts
    if not secret.startswith("@"):
        return AccountSettings(user=user, keys=(KeySettings(api_key=api_key, secret=secret),))
    try:
        public_key = Path(secret[1:]).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"account {user}: cannot read the public key: {error}") from error
    return AccountSettings(user=user, keys=(KeySettings(api_key=api_key, public_key=public_key),))


def merge_accounts(accounts: tuple[AccountSettings, ...]) -> tuple[AccountSettings, ...]:
    """Return the accounts with those of the same user made one that has all their keys."""
    merged: dict[str, AccountSettings] = {}
    for account in accounts:
        known = merged.get(account.user)
        merged[account.user] = account if known is None else _with_keys(known, account.keys)
    return tuple(merged.values())


def _with_keys(account: AccountSettings, keys: tuple[KeySettings, ...]) -> AccountSettings:
    return AccountSettings(
        user=account.user,
        keys=account.keys + keys,
        balances=account.balances,
        maker_rate=account.maker_rate,
        taker_rate=account.taker_rate,
        pays_in_bnb=account.pays_in_bnb,
    )


def load_accounts(path: Path) -> tuple[AccountSettings, ...]:
    """Return the accounts in a JSON file: a list of objects with the fields of `AccountSettings`.

    Raises:
        ConfigError: the file cannot be read or says something else; the message names the entry.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"accounts file {path}: {error}") from error
    if not isinstance(entries, list):
        raise ConfigError(f"accounts file {path}: expected a list, found {type(entries).__name__}")
    return tuple(
        _account_entry(entry, f"accounts file {path}, entry {index}") for index, entry in enumerate(entries)
    )


def _account_entry(entry: Any, place: str) -> AccountSettings:
    try:
        fields = dict(entry)
        fields["keys"] = tuple(KeySettings(**key) for key in fields.pop("keys"))
        for text in (*fields.get("balances", {}).values(), fields.get("maker_rate", "0")):
            Decimal(text)
        return AccountSettings(**fields)
    except (TypeError, ValueError, KeyError, AttributeError, InvalidOperation) as error:
        raise ConfigError(f"{place}: expected user, keys and optional balances: {error}") from error
