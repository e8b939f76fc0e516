"""The certificate that a service shows, from files that may be replaced while it serves."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from fillwire.domain.errors import ConfigError
from fillwire.runtime.certificates import load_own, reason_of
from fillwire.runtime.logs import get_log
from fillwire.runtime.settings.stamps import Stamps, look

_log = get_log(__name__)


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM: the certificate with its chain, and its key."""

    path: Path
    key_path: Path

    def serving(self, section: str) -> ssl.SSLContext:
        """Return a context whose handshakes show what the files hold at that moment.

        Files that cannot be used, as while they are being replaced, leave the certificate of before in place.

        Args:
            section: of the settings that name the files, for the sentence.

        Raises:
            ConfigError: the files cannot be read, or do not belong together.
        """
        stamps = self._look()  # before they are read: what is replaced meanwhile is read again
        try:
            outer = newest = self._context()
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{section}: expected a certificate and its key in PEM at {self.path} and {self.key_path}, "
                f"found {reason_of(error)}"
            ) from error

        def choose(
            connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext
        ) -> None:
            nonlocal newest, stamps
            found = self._look()
            if found != stamps:
                try:
                    newest = self._context()
                except (OSError, ValueError) as error:
                    _log.warning("certificate_not_read", section=section, error=error)
                else:
                    stamps = found
                    _log.info("certificate_read_again", section=section)
            connection.context = newest

        outer.sni_callback = choose
        return outer

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        load_own(context, self.path, self.key_path)
        return context

    def _look(self) -> Stamps:
        return look((self.path, self.key_path))


def certificate(path: Path | None, key_path: Path | None) -> Certificate | None:
    """Return the certificate of these files, None where none are named."""
    return None if path is None or key_path is None else Certificate(path, key_path)
