"""What a simulated venue is started with: its market, its accounts, its clock and its limits."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fillwire.domain.errors import ConfigError

if TYPE_CHECKING:
    from fillwire.simulator.exchange.demo import Demo


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySettings:
    """One API key: an HMAC key has a secret, with some venues a passphrase too, another key a public key in PEM form."""

    api_key: str
    secret: str | None = field(default=None, repr=False)
    public_key: str | None = None
    passphrase: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if (self.secret is None) == (self.public_key is None):
            raise ConfigError(f"key {self.api_key[:4]}… needs either a secret or a public key")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSettings:
    """One account of the venue.

    Attributes:
        user: its name in the control API and in the printed accounts.
        balances: free amounts at the start, as decimal strings by asset; None for the venue's own.
        maker_rate: commission rate of a maker fill, a decimal string; None for the venue's own.
        taker_rate: commission rate of a taker fill, a decimal string; None for the venue's own.
        pays_in_bnb: whether commissions are taken in BNB, at a discount, while there is enough of it.
    """

    user: str
    keys: tuple[KeySettings, ...]
    balances: Mapping[str, str] | None = None
    maker_rate: str | None = None
    taker_rate: str | None = None
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
    """Limits of the venue, of which it has some. Windows are aligned to the clock; `ban_s` doubles with each further ban."""

    weight_per_minute: int = 6000
    raw_requests_per_5_minutes: int = 300_000
    orders_per_10_seconds: int = 100
    orders_per_day: int = 200_000
    connections_per_5_minutes: int = 300
    refusals_before_ban: int = 20
    ban_s: int = 120
    requests_per_minute: int = 200


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
        accounts: none for the venue's own demo account.
        symbols: none for the venue's own.
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
    accounts: tuple[AccountSettings, ...] = ()
    symbols: tuple[SymbolSettings, ...] = ()
    limits: LimitSettings = field(default_factory=LimitSettings)

    def completed(self, demo: "Demo") -> "SimulatorSettings":
        """Return the settings with a venue's own accounts, symbols and amounts where these say nothing."""
        accounts = tuple(
            replace(
                account,
                balances=demo.balances if account.balances is None else account.balances,
                maker_rate=account.maker_rate or demo.rate,
                taker_rate=account.taker_rate or demo.rate,
            )
            for account in self.accounts or demo.accounts
        )
        return replace(self, accounts=accounts, symbols=self.symbols or demo.symbols)


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
        merged[account.user] = account if known is None else replace(known, keys=known.keys + account.keys)
    return tuple(merged.values())


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
        for text in (*(fields.get("balances") or {}).values(), fields.get("maker_rate") or "0"):
            Decimal(text)
        return AccountSettings(**fields)
    except (TypeError, ValueError, KeyError, AttributeError, InvalidOperation) as error:
        raise ConfigError(f"{place}: expected user, keys and optional balances: {error}") from error
