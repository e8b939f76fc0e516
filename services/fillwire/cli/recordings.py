"""Read what recording bots write, also while they write it."""

from pathlib import Path
from typing import Any

import orjson

from fillwire.cli.accounting import Execution


class RecordingReader:
    """Reads the lines that were added to a recording since the last call.

    Args:
        path: the recording; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new_lines(self) -> list[dict[str, Any]]:
        """Return the executions recorded since the last call; a line that is still being written comes next time."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        self._offset += end
        return [orjson.loads(line) for line in data[:end].splitlines()]


def latency_ns(line: dict[str, Any]) -> int:
    """Return emit to callback of a recorded execution, in nanoseconds, by the clock of this machine alone."""
    return int(line["called_time_ns"]) - int(line["exchange_time_ns"])


def execution(line: dict[str, Any]) -> Execution:
    """Return the execution that a recorded line is about."""
    return Execution(event_id=line["event_id"], order=line["order"])
