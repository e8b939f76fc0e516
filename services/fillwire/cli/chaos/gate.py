"""Where a counter-order is to stop on its way, so that something can be killed at exactly that moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

BEFORE = "before"
"""Before the order is sent."""
AFTER = "after"
"""After its answer, before the fill that caused it is acknowledged."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the bot is asked to do: so many counter-orders, one for each of the next fills.

    Attributes:
        token: differs each time.
        holds: by counter-order, where it is to stop until it is let go, None for nowhere.
        released: so many of them have been let go, from the first.
    """

    token: str
    holds: tuple[str | None, ...]
    released: int


class Gate:
    """A file that the bot reads and the stage writes.

    Args:
        directory: where it is kept.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "gate.json"

    def read(self) -> Asked | None:
        """Return what is asked, None before anything was."""
        try:
            token, holds, released = orjson.loads(self._path.read_bytes())
        except FileNotFoundError:
            return None
        return Asked(token, tuple(holds), released)

    def write(self, token: str, holds: Sequence[str | None], released: int) -> None:
        """Ask for counter-orders; a reader sees all of it or nothing."""
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(orjson.dumps((token, holds, released)))
        fresh.replace(self._path)
