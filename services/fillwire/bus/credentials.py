"""Who we are at the broker, without ever printing it."""

import os
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fillwire.bus.tls import TlsFiles
from fillwire.domain.errors import ConfigError

JETSTREAM_API = "$JS.API"

Secret = str | Callable[[], str]
"""A value, or a quick function that returns it, called at every connect so that rotated secrets are picked up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """How to prove to the broker who we are; nothing of it prints.

    Attributes:
        user, password: together.
        token: instead of them.
        credentials_path: a `.creds` file with a user JWT and its seed, read again at every connect.
        nkey_seed_path: a file with an nkey seed.
        tls: context for mutual TLS, or with own authorities.
        tls_files: the same as files, read again at every connect that finds them changed; instead of `tls`. With either a
            broker that does not speak TLS is refused, as it is with an address `tls://`.
        api_prefix: first tokens of requests to JetStream; another one where our account imports them, as a tenant's does.
    """

    user: Secret | None = field(default=None, repr=False)
    password: Secret | None = field(default=None, repr=False)
    token: Secret | None = field(default=None, repr=False)
    credentials_path: Path | None = None
    nkey_seed_path: Path | None = None
    tls: ssl.SSLContext | None = None
    tls_files: TlsFiles | None = None
    api_prefix: str = JETSTREAM_API

    def client_options(self) -> dict[str, Any]:
        """Return the client's options for them.

        Raises:
            ConfigError: a file that does not exist, or certificates that cannot be used.
        """
        for path in (self.credentials_path, self.nkey_seed_path):
            if path is not None and not path.is_file():
                raise ConfigError(f"credentials file {path} not found: expected a readable file")
        options = {
            "user": self.user,
            "password": self.password,
            "token": self.token,
            "user_credentials": self.credentials_path,
            "nkeys_seed": None if self.nkey_seed_path is None else os.fspath(self.nkey_seed_path),
            "tls": self.tls if self.tls_files is None else self.tls_files.context(),
        }
        return {name: value for name, value in options.items() if value is not None}


SCHEMES = ("nats", "tls", "ws", "wss")


def parse_servers(url: str) -> list[str]:
    """Return the servers of a comma-separated url.

    Raises:
        ConfigError: one of them is no url of a broker.
    """
    servers = [server.strip() for server in url.split(",")]
    for server in servers:
        try:
            parts = urlsplit(server)
            is_usable = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_usable = False
        if not is_usable:
            # What is misread may be a part of a password.
            shown = repr(server) if "@" not in url else "with a user or token"
            raise ConfigError(f"broker url {shown}: expected nats://host:port, or tls, ws or wss for nats")
    return servers


def mask_url(url: str) -> str:
    """Return the url without the password or token it may hold."""
    return re.sub(r"//.*@", "//***@", url)
