"""The demo's live view: connection, counts, latency and the latest fills."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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
class SceneState:
    """What the view shows of one exchange; the demo updates it as things happen.

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


class DemoState(NamedTuple):
    """What the view shows.

    Attributes:
        remaining_s: seconds until the demo ends by itself, None if it does not.
    """

    scenes: Sequence[SceneState]
    remaining_s: float | None


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


def _scene(state: SceneState) -> Table:
    grid = Table.grid(padding=(0, 3))
    ordered = sorted(state.latencies_ms)
    grid.add_row(
        _connection_line(state.connection),
        Text.assemble("emitted ", (f"{state.emitted:,}", "bold cyan")),
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
    for name, justify in (
        ("exchange", "left"),
        ("pair", "left"),
        ("side", "left"),
        ("quantity", "right"),
        ("price", "right"),
    ):
        table.add_column(name, justify="right" if justify == "right" else "left")
    table.add_column("order", justify="left", style="dim")
    table.add_column("trade", justify="left", style="dim")
    table.add_column("latency", justify="right")
    for fill in reversed(fills):
        latency_ms = (fill["called_time_ns"] - fill["exchange_time_ns"]) / 1e6
        table.add_row(
            fill["event_id"].split(":")[0],
            fill["pair"],
            Text(fill["side"], style="green" if fill["side"] == "buy" else "red"),
            fill["quantity"],
            fill["price"],
            "filled" if fill["kind"] == "filled" else "partly filled",
            fill["trade_id"],
            f"{latency_ms:.2f} ms",
        )
    return table


def _latest(scenes: Sequence[SceneState]) -> list[dict[str, Any]]:
    """Return the latest fills of all exchanges, oldest first."""
    fills = [fill for scene in scenes for fill in scene.fills]
    return sorted(fills, key=lambda fill: int(fill["called_time_ns"]))[-_SHOWN_FILLS:]


def render(state: DemoState) -> RenderableType:
    """Return the whole view."""
    ending = "Ctrl-C stops" if state.remaining_s is None else f"{max(0.0, state.remaining_s):.0f} s left"
    return Panel(
        Group(
            *(_scene(scene) for scene in state.scenes),
            Text(),
            _fills(_latest(state.scenes)),
            Align.right(Text(ending, style="dim")),
        ),
        title="Fillwire",
        border_style="cyan",
    )
