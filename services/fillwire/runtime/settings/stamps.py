"""How files looked when they were read, so that a look can tell whether they have been replaced.

A mounted Kubernetes secret is replaced by a link far above its files, of which watches tell nothing reliably; a look at
the few files that were read costs some microseconds each and works on every file system.
"""

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

Stamp: TypeAlias = tuple[int, int, int, int, int]
"""Device, inode, size in bytes, and when content and attributes were changed, in nanoseconds."""

Stamps: TypeAlias = dict[Path, Stamp | None]
"""Each file or directory as it was; None for one that was not there, or may not be looked at."""


def stamp(status: os.stat_result) -> Stamp:
    """Return what tells a file from the one that replaces it."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def look_at(path: Path) -> Stamp | None:
    """Return how the file behind all links at `path` is now; None if there is none."""
    try:
        return stamp(path.stat())
    except (OSError, ValueError):  # ValueError: a null character, which no path holds
        return None


def look(paths: Iterable[Path]) -> Stamps:
    """Return how files are now."""
    return {path: look_at(path) for path in paths}


class Looks:
    """Says from one look to the next whether what was read from files is to be read again.

    A file is left alone while it still changes between two looks: it is being written.
    """

    def __init__(self) -> None:
        self._read: Stamps | None = None
        self._seen: Stamps | None = None

    async def is_due(self) -> bool:
        """Look, and return whether to read: nothing was read yet, or a file has changed and is the same twice."""
        known = self._read
        now = None if known is None else await asyncio.to_thread(look, known)
        is_settled, self._seen = now == self._seen, now
        return known is None or (now != known and is_settled)

    def note_read(self, stamps: Stamps) -> None:
        """Note how the files looked that were read, whether it can be used or not, and where those would be that were missing."""
        self._read = stamps
