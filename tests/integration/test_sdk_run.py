"""`fillwire run` as a process of its own: it runs bots, ends in order, survives being killed, and says what is wrong."""

import signal
from pathlib import Path

import orjson
import pytest

from fillwire.bus.buckets import DESIRED, Bucket
from fillwire.bus.connection import Bus
from fillwire.bus.server import EmbeddedServer
from fillwire.sdk.worker import TURNS_IN_A_ROW
from support.eventually import eventually
from support.order_events import order_event
from support.processes import python
from support.publishing import publish

BOTS = """\
import asyncio
from fillwire import Strategy

class First(Strategy):
    pairs = ["BTC-USDT"]

    async def on_order_filled(self, order):
        print("first", order.order_id, flush=True)

    def on_stop(self):
        print("first stops", flush=True)

class Second(Strategy):
    def __init__(self, greeting: str = "hello", pairs: list[str] = ["ETH-USDT"]):
        self.greeting = greeting
        self.pairs = pairs

    async def on_order_filled(self, order):
        print(self.greeting, order.order_id, flush=True)
        if order.order_id == "hang":
            await asyncio.Event().wait()
"""


def run(*arguments: str | Path) -> tuple[str | Path, ...]:
    """Return the arguments of `python` for `fillwire run`."""
    return ("-m", "fillwire", "run", *arguments)


def written(directory: Path, text: str, name: str = "bots.py") -> Path:
    """Write a bot's file."""
    path = directory / name
    path.write_text(text)
    return path


async def test_all_bots_of_a_file_run_and_end_in_order(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """Every strategy is told of its pair; SIGTERM ends the process orderly, with nothing wanted any more."""
    path = written(tmp_path, BOTS)
    options = ("--user", "alice", "--nats", broker.url, "--param", "greeting=bonjour")
    async with python(*run(path, *options)) as process:
        await process.said('"ready"')
        assert orjson.loads(process.lines[0]) == {
            "ready": True,
            "bots": ["first", "second"],
            "monitoring": None,
        }
        await publish(bus, order_event(order_id="1"), order_event(order_id="2", pair="ETH-USDT"))
        await process.said("first 1")
        await process.said("bonjour 2")
        assert await process.end(signal.SIGTERM) == 0
        assert process.lines[-1] == "first stops"
    assert await Bucket(bus, DESIRED).keys() == []


async def test_a_new_bot_begins_where_it_is_told_and_an_old_one_says_that_it_resumes(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """`--start beginning` plays the log back to a bot that never ran; the second time it goes on where it stopped."""
    path = written(tmp_path, BOTS)
    options = ("--user", "alice", "--nats", broker.url, "--start", "beginning")
    await publish(bus, order_event(order_id="1"), order_event(order_id="2"))
    async with python(*run(path, *options)) as process:
        await process.said("first 2")
        assert [line for line in process.lines if line.startswith("first ")] == ["first 1", "first 2"]
        assert any('"bot_begins"' in line for line in process.errors)
        await process.end()
    await publish(bus, order_event(order_id="3"))
    async with python(*run(path, *options)) as process:
        await process.said("first 3")
        await process.end()
        assert [line for line in process.lines if line.startswith("first ")] == ["first 3", "first stops"]
        (resumes,) = [
            orjson.loads(line)
            for line in process.errors
            if '"bot_resumes"' in line and '"bot":"first"' in line
        ]
        assert resumes["level"] == "warning"
        assert (resumes["after_sequence"], resumes["waiting"]) == (2, 1)
        assert resumes["reason"] == "it ran before; start_from beginning is for a bot that never did"


async def test_a_killed_host_loses_nothing_and_keeps_the_order(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """What was in hand and what waited behind it comes first, in order, when the host is started again."""
    path = written(tmp_path, BOTS)
    options = (
        "--user",
        "alice",
        "--nats",
        broker.url,
        "--param",
        "pairs=BTC-USDT",
        "--param",
        "greeting=got",
    )
    ids = ["1", "2", "hang", "3", "4"]
    async with python(*run(path, *options)) as process:
        await process.said('"ready"')
        await publish(bus, *(order_event(order_id=order_id) for order_id in ids))
        await process.said("got hang")
        await process.said("first 4")
        assert await process.end(signal.SIGKILL) == -signal.SIGKILL
    path.write_text(BOTS.replace('== "hang"', '== "never"'))
    await publish(bus, order_event(order_id="5"))
    async with python(*run(path, *options)) as process:
        await process.said("got 5")
        assert [line for line in process.lines if line.startswith("got")] == [
            "got hang",
            "got 3",
            "got 4",
            "got 5",
        ]
        assert await process.end(signal.SIGINT) == 0


async def test_a_class_of_an_installed_package_runs_with_parameters(
    broker: EmbeddedServer, bus: Bus, tmp_path: Path
) -> None:
    """`package.module:Class` and `--param`: the recording bot writes down what it is told, and survives a kill."""
    recording = tmp_path / "recording.jsonl"
    target = "fillwire.bots.shipped.recording:RecordingBot"
    options = (target, "--user", "alice", "--nats", broker.url, "--param", f"path={recording}")
    async with python(*run(*options)) as process:
        await process.said('"ready"')
        await publish(bus, *(order_event(order_id=str(number)) for number in range(100)))
        await eventually(lambda: recording.exists() and recording.read_bytes().count(b"\n") >= 50)
        await process.end(signal.SIGKILL)
    async with python(*run(*options)) as process:
        await process.said('"ready"')
        await publish(bus, order_event(order_id="last"))
        await eventually(lambda: b"last" in recording.read_bytes())
    orders = [orjson.loads(line)["order"] for line in recording.read_bytes().splitlines()]
    assert list(dict.fromkeys(orders)) == [f"BTCUSDT:{number}" for number in range(100)] + ["BTCUSDT:last"]
    # Doubled are those whose acknowledgements died with the process.
    assert len(orders) - len(set(orders)) <= 2 * TURNS_IN_A_ROW


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "import fillwire\nx = nonsense\n",
            "bots.py, line 2: NameError: name 'nonsense' is not defined [x = nonsense]",
        ),
        ("x = 1\n", "bots.py defines no strategy"),
        (
            BOTS.replace('["BTC-USDT"]', '["btc-usdt"]'),
            "bots.py, line 4: First: pair 'btc-usdt' is not written",
        ),
        (
            BOTS.replace("on_order_filled", "on_order_fild", 1),
            "First.on_order_fild is no callback: did you mean",
        ),
        (
            BOTS.replace('print("first stops"', "print(1 / 0").replace("on_stop", "on_start"),
            "bot first does not start: bots.py, line 11: ZeroDivisionError: division by zero [print(1 / 0, flush=True)]",
        ),
    ],
)
async def test_a_mistake_in_the_file_is_one_sentence(
    broker: EmbeddedServer, tmp_path: Path, text: str, sentence: str
) -> None:
    """The process ends with a sentence that leads to the line, and without a traceback of ours."""
    path = written(tmp_path, text)
    async with python(*run(path.name, "--user", "alice", "--nats", broker.url), cwd=tmp_path) as process:
        assert await process.ended() in {1, 2}
        said = [line for line in process.errors if line.startswith("fillwire: ")]
        assert len(said) == 1
        assert sentence in said[0]
        assert process.lines == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ((), "bot first has no user: expected --user"),
        (("--user", "alice", "--param", "gruss=x"), "parameter gruss is taken by no strategy of"),
        (
            ("--user", "alice", "--start", "tomorrow"),
            "start_from is 'tomorrow': expected 'now', 'beginning' or a time",
        ),
        (("--user", "alice", "--start", "2026-01-01"), "names no time zone"),
        (("--user", "alice", "--config", "none.json"), "none.json"),
    ],
)
async def test_a_wrong_option_is_one_sentence(
    tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    """Nothing is started, and the exit status is 2."""
    path = written(tmp_path, BOTS)
    async with python(*run(path, *options)) as process:
        assert await process.ended() == 2
        assert len(process.errors) == 1
        assert process.errors[0].startswith("fillwire: ")
        assert sentence in process.errors[0]


async def test_a_broker_that_is_away_at_the_start_is_said(broker: EmbeddedServer, tmp_path: Path) -> None:
    """After the deadline of the connection the process ends; whoever runs it starts it again."""
    await broker.stop()
    path = written(tmp_path, BOTS)
    async with python(*run(path, "--user", "alice", "--nats", broker.url)) as process:
        assert await process.ended() == 1
        assert "no broker answers" in process.errors[-1]
