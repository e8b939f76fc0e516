"""`fillwire demo`: broker, simulated exchanges, a gateway and two bots for each, live in the terminal."""

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live

from fillwire.bus.connection import Bus
from fillwire.cli.accounting import summarise_ms
from fillwire.cli.demo_console import offer, start_console
from fillwire.cli.demo_scene import DEFECTS, REFRESH_S, Scene
from fillwire.cli.demo_view import DemoState, render
from fillwire.cli.selecting import partitions_option
from fillwire.cli.stack import Stack
from fillwire.domain.errors import ConfigError
from fillwire.recorder.book import open_trades
from fillwire.runtime.lifecycle import Stop, run
from fillwire.simulator.registry import SIMULATORS

EXCHANGES = ("binance", "coinbase", "alpaca")
_SETTLE_DEADLINE_S = 15.0
_RECORDED_DEADLINE_S = 5.0


class Demo:
    """One run of the demo, from start to summary.

    Args:
        directory: where everything is kept; it must exist.
        exchanges: which are simulated.
        rate: scripted executions per second at each, beside the trading bot's own.
        seconds: how long to run; None until `stop` is requested.
        live: whether to draw the live view on standard error.
        console: whether to serve the console, too.
        partitions: of the log.
    """

    def __init__(  # noqa: PLR0913 - what a person may choose
        self,
        directory: Path,
        exchanges: Sequence[str],
        *,
        rate: int,
        seconds: float | None,
        live: bool,
        console: bool = False,
        partitions: int = 1,
    ) -> None:
        self._directory = directory
        self._exchanges = exchanges
        self._rate = rate
        self._seconds = seconds
        self._live = live
        self._console = console
        self._partitions = partitions
        self._scenes: list[Scene] = []
        self._remaining_s: float | None = None

    async def run(self, stop: Stop) -> dict[str, Any]:
        """Run until the time is over or `stop` is requested, and return the summary.

        Raises:
            FillwireError: a part of the system did not start, or ended.
        """
        async with contextlib.AsyncExitStack() as exits:
            stack = await exits.enter_async_context(
                Stack(self._directory, {"FILLWIRE_LOG": "warning"}, partitions=self._partitions)
            )
            for exchange in self._exchanges:  # one after the other: each adds itself to the configuration
                scene = await Scene.start(stack, exchange, self._rate)
                exits.push_async_callback(scene.venue.close)
                self._scenes.append(scene)
            database = f"sqlite:///{self._directory}/trades.sqlite"
            await stack.spawn("trades", "recorder", "--database", database)
            bus = await exits.enter_async_context(
                await Bus.connect(stack.broker.url, name="demo", partitions=self._partitions)
            )
            async with asyncio.TaskGroup() as group:
                for scene in self._scenes:
                    group.create_task(scene.play(stack, bus))
            if self._console:
                offer(await start_console(stack, database))
            async with self._view():
                await self._trade(stop)
                await self._settle()
            emitted = [await scene.venue.executions() for scene in self._scenes]
            recorded = await _recorded(database, sum(map(len, emitted)))
        for scene in self._scenes:  # what the bots were told while they stopped
            scene.read()
        return self._summary(emitted, recorded)

    async def _trade(self, stop: Stop) -> None:
        started = time.monotonic()
        is_told = self._live
        while not stop.is_requested:
            elapsed = time.monotonic() - started
            if self._seconds is not None:
                self._remaining_s = self._seconds - elapsed
                if elapsed >= self._seconds:
                    break
            for scene in self._scenes:
                await scene.go_on()
            if not is_told and all(scene.state.emitted for scene in self._scenes):
                is_told = True
                click.echo("fillwire: fills are coming; Ctrl-C ends the demo", err=True)
            await stop.wait_for(REFRESH_S)

    async def _settle(self) -> None:
        """Let nothing more happen, and wait until the bots have been told of everything, or the deadline passes."""
        for scene in self._scenes:
            await scene.venue.freeze()
            await scene.venue.stop_emitting()
        deadline_s = time.monotonic() + _SETTLE_DEADLINE_S
        for scene in self._scenes:
            await scene.settle(deadline_s)

    def _summary(self, emitted: Sequence[Sequence[dict[str, Any]]], recorded: int) -> dict[str, Any]:
        venues = {
            scene.venue.account.exchange: scene.summary(own)
            for scene, own in zip(self._scenes, emitted, strict=True)
        }
        return {
            "executions_emitted": sum(len(own) for own in emitted),
            "executions_recorded": recorded,
            "venues": venues,
            **{defect: sum(summary[defect] for summary in venues.values()) for defect in DEFECTS},
            "emit_to_callback": summarise_ms(
                latency_ns for scene in self._scenes for latency_ns in scene.latencies_ns()
            ),
        }

    @contextlib.asynccontextmanager
    async def _view(self) -> AsyncIterator[None]:
        if not self._live:
            yield
            return
        with Live(
            get_renderable=lambda: render(
                DemoState([scene.state for scene in self._scenes], self._remaining_s)
            ),
            console=Console(stderr=True),
            refresh_per_second=8,
        ):
            yield


async def _recorded(database: str, expected: int) -> int:
    """Return how many executions are in the database, as soon as there are as many as expected, or at the deadline."""
    deadline_s = time.monotonic() + _RECORDED_DEADLINE_S
    with open_trades(database) as book:
        while (count := book.count()) < expected and time.monotonic() < deadline_s:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(REFRESH_S)
    return count


@click.command
@click.option("--console/--no-console", default=True, help="Serve the console, too.  [default: do]")
@click.option(
    "--exchange",
    "exchanges",
    multiple=True,
    default=EXCHANGES,
    show_default=True,
    help="Which to simulate; may be repeated.",
)
@click.option(
    "--seconds", type=click.FloatRange(min=1), help="End by itself after this time; else Ctrl-C ends it."
)
@click.option(
    "--rate",
    type=click.IntRange(1, 10_000),
    default=25,
    show_default=True,
    help="Scripted executions per second at each exchange, beside those of the trading bot.",
)
@partitions_option
def command(
    *, console: bool, exchanges: Sequence[str], seconds: float | None, rate: int, partitions: int
) -> None:
    """Run everything on this machine: broker, and for each exchange its simulator, a gateway and two bots.

    Shows the fills as they come, and prints a link to the console that logs in once. At the end it prints a JSON summary
    that compares what the exchanges emitted with what each bot was told, and exits with 1 if anything was lost, doubled
    or out of order.
    """
    for exchange in exchanges:
        if exchange not in SIMULATORS:
            raise ConfigError(f"exchange: expected {' or '.join(SIMULATORS)}, found {exchange!r}")
    summary: dict[str, Any] = {}

    async def demonstrate(stop: Stop) -> None:
        with tempfile.TemporaryDirectory(prefix="fillwire-demo-") as directory:
            chosen = tuple(dict.fromkeys(exchanges))
            demo = Demo(
                Path(directory),
                chosen,
                rate=rate,
                seconds=seconds,
                live=sys.stderr.isatty(),
                console=console,
                partitions=partitions,
            )
            summary.update(await demo.run(stop))

    code = run(demonstrate)
    if summary:
        click.echo(json.dumps(summary, indent=2))
        if code == 0 and any(summary[defect] for defect in DEFECTS):
            code = 1
        silent = [name for name, venue in summary["venues"].items() if not venue["executions_emitted"]]
        if code == 0 and seconds is not None and silent:
            click.echo(f"fillwire: {', '.join(silent)} emitted nothing, so nothing was shown", err=True)
            code = 1
    sys.exit(code)
