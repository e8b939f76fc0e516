"""Files that a journal puts beside itself for a person to look at, each under a name that says when."""

import contextlib
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

# SQLite keeps what is not in the file yet in files of these names. They go first: one that was left behind would be
# read as a part of the next file of the old name.
_PARTS = ("-wal", "-shm", "")


class Aside(NamedTuple):
    """A file that was put aside.

    Attributes:
        path: where it is.
        reason: what is in it, and why.
    """

    path: Path
    reason: str


def aside_path(path: Path, suffix: str) -> Path:
    """Return a path that no file has, such as `binance-1.20260131T080000Z.damaged` beside `binance-1.journal`."""
    stem = f"{path.stem}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for number in count(1):
        aside = path.with_name(f"{stem}{suffix}" if number == 1 else f"{stem}-{number}{suffix}")
        if not aside.exists():
            return aside
    raise AssertionError("one of all names is free")


def move_aside(path: Path, suffix: str) -> Path:
    """Rename a database with all its parts to a path that no file has, and return that.

    Raises:
        OSError: it cannot be renamed.
    """
    aside = aside_path(path, suffix)
    for part in _PARTS:
        with contextlib.suppress(FileNotFoundError):  # it has no such part, or another process was faster
            path.with_name(path.name + part).rename(aside.with_name(aside.name + part))
    return aside
