"""What a host needs to know of a bot before it runs it: checked once, so that nothing later is surprised."""

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from fillwire.domain import defaults
from fillwire.domain.errors import ConfigError
from fillwire.domain.identifiers import Account, escape_token
from fillwire.sdk.callbacks import Callbacks, callbacks_of
from fillwire.sdk.starting import StartFrom, checked_start
from fillwire.sdk.strategy import Strategy

ALL_PAIRS = "*"

_PAIR = re.compile(r"[^\s*>\-/]+(-[^\s*>\-/]+)+")
MAX_NAME_LENGTH: Final = 64
_SEPARATOR = "=="  # no escaped token holds one


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """A listener with its name, account and pairs.

    Attributes:
        name: unique among the bots of the user.
        account: whose orders it hears of.
        pairs: what it listens to, sorted; empty stands for all pairs of the account.
        listener: a strategy, or any object with callbacks.
        callbacks: those of the listener.
        blocking: whether plain callbacks run in a thread of the bot's own.
        start_from: where a bot that never ran begins: `now`, the `beginning` of the log, or a time. One that did resumes.
    """

    name: str
    account: Account
    pairs: tuple[str, ...]
    listener: object
    callbacks: Callbacks = field(repr=False)
    blocking: bool = False
    start_from: StartFrom = "now"

    @property
    def durable(self) -> str:
        """Name of the bot's durable consumer: of its user and its name."""
        return durable_name(self.account.user, self.name)


def durable_name(user: str, bot: str) -> str:
    """Return the name of a bot's durable consumer; no two (user, bot) share one."""
    return f"{escape_token(user)}{_SEPARATOR}{escape_token(bot)}"


def make_bot(  # noqa: PLR0913 - the facts of one bot
    listener: object,
    *,
    name: str,
    account: Account,
    pairs: Iterable[str],
    blocking: bool = False,
    start_from: StartFrom = "now",
) -> Bot:
    """Return the bot of these facts.

    Raises:
        ConfigError: one of them cannot be; the message names the listener's class and where it is written.
    """
    try:
        return Bot(
            name=_checked_name(name),
            account=_checked_account(account),
            pairs=_checked_pairs(pairs),
            listener=listener,
            callbacks=callbacks_of(listener),
            blocking=_checked_blocking(blocking),
            start_from=checked_start(start_from),
        )
    except ConfigError as error:
        raise ConfigError(f"{_place(type(listener))}: {error}") from error


def bot_of(strategy: Strategy, default: Account, *, start_from: StartFrom | None = None) -> Bot:
    """Return the bot that a strategy's attributes describe.

    Args:
        strategy: the bot.
        default: fills in what the attributes leave out of the account.
        start_from: where a bot that never ran begins; None for the strategy's own word.

    Raises:
        ConfigError: an attribute cannot be.
    """
    account = Account(
        default.user if strategy.user is None else strategy.user,
        default.exchange if strategy.exchange is None else strategy.exchange,
        default.environment if strategy.environment is None else strategy.environment,
    )
    return make_bot(
        strategy,
        name=strategy.name,
        account=account,
        pairs=strategy.pairs,
        blocking=strategy.blocking,
        start_from=strategy.start_from if start_from is None else start_from,
    )


def checked_pair(pair: object) -> str:
    """Return `pair` if it is written as we write pairs.

    Raises:
        ConfigError: it is not; the message proposes what may have been meant.
    """
    if not isinstance(pair, str):
        raise ConfigError(f"pair {pair!r} is a {type(pair).__name__}: expected a string such as 'BTC-USDT'")
    if _PAIR.fullmatch(pair) is not None and pair == pair.upper():
        return pair
    likely = re.sub(r"[\s/_:-]+", "-", pair.strip()).upper()
    hint = f"did you mean {likely!r}" if _PAIR.fullmatch(likely) else "expected BASE-QUOTE such as 'BTC-USDT'"
    raise ConfigError(f"pair {pair!r} is not written BASE-QUOTE in capitals: {hint}")


def _checked_pairs(pairs: object) -> tuple[str, ...]:
    if isinstance(pairs, str) or not isinstance(pairs, Iterable):
        raise ConfigError(f"pairs is {pairs!r}: expected a list such as ['BTC-USDT']")
    names = list(pairs)
    if not names:
        raise ConfigError(
            "pairs is empty: expected at least one such as 'BTC-USDT', or '*' for all of the account"
        )
    if ALL_PAIRS in names:
        return ()
    return tuple(sorted({checked_pair(pair) for pair in names}))


def _checked_name(name: object) -> str:
    if not isinstance(name, str):
        raise ConfigError(f"name is {name!r}, a {type(name).__name__}: expected a string")
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise ConfigError(f"name is {name!r}: expected 1 to {MAX_NAME_LENGTH} printable characters")
    return name


def _checked_account(account: Account) -> Account:
    for what in ("user", "exchange", "environment"):
        value = getattr(account, what)
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{what} is {value!r}: expected a string such as {_EXAMPLES[what]!r}")
    return account


_EXAMPLES = {"user": "alice", "exchange": defaults.EXCHANGE, "environment": defaults.ENVIRONMENT}


def _checked_blocking(blocking: object) -> bool:
    if not isinstance(blocking, bool):
        raise ConfigError(f"blocking is {blocking!r}: expected True or False")
    return blocking


def _place(cls: type) -> str:
    """Return where a class is written, for a person to go there."""
    try:
        return f"{inspect.getsourcefile(cls)}, line {inspect.getsourcelines(cls)[1]}: {cls.__name__}"
    except (OSError, TypeError):
        return cls.__qualname__
