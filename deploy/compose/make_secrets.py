"""Writes the secrets of deploy/compose.yaml, at random, where there are none: `python deploy/compose/make_secrets.py`.

They lie in `deploy/compose/secrets/`, which only its owner may enter and git ignores. The files themselves can be read by
everybody who is let in: a container's user has another number than their owner. What is there stays as it is. Who may log
in to the broker is written as `fillwire users` does, into `broker/`, which can be changed by that command afterwards.
"""

import base64
import dataclasses
import json
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fillwire.cli.users.accounts import FILE, accounts_conf
from fillwire.cli.users.registry import FILE as REGISTRY
from fillwire.cli.users.registry import (
    Kind,
    Login,
    locked,
    new_key,
    read_registry,
    replace_file,
    write_registry,
)

FOLDER: Final = Path(__file__).resolve().parent / "secrets"
TOKENS: Final = (
    "metrics_token",
    "postgres_password",
    "console_admin_token",
    "console_demo_token",
    "webhook_secret",
)
USER: Final = "demo"
ENVIRONMENT: Final = "simulated"
EXCHANGES: Final = ("alpaca", "binance", "coinbase")
BROKER: Final = "broker"
LOGINS: Final = (
    Login(name="control", kind=Kind.CONTROL),
    Login(name=USER, kind=Kind.TENANT),
    *(Login(name=f"gateway-{exchange}", kind=Kind.GATEWAY, exchange=exchange) for exchange in EXCHANGES),
    *(
        Login(name=kind.value, kind=kind)
        for kind in (Kind.CONSOLE, Kind.DOOR, Kind.HOST, Kind.MANAGER, Kind.NOTIFY, Kind.RECORDER)
    ),
)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")
    path.chmod(0o644)


def _key(exchange: str) -> dict[str, str]:
    key = {"api_key": secrets.token_hex(16), "secret": secrets.token_hex(32)}
    if exchange == "coinbase":  # its secrets are base64, and a key has a third part
        key |= {
            "secret": base64.b64encode(secrets.token_bytes(64)).decode(),
            "passphrase": secrets.token_hex(8),
        }
    return key


def _make_logins(folder: Path) -> list[Path]:
    """Write the broker's accounts, and a seed for each login that there is not yet."""
    directory = folder / BROKER
    written = []
    with locked(directory):
        registry = read_registry(directory)
        for login in LOGINS:
            seed_file = folder / f"nats_{login.name}"
            known = registry.logins.get(login.name)
            if known is not None and seed_file.exists():
                continue
            key, seed = new_key(datetime.now(UTC))
            registry = registry.with_login(dataclasses.replace(known or login, keys=(key,)))
            _write(seed_file, f"{seed}\n")
            written.append(seed_file)
        if written or not (directory / FILE).exists():
            # Both hold public keys, and are read in containers by users of other numbers.
            write_registry(directory, registry)
            (directory / REGISTRY).chmod(0o644)
            replace_file(directory / FILE, accounts_conf(registry), 0o644)
    return written


def make(folder: Path = FOLDER) -> list[Path]:
    """Write what is missing and return the files that were written.

    Args:
        folder: where they lie.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    written = []
    for name in TOKENS:
        if not (folder / name).exists():
            _write(folder / name, secrets.token_urlsafe(24))
            written.append(folder / name)
    for exchange in EXCHANGES:
        venue = folder / f"simulated-{exchange}.json"
        if venue.exists():
            continue
        key = _key(exchange)
        place = folder / f"accounts-{exchange}" / USER / exchange / ENVIRONMENT
        for part, text in key.items():
            _write(place / part, text)
        _write(venue, json.dumps([{"user": USER, "keys": [key]}]))
        written.append(venue)
    return written + _make_logins(folder)


if __name__ == "__main__":
    made = make()
    sys.stdout.write(
        f"{len(made)} secrets written to {FOLDER}\n" if made else f"the secrets in {FOLDER} stay\n"
    )
