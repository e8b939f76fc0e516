"""Runs a service and starts it anew whenever its Python changes: process 1 of the image's `dev` target.

    python reload.py DIRECTORY PROGRAM [ARGUMENT …]

A service that ends by itself is started again with the next change. SIGTERM and SIGINT are handed on, and the exit
status is the service's. Standard library only: nothing of it is in the image that is shipped.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

POLL_S: Final = 0.5
STOP_DEADLINE_S: Final = 45.0


def state_of(directory: Path) -> dict[str, tuple[int, int]]:
    """Return time and size of each Python file below a directory."""
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            if name.endswith(".py"):
                path = Path(folder, name)
                try:
                    status = path.stat()
                except FileNotFoundError:
                    continue  # it is just being replaced
                found[str(path)] = (status.st_mtime_ns, status.st_size)
    return found


class Supervisor:
    """Keeps one program running.

    Args:
        directory: whose Python files are watched.
        command: the program and its arguments.
    """

    def __init__(self, directory: Path, command: Sequence[str]) -> None:
        self._directory = directory
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopping = False

    def run(self) -> int:
        """Run until a signal asks for the end, and return the program's exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        known = state_of(self._directory)
        self._process = subprocess.Popen(self._command)  # noqa: S603 - what the image was given
        while not self._is_stopping:
            time.sleep(POLL_S)  # a signal ends it
            now = state_of(self._directory)
            if now != known and not self._is_stopping:
                known = now
                print("reload: the code has changed, starting anew", file=sys.stderr, flush=True)  # noqa: T201 - it has no logger
                self._end()
                self._process = subprocess.Popen(self._command)  # noqa: S603 - as above
        return self._end()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True

    def _end(self) -> int:
        process = self._process
        assert process is not None  # noqa: S101 - programming error
        if process.poll() is None:
            process.terminate()
        try:
            return process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


if __name__ == "__main__":
    if len(sys.argv) < 3:  # noqa: PLR2004 - directory and program
        sys.exit("reload: expected a directory and a program")
    sys.exit(Supervisor(Path(sys.argv[1]), sys.argv[2:]).run())
