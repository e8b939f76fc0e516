"""Bots as people manage them: what one is to be and do, what is seen of it, and what is asked and answered about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from fillwire.domain.enums import OrderType, Side, TimeInForce
from fillwire.domain.identifiers import Account, escape_token
from fillwire.domain.orders import TradeOrder

DEADLINE_S = 20.0
"""So long a request about a bot waits for hosts, unless it says otherwise."""
ORDER_DEADLINE_S = 10.0
"""The same of an order in a bot's name."""


class Desired(StrEnum):
    """What a bot is to do."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"


class BotState(StrEnum):
    """What a bot does, as its host says."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


def bot_key(user: str, bot: str) -> str:
    """Return the key of a bot in the buckets: `user.bot`, escaped."""
    return f"{escape_token(user)}.{escape_token(bot)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BotSpec:
    """What a bot is and is to do: the value of its key in the bucket of desired states.

    Attributes:
        user: whose bot, and whose account.
        bot: its name, unique among the bots of the user.
        creation: tells it from others that had the name before and were removed.
        strategy: which code runs: a name of the catalogue, `module:Class`, or a Python file.
        exchange: venue and product of its account.
        environment: of its account.
        desired: what it is to do.
        pairs: what it listens to; empty for the strategy's own word.
        parameters: of the strategy, as text.
        start_from: where it begins when it first runs: `now`, `beginning` or a time.
        changed_ns: when this was written, in nanoseconds since the epoch.
    """

    user: str
    bot: str
    creation: str
    strategy: str
    exchange: str
    environment: str
    desired: Desired
    pairs: tuple[str, ...]
    parameters: Mapping[str, str]
    start_from: str
    changed_ns: int

    @property
    def key(self) -> str:
        """Its key in the buckets."""
        return bot_key(self.user, self.bot)

    @property
    def account(self) -> Account:
        """Its account."""
        return Account(self.user, self.exchange, self.environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotStatus:
    """What a host says of a bot that it has: the value of its key in the bucket of observed states.

    Attributes:
        user: whose bot.
        bot: its name.
        creation: of which bot of that name; empty for one that no manager knows, as of `fillwire run`.
        revision: of the desired state that the host acts upon; 0 without one.
        state: what it does.
        host: name of the host.
        since_ns: since when it does that, in nanoseconds since the epoch.
        error: why it failed last; None if it never did on this host.
        restart_count: how often this host has started it again after a failure.
        waiting_count: events of the log that it has not handled yet; None while nobody knows.
        time_ns: when this was said.
        strategy: which code runs; None, as all below, where the desired state says it.
        exchange: of its account.
        environment: of its account.
        pairs: what it listens to; empty for all of the account.
    """

    user: str
    bot: str
    creation: str
    revision: int
    state: BotState
    host: str
    since_ns: int
    error: str | None
    restart_count: int
    waiting_count: int | None
    time_ns: int
    strategy: str | None = None
    exchange: str | None = None
    environment: str | None = None
    pairs: tuple[str, ...] | None = None

    @property
    def is_managed(self) -> bool:
        """Whether a manager knows the bot, and its desired state stands in the bucket beside this one."""
        return bool(self.creation)

    @property
    def key(self) -> str:
        """Its key in the buckets."""
        return bot_key(self.user, self.bot)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotView:
    """A bot as a person is shown it: what it is to be and do, and what is seen of it.

    Attributes:
        user: whose bot, and whose account.
        bot: its name.
        strategy: which code runs.
        exchange: of its account.
        environment: of its account.
        desired: what it is to do.
        revision: of the desired state; name it to change only what you have seen.
        pairs: what it listens to; empty for the strategy's own word.
        parameters: of the strategy, as text.
        changed_ns: when the desired state was last changed.
        state: what it does; None if no host has it.
        host: which host has it, or had it last if it is stopped; None if none is known.
        since_ns: since when it does that.
        error: why it failed last, or why no host has it.
        restart_count: how often its host has started it again.
        waiting_count: events of the log that it has not handled yet.
        seen_ns: when its host said so.
    """

    user: str
    bot: str
    strategy: str
    exchange: str
    environment: str
    desired: Desired
    revision: int
    pairs: tuple[str, ...]
    parameters: Mapping[str, str]
    changed_ns: int
    state: BotState | None = None
    host: str | None = None
    since_ns: int | None = None
    error: str | None = None
    restart_count: int = 0
    waiting_count: int | None = None
    seen_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotCreation:
    """The request to create a bot; its user stands in the subject.

    Attributes:
        bot: its name.
        strategy: a name of the catalogue, `module:Class`, or a Python file; with `file.py:Class` one of several in it.
        exchange: of its account.
        environment: of its account.
        pairs: what it listens to; empty for the strategy's own word.
        parameters: of the strategy, as text.
        desired: what it is to do at once.
        start_from: where it begins when it first runs: `now`, `beginning` or a time.
        request_id: of the caller; the same creation asked for twice under one id creates one bot and says so twice.
        deadline_ms: answer within this time, with what has been done by then.
    """

    bot: str
    strategy: str
    exchange: str
    environment: str
    pairs: tuple[str, ...]
    parameters: Mapping[str, str]
    desired: Desired = Desired.RUNNING
    start_from: str = "now"
    request_id: str | None = None
    deadline_ms: int = round(DEADLINE_S * 1e3)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotRequest:
    """The request to start, pause, resume, stop, remove, change or show a bot; its user stands in the subject.

    Attributes:
        bot: which; None lists all of the user.
        expected_revision: change it only if this is its revision; None for whatever it is.
        parameters: new ones, to change a bot; None leaves them.
        pairs: new ones, to change a bot; None leaves them.
        cancel_orders: to stop or remove it: cancel its open orders, too.
        force: to remove it though it runs.
        deadline_ms: answer within this time, with what has been done by then.
    """

    bot: str | None = None
    expected_revision: int | None = None
    parameters: Mapping[str, str] | None = None
    pairs: tuple[str, ...] | None = None
    cancel_orders: bool = False
    force: bool = False
    deadline_ms: int = round(DEADLINE_S * 1e3)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotOrder:
    """The request to place an order in the name of a bot, on its account; its user stands in the subject.

    Attributes:
        bot: which.
        request_id: of the caller: the same order asked for twice under one id is placed once.
        pair: our spelling, `BASE-QUOTE`.
        side: buy or sell.
        quantity: base quantity.
        price: limit price; None places a market order.
        type: None for limit with a price, market without.
        time_in_force: None for good till cancelled, where the type has one.
        deadline_ms: answer within this time.
    """

    bot: str
    request_id: str
    pair: str
    side: Side
    quantity: Decimal
    price: Decimal | None = None
    type: OrderType | None = None
    time_in_force: TimeInForce | None = None
    deadline_ms: int = round(ORDER_DEADLINE_S * 1e3)


class BotOutcome(StrEnum):
    """What became of a request about a bot."""

    DONE = "done"
    REFUSED = "refused"
    MISSING = "missing"
    CONFLICT = "conflict"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class BotAnswer:
    """What the manager answers.

    Attributes:
        outcome: `unfinished` where what was asked for is written but not yet seen to be so.
        reason: why not, or what is not finished, in one sentence.
        bots: the bots that the request was about, as they are now.
        order: the venue's answer, to an order.
        cancelled: client order ids of orders that were cancelled.
        uncancelled: those of orders that could not be cancelled, each with the reason.
    """

    outcome: BotOutcome
    reason: str | None = None
    bots: tuple[BotView, ...] = ()
    order: TradeOrder | None = None
    cancelled: tuple[str, ...] = ()
    uncancelled: tuple[str, ...] = ()
