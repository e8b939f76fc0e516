"""Identities: accounts, and the event ids that make a repeated execution recognisable."""

import re
from dataclasses import dataclass

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_SAFE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED = re.compile(r"(?:=[0-9A-F]{2})+")

_TOKENS_BEHIND_EXCHANGE = 5  # environment, user, symbol, order id and what tells the event apart


def escape_token(text: str) -> str:
    """Return `text` as one token that is safe in a subject, a key and an event id.

    Every byte outside `A-Za-z0-9_-` becomes `=XX` (UTF-8, upper-case hex); the empty text becomes `=`.
    Different texts never share a token.

    Raises:
        ValueError: `text` holds half a surrogate pair, which has no UTF-8.
    """
    if not text:
        return "="
    return _UNSAFE.sub(lambda match: "".join(f"={byte:02X}" for byte in match[0].encode()), text)


def unescape_token(token: str) -> str:
    """Return the text that `escape_token` made `token` of.

    Only that spelling is taken: were `=41` read as `A`, two subjects would name one account.

    Raises:
        ValueError: `escape_token` does not write this token.
    """
    if _SAFE.fullmatch(token):
        return token
    if token == "=":  # noqa: S105 - a token of a subject, no secret
        return ""
    if not token:
        raise ValueError("expected a token, was empty; the empty text is written =")
    try:
        text = _ESCAPED.sub(lambda match: bytes.fromhex(match[0].replace("=", "")).decode(), token)
    except UnicodeDecodeError as error:
        raise ValueError(f"expected escaped UTF-8, was token {token!r}") from error
    expected = escape_token(text)
    if expected != token:
        raise ValueError(f"expected token {expected!r}, was {token!r}")
    return text


@dataclass(frozen=True, slots=True)
class Account:
    """One user's account at one exchange in one environment: the unit of connection, ledger and ownership."""

    user: str
    exchange: str
    environment: str

    def __str__(self) -> str:
        """Return the account as people read it, `alice@binance/live`."""
        return f"{self.user}@{self.exchange}/{self.environment}"


def order_scope(account: Account, symbol: str, order_id: str) -> str:
    """Return the prefix that all event ids of one order share: `exchange:environment:user:symbol:order_id`."""
    return ":".join(
        escape_token(part) for part in (account.exchange, account.environment, account.user, symbol, order_id)
    )


def execution_event_id(account: Account, symbol: str, order_id: str, trade_id: str) -> str:
    """Return the identity of one execution: the same from stream, REST and placing response.

    It is the event id, the JetStream message id, and the seed of the trace id.
    """
    return f"{order_scope(account, symbol, order_id)}:{escape_token(trade_id)}"


def state_event_id(account: Account, symbol: str, order_id: str, suffix: str) -> str:
    """Return the identity of an order event that is no execution.

    `suffix` is a venue mapping's word for the step in the order's life (`new`, `cancelled`, …): a step that can
    happen once has a fixed word, so that stream and REST agree; one that can repeat carries the venue's counter.
    The leading `~` keeps it apart from trade ids, which are escaped and so never hold one.
    """
    return f"{order_scope(account, symbol, order_id)}:~{suffix}"


def account_of(event_id: str) -> Account | None:
    """Return the account that an event id names; None if it is no event id."""
    exchange, *rest = event_id.split(":")
    if len(rest) < _TOKENS_BEHIND_EXCHANGE:
        return None
    try:
        environment, user = map(unescape_token, rest[:2])
        return Account(user, unescape_token(exchange), environment)
    except ValueError:
        return None
