"""What the dashboards show: the panels of each, and what to make of them."""

from grafana import Panel, stat

# What the variables choose, in each query on accounts; `$user` on those that have one.
_VENUE = 'exchange=~"$exchange",environment=~"$environment"'
_ACCOUNT = f'{_VENUE},user=~"$user"'
_JOB = 'job=~"fillwire.*"'
# Legends.
_WHOSE = "{{user}}@{{exchange}}/{{environment}}"
_BOT = "{{bot}} of {{user}}"
_PROCESS = "{{job}} {{instance}}"


def _quantile(share: float, stage: str, by: str = "") -> str:
    inner = f'rate(fillwire_fill_latency_seconds_bucket{{{_VENUE},stage="{stage}"}}[$__rate_interval])'
    return f"histogram_quantile({share}, sum by (le{by}) ({inner}))"


def _rate_of_bot(counter: str) -> str:
    return f"sum by (user, bot) (rate({counter}{{{_ACCOUNT}}}[$__rate_interval]))"


OVERVIEW = (
    stat(
        "Accounts receiving",
        "Share of the accounts that bots listen to whose fills are detected live.",
        f"avg(max by (exchange, environment, user) (fillwire_connection_up{{{_ACCOUNT}}}))",
        "percentunit",
        below=1,
    ),
    stat(
        "Fills per second",
        "Executions that bots were called for.",
        f'sum(rate(fillwire_fill_latency_seconds_count{{{_VENUE},stage="emit_to_callback"}}[$__rate_interval]))',
    ),
    stat(
        "Exchange to bot, p99",
        "From the exchange's emission to the call of the bot.",
        _quantile(0.99, "emit_to_callback"),
        "s",
        above=1,
    ),
    stat(
        "Worst bot",
        "For how long the oldest event waits for its bot.",
        f"max(fillwire_bot_lag_time_seconds{{{_ACCOUNT}}})",
        "s",
        above=30,
    ),
    stat(
        "Dead letters in a day",
        "Events that bots could not handle: fillwire dlq list.",
        f"sum(increase(fillwire_bot_dead_letters_total{{{_ACCOUNT}}}[1d]))",
        above=1,
    ),
    stat(
        "Refused frames in a day",
        "Frames in quarantine: fillwire quarantine list.",
        f"sum(increase(fillwire_parse_errors_total{{{_VENUE}}}[1d]))",
        above=1,
    ),
    Panel(
        title="Exchange to bot",
        says="How long a fill takes in all. Points are traces: open one to see where the time went.",
        queries={_quantile(0.5, "emit_to_callback"): "p50", _quantile(0.99, "emit_to_callback"): "p99"},
        unit="s",
        width=12,
    ),
    Panel(
        title="Fills per second",
        says="By exchange, as bots were called for them.",
        queries={
            f'sum by (exchange, environment) (rate(fillwire_fill_latency_seconds_count{{{_VENUE},stage="emit_to_callback"}}[$__rate_interval]))': "{{exchange}}/{{environment}}"
        },
        width=12,
    ),
    Panel(
        title="Accounts that do not receive",
        says="1 for each account whose fills are not detected live now.",
        queries={f"1 - max by (exchange, environment, user) (fillwire_connection_up{{{_ACCOUNT}}})": _WHOSE},
    ),
    Panel(
        title="Unsettled orders",
        says="Orders on which the log and the exchange's records do not agree yet.",
        queries={
            f"max by (exchange, environment, user) (fillwire_reconcile_unsettled{{{_ACCOUNT}}})": _WHOSE
        },
    ),
    Panel(
        title="Waiting for the broker",
        says="Messages of gateways by where they are; a journal in use means that the broker is away.",
        queries={f"sum by (queue) (fillwire_queue_depth{{{_JOB}}})": "{{queue}}"},
    ),
)

CONNECTIONS = (
    Panel(
        title="State",
        says="Where each connection is in its life.",
        kind="state-timeline",
        width=24,
        queries={
            f"max by (exchange, environment, user, state) (fillwire_connection_state{{{_ACCOUNT}}}) == 1": "{{user}}@{{exchange}}/{{environment}} {{state}}"
        },
    ),
    Panel(
        title="Time receiving",
        says="Share of the time in which each account was receiving.",
        unit="percentunit",
        queries={
            f"sum by (exchange, environment, user) (rate(fillwire_connection_receiving_time_seconds_total{{{_ACCOUNT}}}[$__rate_interval]))": _WHOSE
        },
    ),
    Panel(
        title="Uptime of connections",
        says="Since when each connection receives; venues end most after a day.",
        unit="s",
        queries={
            f"max by (exchange, environment, user) (fillwire_connection_uptime_seconds{{{_ACCOUNT}}})": _WHOSE
        },
    ),
    Panel(
        title="Losses an hour",
        says="Connections that were receiving and were lost.",
        queries={
            f"sum by (exchange, environment, user) (increase(fillwire_connection_losses_total{{{_ACCOUNT}}}[1h]))": _WHOSE
        },
    ),
    Panel(
        title="Attempts and successes a minute",
        says="Attempts without success mean that the exchange is away, or refuses.",
        queries={
            f"60 * sum by (exchange) (rate(fillwire_connection_attempts_total{{{_ACCOUNT}}}[$__rate_interval]))": "{{exchange}} attempts",
            f"60 * sum by (exchange) (rate(fillwire_connection_successes_total{{{_ACCOUNT}}}[$__rate_interval]))": "{{exchange}} successes",
            f"60 * sum by (exchange) (rate(fillwire_connection_refusals_total{{{_ACCOUNT}}}[$__rate_interval]))": "{{exchange}} key refused",
        },
    ),
    Panel(
        title="Circuit breakers",
        says="0 closed, 1 half open, 2 open: the stricter of the account's and the exchange's.",
        queries={f"max by (exchange, environment, user) (fillwire_connection_breaker{{{_ACCOUNT}}})": _WHOSE},
    ),
    Panel(
        title="Polled, and owned",
        says="Polled: records are asked in place of the stream. Owned: gateways that may send the account's orders; more than one is never right.",
        queries={
            f"sum by (exchange, environment, user) (fillwire_connection_polled{{{_ACCOUNT}}})": "{{user}}@{{exchange}} polled",
            f"sum by (exchange, environment, user) (fillwire_account_owned{{{_ACCOUNT}}})": "{{user}}@{{exchange}} owners",
        },
    ),
    Panel(
        title="Clock offset",
        says="The exchange's clock minus this machine's.",
        unit="s",
        queries={
            f"max by (exchange, environment, instance) (fillwire_clock_offset_seconds{{{_VENUE}}})": "{{exchange}}/{{environment}} at {{instance}}"
        },
    ),
    Panel(
        title="Budget of questions",
        says="What is left of this minute's; at 0 reconciliation waits for the next minute.",
        unit="percentunit",
        queries={
            f"min by (exchange, environment) (fillwire_rate_limit_headroom_ratio{{{_VENUE}}})": "{{exchange}}/{{environment}}"
        },
    ),
    Panel(
        title="Asked to be quiet",
        says="For how long the exchange wants nothing from an address.",
        unit="s",
        queries={
            f"max by (exchange, environment, instance) (fillwire_rate_limit_quiet_seconds{{{_VENUE}}})": "{{exchange}}/{{environment}} at {{instance}}"
        },
    ),
    Panel(
        title="Refused frames",
        says="By what kind of trouble it is: see the runbook.",
        queries={
            f"sum by (exchange, class) (rate(fillwire_parse_errors_total{{{_VENUE}}}[$__rate_interval]))": "{{exchange}} {{class}}"
        },
    ),
    Panel(
        title="Age of what is unsettled",
        says="For how long the oldest order could not be compared, and since when executions may be missing.",
        unit="s",
        queries={
            f"max by (exchange, environment, user) (fillwire_reconcile_unsettled_age_seconds{{{_ACCOUNT}}})": "{{user}}@{{exchange}} unsettled",
            f"max by (exchange, environment, user) (fillwire_reconcile_missing_age_seconds{{{_ACCOUNT}}})": "{{user}}@{{exchange}} missing",
        },
    ),
    Panel(
        title="Events published and lost",
        says="Lost ones could not be handed to the broker; the exchange's records have them.",
        queries={
            f"sum by (exchange, user) (rate(fillwire_events_published_total{{{_ACCOUNT}}}[$__rate_interval]))": "{{user}}@{{exchange}} published",
            f"sum by (exchange, user) (rate(fillwire_events_lost_total{{{_ACCOUNT}}}[$__rate_interval]))": "{{user}}@{{exchange}} lost",
        },
    ),
)

_STAGES = (
    "emit_to_received",
    "received_to_parsed",
    "parsed_to_published",
    "published_to_acknowledged",
    "published_to_delivered",
    "delivered_to_callback",
    "callback",
    "emit_to_callback",
)

LATENCY = (
    Panel(
        title="All stages, median",
        says="Where the time of an ordinary fill goes.",
        unit="s",
        width=12,
        height=10,
        queries={_quantile(0.5, "$stage", ", stage").replace('stage="$stage"', 'stage=~".+"'): "{{stage}}"},
    ),
    Panel(
        title="All stages, p99",
        says="Where the time of a slow fill goes.",
        unit="s",
        width=12,
        height=10,
        queries={_quantile(0.99, "$stage", ", stage").replace('stage="$stage"', 'stage=~".+"'): "{{stage}}"},
    ),
    *(
        Panel(
            title=stage.replace("_", " "),
            says=f"Distribution of the stage {stage}; points are traces.",
            unit="s",
            kind="heatmap",
            width=6,
            queries={
                f'sum by (le) (increase(fillwire_fill_latency_seconds_bucket{{{_VENUE},stage="{stage}"}}[$__rate_interval]))': "{{le}}"
            },
        )
        for stage in _STAGES
    ),
    Panel(
        title="Catching up",
        says="From the acknowledged subscription until the log had caught up, p95.",
        unit="s",
        width=12,
        queries={
            f"histogram_quantile(0.95, sum by (le, exchange) (rate(fillwire_reconcile_duration_seconds_bucket{{{_VENUE}}}[1h])))": "{{exchange}}"
        },
    ),
    Panel(
        title="Traces that were lost",
        says="The receiver of traces was slow or away; fills are counted all the same.",
        width=12,
        queries={
            f"sum by (job) (rate(fillwire_telemetry_fills_lost_total{{{_JOB}}}[$__rate_interval]))": "{{job}}"
        },
    ),
)

BOTS = (
    Panel(
        title="Waiting for the longest",
        says="For how long the oldest event waits for the bot, or is being worked on.",
        unit="s",
        queries={f"max by (user, bot) (fillwire_bot_lag_time_seconds{{{_ACCOUNT}}})": _BOT},
    ),
    Panel(
        title="Behind",
        says="Events in the log that the bot has not handled.",
        queries={f"max by (user, bot) (fillwire_bot_lag{{{_ACCOUNT}}})": _BOT},
    ),
    Panel(
        title="Inbox",
        says="Events that the host has and the bot has not come to; 256 is full.",
        queries={f"max by (user, bot) (fillwire_bot_inbox{{{_ACCOUNT}}})": _BOT},
    ),
    Panel(
        title="Events a second",
        says="Handled, and repeated ones that were dropped.",
        queries={
            _rate_of_bot("fillwire_bot_events_handled_total"): _BOT,
            _rate_of_bot("fillwire_bot_events_repeated_total"): f"{_BOT}, repeated",
        },
    ),
    Panel(
        title="Time of a callback",
        says="Mean over all of the bot's callbacks for order events.",
        unit="s",
        queries={
            f"{_rate_of_bot('fillwire_bot_callbacks_time_seconds_total')} / "
            f"{_rate_of_bot('fillwire_bot_callbacks_total')}": _BOT
        },
    ),
    Panel(
        title="Busy",
        says="Share of the time that the bot spends in callbacks; near 1 it falls behind.",
        unit="percentunit",
        queries={_rate_of_bot("fillwire_bot_callbacks_time_seconds_total"): _BOT},
    ),
    Panel(
        title="Failures and retries",
        says="Calls that raised, and calls that were made again.",
        queries={
            _rate_of_bot("fillwire_bot_failures_total"): f"{_BOT}, raised",
            _rate_of_bot("fillwire_bot_retries_total"): f"{_BOT}, again",
        },
    ),
    Panel(
        title="Dead letters an hour",
        says="Events that the bot could not handle: fillwire dlq list.",
        queries={f"sum by (user, bot) (increase(fillwire_bot_dead_letters_total{{{_ACCOUNT}}}[1h]))": _BOT},
    ),
)

SERVICES = (
    Panel(title="There", says="1 while the service answers Prometheus.", queries={f"up{{{_JOB}}}": _PROCESS}),
    Panel(
        title="Connected to the broker",
        says="1 while the service is connected.",
        queries={f"min by (job, instance) (fillwire_broker_up{{{_JOB}}})": _PROCESS},
    ),
    Panel(
        title="Lateness of the event loop",
        says="At worst in the last half minute; a bot that blocks shows here.",
        unit="s",
        queries={f"max by (job, instance) (fillwire_loop_lateness_seconds{{{_JOB}}})": _PROCESS},
    ),
    Panel(
        title="Processor",
        says="Seconds per second: 1 is a core.",
        queries={f"rate(process_cpu_seconds_total{{{_JOB}}}[$__rate_interval])": _PROCESS},
    ),
    Panel(
        title="Memory",
        says="Resident.",
        unit="bytes",
        queries={f"process_resident_memory_bytes{{{_JOB}}}": _PROCESS},
    ),
    Panel(
        title="The broker owes an answer",
        says="For how long, about the oldest message.",
        unit="s",
        queries={f"max by (job, instance) (fillwire_queue_wait_seconds{{{_JOB}}})": _PROCESS},
    ),
    Panel(
        title="Messages to the broker",
        says="Sent again: the broker was slow or away. Refused: see the log.",
        width=12,
        queries={
            f"sum by (job, outcome) (rate(fillwire_publisher_messages_total{{{_JOB}}}[$__rate_interval]))": "{{job}} {{outcome}}"
        },
    ),
    Panel(
        title="Metrics that could not be said",
        says="A mistake of ours: see the log.",
        width=12,
        queries={
            f"sum by (job) (increase(fillwire_telemetry_source_failures_total{{{_JOB}}}[1h]))": "{{job}}"
        },
    ),
    Panel(
        title="Through the journal",
        says="Events that the memory of a gateway could not hold while the broker was away.",
        queries={
            f"sum by (job, instance) (rate(fillwire_queue_spilled_total{{{_JOB}}}[$__rate_interval]))": _PROCESS
        },
    ),
    Panel(
        title="Recorded, and behind",
        says="Events into the database a second, and how many are in the log behind the last of them.",
        queries={
            f"sum(rate(fillwire_recorder_events_total{{{_JOB}}}[$__rate_interval]))": "recorded",
            f"max(fillwire_recorder_lag{{{_JOB}}})": "behind",
            f"max(fillwire_recorder_recording{{{_JOB}}})": "a recorder writes",
        },
    ),
    Panel(
        title="Notifications",
        says="Attempts to tell the webhook, and how many wait.",
        queries={
            f"sum by (result) (rate(fillwire_notify_notifications_total{{{_JOB}}}[$__rate_interval]))": "{{result}}",
            f"sum(fillwire_notify_waiting{{{_JOB}}})": "waiting",
        },
    ),
    Panel(
        title="Door: what tenants ask for",
        says="Requests for consumers by what became of them.",
        width=12,
        queries={
            f"sum by (answer) (rate(fillwire_door_requests_total{{{_JOB}}}[$__rate_interval]))": "{{answer}}"
        },
    ),
    Panel(
        title="Mirrors that stand still",
        says="Streams of tenants that do not follow the log, and how often one was given another leader.",
        width=12,
        queries={
            f"max(fillwire_mirrors_standing{{{_JOB}}})": "stand still",
            f"sum(increase(fillwire_mirrors_revived_total{{{_JOB}}}[$__rate_interval]))": "revived",
            f"sum(increase(fillwire_mirrors_revivals_failed_total{{{_JOB}}}[$__rate_interval]))": "in vain",
        },
    ),
    Panel(
        title="Console: pages and logins",
        says="Pages that listen, open logins, and attempts to log in; many refused ones are somebody who guesses.",
        width=12,
        queries={
            f"sum(fillwire_console_streams{{{_JOB}}})": "pages",
            f"sum(fillwire_console_sessions{{{_JOB}}})": "logins",
            f"sum by (login) (increase(fillwire_console_logins_total{{{_JOB}}}[$__rate_interval]))": "{{login}}",
        },
    ),
    Panel(
        title="Console: answers, and what pages missed",
        says="Requests a second by how they were answered, and events that slow pages did not take.",
        width=12,
        queries={
            f"sum by (status) (rate(fillwire_console_requests_total{{{_JOB}}}[$__rate_interval]))": "{{status}}",
            f"sum(rate(fillwire_console_events_dropped_total{{{_JOB}}}[$__rate_interval]))": "missed",
        },
    ),
)

# By name: title and panels.
DASHBOARDS = {
    "overview": ("Fillwire: overview", OVERVIEW),
    "connections": ("Fillwire: connections to exchanges", CONNECTIONS),
    "latency": ("Fillwire: the way of a fill", LATENCY),
    "bots": ("Fillwire: bots", BOTS),
    "services": ("Fillwire: services", SERVICES),
}
