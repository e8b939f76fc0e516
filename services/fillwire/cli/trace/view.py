"""A fill's way as people and programs read it: a waterfall with a bar for each step, or JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from fillwire.cli.showing import time_text
from fillwire.cli.trace.finding import Logged
from fillwire.cli.trace.waterfall import Row
from fillwire.runtime.redaction import printable
from fillwire.wire.decimals import decimal_text

BAR_WIDTH = 40
_US = 1_000
_MS = 1_000_000
_S = 1_000_000_000
_EIGHTHS = "▏▎▍▌▋▊▉█"
LOG = "log"
JAEGER = "jaeger"


@dataclass(frozen=True, slots=True)
class Shown:
    """One event's way.

    Attributes:
        logged: the event.
        rows: its steps.
        source: who told them: `log` or `jaeger`.
        note: what is to be said about that, None for nothing.
    """

    logged: Logged
    rows: Sequence[Row]
    source: str
    note: str | None = None


def duration_text(duration_ns: int) -> str:
    """Return a duration as people read it, with three digits that count: `412 ns`, `86.4 µs`, `1.53 ms`, `2.08 s`."""
    for unit_ns, unit in ((_S, "s"), (_MS, "ms"), (_US, "µs")):
        if abs(duration_ns) >= unit_ns:
            value = duration_ns / unit_ns
            digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0  # noqa: PLR2004 - three digits
            return f"{value:,.{digits}f} {unit}"
    return f"{duration_ns} ns"


def bar(start_ns: int, end_ns: int, first_ns: int, last_ns: int, width: int = BAR_WIDTH) -> str:
    """Return a bar from start to end on a scale from first to last; the shortest is an eighth of a character."""
    scale = width / max(1, last_ns - first_ns)
    begin = min(width - 1, max(0, int((start_ns - first_ns) * scale)))
    eighths = max(1, round((end_ns - start_ns) * scale * 8))
    whole, rest = divmod(min(eighths, (width - begin) * 8), 8)
    return " " * begin + _EIGHTHS[-1] * whole + (_EIGHTHS[rest - 1] if rest else "")


def waterfall(shown: Shown) -> RenderableType:
    """Return what is printed of one event's way."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    table.add_column("step", no_wrap=True)
    table.add_column("by", style="dim", no_wrap=True)
    table.add_column("at", justify="right", no_wrap=True)
    table.add_column("took", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True, width=BAR_WIDTH)
    first_ns = min(row.span.start_ns for row in shown.rows)
    last_ns = max(row.span.end_ns for row in shown.rows)
    for row in shown.rows:
        span = row.span
        style = "red" if span.error else "cyan"
        table.add_row(
            Text("  " * row.depth + printable(span.name), "red" if span.error else ""),
            Text(printable(span.service or "")),
            f"+{duration_text(span.start_ns - first_ns)}",
            duration_text(span.end_ns - span.start_ns),
            Text(bar(span.start_ns, span.end_ns, first_ns, last_ns), style),
        )
    parts: list[RenderableType] = [*map(Text, _head(shown)), table]
    parts += [
        Text(f"{printable(row.span.name)}: {printable(row.span.error)}", "red")
        for row in shown.rows
        if row.span.error
    ]
    total = f"{duration_text(last_ns - first_ns)} from the first step to the end of the last"
    parts.append(Text(total, "dim"))
    earlier = [printable(link.event_id or link.trace_id) for row in shown.rows for link in row.span.links]
    if earlier:
        parts.append(Text(f"earlier events of the order: {', '.join(earlier)}", "dim"))
    return Group(*parts)


def _head(shown: Shown) -> list[str]:
    event = shown.logged.event
    fill = event.last_fill
    what = (
        f"{event.kind} of order {event.order_id}"
        if fill is None
        else f"trade {fill.trade_id}: {decimal_text(fill.quantity)} at {decimal_text(fill.price)}, "
        f"order {event.order_id} {event.kind}"
    )
    where = f"{event.account}, {event.pair} {event.side}"
    return [
        printable(f"{what}; {where}; {time_text(event.received_time_ns)} UTC, by {event.source}"),
        f"trace {shown.logged.trace_id}, as {'the log' if shown.source == LOG else 'Jaeger'} tells it",
    ]


def document(shown: Shown) -> dict[str, Any]:
    """Return one event's way as JSON."""
    event = shown.logged.event
    return {
        "event_id": event.event_id,
        "trace_id": shown.logged.trace_id,
        "exchange": event.exchange,
        "environment": event.environment,
        "user": event.user,
        "pair": event.pair,
        "kind": event.kind,
        "order_id": event.order_id,
        "client_order_id": event.client_order_id,
        "trade_id": None if event.last_fill is None else event.last_fill.trade_id,
        "source": shown.source,
        "note": shown.note,
        "log_sequence": shown.logged.sequence,
        "spans": [
            asdict(row.span) | {"depth": row.depth, "duration_ns": row.span.end_ns - row.span.start_ns}
            for row in shown.rows
        ],
    }
