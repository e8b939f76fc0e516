"""The demo: ends by itself or by Ctrl-C, says what happened, and leaves nothing behind."""

import asyncio
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from fillwire.cli.demo import EXCHANGES
from support.console import Visitor
from support.eventually import eventually
from support.left_behind import MARK_VARIABLE, processes_with_mark

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def demo(
    *options: str,
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Callable[[], dict[int, str]]]]:
    """A running demo, and a function that returns the processes that belong to it."""
    mark = uuid.uuid4().hex
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "fillwire", "demo", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, MARK_VARIABLE: mark},
    )
    try:
        yield process, lambda: processes_with_mark(mark)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def is_trading(processes: dict[int, str]) -> bool:
    """Whether the bots of the demo have been started."""
    return any("demo_bots" in command for command in processes.values())


async def test_demo_ends_by_itself_with_a_clean_summary() -> None:
    """A demo of some seconds ends with a summary in which every bot was told of everything once, and exit code 0."""
    async with demo("--seconds", "4", "--rate", "100", "--no-console") as (process, processes):
        output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        summary = json.loads(output)
        assert [summary[defect] for defect in ("lost", "doubled", "out_of_order", "foreign")] == [0, 0, 0, 0]
        assert summary["executions_recorded"] == summary["executions_emitted"]
        assert list(summary["venues"]) == list(EXCHANGES)
        for venue in summary["venues"].values():
            bots = venue["bots"]
            assert bots["recorder"]["delivered"] == venue["executions_emitted"] >= 200
            assert bots["trader"]["delivered"] == bots["trader"]["emitted"] > 0
        assert 0 < summary["emit_to_callback"]["p50_ms"] <= summary["emit_to_callback"]["max_ms"]
        assert processes() == {}


async def _said(process: asyncio.subprocess.Process, words: str) -> str:
    """Return the first line on stderr that begins with these words, once it is there."""
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while not (line := (await process.stderr.readline()).decode()).startswith(words):
            assert line, f"the demo ended without saying {words!r}"
    return line


async def test_ctrl_c_ends_the_demo_in_order() -> None:
    """Ctrl-C ends the demo with its summary and exit code 0, and no process is left."""
    async with demo("--rate", "100") as (process, processes):
        await _said(process, "fillwire: fills are coming")
        process.send_signal(signal.SIGINT)
        output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        summary = json.loads(output)
        assert summary["executions_emitted"] > 0
        assert summary["lost"] == 0
        assert processes() == {}


async def test_demo_prints_a_link_to_its_console_that_logs_in_once() -> None:
    """The link opens a session that sees the demo's accounts, and no second one."""
    async with demo("--exchange", "binance") as (process, _processes):
        line = await _said(process, "fillwire: the console")
        address, _, token = line.split()[-1].partition("/#token=")
        async with Visitor(address) as first, Visitor(address) as second:
            assert await first.log_in(token) == 200
            assert await second.log_in(token) == 401
            stream = await first.listen()
            await eventually(lambda: stream.events, 60, "fills on the page")
            assert {event["user"] for event in stream.events} == {"demo"}
        process.send_signal(signal.SIGINT)
        await process.communicate()
        assert process.returncode == 0


async def test_killed_demo_leaves_nothing_behind() -> None:
    """When the demo is killed outright, the kernel stops everything it had started."""
    async with demo() as (process, processes):
        await eventually(lambda: is_trading(processes()), 60, "bots started")
        process.kill()
        await process.wait()
        await eventually(lambda: processes() == {}, 20, "all processes gone")
