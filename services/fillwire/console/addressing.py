"""From where a request comes, also through proxies: who guesses tokens is slowed, and nobody else."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final, TypeAlias

from aiohttp import web

Networks: TypeAlias = Sequence[IPv4Network | IPv6Network]

_UNKNOWN: Final = "unknown"
_LONGEST: Final = 45  # of an address as text


def address_of(request: web.Request, proxies: Networks) -> str:
    """Return the address of who asks: of who is connected, or for whom a believed proxy says that it asks.

    Each proxy adds at the end of `X-Forwarded-For` who was connected to it; what stands before that anybody can have written.

    Args:
        request: with its headers.
        proxies: networks of those that are believed.
    """
    address = request.remote or _UNKNOWN
    hops = [hop.strip() for line in request.headers.getall("X-Forwarded-For", []) for hop in line.split(",")]
    while hops and _is_in(address, proxies):
        address = hops.pop()
    return address[:_LONGEST]


def _is_in(address: str, networks: Networks) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in networks)
