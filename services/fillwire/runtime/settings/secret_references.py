"""Where a secret is kept, as the configuration states it: `env:NAME`, `file:/path`, or a directory of an account."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from fillwire.runtime.redaction import remember_secret

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


def read_secret_file(path: Path) -> str:
    """Return the content of a file, without the line end at its end.

    Raises:
        ValueError: it cannot be read, is empty, larger than 64 KiB, or no text; the message names it.
    """
    try:
        with path.open("rb") as file:
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


def resolve(reference: str, environ: Mapping[str, str], directory: Path) -> str:
    """Return the secret that `reference` points to.

    Args:
        reference: `env:NAME` or `file:/path`; a relative path begins at `directory`.
        environ: the environment.
        directory: where the configuration file lies.

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
    return read_secret_file(directory / Path(reference.removeprefix(FILE)).expanduser())


def account_secrets(directory: Path) -> dict[tuple[str, str, str], dict[str, SecretStr]]:
    """Return the secrets under `directory` by user, exchange and environment, then by setting.

    The layout is `<user>/<exchange>/<environment>/{api_key,secret,private_key.pem,passphrase}`. Names that begin with a
    dot are passed over: what Kubernetes keeps of a mounted secret's versions, and what somebody has put aside.

    Raises:
        ValueError: the directory or one of the files cannot be read.
    """
    try:
        if not directory.is_dir():
            kind = "a file" if directory.exists() else "none"
            raise ValueError(f"expected a directory at {directory}, found {kind}")
        return {
            place: {
                setting: masked(read_secret_file(directory.joinpath(*place, name)))
                for name, setting in ACCOUNT_FILES.items()
                if directory.joinpath(*place, name).exists()
            }
            for place in _account_directories(directory)
        }
    except OSError as error:
        raise ValueError(f"expected a readable directory at {directory}, found {error.strerror}") from None


def _account_directories(directory: Path) -> Iterator[tuple[str, str, str]]:
    for place in sorted(directory.glob("*/*/*")):
        user, exchange, environment = parts = place.relative_to(directory).parts
        if place.is_dir() and not any(part.startswith(".") for part in parts):
            yield user, exchange, environment


def is_file(path: Path) -> bool:
    """Return whether a file lies at `path`; one that may not be looked at does not."""
    try:
        return path.is_file()
    except OSError:
        return False
