"""The stage's side of counter-orders: what it asks, what it waits for, and what it says when that does not come."""

import asyncio
from pathlib import Path

import orjson

from fillwire.cli.chaos.gate import AFTER, BEFORE, Asked, Gate
from fillwire.cli.chaos.ordering import Ordering


def write(path: Path, **line: object) -> None:
    """Write a line as the bot does."""
    with path.open("ab") as file:
        file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def test_the_bot_reads_what_the_stage_asks(tmp_path: Path) -> None:
    """Nothing before the first word; then each asking has a token of its own."""
    gate, ordering = Gate(tmp_path), Ordering(tmp_path, tmp_path / "bot.jsonl")
    assert gate.read() is None
    ordering.ask(BEFORE, None)
    assert gate.read() == Asked("asked-1", (BEFORE, None), 0)
    ordering.let_go()
    assert gate.read() == Asked("asked-1", (BEFORE, None), 1)
    ordering.ask(AFTER)
    assert gate.read() == Asked("asked-2", (AFTER,), 0)


async def test_who_stands_still_is_named(tmp_path: Path) -> None:
    """By the client order id that the bot wrote down; one of an earlier asking is another."""
    recording = tmp_path / "bot.jsonl"
    ordering = Ordering(tmp_path, recording)
    ordering.ask(BEFORE)
    write(recording, step="held", token="asked-0", index=0)
    write(recording, step="wanted", event_id="e1", client_order_id="c1", token="asked-1", index=0)
    waiting = asyncio.create_task(ordering.standing(0))
    await asyncio.sleep(0)
    assert not waiting.done()
    write(recording, step="held", token="asked-1", index=0)
    assert await waiting == "c1"
    assert ordering.unreached == []


async def test_a_moment_that_does_not_come_is_said(tmp_path: Path) -> None:
    """The fault goes on, and whoever reports knows that it did not strike where it should."""
    ordering = Ordering(tmp_path, tmp_path / "bot.jsonl")
    ordering.ask(BEFORE)
    await ordering.until(lambda: False, "the order is noted", deadline_s=0.02)
    assert ordering.unreached == ["the order is noted"]
