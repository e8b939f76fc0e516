"""Our own certificates as files: read for a connection, and read again when somebody has replaced them."""

import ssl
from pathlib import Path


def load_own(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    """Have a context show a certificate.

    Raises:
        OSError: a file cannot be read, or both do not belong together (`ssl.SSLError`).
        ValueError: the key is encrypted: OpenSSL would ask the terminal for its passphrase, and wait.
    """

    def refuse() -> str:
        raise ValueError("a key with a passphrase, which nobody is there to be asked for")

    context.load_cert_chain(certificate, key, password=refuse)


def reason_of(error: Exception) -> str:
    """Return why certificates cannot be used, as part of a sentence."""
    reason = error.reason if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
    return str(reason or error)
