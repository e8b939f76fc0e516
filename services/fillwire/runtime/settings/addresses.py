"""Which addresses a connection may be made to: encrypted ones, and plain ones on this machine."""

import ipaddress
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urlsplit

from fillwire.runtime.redaction import redacted_text

# Scheme and whether it is encrypted.
WEBSOCKET_SCHEMES: Final = {"wss": True, "ws": False}
REST_SCHEMES: Final = {"https": True, "http": False}
BROKER_SCHEMES: Final = ("nats", "tls", "wss", "ws")
DATABASE_SCHEMES: Final = ("sqlite", "postgresql")


def is_loopback(host: str) -> bool:
    """Return whether `host` is this machine by definition: `localhost`, 127.0.0.0/8 or ::1; no name is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(text: str) -> str:
    """Return an address as a complaint may show it.

    What is misread of one with a user may be a part of a password, also where none is masked.
    """
    return "one with a user or password" if "@" in text else repr(redacted_text(text))


def _split(text: str, schemes: Mapping[str, object] | tuple[str, ...]) -> SplitResult:
    shown = _shown(text)
    expected = " or ".join(f"{scheme}://" for scheme in schemes)
    # urlsplit drops some of these silently, and what it judged would not be what is connected to.
    if any(character.isspace() or not character.isprintable() or character == "\\" for character in text):
        raise ValueError(
            "expected an address, found one with white space, a control character or a backslash"
        )
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"expected an address, found {shown}") from None
    if parts.scheme not in schemes or not host:
        raise ValueError(f"expected an address that begins with {expected}, found {shown}")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"expected an address without user and password, found {shown}")
    if parts.fragment:
        raise ValueError(f"expected an address without #, found {shown}")
    return parts


def _venue_address(text: str, schemes: Mapping[str, bool]) -> str:
    parts = _split(text, schemes)
    if not schemes[parts.scheme] and not is_loopback(parts.hostname or ""):
        encrypted = next(scheme for scheme, is_encrypted in schemes.items() if is_encrypted)
        raise ValueError(
            f"expected {encrypted}://, as {parts.scheme}:// is allowed to this machine only, found {_shown(text)}"
        )
    return text


def websocket_address(text: str) -> str:
    """Return `text` if it is a `wss://` address, or a `ws://` one on this machine.

    Raises:
        ValueError: it is neither; the message says what was expected.
    """
    return _venue_address(text, WEBSOCKET_SCHEMES)


def rest_address(text: str) -> str:
    """Return `text` if it is an `https://` address, or an `http://` one on this machine.

    Raises:
        ValueError: it is neither; the message says what was expected.
    """
    return _venue_address(text, REST_SCHEMES)


def broker_addresses(text: str) -> str:
    """Return `text` if it is one address of a broker, or several of a cluster with commas between them.

    Raises:
        ValueError: one of them is no `nats://`, `tls://`, `ws://` or `wss://` address, or holds a password.
    """
    if "@" in text:  # before it is split at the commas, of which a password may have some
        raise ValueError("expected addresses without user and password, found one with them")
    for address in text.split(","):
        _split(address.strip(), BROKER_SCHEMES)
    return text


def database_address(text: str) -> str:
    """Return `text` if it is the address of a database: `sqlite:///path/to/file` or `postgresql://user@host:port/name`.

    Raises:
        ValueError: it is neither, or holds a password; the message shows nothing of one.
    """
    expected = "expected sqlite:///path/to/file or postgresql://user@host/name"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError(f"{expected}, found something else") from None
    if parts.scheme not in DATABASE_SCHEMES:
        raise ValueError(f"{expected}, found one that begins with {redacted_text(parts.scheme)!r}")
    if parts.password is not None or "password=" in parts.query:
        raise ValueError(f"{expected}, found one with a password, which has a setting of its own")
    if len(parts.path) < 2:  # noqa: PLR2004 - the slash and something behind it
        raise ValueError(f"{expected}, found one without a {'path' if parts.scheme == 'sqlite' else 'name'}")
    if parts.scheme == "sqlite" and parts.netloc:
        raise ValueError(f"{expected}, found one of SQLite with a host: three slashes come before a path")
    return text
