"""Processes that somebody left behind, found by a mark in the environment that children inherit (Linux)."""

import contextlib
from pathlib import Path

MARK_VARIABLE = "LEFT_BEHIND_MARK"


def processes_with_mark(mark: str) -> dict[int, str]:
    """Return the command lines of all running processes that carry `mark`, by process id."""
    found: dict[int, str] = {}
    wanted = f"{MARK_VARIABLE}={mark}".encode()
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with contextlib.suppress(OSError):  # it ended meanwhile, or is not ours
                command = (
                    directory / "cmdline"
                ).read_bytes()  # empty for one that has ended and awaits its parent
                if command and wanted in (directory / "environ").read_bytes().split(b"\0"):
                    found[int(directory.name)] = command.replace(b"\0", b" ").decode()
    return found
