"""A broker that loses its disk: restored from a backup that was made under traffic, with real processes all around."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from fillwire.bus.connection import Bus
from fillwire.cli.accounting import balance
from fillwire.cli.recordings import RecordingReader, execution
from fillwire.cli.simulated import SimulatedVenue
from fillwire.cli.stack import Child, Stack
from fillwire.recorder.book import open_trades
from fillwire.recorder.database import Database
from fillwire.runtime.lifecycle import ExitCode
from support import countering_bot
from support.eventually import eventually
from support.processes import python
from support.recording import recorded_ids, stream_ids

BEFORE, SINCE, AWAY, AFTER = 60, 20, 20, 10
SYMBOLS = ["BTCUSDT", "ETHUSDT"]
ENVIRON = {"FILLWIRE_GATEWAY__LEASE_MS": "15000", "FILLWIRE_LOG": "warning"}


async def command(stack: Stack, *arguments: str | Path) -> list[str]:
    """Run a command of Fillwire and return what it said; fail unless it succeeds."""
    async with python("-m", "fillwire", *arguments, environ=stack.environ) as process:
        assert await process.ended(60) == ExitCode.OK, process.errors
        return process.lines


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_lost_broker_comes_back_from_a_backup(tmp_path: Path) -> None:
    """After the restore bots hear of every execution, of none from before the backup again, and order nothing twice.

    What the log lost, executed since the backup and while everything was down, gateways find at the venue.
    """
    recording, trades = tmp_path / "recording.jsonl", f"sqlite:///{tmp_path}/trades.sqlite"
    directory = tmp_path / "backup"
    async with aiohttp.ClientSession() as session, Stack(tmp_path, ENVIRON) as stack:
        venue = await SimulatedVenue.start(stack, session, "--market-interval", "0")
        services = [
            stack.add("gateway", "gateway", "--exchange", "binance"),
            stack.add("recorder", "recorder", "--database", trades),
            stack.add("host", *("run", countering_bot.__file__, "--param", f"path={recording}")),
        ]
        await start(services)
        await venue.wait_receiving(stack.broker.url)
        reader = RecordingReader(recording)
        lines: list[dict[str, str]] = []

        async def is_told(count: int) -> bool:
            lines.extend(reader.new_lines())
            return len({line["event_id"] for line in lines}) >= count

        await venue.emit(SYMBOLS, rate=200, count=BEFORE, orders=12)
        await eventually(lambda: is_told(BEFORE // 3), 40)
        told_before_backup = {line["event_id"] for line in lines}
        said = await command(stack, "backup", directory)
        assert "order events" in said[-1]
        await eventually(lambda: is_told(BEFORE), 40)
        await venue.emit(SYMBOLS, rate=200, count=SINCE, orders=6)
        await eventually(lambda: is_told(BEFORE + SINCE), 40, "the bot is ahead of the backup")
        await eventually(lambda: settled(venue, lines), 40)

        for service in services:
            await service.kill()
        await stack.broker.kill()
        shutil.rmtree(stack.broker.data_dir / "jetstream")
        await venue.emit(SYMBOLS, rate=400, count=AWAY, orders=4)
        await eventually(lambda: has_emitted(venue, BEFORE + SINCE + AWAY), 40)
        await stack.broker.start()
        assert "restored" in (await command(stack, "restore", directory))[-1]
        await start(services)
        await eventually(lambda: is_told(BEFORE + SINCE + AWAY), 60, "what was executed meanwhile")
        await venue.emit(SYMBOLS, rate=200, count=AFTER, orders=4)
        emitted_count = BEFORE + SINCE + AWAY + AFTER
        await eventually(lambda: is_told(emitted_count), 40)
        await eventually(lambda: settled(venue, lines), 40)
        emitted = await venue.executions()
        database = Database.at(trades)
        async with await Bus.connect(stack.broker.url, name="judge") as bus:
            own = [each["event_id"] for each in emitted]
            await eventually(lambda: set(own) <= set(recorded_ids(database)), 40)
            stored = [each for each in await stream_ids(bus) if each in set(own)]
        placed = Counter(await venue.orders())

    lines += reader.new_lines()
    assert len(stored) == len(set(stored)) == len(own) == emitted_count
    with open_trades(trades) as book:
        assert len(list(book.trades())) == emitted_count
    judge_told(lines, emitted, told_before_backup)
    ids = {venue.name_of(line["client_order_id"]) for line in lines}
    assert len(ids) == emitted_count
    assert {order_id: placed[order_id] for order_id in ids if placed[order_id] != 1} == {}


def judge_told(lines: list[dict[str, str]], emitted: list[dict[str, Any]], before_backup: set[str]) -> None:
    """Fail unless each life of the bot was told in order and nothing twice, and the second nothing from before the backup."""
    first, second = list(dict.fromkeys(line["run"] for line in lines))
    for run in (first, second):
        told = balance(map(execution, emitted), [execution(line) for line in lines if line["run"] == run])
        assert told.doubled == told.out_of_order == told.foreign == 0, told
    assert not {line["event_id"] for line in lines if line["run"] == second} & before_backup


async def start(services: list[Child]) -> None:
    """Start services one after another."""
    for service in services:
        await service.start()


async def has_emitted(venue: SimulatedVenue, count: int) -> bool:
    """Return whether the venue has executed so much."""
    return await venue.execution_count() >= count


async def settled(venue: SimulatedVenue, lines: list[dict[str, str]]) -> bool:
    """Return whether the venue has an order for each execution that the bot was told of."""
    wanted = {venue.name_of(line["client_order_id"]) for line in lines}
    return wanted <= set(await venue.orders())
