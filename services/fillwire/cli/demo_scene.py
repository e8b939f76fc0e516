"""One exchange of the demo: its simulator, gateway and two bots, and what became of each execution."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp

from fillwire.bus.connection import Bus
from fillwire.bus.messages import Message
from fillwire.cli import demo_bots
from fillwire.cli.accounting import Balance, balance, summarise_ms
from fillwire.cli.demo_view import SceneState
from fillwire.cli.recordings import RecordingReader, execution, latency_ns
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Stack
from fillwire.wire.codec import decode_connection
from fillwire.wire.subjects import connection_subject

RECORDER, TRADER = "recorder", "trader"
BOTS = (RECORDER, TRADER)
DEFECTS = ("lost", "doubled", "out_of_order", "foreign")
REFRESH_S = 0.25
_TRADED_BASE = "BTC"
_SCRIPTED_SYMBOLS = 2
_SPREAD_PARTS = 10_000
_SCRIPT_S = 4  # scripted executions are emitted in scripts of this length, one after another
_FILLS_PER_ORDER = 5


class Scene:
    """One exchange. The recorder listens to all its pairs, the trader trades one, the script uses others.

    Args:
        venue: the simulated exchange.
        directory: where the recordings go.
        rate: scripted executions per second beside the trading bot's own.
    """

    def __init__(self, venue: SimulatedVenue, directory: Path, rate: int) -> None:
        self.venue = venue
        self.state = SceneState(delivered=dict.fromkeys(BOTS, 0))
        self._directory = directory
        self._rate = rate
        self._pair = next(
            (pair for pair in venue.pairs if pair.split("-")[0] == _TRADED_BASE), venue.pairs[0]
        )
        scripted = [
            symbol for symbol, pair in zip(venue.symbols, venue.pairs, strict=True) if pair != self._pair
        ]
        self._scripted = scripted[:_SCRIPTED_SYMBOLS]
        self._readers = {bot: RecordingReader(demo_bots.recording_path(directory, bot)) for bot in BOTS}
        self._lines: dict[str, list[dict[str, Any]]] = {bot: [] for bot in BOTS}

    @classmethod
    async def start(cls, stack: Stack, exchange: str, rate: int) -> Self:
        """Start the simulated exchange; the configuration names it from here on.

        Raises:
            FillwireError: it did not start.
        """
        directory = stack.directory / exchange
        directory.mkdir()
        session = aiohttp.ClientSession()
        venue = await SimulatedVenue.start(stack, session, exchange=exchange, name=f"venue-{exchange}")
        return cls(venue, directory, rate)

    async def play(self, stack: Stack, bus: Bus) -> None:
        """Start the gateway and the bots, and wait until fills are detected live.

        Raises:
            FillwireError: a part did not start.
        """
        account = self.venue.account
        price, tick = await self.venue.market(self._pair)
        spread = max(tick, price / _SPREAD_PARTS // tick * tick)
        await bus.subscribe(connection_subject(account), self._note_connection)
        await stack.spawn(f"gateway-{account.exchange}", "gateway", "--exchange", account.exchange)
        await stack.spawn(
            f"bots-{account.exchange}",
            "run",
            str(Path(demo_bots.__file__)),
            *("--user", account.user, "--exchange", account.exchange, "--environment", account.environment),
            *("--param", f"directory={self._directory}", "--param", f"exchange={account.exchange}"),
            *("--param", f"pair={self._pair}"),
            *("--param", f"price={price}", "--param", f"spread={spread}"),
        )
        await self.venue.wait_receiving(stack.broker.url)

    async def _note_connection(self, message: Message) -> None:
        self.state.connection = decode_connection(message.data)

    async def go_on(self) -> None:
        """Emit if nothing is being emitted, and look what became of what was."""
        if not await self.venue.is_emitting():
            count = self._rate * _SCRIPT_S
            orders = max(1, count // _FILLS_PER_ORDER)
            await self.venue.emit(self._scripted, rate=self._rate, count=count, orders=orders)
        self.state.emitted = await self.venue.execution_count()
        self.read()

    def read(self) -> None:
        """Take what the bots have written down since."""
        for bot in BOTS:
            lines = self._readers[bot].new_lines()
            self._lines[bot].extend(lines)
            self.state.delivered[bot] += len(lines)
            if bot == RECORDER:
                self.state.fills.extend(lines)
                self.state.latencies_ms.extend(latency_ns(line) / 1e6 for line in lines)

    async def settle(self, deadline_s: float) -> None:
        """Wait until the bots have been told of everything, or can no longer be expected to be.

        Args:
            deadline_s: when not to wait any longer, by the monotonic clock.
        """
        while True:
            emitted = await self.venue.executions()
            self.state.emitted = len(emitted)
            self.read()
            is_told = all(self.state.delivered[bot] >= len(self._expected(bot, emitted)) for bot in BOTS)
            if is_told or time.monotonic() > deadline_s:
                return
            await asyncio.sleep(REFRESH_S)

    def _expected(self, bot: str, emitted: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        return [line for line in emitted if bot == RECORDER or line["pair"] == self._pair]

    def summary(self, emitted: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Return what became of these executions."""
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
            **{defect: sum(getattr(result, defect) for result in balances.values()) for defect in DEFECTS},
            "emit_to_callback": summarise_ms(self.latencies_ns()),
        }

    def latencies_ns(self) -> list[int]:
        """Return emit to callback of each execution that the recorder was told of."""
        return [latency_ns(line) for line in self._lines[RECORDER]]
