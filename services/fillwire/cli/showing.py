"""How commands print what came from elsewhere: for people, and so that nothing in it can write to their terminal."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from fillwire.runtime.redaction import printable

_PIPED_WIDTH = 240


def show(*parts: RenderableType) -> None:
    """Print, as wide as the terminal, or wide enough for a pipe to be cut up."""
    Console(width=None if sys.stdout.isatty() else _PIPED_WIDTH).print(*parts)


def time_text(time_ns: int) -> str:
    """Return a time as people read it, to the second, in UTC."""
    return datetime.fromtimestamp(time_ns // 10**9, UTC).strftime("%Y-%m-%d %H:%M:%S")


def facts_table(facts: Mapping[str, Any]) -> Table:
    """Return what is known of one thing as a table of two columns; nothing in it can write to the terminal."""
    found = Table.grid(padding=(0, 2))
    found.add_column(style="dim")
    found.add_column(overflow="fold")
    for name, value in facts.items():
        if value is None:
            continue
        if name.endswith("_ns") and isinstance(value, int):
            text = f"{time_text(value)} UTC"
        elif isinstance(value, dict):
            lines = json.dumps(value, indent=2, ensure_ascii=False).splitlines()
            text = "\n".join(printable(line) for line in lines)
        else:
            text = printable(str(value))
        found.add_row(name.removesuffix("_ns").replace("_", " "), Text(text))
    return found
