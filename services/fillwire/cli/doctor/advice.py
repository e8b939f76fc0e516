"""What a venue's error means for the person who is to mend it."""

import errno
import socket
import ssl
from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp

from fillwire.cli.doctor.findings import Verdict, failed
from fillwire.domain.errors import AuthRejected, SubscriptionRejected, Throttled, VenueError

_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN})
_DEFAULT_PORTS = {"https": 443, "wss": 443, "http": 80, "ws": 80}


class _Loss(NamedTuple):
    """A way in which no answer came: how it is told from others, and what to say."""

    is_it: Callable[[BaseException], bool]
    found: str
    advice: str


_LOSSES = (
    _Loss(
        lambda cause: isinstance(cause, socket.gaierror | aiohttp.ClientConnectorDNSError),
        "the name {host} has no address",
        "check the address in the settings, and that this machine can look names up (DNS); Fillwire connects directly and "
        "heeds no HTTPS_PROXY",
    ),
    _Loss(
        lambda cause: isinstance(
            cause, ssl.SSLCertVerificationError | aiohttp.ClientConnectorCertificateError
        ),
        "{where} shows a certificate that this machine does not trust",
        "check the address and this machine's clock; behind a proxy that opens TLS, have the venue's addresses passed "
        "through, or name its root certificate in SSL_CERT_FILE",
    ),
    _Loss(
        lambda cause: isinstance(cause, ssl.SSLError | aiohttp.ClientConnectorSSLError),
        "{where} speaks no TLS that this machine understands",
        "check the address and its port; Fillwire connects directly, so no proxy may stand in the venue's place",
    ),
    _Loss(
        lambda cause: isinstance(cause, OSError) and cause.errno == errno.ECONNREFUSED,
        "{where} refuses the connection",
        "nothing listens there, or a firewall rejects it: check the address in the settings",
    ),
    _Loss(
        lambda cause: isinstance(cause, OSError) and cause.errno in _NO_WAY,
        "there is no way to {where}",
        "check this machine's network and firewall; Fillwire connects directly and heeds no HTTPS_PROXY",
    ),
    _Loss(
        lambda cause: isinstance(cause, TimeoutError),
        "{where} does not answer in time",
        "a firewall may drop what is sent: allow TCP to {where}; Fillwire connects directly and heeds no HTTPS_PROXY",
    ),
)
_OTHER = _Loss(
    lambda _: True,
    "{where} does not answer as the venue does",
    "check the address in the settings, and whether something between here and there answers in the venue's place; the "
    "venue itself may be down",
)


def refused(error: VenueError, url: str, environment: str) -> Verdict:
    """Return what an error of the venue means.

    Args:
        error: what was raised.
        url: the address that was asked.
        environment: whose key was used.
    """
    if isinstance(error, AuthRejected):
        return failed(
            f"the venue refuses the key: {error}",
            f"see at the venue whether the key is one of {environment}, may be used from this machine's address, and was not "
            "revoked; whether its secret belongs to it; then put the right one into the settings, or make a new one",
        )
    if isinstance(error, Throttled):
        return failed(
            f"the venue is there and wants no requests from this machine: {error}",
            f"ask nothing for {error.retry_after_s:.0f} s, and find out what else on this address asks so much",
        )
    if isinstance(error, SubscriptionRejected):
        return failed(
            f"the venue refuses what was asked: {error}",
            "see at the venue what the account and its key may do, and whether it serves this machine's network",
        )
    return _lost(error, url)


def place(url: str) -> str:
    """Return `host:port` of an address."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        # A deadline is raised `from None`, and stands in the context all the same.
        error = error.__cause__ or error.__context__


def _lost(error: VenueError, url: str) -> Verdict:
    causes = list(_causes(error.__cause__ or error.__context__))
    loss = next((loss for loss in _LOSSES if any(map(loss.is_it, causes))), _OTHER)
    where = place(url)
    found, advice = (text.format(where=where, host=where.rpartition(":")[0]) for text in loss[1:])
    return failed(f"{found}: {error}", advice)
