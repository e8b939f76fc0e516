"""Keys of Coinbase Exchange: HMAC-SHA256 under the decoded secret, over time, method, target and body."""

import base64
import binascii
import hashlib
import hmac

from fillwire.domain.errors import ConfigError

_EXPECTED = "the secret as the venue shows it, in base64"
_NS_PER_S = 1_000_000_000


class Signer:
    """An API key with its secret and passphrase. Never prints the secret."""

    __slots__ = ("_secret", "api_key", "passphrase")

    def __init__(self, api_key: str, secret: bytes, passphrase: str) -> None:
        self.api_key = api_key
        self.passphrase = passphrase
        self._secret = secret

    def sign(self, timestamp: str, method: str, target: str, body: bytes = b"") -> str:
        """Return the signature of a request, in base64.

        Args:
            timestamp: as it is sent beside the signature, character by character.
            method: in capitals.
            target: path and query as they are sent.
            body: as it is sent.
        """
        payload = f"{timestamp}{method}{target}".encode() + body
        return base64.b64encode(hmac.new(self._secret, payload, hashlib.sha256).digest()).decode("ascii")


def timestamp(venue_now_ns: int) -> str:
    """Return a time as it is signed: whole seconds since the epoch, of which the venue takes 30 as the same."""
    return str(venue_now_ns // _NS_PER_S)


def signer(api_key: str, secret: str, passphrase: str | None) -> Signer:
    """Return the signer for a key.

    Raises:
        ConfigError: a part is missing or none of this venue; the message names what was found, not the key.
    """
    _check_text("API key", api_key, "the key as the venue shows it")
    if "-----BEGIN" in secret:
        raise ConfigError(
            f"the secret of coinbase is a private key in PEM, as Coinbase Advanced Trade has: expected {_EXPECTED}"
        )
    _check_text("secret", secret, _EXPECTED)
    if passphrase is None:
        raise ConfigError("the passphrase of coinbase is missing: expected the one given with the key")
    _check_text("passphrase", passphrase, "the one given with the key")
    try:
        decoded = base64.b64decode(secret, validate=True)
    except binascii.Error:
        raise ConfigError(f"the secret of coinbase is no base64: expected {_EXPECTED}") from None
    return Signer(api_key, decoded, passphrase)


def _check_text(what: str, text: str, expected: str) -> None:
    if not text:
        raise ConfigError(f"the {what} of coinbase is empty: expected {expected}")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(
            f"the {what} of coinbase holds white space or other characters that no key has: expected {expected}"
        )
