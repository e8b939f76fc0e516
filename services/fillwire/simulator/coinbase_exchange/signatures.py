"""Signatures of Coinbase Exchange: HMAC-SHA256 in base64 over time, method, path and body, the key itself in base64."""

import base64
import binascii
import hashlib
import hmac

from fillwire.domain.errors import ConfigError

FEED_METHOD = "GET"
FEED_PATH = "/users/self/verify"
"""What a subscription to the feed signs, as if it called this path."""


def prehash(timestamp: str, method: str, path: str, body: bytes = b"") -> bytes:
    """Return what is signed: the parts as they were sent, without anything between them."""
    return f"{timestamp}{method.upper()}{path}".encode() + body


class HmacVerifier:
    """Checks signatures made with one secret.

    Raises:
        ConfigError: the secret is not base64.
    """

    def __init__(self, secret: str) -> None:
        try:
            self._key = base64.b64decode(secret, validate=True)
        except (binascii.Error, ValueError):
            raise ConfigError("a secret of Coinbase Exchange is base64, found other characters") from None

    def sign(self, payload: bytes) -> str:
        """Return the signature of `payload`."""
        return base64.b64encode(hmac.new(self._key, payload, hashlib.sha256).digest()).decode()

    def verify(self, payload: bytes, signature: str) -> bool:
        """Return whether `signature` is the signature of `payload`."""
        return hmac.compare_digest(self.sign(payload).encode(), signature.encode())
