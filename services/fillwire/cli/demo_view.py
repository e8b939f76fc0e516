"""The demo's live view: connection, counts, latency and the latest fills."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.align import Align
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fillwire.cli.accounting import percentile
from fillwire.domain.enums import ConnectionState
from fillwire.domain.events import ConnectionEvent

_SHOWN_FILLS = 14
_LATENCY_WINDOW = 20_000

_COLOURS = {
    ConnectionState.RECEIVING: "green",
    ConnectionState.AUTH_FAILED: "red",
    ConnectionState.DISCONNECTED: "red",
}


@dataclass(slots=True)
class DemoState:
    """What the view shows; the demo updates it as things happen.

    Attributes:
        emitted: executions the simulated exchange has emitted.
        delivered: executions each bot has been told of, by bot.
        latencies_ms: emit to callback of the latest executions.
        fills: the latest executions as the recorder wrote them.
    """

    connection: ConnectionEvent | None = None
    emitted: int = 0
    delivered: dict[str, int] = field(default_factory=dict)
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_LATENCY_WINDOW))
    fills: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_SHOWN_FILLS))
    remaining_s: float | None = None


def _connection_line(connection: ConnectionEvent | None) -> Text:
    if connection is None:
        return Text("waiting for the gateway", style="yellow")
    colour = _COLOURS.get(connection.state, "yellow")
    line = Text.assemble(
        ("● ", colour), (str(connection.account), "bold"), "  ", (connection.state.upper(), colour)
    )
    if connection.reason:
        line.append(f"  {connection.reason}", style="dim")
    return line


def _counts(state: DemoState) -> Table:
    grid = Table.grid(padding=(0, 3))
    ordered = sorted(state.latencies_ms)
    grid.add_row(
        Text.assemble("emitted by the exchange ", (f"{state.emitted:,}", "bold cyan")),
        *(
            Text.assemble(f"told to {bot} ", (f"{count:,}", "bold green"))
            for bot, count in state.delivered.items()
        ),
        Text.assemble(
            "emit → callback p50 ",
            (f"{percentile(ordered, 0.5):.2f} ms", "bold"),
            "  p99 ",
            (f"{percentile(ordered, 0.99):.2f} ms", "bold"),
        ),
    )
    return grid


def _fills(fills: Sequence[dict[str, Any]]) -> Table:
    table = Table(expand=True, box=None, pad_edge=False)
    for name, justify in (("pair", "left"), ("side", "left"), ("quantity", "right"), ("price", "right")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    table.add_column("order", justify="left", style="dim")
    table.add_column("trade", justify="left", style="dim")
    table.add_column("latency", justify="right")
    for fill in reversed(fills):
        latency_ms = (fill["called_time_ns"] - fill["exchange_time_ns"]) / 1e6
        table.add_row(
            fill["pair"],
            Text(fill["side"], style="green" if fill["side"] == "buy" else "red"),
            fill["quantity"],
            fill["price"],
            "filled" if fill["kind"] == "filled" else "partly filled",
            fill["trade_id"],
            f"{latency_ms:.2f} ms",
        )
    return table


def render(state: DemoState) -> RenderableType:
    """Return the whole view."""
    ending = "Ctrl-C stops" if state.remaining_s is None else f"{max(0.0, state.remaining_s):.0f} s left"
    return Panel(
        Group(
            _connection_line(state.connection),
            _counts(state),
            Text(),
            _fills(list(state.fills)),
            Align.right(Text(ending, style="dim")),
        ),
        title="Fillwire",
        border_style="cyan",
    )
