"""The keys of accounts in files, as Kubernetes mounts a secret: all versions beside each other, one link that chooses."""

from collections.abc import Mapping
from pathlib import Path

from fillwire.domain.identifiers import Account
from fillwire.simulator.exchange.demo import Demo

_FILES = {
    "apiKey": "api_key",
    "secret": "secret",
    "privateKey": "private_key.pem",
    "passphrase": "passphrase",
}

Files = Mapping[str, str | bytes]


def write_key(directory: Path, account: Account, files: Files) -> Path:
    """Write an account's key below `directory`, and return where."""
    place = directory / account.user / account.exchange / account.environment
    place.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (place / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return place


def mount(directory: Path, version: str, keys: Mapping[Account, Files]) -> None:
    """Mount a version of the secret in place of the one before: the link that all others lead through is replaced."""
    for account, files in keys.items():
        write_key(directory / version, account, files)
        link = directory / account.user
        if not link.is_symlink():
            link.symlink_to(Path("..data") / account.user)
    (directory / "..data_tmp").symlink_to(version)
    (directory / "..data_tmp").rename(directory / "..data")


def demo_key(demo: Demo, place: int) -> dict[str, str]:
    """Return the files of one of the keys of a simulator's own account."""
    return {
        _FILES[part]: demo.variables[reference.removeprefix("env:")]
        for part, reference in demo.keys[place].items()
    }
