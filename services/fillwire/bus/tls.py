"""Certificates as files: what a connection is encrypted with, and read again when somebody has replaced them."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from fillwire.domain.errors import ConfigError
from fillwire.runtime.certificates import load_own, reason_of
from fillwire.runtime.logs import get_log
from fillwire.runtime.settings.stamps import Stamps, look

_log = get_log(__name__)


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
                load_own(context, self.certificate, self.key)
        except (OSError, ValueError) as error:
            named = ", ".join(map(str, self.paths))
            raise ConfigError(
                f"certificates {named}: expected readable PEM files, found {reason_of(error)}"
            ) from error
        return context

    @property
    def paths(self) -> list[Path]:
        """Those of the files that there are."""
        return [path for path in (self.authorities, self.certificate, self.key) if path is not None]


class TlsSource:
    """Hands out the context of the files as they are now, to one client after another.

    Args:
        files: which; make it before they are read.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._context: ssl.SSLContext | None = None
        self._stamps: Stamps = look(files.paths)

    def context(self, first: ssl.SSLContext) -> ssl.SSLContext:
        """Return the context of now; of files that cannot be used, as while they are being replaced, the one before.

        Args:
            first: the context of the files as they were in the beginning.
        """
        stamps = look(self._files.paths)
        if stamps != self._stamps:
            try:
                self._context = self._files.context()
            except ConfigError as error:
                _log.warning("certificates_not_read", error=error)
            else:
                self._stamps = stamps
                _log.info("certificates_read_again")
        return self._context or first
