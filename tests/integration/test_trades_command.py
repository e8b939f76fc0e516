"""`fillwire recorder` and `fillwire trades` as processes, against a real broker."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.recorder.database import Database
from support.databases import record
from support.eventually import eventually
from support.order_events import order_life
from support.processes import python
from support.publishing import publish
from support.recording import recorded_ids, recorder_process


async def trades(
    database: Database, *arguments: str, status: int = 0, cwd: Path | None = None
) -> tuple[list[str], list[str]]:
    """Run `fillwire trades` to its end and return what it said on both streams."""
    address = database.url.set(drivername=database.dialect).render_as_string(hide_password=False)
    async with python("-m", "fillwire", "trades", *arguments, "--database", address, cwd=cwd) as process:
        assert await process.ended() == status, process.errors
        return process.lines, process.errors


async def as_json(database: Database, *arguments: str) -> Any:
    """Return what the command answers as JSON."""
    lines, _ = await trades(database, *arguments, "--json")
    return json.loads("\n".join(lines))


def trade_ids(answer: dict[str, Any]) -> Sequence[str]:
    """Return which trades an answer holds."""
    return [f"{trade['order_id']}:{trade['trade_id']}" for trade in answer["trades"]]


async def test_the_service_records_until_it_is_told_to_stop(
    tmp_path: Path, broker: EmbeddedServer, bus: Bus, database: Database
) -> None:
    """It says when it is ready, records, and ends in order; its database is shown meanwhile."""
    async with recorder_process(database, broker.url, tmp_path) as process:
        await process.said('"ready"')
        await publish(bus, *order_life("1", "0.1", "0.5"))
        await eventually(lambda: len(recorded_ids(database)) == 3)
        lines, _ = await trades(database, "list")
        assert len(lines) == 3
        assert await process.end() == 0


async def test_trades_are_listed_by_pages(database: Database) -> None:
    """Newest first, as many as asked for; the mark of a page leads to the next."""
    record(database, [event for order in "123" for event in order_life(order, "0.1", "0.5")])
    whole = trade_ids(await as_json(database, "list"))
    first = await as_json(database, "list", "--limit", "4")
    second = await as_json(database, "list", "--limit", "4", "--after", first["next"])
    assert [*trade_ids(first), *trade_ids(second)] == whole
    assert (len(whole), second["next"]) == (6, None)
    _, said = await trades(database, "list", "--limit", "4")
    assert said == [f"4 trades; more with --after '{first['next']}'"]


async def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    """One sentence, and nothing is made by asking."""
    absent = Database.at(f"sqlite:///{tmp_path}/none.sqlite")
    lines, errors = await trades(absent, "list", status=1)
    assert (lines, len(errors)) == ([], 1)
    assert "expected a file, found none" in errors[0]
    assert not await asyncio.to_thread((tmp_path / "none.sqlite").exists)


async def test_a_password_on_the_command_line_is_refused_and_not_repeated(tmp_path: Path) -> None:
    """The password of a database has a setting of its own, a reference to a secret."""
    arguments = ("trades", "list", "--database", "postgresql://fillwire:hunter2@db/trades")
    async with python("-m", "fillwire", *arguments, cwd=tmp_path) as process:
        assert await process.ended() == 1
    assert "found one with a password" in process.errors[0]
    assert "hunter2" not in "".join(process.errors)
