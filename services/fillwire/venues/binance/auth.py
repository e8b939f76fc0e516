"""Keys of Binance and how each kind signs: HMAC-SHA256, RSA PKCS#1 v1.5 with SHA-256, Ed25519.

The secret decides: a private key in PEM is RSA or Ed25519, anything else is an HMAC secret.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from fillwire.domain.errors import ConfigError

_RSA_BITS = range(2048, 4097)
_EXPECTED = "an HMAC secret or an RSA or Ed25519 private key in PEM"


class KeyKind(StrEnum):
    """How a key signs."""

    HMAC = "HMAC"
    RSA = "RSA"
    ED25519 = "Ed25519"


class Signer(Protocol):
    """An API key and the secret that belongs to it. Never prints the secret."""

    @property
    def api_key(self) -> str:
        """The public half, sent with each request."""

    @property
    def kind(self) -> KeyKind:
        """How it signs."""

    def sign(self, payload: bytes) -> str:
        """Return the signature of `payload`: hex for HMAC, base64 for RSA and Ed25519."""


class _HmacSigner:
    kind = KeyKind.HMAC

    def __init__(self, api_key: str, secret: str) -> None:
        self.api_key = api_key
        self._secret = secret.encode("ascii")

    def sign(self, payload: bytes) -> str:
        return hmac.new(self._secret, payload, hashlib.sha256).hexdigest()


class _RsaSigner:
    kind = KeyKind.RSA

    def __init__(self, api_key: str, key: rsa.RSAPrivateKey) -> None:
        self.api_key = api_key
        self._key = key

    def sign(self, payload: bytes) -> str:
        signature = self._key.sign(payload, padding.PKCS1v15(), hashes.SHA256())
        return base64.b64encode(signature).decode("ascii")


class _Ed25519Signer:
    kind = KeyKind.ED25519

    def __init__(self, api_key: str, key: ed25519.Ed25519PrivateKey) -> None:
        self.api_key = api_key
        self._key = key

    def sign(self, payload: bytes) -> str:
        return base64.b64encode(self._key.sign(payload)).decode("ascii")


def signer(api_key: str, secret: str, venue: str = "binance") -> Signer:
    """Return the signer for a key pair.

    Args:
        api_key: as the venue shows it.
        secret: HMAC secret, or private key in PEM.
        venue: name of the exchange, for errors.

    Raises:
        ConfigError: a half is empty or no key that Binance accepts; the message names what was found, not the key.
    """
    _check_text(f"API key of {venue}", api_key, "the key as the venue shows it")
    if "-----BEGIN" in secret:
        return _pem_signer(api_key, secret.strip(), venue)
    _check_text(f"secret of {venue}", secret, _EXPECTED)
    return _HmacSigner(api_key, secret)


def _check_text(what: str, text: str, expected: str) -> None:
    if not text:
        raise ConfigError(f"the {what} is empty: expected {expected}")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(
            f"the {what} holds white space or other characters that no key has: expected {expected}"
        )


def _pem_signer(api_key: str, pem: str, venue: str) -> Signer:
    if "PRIVATE KEY-----" not in pem:
        label = pem.partition("-----BEGIN")[2].partition("-----")[0].strip().lower()
        raise ConfigError(f"the secret of {venue} is a {label or 'PEM block'}: expected {_EXPECTED}")
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except TypeError as error:
        raise ConfigError(
            f"the secret of {venue} is a private key under a passphrase: expected {_EXPECTED}, without passphrase"
        ) from error
    except (ValueError, UnsupportedAlgorithm):
        # The library's text may quote the key's bytes, so neither it nor the chain is kept.
        raise ConfigError(
            f"the secret of {venue} is a damaged private key in PEM: expected {_EXPECTED}"
        ) from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return _Ed25519Signer(api_key, key)
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size not in _RSA_BITS:
            raise ConfigError(
                f"the secret of {venue} is an RSA key of {key.key_size} bits: expected 2048 to 4096 bits"
            )
        return _RsaSigner(api_key, key)
    found = type(key).__name__.removesuffix("PrivateKey").lstrip("_")
    raise ConfigError(f"the secret of {venue} is a private key of kind {found}: expected {_EXPECTED}")


def websocket_payload(params: Mapping[str, object]) -> bytes:
    """Return the bytes that a WebSocket API request signs: its parameters by name, `name=value` joined with `&`.

    Values as they stand in the JSON, without percent-encoding; `signature` itself is left out.
    """
    return "&".join(
        f"{name}={_text(params[name])}" for name in sorted(params) if name != "signature"
    ).encode()


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
