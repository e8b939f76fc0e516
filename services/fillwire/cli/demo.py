"""`fillwire demo`: broker, simulated exchange, gateway and two bots on this machine, live in the terminal."""

import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import click
from rich.console import Console
from rich.live import Live

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.cli import demo_bots
from fillwire.cli.accounting import Balance, balance, summarise_ms
from fillwire.cli.demo_view import DemoState, render
from fillwire.cli.recordings import RecordingReader, execution, latency_ns
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Stack
from fillwire.runtime.lifecycle import Stop, run
from fillwire.wire.codec import decode_connection
from fillwire.wire.subjects import connection_subject

SCRIPTED_SYMBOLS = ("ETHUSDT", "SOLUSDT")
BOTS = ("recorder", "trader")
_REFRESH_S = 0.25
_SCRIPT_S = 4  # scripted executions are emitted in scripts of this length, one after another
_FILLS_PER_ORDER = 5
_SETTLE_DEADLINE_S = 15.0


class Demo:
    """One run of the demo, from start to summary.

    Args:
        directory: where everything is kept; it must exist.
        rate: scripted executions per second beside the trading bot's own.
        seconds: how long to run; None until `stop` is requested.
        live: whether to draw the live view on standard error.
    """

    def __init__(self, directory: Path, *, rate: int, seconds: float | None, live: bool) -> None:
        self.state = DemoState(delivered=dict.fromkeys(BOTS, 0))
        self._directory = directory
        self._rate = rate
        self._seconds = seconds
        self._live = live
        self._readers = {bot: RecordingReader(demo_bots.recording_path(directory, bot)) for bot in BOTS}
        self._lines: dict[str, list[dict[str, Any]]] = {bot: [] for bot in BOTS}

    async def run(self, stop: Stop) -> dict[str, Any]:
        """Run until the time is over or `stop` is requested, and return the summary.

        Raises:
            FillwireError: a part of the system did not start, or ended.
        """
        async with Stack(self._directory, {"FILLWIRE_LOG": "warning"}) as stack:
            venue = await SimulatedVenue.start(stack, aiohttp.ClientSession())
            try:
                async with await Bus.connect(stack.broker.url, name="demo") as bus:
                    await bus.subscribe(connection_subject(venue.account), self._note_connection)
                    await stack.spawn("gateway", "gateway", "--exchange", venue.account.exchange)
                    await self._start_bots(stack, venue)
                    async with self._view():
                        await self._trade(venue, stop)
                        emitted = await self._settle(venue)
            finally:
                await venue.close()
        for bot in BOTS:  # what the bots were told while they stopped
            self._read(bot)
        return self._summary(emitted)

    async def _note_connection(self, message: Message) -> None:
        self.state.connection = decode_connection(message.data)

    async def _start_bots(self, stack: Stack, venue: SimulatedVenue) -> None:
        account = venue.account
        price = await venue.price(demo_bots.TRADED_PAIR)
        await stack.spawn(
            "bots",
            "run",
            str(Path(demo_bots.__file__)),
            *("--user", account.user, "--exchange", account.exchange, "--environment", account.environment),
            *("--param", f"directory={self._directory}", "--param", f"price={price}"),
        )
        await venue.wait_receiving(stack.broker.url)

    async def _trade(self, venue: SimulatedVenue, stop: Stop) -> None:
        started = time.monotonic()
        while not stop.is_requested:
            elapsed = time.monotonic() - started
            if self._seconds is not None:
                self.state.remaining_s = self._seconds - elapsed
                if elapsed >= self._seconds:
                    break
            if not await venue.is_emitting():
                count = self._rate * _SCRIPT_S
                orders = max(1, count // _FILLS_PER_ORDER)
                await venue.emit(SCRIPTED_SYMBOLS, rate=self._rate, count=count, orders=orders)
            self._note_emitted(await venue.execution_count())
            for bot in BOTS:
                self._read(bot)
            await stop.wait_for(_REFRESH_S)

    def _note_emitted(self, count: int) -> None:
        if count and not self.state.emitted and not self._live:
            click.echo("fillwire: fills are coming; Ctrl-C ends the demo", err=True)
        self.state.emitted = count

    async def _settle(self, venue: SimulatedVenue) -> list[dict[str, Any]]:
        """Stop emitting and wait until the bots have been told of everything, or the deadline passes."""
        await venue.stop_emitting()
        deadline = time.monotonic() + _SETTLE_DEADLINE_S
        while True:
            emitted = await venue.executions()
            self.state.emitted = len(emitted)
            for bot in BOTS:
                self._read(bot)
            if time.monotonic() > deadline or all(
                self.state.delivered[bot] >= len(self._expected(bot, emitted)) for bot in BOTS
            ):
                return emitted
            await asyncio.sleep(_REFRESH_S)

    def _read(self, bot: str) -> None:
        lines = self._readers[bot].new_lines()
        self._lines[bot].extend(lines)
        self.state.delivered[bot] += len(lines)
        if bot == "recorder":
            self.state.fills.extend(lines)
            self.state.latencies_ms.extend(latency_ns(line) / 1e6 for line in lines)

    @staticmethod
    def _expected(bot: str, emitted: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if bot == "recorder":
            return emitted
        return [line for line in emitted if line["pair"] == demo_bots.TRADED_PAIR]

    def _summary(self, emitted: list[dict[str, Any]]) -> dict[str, Any]:
        balances: dict[str, Balance] = {
            bot: balance(
                (execution(line) for line in self._expected(bot, emitted)),
                (execution(line) for line in self._lines[bot]),
            )
            for bot in BOTS
        }
        return {
            "executions_emitted": len(emitted),
            "bots": {bot: result.to_dict() for bot, result in balances.items()},
            "lost": sum(result.lost for result in balances.values()),
            "doubled": sum(result.doubled for result in balances.values()),
            "out_of_order": sum(result.out_of_order for result in balances.values()),
            "foreign": sum(result.foreign for result in balances.values()),
            "emit_to_callback": summarise_ms(latency_ns(line) for line in self._lines["recorder"]),
        }

    @contextlib.asynccontextmanager
    async def _view(self) -> AsyncIterator[None]:
        if not self._live:
            yield
            return
        with Live(
            get_renderable=lambda: render(self.state), console=Console(stderr=True), refresh_per_second=8
        ):
            yield


@click.command
@click.option(
    "--seconds", type=click.FloatRange(min=1), help="End by itself after this time; else Ctrl-C ends it."
)
@click.option(
    "--rate",
    type=click.IntRange(1, 10_000),
    default=25,
    show_default=True,
    help="Scripted executions per second, beside those of the trading bot.",
)
def command(seconds: float | None, rate: int) -> None:
    """Run everything on this machine: broker, simulated exchange, gateway and two bots.

    Shows the fills as they come. At the end it prints a JSON summary that compares what the exchange emitted with
    what each bot was told, and exits with 1 if anything was lost, doubled or out of order.
    """
    summary: dict[str, Any] = {}

    async def demonstrate(stop: Stop) -> None:
        with tempfile.TemporaryDirectory(prefix="fillwire-demo-") as directory:
            demo = Demo(Path(directory), rate=rate, seconds=seconds, live=sys.stderr.isatty())
            summary.update(await demo.run(stop))

    code = run(demonstrate)
    if summary:
        click.echo(json.dumps(summary, indent=2))
        if code == 0 and any(summary[defect] for defect in ("lost", "doubled", "out_of_order", "foreign")):
            code = 1
        if code == 0 and seconds is not None and not summary["executions_emitted"]:
            click.echo("fillwire: the exchange emitted nothing, so nothing was shown", err=True)
            code = 1
    sys.exit(code)
