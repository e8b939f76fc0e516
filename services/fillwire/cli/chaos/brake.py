"""How slow a bot is to be: one byte that two processes share."""

import mmap
import os
from pathlib import Path

MAX_MS = 255


class Brake:
    """Milliseconds that a bot takes over each fill, 0 to 255; reading costs no system call.

    Args:
        directory: where the byte is kept; made if absent.
    """

    def __init__(self, directory: Path) -> None:
        descriptor = os.open(directory / "brake", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            os.ftruncate(descriptor, 1)
            self._byte = mmap.mmap(descriptor, 1)
        finally:
            os.close(descriptor)

    def read(self) -> int:
        """Return the milliseconds."""
        return self._byte[0]

    def set(self, milliseconds: int) -> None:
        """Set the milliseconds."""
        self._byte[0] = milliseconds
