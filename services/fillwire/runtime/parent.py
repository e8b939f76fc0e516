"""A service and the process that started it: say when ready, and end when the parent is gone."""

import ctypes
import json
import os
import signal
import sys

PARENT_VARIABLE = "FILLWIRE_PARENT"
_PR_SET_PDEATHSIG = 1


def announce_ready(**facts: object) -> None:
    """Print `{"ready": true, …facts}` as one line, unless a person is watching the terminal."""
    if not sys.stdout.isatty():
        sys.stdout.write(json.dumps({"ready": True, **facts}) + "\n")
        sys.stdout.flush()


def follow_parent() -> None:
    """Ask the kernel to stop this process when its parent dies, if the parent asked for it (Linux only).

    The parent asks by putting its process id into `FILLWIRE_PARENT`: a killed demo leaves no gateway behind.
    """
    parent = os.environ.pop(PARENT_VARIABLE, None)
    if parent is None or sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit("fillwire: the parent process died before this one had started")
