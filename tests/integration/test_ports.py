"""Ports that are given out stay whoever's they are."""

import asyncio
import json
import socket
import sys
from collections import Counter
from pathlib import Path

import pytest

from fillwire.runtime.ports import free_ports

_MANY = 200
_GIVES = f"""
import json, sys
from fillwire.runtime.ports import free_ports
print(json.dumps(free_ports({_MANY})), flush=True)
sys.stdin.read()
"""


async def test_no_port_is_given_to_two_processes_at_once() -> None:
    """Each of four asks for two hundred, and nobody has listened at any of them yet."""
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _GIVES, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    try:
        async with asyncio.timeout(30):
            lines = await asyncio.gather(
                *(process.stdout.readline() for process in processes if process.stdout is not None)
            )
        given = Counter(port for line in lines for port in json.loads(line)) + Counter(free_ports(_MANY))
    finally:
        for process in processes:
            process.kill()
        await asyncio.gather(*(process.wait() for process in processes))
    assert len(given) == 5 * _MANY


def test_a_port_at_which_somebody_listens_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever it is; and if there are no others, it is said what was wanted."""
    (port,) = free_ports(1)
    monkeypatch.setattr("fillwire.runtime.ports._RANGE", range(port, port + 1))
    monkeypatch.setattr("fillwire.runtime.ports._taken", set())
    assert free_ports(1) == [port]
    monkeypatch.setattr("fillwire.runtime.ports._taken", set())
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", port))
        with pytest.raises(OSError, match=f"expected 1 free ports from {port} to {port}, found 0"):
            free_ports(1)


def test_ports_lie_below_those_that_the_system_gives() -> None:
    """Else one is gone to somebody's connection before it is used."""
    given = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not given.exists():
        pytest.skip(f"expected {given}, which tells what the system gives")
    assert max(free_ports(50)) < int(given.read_text().split()[0])
