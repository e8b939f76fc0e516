"""JSON Web Tokens that sign requests: ES256 or Ed25519, valid for two minutes, on REST bound to method and path."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from fillwire.domain.errors import ConfigError

LIFETIME_S = 120
ISSUERS = ("cdp", "coinbase-cloud")
"""Issuers that the venue takes: the documented one, and the one of keys from before."""
HOST = "api.coinbase.com"
_SIGNATURE_BYTES = 64
_PARTS = 3


class TokenRefused(Exception):
    """A token does not authenticate; the text says why, which the venue tells nobody."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token whose form is sound; its signature is not checked yet."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signed: bytes
    signature: bytes

    @property
    def key_name(self) -> str:
        """Name of the key that claims to have signed."""
        return str(self.header.get("kid", ""))


def read_token(text: str) -> Token:
    """Return a token's parts.

    Raises:
        TokenRefused: it is no token.
    """
    parts = text.split(".")
    if len(parts) != _PARTS:
        raise TokenRefused(f"expected {_PARTS} parts, found {len(parts)}")
    header, claims = (_document(part) for part in parts[:2])
    return Token(header, claims, f"{parts[0]}.{parts[1]}".encode(), _decoded(parts[2]))


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise TokenRefused("a part is not base64url") from None


def _document(part: str) -> dict[str, Any]:
    try:
        document = json.loads(_decoded(part))
    except ValueError:
        raise TokenRefused("a part is not JSON") from None
    if not isinstance(document, dict):
        raise TokenRefused("a part is no object")
    return document


class TokenVerifier:
    """Checks tokens made with one key.

    Raises:
        ConfigError: the public key is neither an EC P-256 nor an Ed25519 key in PEM form.
    """

    def __init__(self, public_key: str) -> None:
        try:
            key = load_pem_public_key(public_key.encode())
        except ValueError:
            raise ConfigError("expected a public key in PEM form") from None
        if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
            self.algorithm = "ES256"
        elif isinstance(key, Ed25519PublicKey):
            self.algorithm = "EdDSA"
        else:
            raise ConfigError(f"expected an EC P-256 or Ed25519 key, found {type(key).__name__}")
        self._key = key

    def _verify(self, signature: bytes, signed: bytes) -> None:
        if isinstance(self._key, EllipticCurvePublicKey):
            self._key.verify(_der(signature), signed, ECDSA(SHA256()))
        else:
            self._key.verify(signature, signed)

    def check(self, token: Token, now_s: float, uris: frozenset[str] | None = None) -> None:
        """Check signature and claims.

        Args:
            token: what was sent.
            now_s: the venue's time in seconds.
            uris: what the token may be bound to; None where it is bound to nothing.

        Raises:
            TokenRefused: the token does not authenticate.
        """
        if token.header.get("alg") != self.algorithm:
            raise TokenRefused(f"expected {self.algorithm}, found {token.header.get('alg')!r}")
        try:
            self._verify(token.signature, token.signed)
        except InvalidSignature:
            raise TokenRefused("the signature is not of this key") from None
        self._check_claims(token, now_s)
        if uris is not None and uris.isdisjoint(_bound_to(token)):
            raise TokenRefused("the token is bound to another request")

    @staticmethod
    def _check_claims(token: Token, now_s: float) -> None:
        claims = token.claims
        if claims.get("sub") != token.key_name:
            raise TokenRefused("sub is not the key's name")
        if claims.get("iss") not in ISSUERS:
            raise TokenRefused(f"unknown issuer {claims.get('iss')!r}")
        begins, ends = claims.get("nbf"), claims.get("exp")
        if not isinstance(begins, int) or not isinstance(ends, int) or ends - begins > LIFETIME_S:
            raise TokenRefused(f"expected nbf and exp at most {LIFETIME_S} s apart")
        if not begins <= now_s < ends:
            raise TokenRefused("the token is not valid now")


def _bound_to(token: Token) -> frozenset[str]:
    bound = token.claims.get("uris", [token.claims.get("uri")])
    return frozenset(uri for uri in bound if isinstance(uri, str)) if isinstance(bound, list) else frozenset()


def _der(signature: bytes) -> bytes:
    """Return a signature in the form that the library wants, from the two numbers that a token carries."""
    if len(signature) != _SIGNATURE_BYTES:
        raise InvalidSignature
    half = _SIGNATURE_BYTES // 2
    return encode_dss_signature(
        int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
    )


def request_uris(method: str, host: str, path: str) -> frozenset[str]:
    """Return what a token of a REST request may be bound to: the venue's host, or the one that was called."""
    return frozenset(f"{method} {prefix}{name}{path}" for name in (HOST, host) for prefix in ("", "http://"))
