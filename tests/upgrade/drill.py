"""Replace the services of one release by those of another under traffic, one after the other, and count what was told."""

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from fillwire.bus.buckets import STATUS, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.durables import StartAtSequence
from fillwire.bus.log import read_stream
from fillwire.bus.messages import Message
from fillwire.cli.chaos.judge import LOG, Emitted, Heard, Judge, Tally
from fillwire.cli.recordings import RecordingReader
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Child, ChildError, Stack
from fillwire.recorder.book import open_trades
from fillwire.wire.codec import decode_connection
from fillwire.wire.subjects import account_tokens
from upgrade import bots

EXCHANGE = "binance"
RUNNING, MANAGED = "running", "managed"
PER_S = 60
SHARE = 10  # every tenth execution causes an order
_STEP_EXECUTIONS = 150
_DEADLINE_S = 90.0
_LOOK_S = 0.05
_UP = ("recorder", "manager", "host", "run", "gateway")
"""Readers before writers, see docs/upgrades.md."""


@dataclass(slots=True)
class Result:
    """What became of a drill.

    Attributes:
        steps: what was replaced, in words, and how many seconds until everything emitted meanwhile had been told.
        executions: counts by the venue's record.
        ordered: executions that caused a counter-order.
        ordered_once: of these, with exactly one at the venue.
        recorded: executions in the database.
    """

    steps: dict[str, float] = field(default_factory=dict)
    executions: Tally = field(default_factory=Tally)
    ordered: int = 0
    ordered_once: int = 0
    recorded: int = 0

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, doubled, out of order, ordered twice or not recorded."""
        counts = self.executions
        return (
            counts.is_clean
            and counts.emitted > 0
            and self.ordered == self.ordered_once > 0
            and self.recorded == counts.emitted
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self) | {"is_clean": self.is_clean}


class Drill:
    """The running system.

    Args:
        stack: its processes.
        venue: the simulated exchange.
        bus: our own connection.
    """

    def __init__(self, stack: Stack, venue: SimulatedVenue, bus: Bus) -> None:
        self.result = Result()
        self._stack = stack
        self._venue = venue
        self._bus = bus
        self._judge = Judge({RUNNING: None, MANAGED: None, LOG: None})
        self._judge.begin("drill")
        directory = stack.directory
        self._recordings = {name: directory / f"{name}.jsonl" for name in (RUNNING, MANAGED)}
        self._readers = {name: RecordingReader(path) for name, path in self._recordings.items()}
        self._trades = f"sqlite:///{directory}/trades.sqlite"
        self._wanted: set[str] = set()
        self._sequence = 0
        self._running: dict[str, Child] = {}
        self._count = 0
        self._commands = {
            "recorder": ("recorder", "--database", self._trades),
            "manager": ("manager",),
            "host": ("host",),
            "run": ("run", bots.__file__, *self._parameters(RUNNING, SHARE)),
            "gateway": ("gateway", "--exchange", EXCHANGE),
        }

    def _parameters(self, bot: str, share: int) -> tuple[str, ...]:
        return "--param", f"path={self._recordings[bot]}", "--param", f"share={share}"

    async def begin(self, python: Path) -> None:
        """Start everything in one release, and the managed bot."""
        for role in reversed(_UP):
            await self._start(role, python)
        account = self._venue.account
        strategy = Path(bots.__file__).name
        creating = Child(
            "create",
            (
                *("bots", "create", f"{account.user}/{MANAGED}", "--strategy", strategy),
                *("--exchange", account.exchange, "--environment", account.environment),
                *self._parameters(MANAGED, 0),
            ),
            self._stack.directory,
            self._stack.environ,
            python=python,
        )
        with contextlib.suppress(ChildError):  # a command ends instead of becoming ready
            await creating.start(_DEADLINE_S)
        if await creating.stop():
            raise AssertionError(f"the managed bot was not created: see {creating.log_path}")
        await self._venue.wait_receiving(self._stack.broker.url, _DEADLINE_S)

    async def replace(self, python: Path, release: str, *, back: bool = False) -> None:
        """Replace everything by another release while executions come, in the documented order or, going back, its reverse."""
        for role in reversed(_UP) if back else _UP:
            began_s = time.monotonic()
            if role in {"recorder", "run"}:  # one writes, one reads a bot: the next one begins where it ended
                await self._stop(self._running[role])
                await self._start(role, python)
            else:
                former = self._running[role]
                await self._start(role, python)
                await self._stop(former)
            if role == "gateway":
                name = self._running[role].name
                await self._until(partial(self._has_account, name), f"{name} has the account")
            goal = await self._venue.execution_count() + _STEP_EXECUTIONS
            await self._until(partial(self._is_told, goal), f"everything is told after {role}")
            self.result.steps[f"{role} to {release}"] = round(time.monotonic() - began_s, 1)

    @asynccontextmanager
    async def traffic(self) -> AsyncIterator[None]:
        """Have the venue execute inside the block."""
        is_over = asyncio.Event()

        async def emit() -> None:
            while not is_over.is_set():
                symbols = self._venue.symbols[:3]
                await self._venue.emit(symbols, rate=PER_S, count=2 * PER_S, orders=12)
                await self._until(self._is_calm, "the venue has executed")

        async with asyncio.TaskGroup() as group:
            emitting = group.create_task(emit(), name="traffic")
            yield
            is_over.set()
            await emitting

    async def end(self) -> Result:
        """Wait until everything is told and recorded, and return the counts."""
        total = await self._venue.execution_count()
        await self._until(lambda: self._is_told(total), "everything is told")
        await self._until(lambda: self._is_recorded(total), "everything is recorded")
        for role in ("run", "host", "recorder"):  # a double would come by then
            await self._stop(self._running[role])
        await self._look()
        self.result.executions = self._judge.ledger()["drill"]
        placed = Counter(await self._venue.orders())
        self.result.ordered = len(self._wanted)
        self.result.ordered_once = sum(placed[name] == 1 for name in self._wanted)
        return self.result

    async def _start(self, role: str, python: Path) -> None:
        self._count += 1
        name = f"{role}-{self._count}"
        named = ("--name", name) if role in {"gateway", "host"} else ()
        child = Child(
            name, (*self._commands[role], *named), self._stack.directory, self._stack.environ, python=python
        )
        self._stack.children.append(child)
        await child.start(_DEADLINE_S)
        self._running[role] = child

    @staticmethod
    async def _stop(child: Child) -> None:
        code = await child.stop()
        if code:
            raise AssertionError(
                f"{child.name} ended with exit code {code}: expected 0, see {child.log_path}"
            )

    async def _until(self, condition: Callable[[], Awaitable[bool]], what: str) -> None:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                while not await condition():  # noqa: ASYNC110 - other processes tell nobody
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            missing = {name: self._judge.missing_count(name) for name in (RUNNING, MANAGED, LOG)}
            raise AssertionError(f"not within {_DEADLINE_S:g} s: {what}; not told: {missing}") from None

    async def _is_calm(self) -> bool:
        return not await self._venue.is_emitting()

    async def _has_account(self, gateway: str) -> bool:
        entry = await Bucket(self._bus, STATUS).get(account_tokens(self._venue.account))
        if entry is None or entry.value is None:
            return False
        event = decode_connection(entry.value)
        return event.gateway == gateway and event.is_connected

    async def _is_told(self, count: int) -> bool:
        await self._look()
        if self._judge.emitted_count < count:
            return False
        return all(self._told(name) >= count for name in (RUNNING, MANAGED, LOG))

    def _told(self, name: str) -> int:
        return self._judge.emitted_count - self._judge.missing_count(name)

    async def _is_recorded(self, count: int) -> bool:
        with open_trades(self._trades) as book:
            self.result.recorded = len(list(book.trades()))
        return self.result.recorded >= count

    async def _look(self) -> None:
        """Take what the bots were told and what the log has, and before both what the venue executed."""
        told = {name: reader.new_lines() for name, reader in self._readers.items()}
        stored = await self._stored()
        rows = await self._venue.executions(self._judge.emitted_count)
        self._judge.emit(
            Emitted(
                row["event_id"],
                row["order"],
                row["pair"],
                row["emitted_ns"],
                _plain(row["price"]),
                _plain(row["quantity"]),
            )
            for row in rows
        )
        self._judge.hear(LOG, stored)
        for name, lines in told.items():
            self._judge.hear(
                name, [Heard(line["event_id"], line["run"], line["called_ns"]) for line in lines]
            )
            names = [line["client_order_id"] for line in lines if line["client_order_id"] is not None]
            self._wanted.update(map(self._venue.name_of, names))

    async def _stored(self) -> list[Heard]:
        found: list[Heard] = []

        def take(message: Message) -> None:
            self._sequence = message.sequence
            event = json.loads(message.data)
            fill = event["last_fill"]
            if fill is not None:
                received_ns = event["received_time_ns"]
                found.append(Heard(event["event_id"], LOG, received_ns, fill["price"], fill["quantity"]))

        begin = StartAtSequence(self._sequence + 1)
        await read_stream(self._bus, "ORDERS", "orders.>", begin, take, deadline_s=_DEADLINE_S)
        return found


def _plain(amount: str) -> str:
    """Return a decimal string as events write it: without trailing zeros."""
    return amount.rstrip("0").rstrip(".") if "." in amount else amount


@asynccontextmanager
async def open_drill(directory: Path) -> AsyncIterator[Drill]:
    """Start broker and exchange, which stay what they are, in an empty directory."""
    directories = json.dumps([str(Path(bots.__file__).parent)])
    environ = {"FILLWIRE_LOG": "warning", "FILLWIRE_BOTS__DIRECTORIES": directories}
    async with AsyncExitStack() as exits:
        stack = await exits.enter_async_context(Stack(directory, environ))
        session = await exits.enter_async_context(aiohttp.ClientSession())
        venue = await SimulatedVenue.start(stack, session, "--market-interval", "0", exchange=EXCHANGE)
        bus = await exits.enter_async_context(await Bus.connect(stack.broker.url, name="drill"))
        yield Drill(stack, venue, bus)
