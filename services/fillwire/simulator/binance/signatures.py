"""Signatures of requests: what is signed, and whether it was signed with the account's key."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import unquote_plus

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from fillwire.domain.errors import ConfigError
from fillwire.simulator.settings import KeySettings


def websocket_payload(params: Mapping[str, str]) -> bytes:
    """Return what a request of the WebSocket API signs: all parameters but the signature, by name."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature").encode()


def rest_payload(query: str, body: str) -> tuple[bytes, str | None]:
    """Return what a REST request signs, query and body exactly as sent without the signature, and the signature.

    The signature is None if there is none.
    """
    signature: str | None = None
    parts = []
    for text in (query, body):
        pairs = text.split("&") if text else []
        for pair in pairs:
            if pair.startswith("signature="):
                signature = unquote_plus(pair.removeprefix("signature="))
        parts.append("&".join(pair for pair in pairs if not pair.startswith("signature=")))
    return "".join(parts).encode(errors="surrogateescape"), signature


class Verifier(Protocol):
    """Checks signatures made with one key."""

    algorithm: str

    def verify(self, payload: bytes, signature: str) -> bool:
        """Return whether `signature` is the signature of `payload`."""


class HmacVerifier:
    """HMAC-SHA256 in hexadecimal, in either letter case."""

    algorithm = "hmac"

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def verify(self, payload: bytes, signature: str) -> bool:
        """Return whether `signature` is the signature of `payload`."""
        expected = hmac.new(self._secret, payload, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected.encode(), signature.lower().encode())


def _decoded(signature: str) -> bytes | None:
    try:
        return base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return None


class RsaVerifier:
    """RSASSA-PKCS1-v1_5 with SHA-256, in base64."""

    algorithm = "rsa"

    def __init__(self, key: RSAPublicKey) -> None:
        self._key = key

    def verify(self, payload: bytes, signature: str) -> bool:
        """Return whether `signature` is the signature of `payload`."""
        raw = _decoded(signature)
        if raw is None:
            return False
        try:
            self._key.verify(raw, payload, PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        return True


class Ed25519Verifier:
    """Pure Ed25519, in base64."""

    algorithm = "ed25519"

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key

    def verify(self, payload: bytes, signature: str) -> bool:
        """Return whether `signature` is the signature of `payload`."""
        raw = _decoded(signature)
        if raw is None:
            return False
        try:
            self._key.verify(raw, payload)
        except InvalidSignature:
            return False
        return True


def make_verifier(settings: KeySettings) -> Verifier:
    """Return the verifier for a key.

    Raises:
        ConfigError: the public key is no RSA or Ed25519 key in PEM form.
    """
    if settings.secret is not None:
        return HmacVerifier(settings.secret)
    try:
        key = load_pem_public_key((settings.public_key or "").encode())
    except ValueError as error:
        raise ConfigError(f"key {settings.api_key[:4]}…: expected a public key in PEM form") from error
    if isinstance(key, RSAPublicKey):
        return RsaVerifier(key)
    if isinstance(key, Ed25519PublicKey):
        return Ed25519Verifier(key)
    raise ConfigError(
        f"key {settings.api_key[:4]}…: expected an RSA or Ed25519 key, found {type(key).__name__}"
    )
