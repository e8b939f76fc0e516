"""The certificate that a service shows, from files that may be replaced while it serves."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from fillwire.domain.errors import ConfigError
from fillwire.runtime.logs import get_log

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
        try:
            newest = self._context()
        except (OSError, ssl.SSLError) as error:
            reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
            raise ConfigError(
                f"{section}: expected a certificate and its key in PEM at {self.path} and {self.key_path}, "
                f"found {reason or error}"
            ) from error
        outer, stamp = self._context(), self._stamp()

        def choose(
            connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext
        ) -> None:
            nonlocal newest, stamp
            found = self._stamp()
            if found != stamp:
                try:
                    newest = self._context()
                except (OSError, ssl.SSLError) as error:
                    _log.warning("certificate_not_read", section=section, error=error)
                else:
                    stamp = found
                    _log.info("certificate_read_again", section=section)
            connection.context = newest

        outer.sni_callback = choose
        return outer

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.path, self.key_path)
        return context

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        return tuple(_stamp(path) for path in (self.path, self.key_path))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_ino)


def certificate(path: Path | None, key_path: Path | None) -> Certificate | None:
    """Return the certificate of these files, None where none are named."""
    return None if path is None or key_path is None else Certificate(path, key_path)
