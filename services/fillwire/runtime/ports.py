"""Ports for programs that have to be told them before they listen."""

import fcntl
import os
import random
import socket
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Final

# Below those that a system gives to whoever asks for any: nobody gets one between the look here and its use.
_RANGE: Final = range(20_000, 32_000)
_taken: Final[set[int]] = set()


def free_ports(count: int) -> list[int]:
    """Return ports of loopback at which nobody listens.

    None is given to this process twice, nor to another that asks here while this one lives.

    Raises:
        OSError: there are not so many.
    """
    found: list[int] = []
    for port in random.sample(_RANGE, len(_RANGE)):
        if len(found) == count:
            break
        if port not in _taken and _is_claimed(port) and _is_free(port):
            _taken.add(port)
            found.append(port)
    if len(found) == count:
        return found
    raise OSError(f"expected {count} free ports from {_RANGE.start} to {_RANGE.stop - 1}, found {len(found)}")


@lru_cache(1)
def _claims() -> int:
    """Return an open file of which each byte stands for a port; who has locked it has the port, until the process ends."""
    path = Path(tempfile.gettempdir(), f"fillwire-ports-{os.getuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _is_claimed(port: int) -> bool:
    try:
        fcntl.lockf(_claims(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:  # it is another's
        return False
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
