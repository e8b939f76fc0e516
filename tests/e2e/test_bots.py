"""The manager, hosts and their bots as processes of their own, and hosts that are killed and frozen."""

import asyncio
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fillwire.cli.accounting import balance
from fillwire.cli.recordings import RecordingReader, execution
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Child, Stack
from support.eventually import eventually

ORDERS, FILLS_PER_ORDER = 30, 5
EXECUTIONS = ORDERS * FILLS_PER_ORDER

# Answers each order that was filled and is not its own with one that rests far from the market.
ANSWERING = """\
from decimal import Decimal

from fillwire import Strategy


class Answering(Strategy):
    pairs = ["BTC-USDT"]

    async def on_order_filled(self, order):
        if order.client_order_id is None or not order.client_order_id.startswith("answering"):
            answer = await self.place_order("BTC-USDT", "buy", Decimal("0.001"), price=Decimal("40000"))
            if answer.outcome != "accepted":
                raise RuntimeError(answer.reason)
"""


class System:
    """A broker, a simulated exchange, its gateway, a manager and two hosts; and `fillwire bots`."""

    def __init__(self, stack: Stack, venue: SimulatedVenue, directory: Path) -> None:
        self.stack = stack
        self.venue = venue
        self.recording = directory / "recording.jsonl"
        self.hosts: dict[str, Child] = {}

    async def host(self, name: str) -> None:
        """Start a host."""
        self.hosts[name] = await self.stack.spawn(name, "host", "--name", name)

    async def bots(self, *arguments: str) -> tuple[int, str]:
        """Run `fillwire bots` and return its exit status and what it printed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "fillwire", "bots", *arguments),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.stack.environ | {"PATH": "/usr/bin:/bin"},
        )
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    async def create(self, bot: str, strategy: str, *arguments: str) -> None:
        """Create a bot on the simulated account."""
        account = self.venue.account
        code, said = await self.bots(
            *("create", f"{account.user}/{bot}", "--strategy", strategy),
            *("--exchange", account.exchange, "--environment", account.environment, *arguments),
        )
        assert code == 0, said

    async def shown(self) -> dict[str, dict[str, Any]]:
        """Return what `list --json` shows, by bot."""
        code, said = await self.bots("list", "--user", self.venue.account.user, "--json")
        assert code == 0, said
        return {bot["bot"]: bot for bot in json.loads(said)}

    async def run_at(self, bots: set[str], host: str) -> bool:
        """Return whether all these bots run at one host."""
        shown = await self.shown()
        return all((shown[bot]["state"], shown[bot]["host"]) == ("running", host) for bot in bots)

    async def open_orders(self) -> int:
        """Return how many orders the account has open at the exchange."""
        stats = await self.venue.control("GET", "stats")
        return int(stats["accounts"][self.venue.account.user]["open_orders"])


@asynccontextmanager
async def system(directory: Path, **bots: object) -> AsyncIterator[System]:
    """A system whose manager and hosts run and whose bots are to be created."""
    (directory / "answering.py").write_text(ANSWERING)
    environ = {
        "FILLWIRE_BOTS__DIRECTORIES": json.dumps([str(directory)]),
        **{f"FILLWIRE_BOTS__{name.upper()}": str(value) for name, value in bots.items()},
    }
    async with aiohttp.ClientSession() as session, Stack(directory, environ) as stack:
        venue = await SimulatedVenue.start(stack, session)
        await stack.spawn("gateway", "gateway", "--exchange", "binance")
        await stack.spawn("manager", "manager")
        made = System(stack, venue, directory)
        await made.host("h1")
        yield made


async def _executions_told(it: System) -> Counter[str]:
    reader = RecordingReader(it.recording)
    lines: list[dict[str, Any]] = []

    async def is_told() -> bool:
        lines.extend(reader.new_lines())
        emitted = await it.venue.executions()
        return len(emitted) >= EXECUTIONS and {line["event_id"] for line in lines} >= {
            line["event_id"] for line in emitted
        }

    await eventually(is_told, 30, "all executions told")
    emitted = await it.venue.executions()
    first = list({line["event_id"]: line for line in lines}.values())
    result = balance(map(execution, emitted), map(execution, first))
    assert result.is_clean, result
    return Counter(line["event_id"] for line in lines)


@pytest.mark.timeout(180)
@pytest.mark.slow
async def test_bots_of_a_killed_host_run_elsewhere_within_seconds(tmp_path: Path) -> None:
    """Killed amid fills: nothing is lost, what comes again was in hand, and each fill has one counter-order."""
    async with system(tmp_path) as it:
        await it.create("recording", "recording", "--param", f"path={it.recording}")
        await it.create("answering", "answering.py", "--pair", "BTC-USDT")
        await it.venue.wait_receiving(it.stack.broker.url)
        await it.host("h2")
        both = {"recording", "answering"}
        await it.venue.emit(["BTCUSDT"], rate=20, count=EXECUTIONS, orders=ORDERS)
        await eventually(it.open_orders, 20, "the first counter-order")
        await it.hosts["h1"].kill()
        killed_s = time.monotonic()
        await eventually(lambda: it.run_at(both, "h2"), 30, "taken over")
        assert time.monotonic() - killed_s < 10.0  # some seconds of which are the command's own
        told = await _executions_told(it)
        assert sum(told.values()) - len(told) <= 64
        await eventually(lambda: _has_open(it, ORDERS), 20, "a counter-order for each")
        code, said = await it.bots(
            "stop", "answering", "--user", it.venue.account.user, "--cancel-orders", "--json"
        )
        assert code == 0, said
        assert len(json.loads(said)["cancelled"]) == ORDERS
        assert await it.open_orders() == 0

        # Without any host, what is asked for is written; what needs a host waits for one, what needs none is done.
        await it.hosts["h2"].kill()
        user = it.venue.account.user
        code, said = await it.bots("pause", f"{user}/recording", "--timeout", "1")
        assert (code, "unfinished: bot recording of demo is not paused yet" in said) == (3, True), said
        code, said = await it.bots("stop", f"{user}/recording")
        assert code == 0, said
        code, said = await it.bots("remove", f"{user}/recording", "--yes")
        assert code == 0, said
        assert set(await it.shown()) == {"answering"}


@pytest.mark.timeout(180)
@pytest.mark.slow
async def test_a_frozen_host_loses_its_bots_and_lets_go_when_it_wakes(tmp_path: Path) -> None:
    """Another runs them once its session has ended; awake again, it tells them of nothing, and no order is doubled."""
    async with system(tmp_path, lease_ms=4000) as it:
        await it.create("answering", "answering.py", "--pair", "BTC-USDT")
        await it.create("recording", "recording", "--param", f"path={it.recording}")
        await it.venue.wait_receiving(it.stack.broker.url)
        await it.host("h2")
        both = {"recording", "answering"}
        await eventually(lambda: _all_run(it, both), 20)
        await it.venue.emit(["BTCUSDT"], rate=20, count=EXECUTIONS, orders=ORDERS)
        await eventually(it.open_orders, 20, "the first counter-order")
        here = (await it.shown())["answering"]["host"]
        there = "h2" if here == "h1" else "h1"
        os.kill(it.hosts[here].pid, signal.SIGSTOP)
        try:
            # What it had asked for when it froze keeps its place in the log for half a minute.
            await eventually(lambda: it.run_at(both, there), 90, "taken over")
        finally:
            os.kill(it.hosts[here].pid, signal.SIGCONT)
        told = await _executions_told(it)
        assert sum(told.values()) - len(told) <= 64
        await eventually(lambda: _has_open(it, ORDERS), 20, "a counter-order for each")

        def has_let_go() -> bool:
            log = it.hosts[here].log_path.read_text()
            return "bots_lost" in log or "bot_taken_by_another" in log

        await eventually(has_let_go, 20, "the host that froze has seen it")


async def _all_run(it: System, bots: set[str]) -> bool:
    shown = await it.shown()
    return all(shown[bot]["state"] == "running" for bot in bots)


async def _has_open(it: System, count: int) -> bool:
    return await it.open_orders() == count
