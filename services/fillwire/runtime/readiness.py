"""How a service tells the process that started it that it is ready: one JSON line on standard output."""

import json
import sys


def announce_ready(**facts: object) -> None:
    """Print `{"ready": true, …facts}` as one line, unless a person is watching the terminal."""
    if not sys.stdout.isatty():
        sys.stdout.write(json.dumps({"ready": True, **facts}) + "\n")
        sys.stdout.flush()
