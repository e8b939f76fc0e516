"""`fillwire dlq` against a real broker and real bots: what failed is listed, shown, given back once, or discarded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from support.eventually import eventually
from support.order_events import order_event
from support.processes import Process, python
from support.publishing import publish

# Fails on orders 2 and 4 as long as the file `broken` is there.
BOTS = """\
from pathlib import Path
from fillwire import Strategy

class Grid(Strategy):
    pairs = ["BTC-USDT"]

    async def on_order_filled(self, order):
        if order.order_id in {"2", "4"} and Path("broken").exists():
            raise KeyError("no such \\x1b[31mlevel")
        print("grid", order.order_id, flush=True)

class Other(Strategy):
    pairs = ["BTC-USDT"]

    async def on_order_filled(self, order):
        print("other", order.order_id, flush=True)
"""


class Shop:
    """A broker with a user's bots, and the command."""

    def __init__(self, broker: EmbeddedServer, directory: Path) -> None:
        self.broker = broker
        self.directory = directory
        (directory / "bots.py").write_text(BOTS)
        (directory / "broken").touch()

    @asynccontextmanager
    async def bots(self) -> AsyncIterator[Process]:
        """Run the bots."""
        options = ("--user", "alice", "--nats", self.broker.url)
        async with python("-m", "fillwire", "run", "bots.py", *options, cwd=self.directory) as process:
            await process.said('"ready"')
            yield process

    async def dlq(self, *arguments: str, status: int = 0) -> tuple[list[str], list[str]]:
        """Run the command to its end and return what it said on both streams."""
        async with python("-m", "fillwire", "dlq", *arguments, "--nats", self.broker.url) as process:
            assert await process.ended() == status, process.errors
            return process.lines, process.errors

    async def documents(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what the command says as JSON."""
        lines, _ = await self.dlq(*arguments, "--json")
        found: list[dict[str, Any]] = orjson.loads("\n".join(lines))
        return found


@pytest.fixture
def shop(broker: EmbeddedServer, tmp_path: Path) -> Shop:
    """A shop of the test's own."""
    return Shop(broker, tmp_path)


def told(process: Process, bot: str) -> list[str]:
    """Return the orders a bot was told of."""
    return [line.removeprefix(f"{bot} ") for line in process.lines if line.startswith(f"{bot} ")]


async def fail(shop: Shop, bus: Bus, process: Process) -> None:
    """Have the bot fail on two of five orders, and wait until both lie in its dead letters."""
    await publish(bus, *(order_event(order_id=str(number), trade=number) for number in range(1, 6)))
    await eventually(lambda: told(process, "grid") == ["1", "3", "5"], 40.0, "two letters")
    assert told(process, "other") == ["1", "2", "3", "4", "5"]
    (shop.directory / "broken").unlink()


@pytest.mark.timeout(120)
async def test_what_failed_is_listed_shown_and_given_back_once_to_the_bot_that_failed(
    shop: Shop, bus: Bus
) -> None:
    """Two people replay the same letters at a time, and again: the bot has each once, in order, and no other bot any."""
    async with shop.bots() as process:
        await fail(shop, bus, process)

        listed = await shop.documents("list", "--user", "alice")
        assert [letter["event"]["order_id"] for letter in listed] == ["2", "4"]
        assert [letter["number"] for letter in listed] == [1, 2]
        assert {(letter["bot"], letter["callback"], letter["exception"]) for letter in listed} == {
            ("grid", "on_order_filled", "KeyError")
        }
        assert await shop.documents("list", "--bot", "other") == []
        assert await shop.documents("list", "--since", "1h", "--until", "30m") == []
        assert len(await shop.documents("list", "--since", "1h")) == 2

        lines, errors = await shop.dlq("list")
        assert errors[-1] == "2 dead letters waiting for a decision"
        assert len(lines) == 3
        assert "KeyError" in lines[1]
        lines, _ = await shop.dlq("show", "1")
        shown = "\n".join(lines)
        assert '"order_id": "2"' in shown
        assert "\x1b" not in shown  # what a venue or an exception says does not write to the terminal
        assert "\\x1b[31mlevel" in shown

        first, second = await asyncio.gather(
            shop.documents("replay", "1", "2"), shop.documents("replay", "--bot", "grid", "--yes")
        )
        assert {result["outcome"] for result in (*first, *second)} <= {"done", "decided_before"}
        again = await shop.documents("replay", "1", "2")
        assert [result["outcome"] for result in again] == ["decided_before"] * 2
        assert "replayed by" in again[0]["reason"]

        await publish(bus, order_event(order_id="6", trade=6))
        await process.said("grid 6")
        await process.said("other 6")
        assert told(process, "grid") == ["1", "3", "5", "2", "4", "6"]
        assert told(process, "other") == ["1", "2", "3", "4", "5", "6"]

    assert await shop.documents("list") == []
    decided = await shop.documents("list", "--all")
    assert [letter["decision"]["verdict"] for letter in decided] == ["replayed", "replayed"]


@pytest.mark.timeout(120)
async def test_a_bot_that_is_not_running_gets_what_was_replayed_when_it_runs(shop: Shop, bus: Bus) -> None:
    """A replay waits in the bot's place in the log."""
    async with shop.bots() as process:
        await fail(shop, bus, process)
        await process.end()
    await shop.dlq("replay", "2")
    async with shop.bots() as process:
        await publish(bus, order_event(order_id="6", trade=6))
        await process.said("grid 6")
        assert told(process, "grid") == ["4", "6"]
    await shop.dlq("discard", "1", status=2)  # nobody is there to be asked
    assert len(await shop.documents("list")) == 1
    _, errors = await shop.dlq("discard", "1", "--yes", "--reason", "the level was removed")
    (line,) = [orjson.loads(line) for line in errors if line.startswith("{")]
    assert (line["event"], line["letter"], line["bot"]) == ("dead_letter_discarded", 1, "grid")
    assert line["reason"] == "the level was removed"
    assert "@" in line["by"]
    assert await shop.documents("list") == []
    (result,) = await shop.documents("replay", "1")
    assert result["outcome"] == "decided_before"
    assert result["reason"].endswith("the level was removed")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("replay",), "no dead letter is chosen: expected numbers as `list` shows them, or a filter"),
        (("discard", "--yes"), "no dead letter is chosen"),
        (("show", "7"), "no dead letter 7: expected a number as `list --all` shows it"),
        (("list", "--since", "yesterday"), "--since is 'yesterday': expected a time with its zone"),
        (("list", "--until", "2026-01-31"), "--until is '2026-01-31': expected a time with its zone"),
    ],
)
async def test_a_wrong_option_is_one_sentence(shop: Shop, arguments: tuple[str, ...], sentence: str) -> None:
    """What is wrong is said, and nothing is decided; a broker on which nothing ever ran is no mistake."""
    async with python("-m", "fillwire", "dlq", *arguments, "--nats", shop.broker.url) as process:
        assert await process.ended() in {1, 2}
        assert len(process.errors) == 1
        assert process.errors[0].startswith("fillwire: ")
        assert sentence in process.errors[0]
    assert await shop.documents("list") == []
