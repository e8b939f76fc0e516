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
BOTS = "bots"

# Channel addresses as schemas/asyncapi.yaml writes them; a contract test holds the two together.
ADDRESSES = {
    ORDERS: "orders.{user}.{exchange}.{environment}.{pair}.{kind}",
    CONNECTIONS: "connections.{user}.{exchange}.{environment}",
    COMMANDS: "commands.{user}.{exchange}.{environment}.{verb}",
    QUARANTINE: "quarantine.{exchange}.{environment}.{user}.{class}",
    DEAD_LETTERS: "dlq.{user}.{bot}",
    ALERTS: "alerts.{user}.{exchange}.{environment}.{alert}",
    BOTS: "bots.{user}.{verb}",
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
    what = f"account {tokens!r}"
    parts = tokens.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - user, exchange, environment
        raise DecodeError(what, "/", f"expected user.exchange.environment, was {len(parts)} tokens")
    return Account(*_texts(what, parts))


def _texts(what: str, tokens: list[str]) -> list[str]:
    try:
        return [unescape_token(token) for token in tokens]
    except ValueError as error:
        raise DecodeError(what, "/", f"{error}") from error


def _split(subject: str, channel: str) -> list[str]:
    """Return the texts behind the tokens of a subject after its first.

    Raises:
        DecodeError: `subject` does not have the channel's address.
    """
    what = f"subject {subject!r}"
    first, *tokens = subject.split(".")
    if first != channel or len(tokens) != ADDRESSES[channel].count("."):
        raise DecodeError(what, "/", f"expected {ADDRESSES[channel]}")
    return _texts(what, tokens)


def order_subject(account: Account, pair: str, kind: Kind | str) -> str:
    """Return the subject of an order event, such as `orders.alice.binance.live.BTC-USDT.filled`."""
    return _join(ORDERS, account_tokens(account), escape_token(pair), kind)


def order_filter(account: Account, pair: str | None = None) -> str:
    """Return the wildcard that takes every order event of the account, or of one pair of it."""
    return _join(ORDERS, account_tokens(account), ">" if pair is None else _join(escape_token(pair), "*"))


def order_scope_filter(subject: str) -> str:
    """Return the wildcard that takes every order event of the account whose event has this subject."""
    return _join(subject.rsplit(".", 2)[0], ">")


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
    *account, pair, kind = _split(subject, ORDERS)
    try:
        return OrderSubject(Account(*account), pair, Kind(kind))
    except ValueError as error:
        raise DecodeError(
            f"subject {subject!r}", "/", f"expected one of {', '.join(Kind)}, was {kind!r}"
        ) from error


def connection_subject(account: Account) -> str:
    """Return the subject on which the account's connection events are published."""
    return _join(CONNECTIONS, account_tokens(account))


def parse_connection_subject(subject: str) -> Account:
    """Return the account of which `connection_subject` wrote.

    Raises:
        DecodeError: `subject` is not the subject of connection events.
    """
    return Account(*_split(subject, CONNECTIONS))


def command_subject(account: Account, verb: str) -> str:
    """Return the request subject of a command to the account's gateway."""
    return _join(COMMANDS, account_tokens(account), escape_token(verb))


@dataclass(frozen=True, slots=True)
class CommandSubject:
    """What the subject of a command says."""

    account: Account
    verb: str


def parse_command_subject(subject: str) -> CommandSubject:
    """Return what `command_subject` wrote.

    Raises:
        DecodeError: `subject` is not the subject of a command.
    """
    *account, verb = _split(subject, COMMANDS)
    return CommandSubject(Account(*account), verb)


def quarantine_subject(account: Account, error_class: str) -> str:
    """Return the subject that keeps the account's refused frames of one class."""
    return _join(
        QUARANTINE,
        escape_token(account.exchange),
        escape_token(account.environment),
        escape_token(account.user),
        escape_token(error_class),
    )


@dataclass(frozen=True, slots=True)
class QuarantineSubject:
    """What the subject of a refused frame says."""

    account: Account
    error_class: str


def parse_quarantine_subject(subject: str) -> QuarantineSubject:
    """Return what `quarantine_subject` wrote.

    Raises:
        DecodeError: `subject` is not the subject of a refused frame.
    """
    exchange, environment, user, error_class = _split(subject, QUARANTINE)
    return QuarantineSubject(Account(user, exchange, environment), error_class)


def dead_letter_subject(user: str, bot: str) -> str:
    """Return the subject that keeps events which a bot's listener could not handle."""
    return _join(DEAD_LETTERS, escape_token(user), escape_token(bot))


@dataclass(frozen=True, slots=True)
class DeadLetterSubject:
    """What the subject of a dead letter says."""

    user: str
    bot: str


def parse_dead_letter_subject(subject: str) -> DeadLetterSubject:
    """Return what `dead_letter_subject` wrote.

    Raises:
        DecodeError: `subject` is not the subject of a dead letter.
    """
    return DeadLetterSubject(*_split(subject, DEAD_LETTERS))


def alert_subject(account: Account, alert: str) -> str:
    """Return the subject of one alert about the account."""
    return _join(ALERTS, account_tokens(account), escape_token(alert))


@dataclass(frozen=True, slots=True)
class AlertSubject:
    """What the subject of an alert says."""

    account: Account
    alert: str


def parse_alert_subject(subject: str) -> AlertSubject:
    """Return what `alert_subject` wrote.

    Raises:
        DecodeError: `subject` is not the subject of an alert.
    """
    *account, alert = _split(subject, ALERTS)
    return AlertSubject(Account(*account), alert)


def bot_subject(user: str, verb: str) -> str:
    """Return the request subject of what a user asks about bots of their own."""
    return _join(BOTS, escape_token(user), escape_token(verb))


@dataclass(frozen=True, slots=True)
class BotSubject:
    """What the subject of a request about bots says."""

    user: str
    verb: str


def parse_bot_subject(subject: str) -> BotSubject:
    """Return what `bot_subject` wrote.

    Raises:
        DecodeError: `subject` is not the subject of a request about bots.
    """
    return BotSubject(*_split(subject, BOTS))
