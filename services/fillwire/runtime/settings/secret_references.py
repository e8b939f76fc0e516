"""Where a secret is kept, as the configuration states it: `env:NAME`, `file:/path`, or a directory of an account."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from fillwire.runtime.redaction import remember_secret
from fillwire.runtime.settings.stamps import Stamps, look_at, stamp

ENVIRONMENT: Final = "env:"
FILE: Final = "file:"
_REFERENCE: Final = re.compile(r"\benv:(\w+)")
_MAX_BYTES: Final = 65_536
# Files of an account's directory and the settings they hold, as a mounted Kubernetes secret lays them out.
ACCOUNT_FILES: Final = {
    "api_key": "api_key",
    "secret": "secret",
    "private_key.pem": "private_key",
    "passphrase": "passphrase",
}

Place = tuple[str, str, str]
"""User, exchange and environment: where an account's directory is."""


def is_reference(text: str) -> bool:
    """Return whether `text` says where a secret is, rather than being one."""
    return text.startswith((ENVIRONMENT, FILE))


def references(texts: Iterable[str]) -> set[str]:
    """Return the names of the environment variables that `env:NAME` refers to anywhere in `texts`."""
    return {match[1] for text in texts for match in _REFERENCE.finditer(text)}


def masked(value: str) -> SecretStr:
    """Return `value` as a secret, masked from now on in every log and trace of this process."""
    remember_secret(value)
    return SecretStr(value)


def read_secret_file(path: Path, stamps: Stamps | None = None) -> str:
    """Return the content of a file, without the line end at its end.

    Args:
        path: where it is.
        stamps: takes how the file looked when it was read.

    Raises:
        ValueError: it cannot be read, is empty, larger than 64 KiB, or no text; the message names it.
    """
    stamps = {} if stamps is None else stamps
    stamps[path] = look_at(path)
    try:
        with path.open("rb") as file:
            stamps[path] = stamp(os.fstat(file.fileno()))  # of this one, should it be replaced meanwhile
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ValueError(f"expected a readable file at {path}, found {error.strerror or 'none'}") from None
    except ValueError:  # a null character, which no path holds
        raise ValueError(f"expected a readable file at {str(path)!r}, found no path") from None
    if len(content) > _MAX_BYTES:
        raise ValueError(f"expected a secret of at most {_MAX_BYTES} bytes at {path}, found more")
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ValueError(f"expected text at {path}, found other bytes") from None
    if not text:
        raise ValueError(f"expected a secret at {path}, found an empty file")
    return text


def resolve(reference: str, environ: Mapping[str, str], directory: Path, stamps: Stamps | None = None) -> str:
    """Return the secret that `reference` points to.

    Args:
        reference: `env:NAME` or `file:/path`; a relative path begins at `directory`.
        environ: the environment.
        directory: where the configuration file lies.
        stamps: takes how the file looked when it was read.

    Raises:
        ValueError: it points to nothing; the message names the place, never the content.
    """
    if reference.startswith(ENVIRONMENT):
        name = reference.removeprefix(ENVIRONMENT)
        value = environ.get(name)
        if not value:
            state = "an empty one" if value == "" else "none"
            raise ValueError(f"expected a secret in the environment variable {name}, found {state}")
        return value
    return read_secret_file(referred_file(reference, directory), stamps)


def referred_file(reference: str, directory: Path) -> Path:
    """Return the file that `file:/path` refers to; a relative path begins at `directory`."""
    return directory / Path(reference.removeprefix(FILE)).expanduser()


def account_places(directory: Path, stamps: Stamps) -> list[Place]:
    """Return the accounts that have a directory `<user>/<exchange>/<environment>` under `directory`.

    Names that begin with a dot are passed over: what Kubernetes keeps of a mounted secret's versions, and what somebody
    has put aside.

    Args:
        directory: where users' directories are.
        stamps: takes how each directory looked.

    Raises:
        ValueError: one of them cannot be read; the message names it.
    """
    stamps[directory] = look_at(directory)
    try:
        if not directory.is_dir():
            kind = "a file" if directory.exists() else "none"
            raise ValueError(f"expected a directory at {directory}, found {kind}")
    except OSError as error:
        raise ValueError(f"expected a readable directory at {directory}, found {error.strerror}") from None
    return [
        (user.name, exchange.name, environment.name)
        for user in _directories(directory, stamps)
        for exchange in _directories(user, stamps)
        for environment in _directories(exchange, stamps)
    ]


def _directories(directory: Path, stamps: Stamps) -> Iterator[Path]:
    stamps[directory] = look_at(
        directory
    )  # before its names: one that comes meanwhile is seen by the next look
    try:
        yield from sorted(
            path for path in directory.iterdir() if not path.name.startswith(".") and path.is_dir()
        )
    except OSError as error:
        raise ValueError(f"expected a readable directory at {directory}, found {error.strerror}") from None


def account_secrets(directory: Path, stamps: Stamps) -> dict[str, SecretStr]:
    """Return the secrets in one account's directory, by setting: `{api_key,secret,private_key.pem,passphrase}`.

    Args:
        directory: the account's.
        stamps: takes how it and its files looked.

    Raises:
        ValueError: one of the files cannot be read; the message names it.
    """
    stamps[directory] = look_at(directory)
    secrets: dict[str, SecretStr] = {}
    for name, setting in ACCOUNT_FILES.items():
        path = directory / name
        try:
            is_there = path.exists()
        except OSError as error:
            raise ValueError(f"expected a readable file at {path}, found {error.strerror}") from None
        if is_there or path.is_symlink():  # a link that leads nowhere is no file left out
            secrets[setting] = masked(read_secret_file(path, stamps))
    return secrets


def is_file(path: Path) -> bool:
    """Return whether a file lies at `path`; one that may not be looked at does not."""
    try:
        return path.is_file()
    except OSError:
        return False
