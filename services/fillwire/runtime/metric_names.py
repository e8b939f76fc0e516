"""Every metric that a service of Fillwire exports, declared once: name, unit, labels, bound and meaning.

`docs/metrics.md` is written from here by `python -m fillwire.runtime.metrics_page`.
"""

from dataclasses import replace
from typing import Final

from fillwire.runtime.metrics import Fold, Label, Metric, MetricKind

_COUNTER, _GAUGE, _HISTOGRAM = MetricKind.COUNTER, MetricKind.GAUGE, MetricKind.HISTOGRAM
_GATEWAY, _HOST, _ALL = "gateway", "host", "all"

EXCHANGE = Label("exchange", "venue and product, as it is called in the settings")
ENVIRONMENT = Label("environment", "such as `live` or `testnet`")
USER = Label("user", "owner of the account", is_open=True)
BOT = Label("bot", "name of the bot", is_open=True)
STAGE = Label("stage", "part of a fill's way, one of `Stage`")
STATE = Label("state", "one of the states of a connection")
CODE = Label("code", "what is wrong with the frame, one of the parser's codes", is_open=True)
CLASS = Label("class", "`malformed`, `unknown` or `suspicious`")
QUEUE = Label("queue", "`memory`: accepted, not sent; `in_flight`: sent, not stored; `journal`: on disk")
OUTCOME = Label("outcome", "`stored`, `duplicate`, `resent` or `refused`")
RESULT = Label("result", "`taken`, `failed` or `dead`")
ANSWER = Label("answer", "`made`, `refused`, `busy` or `unanswered`")
LOGIN = Label("login", "`opened`, `refused`, or `delayed` after too many that were refused")
STATUS_CLASS = Label("status", "class of the HTTP status: `2xx`, `3xx`, `4xx` or `5xx`")

_VENUE = (EXCHANGE, replace(ENVIRONMENT, is_open=True))  # where no user is that could become `other`
_ACCOUNT = (EXCHANGE, ENVIRONMENT, USER)
_BOT = (EXCHANGE, ENVIRONMENT, USER, BOT)

# Label sets at most. An exchange has a handful of environments; the rest is what one process is built to hold.
VENUES: Final = 32
ACCOUNTS: Final = 256
BOTS: Final = 1024
_STATES: Final = 7
_CODES: Final = 512
_CLASSES: Final = 3
_STAGES: Final = 8

ALL: Final[list[Metric]] = []


def _of(  # noqa: PLR0913, PLR0917 - one line per metric below
    name: str,
    kind: MetricKind,
    unit: str,
    told_by: str,
    labels: tuple[Label, ...],
    bound: int,
    meaning: str,
    fold: Fold = Fold.SUM,
) -> Metric:
    metric = Metric(
        name=name,
        kind=kind,
        unit=unit,
        meaning=meaning,
        told_by=told_by,
        labels=labels,
        bound=bound,
        fold=fold,
    )
    ALL.append(metric)
    return metric


def _of_account(name: str, kind: MetricKind, unit: str, meaning: str, fold: Fold = Fold.SUM) -> Metric:
    return _of(name, kind, unit, _GATEWAY, _ACCOUNT, ACCOUNTS, meaning, fold)


def _of_venue(name: str, kind: MetricKind, unit: str, meaning: str, fold: Fold = Fold.SUM) -> Metric:
    return _of(name, kind, unit, _GATEWAY, _VENUE, VENUES, meaning, fold)


def _of_bot(name: str, kind: MetricKind, unit: str, meaning: str, fold: Fold = Fold.SUM) -> Metric:
    return _of(name, kind, unit, _HOST, _BOT, BOTS, meaning, fold)


# -- the way of a fill

FILL_LATENCY = _of(
    "fillwire.fill.latency", _HISTOGRAM, "s", "gateway, host", (*_VENUE, STAGE), VENUES * _STAGES,
    "Time a fill spent in a stage; every fill is counted, whether its trace is kept or not",
)  # fmt: skip
FILLS_LOST = _of(
    "fillwire.telemetry.fills.lost", _COUNTER, "{fill}", "gateway, host", (), 1,
    "Fills whose trace was to be kept but was lost, as the receiver was slow or away",
)  # fmt: skip

# -- connections, by account

CONNECTION_UP = _of_account(
    "fillwire.connection.up", _GAUGE, "",
    "1 while the account's fills are detected live, else 0", Fold.WORST_IS_LEAST,
)  # fmt: skip
CONNECTION_STATE = _of(
    "fillwire.connection.state", _GAUGE, "", _GATEWAY, (*_ACCOUNT, STATE), ACCOUNTS * _STATES,
    "1 for the state in which the connection is, 0 for all others",
)  # fmt: skip
CONNECTION_UPTIME = _of_account(
    "fillwire.connection.uptime", _GAUGE, "s",
    "For how long the connection has been receiving; 0 while it is not", Fold.WORST_IS_LEAST,
)  # fmt: skip
CONNECTION_RECEIVING = _of_account(
    "fillwire.connection.receiving.time", _COUNTER, "s",
    "Time in which the account was receiving; its rate is the share of time in which it was",
)  # fmt: skip
CONNECTION_ATTEMPTS = _of_account(
    "fillwire.connection.attempts", _COUNTER, "{attempt}",
    "Attempts to connect, the first included; planned changes to a successor are not attempts",
)  # fmt: skip
CONNECTION_SUCCESSES = _of_account(
    "fillwire.connection.successes", _COUNTER, "{attempt}", "Attempts that led to a connection which receives"
)
CONNECTION_LOSSES = _of_account(
    "fillwire.connection.losses", _COUNTER, "{loss}", "Connections that were receiving and were lost"
)
CONNECTION_REFUSALS = _of_account(
    "fillwire.connection.refusals", _COUNTER, "{refusal}", "Refusals of the account's key"
)
CONNECTION_POLLED = _of_account(
    "fillwire.connection.polled", _GAUGE, "",
    "1 while the venue's records are asked in place of the stream, else 0",
)  # fmt: skip
BREAKER = _of_account(
    "fillwire.connection.breaker", _GAUGE, "",
    "The stricter of the account's and the venue's circuit breaker: 0 closed, 1 half open, 2 open",
    Fold.WORST_IS_MOST,
)  # fmt: skip
KEY_TROUBLE = _of_account(
    "fillwire.account.key_trouble", _GAUGE, "",
    "1 while the key that is kept for the account is not in use: it cannot be read, is gone, or is refused, else 0",
    Fold.WORST_IS_MOST,
)  # fmt: skip
LEASE_HELD = _of_account(
    "fillwire.account.owned", _GAUGE, "",
    "1 while this gateway holds the account's lease and may send its orders, else 0",
)  # fmt: skip

# -- what is wrong with what came, and what is missing

EVENTS_PUBLISHED = _of_account(
    "fillwire.events.published", _COUNTER, "{event}",
    "Order events handed to the broker since the gateway took the account",
)  # fmt: skip
EVENTS_LOST = _of_account(
    "fillwire.events.lost", _COUNTER, "{event}",
    "Order events that could not be handed to the broker; they are fetched from the venue's records",
)  # fmt: skip
FRAMES_REFUSED = _of(
    "fillwire.frames.refused", _COUNTER, "{frame}", _GATEWAY, (*_ACCOUNT, CODE), _CODES,
    "Frames that went to quarantine",
)  # fmt: skip
FRAMES_DROPPED = _of(
    "fillwire.frames.dropped", _COUNTER, "{frame}", _GATEWAY, (*_ACCOUNT, CODE), _CODES,
    "Frames of those that were not kept, because too many waited for the broker",
)  # fmt: skip
PARSE_ERRORS = _of(
    "fillwire.parse.errors", _COUNTER, "{frame}", _GATEWAY, (*_VENUE, CLASS), VENUES * _CLASSES,
    "Frames that could not be accepted, by what kind of trouble it is",
)  # fmt: skip
RECONCILE_DURATION = _of_venue(
    "fillwire.reconcile.duration", _HISTOGRAM, "s",
    "Time from the venue's acknowledgement of the stream until the log had caught up, at each connection",
)  # fmt: skip
UNSETTLED_ORDERS = _of_account(
    "fillwire.reconcile.unsettled", _GAUGE, "{order}",
    "Orders, and symbols, on which the log and the venue's records do not agree yet",
)  # fmt: skip
UNSETTLED_AGE = _of_account(
    "fillwire.reconcile.unsettled.age", _GAUGE, "s",
    "For how long the oldest of those has not been settled; 0 if there is none", Fold.WORST_IS_MOST,
)  # fmt: skip
MISSING_AGE = _of_account(
    "fillwire.reconcile.missing.age", _GAUGE, "s",
    "From how long ago executions may be missing in the log; 0 while none is known to be", Fold.WORST_IS_MOST,
)  # fmt: skip

# -- venues

CLOCK_OFFSET = _of_venue(
    "fillwire.clock.offset", _GAUGE, "s",
    "The venue's clock minus this machine's, as measured last", Fold.WORST_IS_MOST,
)  # fmt: skip
RATE_HEADROOM = _of_venue(
    "fillwire.rate_limit.headroom", _GAUGE, "1",
    "Share of this minute's budget of questions that is left", Fold.WORST_IS_LEAST,
)  # fmt: skip
VENUE_QUIET = _of_venue(
    "fillwire.rate_limit.quiet", _GAUGE, "s",
    "For how long the venue wants nothing asked or nothing dialled; 0 if it has not said so", Fold.WORST_IS_MOST,
)  # fmt: skip

# -- the broker

BROKER_UP = _of(
    "fillwire.broker.up", _GAUGE, "", _ALL, (), 1,
    "1 while connected to the broker, else 0", Fold.WORST_IS_LEAST,
)  # fmt: skip
QUEUE_DEPTH = _of(
    "fillwire.queue.depth", _GAUGE, "{message}", _GATEWAY, (QUEUE,), 4,
    "Messages that wait for the broker, by where they are",
)  # fmt: skip
QUEUE_WAIT = _of(
    "fillwire.queue.wait", _GAUGE, "s", _GATEWAY, (), 1,
    "For how long the broker has owed an answer about one message", Fold.WORST_IS_MOST,
)  # fmt: skip
SPILLED = _of(
    "fillwire.queue.spilled", _COUNTER, "{event}", _GATEWAY, (), 1,
    "Events that went through the journal, because the memory was full",
)  # fmt: skip
PUBLISHED_MESSAGES = _of(
    "fillwire.publisher.messages", _COUNTER, "{message}", "gateway, host", (OUTCOME,), 4,
    "Messages by what became of them; one that is sent again counts as `resent` each time",
)  # fmt: skip

# -- bots

BOT_LAG = _of_bot(
    "fillwire.bot.lag", _GAUGE, "{event}",
    "Events in the log that the bot has not handled yet, as the broker said within the last 10 s",
)  # fmt: skip
BOT_LAG_TIME = _of_bot(
    "fillwire.bot.lag.time", _GAUGE, "s",
    "For how long the oldest event that the host has for the bot has waited or been worked on; 0 if there is none",
    Fold.WORST_IS_MOST,
)  # fmt: skip
BOT_INBOX = _of_bot(
    "fillwire.bot.inbox", _GAUGE, "{event}", "Events that the host has and the bot has not come to"
)
BOT_HANDLED = _of_bot("fillwire.bot.events.handled", _COUNTER, "{event}", "Events that the bot has handled")
BOT_REPEATED = _of_bot(
    "fillwire.bot.events.repeated", _COUNTER, "{event}", "Events that came again and were dropped"
)
BOT_DEAD_LETTERS = _of_bot(
    "fillwire.bot.dead_letters", _COUNTER, "{event}",
    "Events that the bot could not handle and that became dead letters",
)  # fmt: skip
BOT_CALLS = _of_bot(
    "fillwire.bot.callbacks", _COUNTER, "{call}",
    "Calls of the bot's callbacks for order events, repeated ones included",
)  # fmt: skip
BOT_CALL_TIME = _of_bot(
    "fillwire.bot.callbacks.time", _COUNTER, "s",
    "Time in those calls; for its distribution over all bots see the stage `callback` of the latency",
)  # fmt: skip
BOT_FAILURES = _of_bot(
    "fillwire.bot.failures", _COUNTER, "{call}", "Calls of the bot's callbacks that raised"
)
BOT_RETRIES = _of_bot(
    "fillwire.bot.retries", _COUNTER, "{call}", "Calls that were made again after one that raised"
)

# -- the recorder

RECORDED = _of(
    "fillwire.recorder.events", _COUNTER, "{event}", "recorder", (), 1, "Events recorded since the start"
)
RECORDING = _of(
    "fillwire.recorder.recording", _GAUGE, "", "recorder", (), 1,
    "1 while events go into the database, 0 while it waits for the database, the broker or another recorder",
    Fold.WORST_IS_LEAST,
)  # fmt: skip
RECORDER_LAG = _of(
    "fillwire.recorder.lag", _GAUGE, "{event}", "recorder", (), 1,
    "Events that were in the log behind the last that was recorded, at the time when it was", Fold.WORST_IS_MOST,
)  # fmt: skip

# -- the notifier

NOTIFICATIONS = _of(
    "fillwire.notify.notifications", _COUNTER, "{notification}", "notify", (RESULT,), 3,
    "Attempts to tell the webhook, by what became of them; `dead` counts notifications that were given up",
)  # fmt: skip
NOTIFICATIONS_WAITING = _of(
    "fillwire.notify.waiting", _GAUGE, "{notification}", "notify", (), 1, "Notifications that wait"
)

# -- the console

CONSOLE_SESSIONS = _of(
    "fillwire.console.sessions", _GAUGE, "{session}", "console", (), 1, "Logins that are open"
)
CONSOLE_STREAMS = _of(
    "fillwire.console.streams", _GAUGE, "{page}", "console", (), 1, "Pages that are open and listen"
)
CONSOLE_DROPPED = _of(
    "fillwire.console.events.dropped", _COUNTER, "{event}", "console", (), 1,
    "Order events that pages were too slow to take; each page was told how many, and given the newest state",
)  # fmt: skip
CONSOLE_LOGINS = _of(
    "fillwire.console.logins", _COUNTER, "{login}", "console", (LOGIN,), 3, "Attempts to log in"
)
CONSOLE_REQUESTS = _of(
    "fillwire.console.requests", _COUNTER, "{request}", "console", (STATUS_CLASS,), 4,
    "Requests by how they were answered; that of a page's stream counts when it ends",
)  # fmt: skip

# -- the door

DOOR_REQUESTS = _of(
    "fillwire.door.requests", _COUNTER, "{request}", "door", (ANSWER,), 4,
    "Requests of tenants for consumers, by what became of them",
)  # fmt: skip
MIRRORS = _of(
    "fillwire.mirrors", _GAUGE, "{stream}", "door", (), 1,
    "Streams that take from others: tenants' mirrors, and what takes from tenants' own", Fold.WORST_IS_MOST,
)  # fmt: skip
MIRRORS_STANDING = _of(
    "fillwire.mirrors.standing", _GAUGE, "{stream}", "door", (), 1,
    "Of these, those that do not follow", Fold.WORST_IS_MOST,
)  # fmt: skip
MIRRORS_STANDING_TIME = _of(
    "fillwire.mirrors.standing.time", _GAUGE, "s", "door", (), 1,
    "For how long the one that stands still longest has been seen to; 0 if there is none", Fold.WORST_IS_MOST,
)  # fmt: skip
MIRRORS_REVIVED = _of(
    "fillwire.mirrors.revived", _COUNTER, "{stream}", "door", (), 1,
    "Times that a stream was given another leader because it did not follow",
)  # fmt: skip
MIRRORS_NOT_REVIVED = _of(
    "fillwire.mirrors.revivals.failed", _COUNTER, "{stream}", "door", (), 1,
    "Times that this came to nothing, or another door was quicker",
)  # fmt: skip

# -- the process

LOOP_LATENESS = _of(
    "fillwire.loop.lateness", _GAUGE, "s", _ALL, (), 1,
    "How late the event loop ran at worst in the last half minute to minute", Fold.WORST_IS_MOST,
)  # fmt: skip
SOURCE_FAILURES = _of(
    "fillwire.telemetry.source.failures", _COUNTER, "{failure}", _ALL, (), 1,
    "Times that a part of the process could not say its metrics",
)  # fmt: skip
