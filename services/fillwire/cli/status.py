"""`fillwire status`: what the connections to exchanges are doing, as their gateways last said."""

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fillwire.bus.buckets import STATUS, Bucket
from fillwire.bus.errors import ApiRefused
from fillwire.cli.broker import connect, with_nats
from fillwire.domain.enums import BreakerState, ConnectionState
from fillwire.domain.errors import BrokerError
from fillwire.domain.events import ConnectionEvent
from fillwire.domain.identifiers import escape_token
from fillwire.runtime.lifecycle import Stop, run
from fillwire.runtime.logs import LEVEL_VARIABLE, configure_logs
from fillwire.runtime.settings import Settings, load_settings
from fillwire.wire.codec import decode_connection

NOT_RECEIVING = 3
_CONNECT_DEADLINE_S = 3.0
_READ_DEADLINE_S = 5.0
_STREAM_NOT_FOUND = 10059
_PIPED_WIDTH = 200
_NS = 1_000_000_000
_STYLES = {
    ConnectionState.RECEIVING: "green",
    ConnectionState.AUTH_FAILED: "bold red",
    ConnectionState.DISCONNECTED: "red",
}


@click.command("status")
@click.option("--user", help="Only this user's connections.")
@click.option("--json", "as_json", is_flag=True, help="A JSON list instead of a table.")
@click.option("--config", type=click.Path(path_type=Path), metavar="FILE", help="The settings, as JSON.")
@click.option("--nats", metavar="URL", help="The broker; overrides the settings.")
@click.pass_context
def command(
    ctx: click.Context, *, user: str | None, as_json: bool, config: Path | None, nats: str | None
) -> None:
    """Show what the connections to exchanges are doing.

    Exit status: 0 if every connection shown receives fills, 3 if one of them does not, 1 if there is no broker or no
    gateway, 2 if the settings cannot be used.
    """
    # What is wrong is said in a sentence at the end; the attempts on the way there are of interest to few.
    configure_logs({LEVEL_VARIABLE: "error"} | os.environ)
    shown: list[ConnectionEvent] = []

    async def show(_stop: Stop) -> None:
        shown.extend(await read(with_nats(load_settings(config), nats), user))
        now_ns = time.time_ns()
        if as_json:
            click.echo(json.dumps([document(event, now_ns) for event in shown], indent=2))
        else:
            Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH).print(table(shown, now_ns))

    status = run(show)
    ctx.exit(status or (0 if all(event.is_connected for event in shown) else NOT_RECEIVING))


async def read(settings: Settings, user: str | None) -> list[ConnectionEvent]:
    """Return the last state of each connection, of one user or of all.

    Raises:
        BrokerError: no broker, or no gateway that reports to it.
    """
    pattern = ">" if user is None else f"{escape_token(user)}.>"
    async with await connect(settings, name="status", inbox="status", deadline_s=_CONNECT_DEADLINE_S) as bus:
        try:
            entries = await Bucket(bus, STATUS).snapshot(pattern, deadline_s=_READ_DEADLINE_S)
        except ApiRefused as error:
            if error.error_code != _STREAM_NOT_FOUND:
                raise
            entries = {}  # no gateway has ever run here
    if not entries:
        whose = "" if user is None else f" of user {user}"
        raise BrokerError(
            f"no gateway reports a connection{whose}: "
            "expected a running `fillwire gateway` and a bot that listens to an account"
        )
    return [decode_connection(entry.value) for _, entry in sorted(entries.items()) if entry.value is not None]


def document(event: ConnectionEvent, now_ns: int) -> dict[str, Any]:
    """Return a connection as JSON: the event's fields, and what follows from them at `now_ns`."""
    return asdict(event) | {
        "is_connected": event.is_connected,
        "uptime_s": round(event.uptime_s(now_ns), 3),
        "reported_s_ago": round(max(0, now_ns - event.time_ns) / _NS, 3),
    }


def table(events: Sequence[ConnectionEvent], now_ns: int) -> Table:
    """Return the connections as a table, one a line."""
    found = Table("", "user", "exchange", "environment", "state", box=None, header_style="dim")
    for name in ("pairs", "up for", "last event", "clock offset", "waiting"):
        found.add_column(name, justify="right")
    found.add_column("gateway")
    found.add_column("reason", overflow="fold")
    for event in events:
        style = _STYLES.get(event.state, "yellow")
        found.add_row(
            Text("yes" if event.is_connected else "no", style),
            event.user,
            event.exchange,
            event.environment,
            Text(state_text(event), style),
            str(event.subscription_count),
            duration_text(event.uptime_s(now_ns)) if event.is_connected else "-",
            "-"
            if event.last_event_time_ns is None
            else f"{duration_text((now_ns - event.last_event_time_ns) / _NS)} ago",
            "-" if event.clock_offset_ns is None else f"{event.clock_offset_ns / 1e6:+.1f} ms",
            waiting_text(event),
            gateway_text(event),
            Text("; ".join(filter(None, (event.reason, event.key_trouble)))),
        )
    found.columns[0].header = "connected"
    return found


def gateway_text(event: ConnectionEvent) -> str:
    """Return which gateway has the account, and whether it owns it or reads in the place of one that is silent."""
    return f"{event.gateway}, stands in" if event.is_connected and event.lease is None else event.gateway


def waiting_text(event: ConnectionEvent) -> str:
    """Return how many events of the gateway wait for the broker: `0`, `1,200`, `70,000, 4,000 on disk`."""
    on_disk = f", {event.journal_count:,} on disk" if event.journal_count else ""
    return f"{event.waiting_count:,}{on_disk}"


def state_text(event: ConnectionEvent) -> str:
    """Return the state in words: `receiving`, `disconnected, polled, breaker open`."""
    words: list[str] = [event.state]
    if event.polling_since_ns is not None:
        words.append("polled")
    if event.breaker is not BreakerState.CLOSED:
        words.append(f"breaker {event.breaker.replace('_', ' ')}")
    return ", ".join(words)


def duration_text(seconds: float) -> str:
    """Return a duration in its two largest units: `12 s`, `3 min 20 s`, `5 h 1 min`, `2 d 4 h`."""
    whole = max(0, int(seconds))
    units = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
    for index, (name, size) in enumerate(units):
        if whole >= size:
            count, rest = divmod(whole, size)
            if index + 1 == len(units):
                return f"{count} {name}"
            smaller, smaller_size = units[index + 1]
            below = rest // smaller_size
            return f"{count} {name} {below} {smaller}" if below else f"{count} {name}"
    return "0 s"
