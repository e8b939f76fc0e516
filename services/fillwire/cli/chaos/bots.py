"""The bots of a chaos run: they write down each call, so that the judge can tell what they were told, and when."""

import asyncio
import os
import time
import uuid
from pathlib import Path

import orjson

from fillwire.cli.chaos.brake import Brake
from fillwire.domain.events import OrderEvent
from fillwire.sdk.strategy import Strategy

EVERYTHING = "steady"
BRAKED = "braked"


def recording_path(directory: Path, bot: str) -> Path:
    """Return the file into which a bot writes what it is told."""
    return directory / f"{bot}.jsonl"


class _Recorder(Strategy):
    """Appends each call of `on_fill` as one line: event id, which life of the process, when.

    A line is handed to the system before the callback returns, hence before the event is acknowledged: a process that is
    killed loses none. It is the durable record of event ids by which a callback is idempotent: an id that stands there
    from an earlier life has had its effect.
    """

    def __init__(self, directory: Path) -> None:
        self._path = recording_path(directory, self.name)
        self._run = uuid.uuid4().hex[:12]
        self._file = -1

    def on_start(self) -> None:
        """Open the recording."""
        self._file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o644)

    def _record(self, order: OrderEvent) -> None:
        line = {"event_id": order.event_id, "run": self._run, "called_ns": time.time_ns()}
        os.write(self._file, orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def on_stop(self) -> None:
        """Close the recording."""
        os.close(self._file)


class Steady(_Recorder):
    """Listens to every pair.

    Args:
        directory: where the recording goes.
    """

    name = EVERYTHING
    pairs = ("*",)

    def on_fill(self, order: OrderEvent) -> None:
        """Write it down."""
        self._record(order)


class Braked(_Recorder):
    """Listens to one pair, and takes as long over each fill as the stage says before it writes it down.

    It always gives up its turn first: whoever acknowledges what is not handled yet loses it with the next crash.

    Args:
        directory: where the recording and the brake are.
        braked_pair: which pair.
    """

    name = BRAKED

    def __init__(self, directory: Path, braked_pair: str) -> None:
        super().__init__(directory)
        self.pairs = (braked_pair,)
        self._brake = Brake(directory)

    async def on_fill(self, order: OrderEvent) -> None:
        """Take the time, and write it down."""
        await asyncio.sleep(self._brake.read() / 1e3)
        self._record(order)
