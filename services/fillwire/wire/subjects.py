"""Subjects: one function builds each kind, one parses it; tokens are escaped, so any symbol and user fits."""

from dataclasses import dataclass

from fillwire.domain.enums import Kind
from fillwire.domain.errors import DecodeError
from fillwire.domain.identifiers import Account, escape_token, unescape_token

ORDERS = "orders"
CONNECTIONS = "connections"
COMMANDS = "commands"
QUARANTINE = "quarantine"
DEAD_LETTERS = "dlq"
ALERTS = "alerts"

# Channel addresses as schemas/asyncapi.yaml writes them; a contract test holds the two together.
ADDRESSES = {
    ORDERS: "orders.{user}.{exchange}.{environment}.{pair}.{kind}",
    CONNECTIONS: "connections.{user}.{exchange}.{environment}",
    COMMANDS: "commands.{user}.{exchange}.{environment}.{verb}",
    QUARANTINE: "quarantine.{exchange}.{environment}.{user}.{class}",
    DEAD_LETTERS: "dlq.{user}.{bot}",
    ALERTS: "alerts.{user}.{exchange}.{environment}.{alert}",
}


def _join(*parts: str) -> str:
    return ".".join(parts)


def account_tokens(account: Account) -> str:
    """Return `user.exchange.environment`, escaped: the middle of subjects and the key of buckets."""
    return _join(
        escape_token(account.user), escape_token(account.exchange), escape_token(account.environment)
    )


def parse_account_tokens(tokens: str) -> Account:
    """Return the account that `account_tokens` wrote.

    Raises:
        DecodeError: `tokens` does not hold three tokens.
    """
    parts = tokens.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - user, exchange, environment
        raise DecodeError(
            f"account {tokens!r}", "/", f"expected user.exchange.environment, was {len(parts)} tokens"
        )
    return Account(*(unescape_token(part) for part in parts))


def order_subject(account: Account, pair: str, kind: Kind | str) -> str:
    """Return the subject of an order event, such as `orders.alice.binance.live.BTC-USDT.filled`."""
    return _join(ORDERS, account_tokens(account), escape_token(pair), kind)


def order_filter(account: Account, pair: str | None = None) -> str:
    """Return the wildcard that takes every order event of the account, or of one pair of it."""
    return _join(ORDERS, account_tokens(account), ">" if pair is None else _join(escape_token(pair), "*"))


@dataclass(frozen=True, slots=True)
class OrderSubject:
    """What the subject of an order event says."""

    account: Account
    pair: str
    kind: Kind


def parse_order_subject(subject: str) -> OrderSubject:
    """Return what `order_subject` wrote.

    Raises:
        DecodeError: `subject` is not the subject of an order event.
    """
    parts = subject.split(".")
    if len(parts) != 6 or parts[0] != ORDERS:  # noqa: PLR2004 - the address above
        raise DecodeError(f"subject {subject!r}", "/", f"expected {ADDRESSES[ORDERS]}")
    try:
        return OrderSubject(
            account=Account(*(unescape_token(part) for part in parts[1:4])),
            pair=unescape_token(parts[4]),
            kind=Kind(parts[5]),
        )
    except ValueError as error:
        raise DecodeError(f"subject {subject!r}", "/", f"{error}") from error


def connection_subject(account: Account) -> str:
    """Return the subject on which the account's connection events are published."""
    return _join(CONNECTIONS, account_tokens(account))


def command_subject(account: Account, verb: str) -> str:
    """Return the request subject of a command to the account's gateway."""
    return _join(COMMANDS, account_tokens(account), escape_token(verb))


def quarantine_subject(account: Account, error_class: str) -> str:
    """Return the subject that keeps the account's refused frames of one class."""
    return _join(
        QUARANTINE,
        escape_token(account.exchange),
        escape_token(account.environment),
        escape_token(account.user),
        error_class,
    )


def dead_letter_subject(user: str, bot: str) -> str:
    """Return the subject that keeps events which a bot's listener could not handle."""
    return _join(DEAD_LETTERS, escape_token(user), escape_token(bot))


def alert_subject(account: Account, alert: str) -> str:
    """Return the subject of one alert about the account."""
    return _join(ALERTS, account_tokens(account), escape_token(alert))
