"""Certificates as files: what a connection is encrypted with, and read again when somebody has replaced them."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from fillwire.domain.errors import ConfigError
from fillwire.runtime.logs import get_log

_log = get_log(__name__)

Stamp = tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Files in PEM.

    Attributes:
        authorities: whose certificates are believed; None for those that the machine believes.
        certificate: our own, with its chain; None where the other side asks for none.
        key: of `certificate`.
    """

    authorities: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return the context of a client with these files, TLS 1.2 or newer.

        Raises:
            ConfigError: one of them cannot be read, or they do not belong together.
        """
        try:
            context = ssl.create_default_context(cafile=self.authorities)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate is not None:
                context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            named = ", ".join(str(path) for path in self._paths if path is not None)
            reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
            raise ConfigError(
                f"certificates {named}: expected readable PEM files, found {reason or error}"
            ) from error
        return context

    def stamp(self) -> Stamp:
        """Return what changes when one of the files is replaced."""
        return tuple(None if path is None else _stamp(path) for path in self._paths)

    @property
    def _paths(self) -> tuple[Path | None, ...]:
        return (self.authorities, self.certificate, self.key)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_ino)


class TlsSource:
    """Hands out the context of the files as they are now.

    Args:
        files: which.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._context: ssl.SSLContext | None = None
        self._stamp = files.stamp()

    def context(self, first: ssl.SSLContext) -> ssl.SSLContext:
        """Return the context of now; of files that cannot be used, as while they are being replaced, the one before.

        Args:
            first: the context of the files as they were in the beginning.
        """
        stamp = self._files.stamp()
        if stamp != self._stamp:
            try:
                self._context = self._files.context()
            except ConfigError as error:
                _log.warning("certificates_not_read", error=error)
            else:
                self._stamp = stamp
                _log.info("certificates_read_again")
        return self._context or first
