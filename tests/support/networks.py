"""Hosts on one machine: network namespaces, and wires between them on which packets take their time, are lost, or all are.

The kernel's own delay (`netem`) is not everywhere; here each host has a TUN device whose other end this process holds, so that
every IP packet between two hosts passes through it. Needs Linux, root and `ip`.
"""

import asyncio
import fcntl
import itertools
import os
import shutil
import struct
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

HERE = "here"
"""The host that is this process's own namespace."""

_TUN = Path("/dev/net/tun")
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
_MTU = 9000
_IPV4, _DESTINATION = 4, slice(16, 20)
_BURST = 64  # packets of a host that are taken before others have their turn
_numbers = itertools.count()


class Network:
    """The hosts and their wires.

    Attributes:
        lost_count: packets that were lost because a wire loses some.
        silenced_count: packets that were lost because a host was silent.
    """

    def __init__(self, names: tuple[str, ...], seed: int) -> None:
        self.lost_count = 0
        self.silenced_count = 0
        number = next(_numbers)
        self._prefix = f"fw{os.getpid()}{number}"
        # Of a range for private networks, and not the same for two runs on one machine.
        subnet = f"10.{200 + os.getpid() % 50}.{(os.getpid() // 50 + number) % 250}"
        self._addresses = {name: f"{subnet}.{index}" for index, name in enumerate(names, 1)}
        self._names = {bytes(map(int, address.split("."))): name for name, address in self._addresses.items()}
        self._devices: dict[str, int] = {}
        self._wires: dict[frozenset[str], tuple[float, float]] = {}
        self._silent: set[str] = set()
        self._random = Random(seed)
        self._loop = asyncio.get_running_loop()

    def address(self, name: str) -> str:
        """Return the address by which others reach a host."""
        return self._addresses[name]

    def command(self, name: str, *arguments: str | Path) -> tuple[str, ...]:
        """Return the command that runs another one at a host."""
        inside = () if name == HERE else ("ip", "netns", "exec", self._namespace(name))
        return *inside, *map(str, arguments)

    def wire(self, one: str, other: str, one_way_s: float, loss: float = 0.0) -> None:
        """Have packets between two hosts take so long, and this share of them lost; without it they arrive at once."""
        self._wires[frozenset({one, other})] = one_way_s, loss

    def silence(self, name: str) -> None:
        """Lose every packet from and to a host, without a sign to anybody."""
        self._silent.add(name)

    def restore(self, name: str) -> None:
        """Let its packets pass again."""
        self._silent.discard(name)

    def _namespace(self, name: str) -> str:
        return f"{self._prefix}-{name}"

    def open(self) -> None:
        """Make namespaces and devices, and begin to carry packets."""
        for name, address in self._addresses.items():
            device = f"{self._prefix}{len(self._devices)}"
            descriptor = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
            self._devices[name] = descriptor
            request = struct.pack("16sH22x", device.encode(), _IFF_TUN | _IFF_NO_PI)
            fcntl.ioctl(descriptor, _TUNSETIFF, request)
            at: tuple[str, ...] = ()
            if name != HERE:
                _ip("netns", "add", self._namespace(name))
                _ip("link", "set", device, "netns", self._namespace(name))
                at = ("-n", self._namespace(name))
                _ip(*at, "link", "set", "lo", "up")
            _ip(*at, "address", "add", f"{address}/24", "dev", device)
            _ip(*at, "link", "set", device, "mtu", str(_MTU), "up")
            self._loop.add_reader(descriptor, self._carry, name, descriptor)

    def close(self) -> None:
        """Remove all of it; the devices go with their descriptors."""
        for name, descriptor in self._devices.items():
            self._loop.remove_reader(descriptor)
            os.close(descriptor)
            if name != HERE:
                _ip("netns", "delete", self._namespace(name), must_succeed=False)
        self._devices.clear()

    def _carry(self, sender: str, descriptor: int) -> None:
        for _ in range(_BURST):
            try:
                packet = os.read(descriptor, _MTU)
            except BlockingIOError:
                return
            receiver = self._names.get(packet[_DESTINATION]) if packet[0] >> 4 == _IPV4 else None
            if receiver is None:  # what a host says to all of its network
                continue
            if {sender, receiver} & self._silent:
                self.silenced_count += 1
                continue
            one_way_s, loss = self._wires.get(frozenset({sender, receiver}), (0.0, 0.0))
            if loss and self._random.random() < loss:
                self.lost_count += 1
                continue
            self._loop.call_later(one_way_s, self._deliver, receiver, packet)

    def _deliver(self, receiver: str, packet: bytes) -> None:
        descriptor = self._devices.get(receiver)
        if descriptor is None or receiver in self._silent:
            return
        try:
            os.write(descriptor, packet)
        except BlockingIOError:  # its queue is full, as a router's may be
            self.lost_count += 1


def _ip(*arguments: str, must_succeed: bool = True) -> None:
    result = subprocess.run(("ip", *arguments), capture_output=True, text=True, timeout=10, check=False)  # noqa: S603, S607
    if must_succeed and result.returncode:
        raise OSError(f"ip {' '.join(arguments)}: {result.stderr.strip()}")


def _is_possible() -> bool:
    return os.geteuid() == 0 and shutil.which("ip") is not None and _TUN.exists()


@asynccontextmanager
async def network(*names: str, seed: int = 0) -> AsyncIterator[Network]:
    """Run a network of these hosts inside the block, where the machine lets us; else the test is skipped with the reason."""
    if not _is_possible():
        pytest.skip("network namespaces need root, iproute2 and /dev/net/tun")
    found = Network(names, seed)
    try:
        try:
            found.open()
        except OSError as error:
            pytest.skip(f"no network namespaces here: {error}")
        yield found
    finally:
        found.close()
