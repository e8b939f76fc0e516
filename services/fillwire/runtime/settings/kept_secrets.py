"""Secrets that are kept in files, read again when they are used: whoever replaces the file need not restart anything."""

from pathlib import Path

from pydantic import SecretStr

from fillwire.runtime.logs import get_log
from fillwire.runtime.redaction import remember_secret
from fillwire.runtime.settings.secret_references import read_secret_file

_log = get_log(__name__)


class KeptSecret(SecretStr):
    """A secret that `file:/path` refers to.

    Args:
        value: what the file held when the settings were read, which stays what `get_secret_value` returns.
        path: where it is kept.
    """

    def __init__(self, value: str, path: Path) -> None:
        super().__init__(value)
        self._path = path
        self._newest = value

    def renewed(self, least: int) -> str:
        """Return what the file holds now, or what it held last if that is shorter than `least` characters or cannot be read."""
        try:
            found = read_secret_file(self._path)
        except ValueError as error:
            return self._kept(str(error))
        if len(found) < least:
            return self._kept(f"expected a secret of at least {least} characters at {self._path}")
        if found != self._newest:
            remember_secret(found)
            self._newest = found
            _log.info("secret_replaced", path=str(self._path))
        return found

    def _kept(self, why: str) -> str:
        _log.warning("secret_not_read", reason=f"{why}; the one read before stays in use")
        return self._newest


def current(secret: SecretStr, least: int = 1) -> str:
    """Return a secret as its file says it now; one that is in no file as it was read.

    Args:
        secret: from the settings.
        least: what is shorter is half written, and not used, in characters.
    """
    return secret.renewed(least) if isinstance(secret, KeptSecret) else secret.get_secret_value()
