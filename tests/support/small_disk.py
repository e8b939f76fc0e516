"""Disks that fail: a small one of its own, for what happens when it is full (needs root), and one whose blocks go bad."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest


@asynccontextmanager
async def small_disk(path: Path, *, mib: int) -> AsyncIterator[Path]:
    """Mount a disk of `mib` MiB at `path` inside the block; skip the test where that is not allowed."""
    await asyncio.to_thread(path.mkdir)
    command = ("mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(path))
    if (await asyncio.to_thread(subprocess.run, command, check=False, capture_output=True)).returncode:
        pytest.skip("mounting needs root")
    try:
        yield path
    finally:
        await asyncio.to_thread(subprocess.run, ("umount", "-l", str(path)), check=True)


def fill_disk(path: Path) -> None:
    """Write a file until the disk takes no more."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            return


def ruin_journals(directory: Path) -> None:
    """Have every block of the journals in a directory read as zeros."""
    for path in directory.glob("*.journal*"):
        with path.open("r+b") as file:
            size = path.stat().st_size
            file.write(bytes(size))
