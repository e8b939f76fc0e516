"""Keys of Coinbase Advanced Trade, and the tokens they sign: ES256 with an EC key in PEM, EdDSA with an Ed25519 key.

A token is a JSON Web Token of the fixed form that the venue wants, good for two minutes and, on REST, for one method
and path. Each request and each subscription gets one of its own.
"""

import base64
import binascii
import hashlib
import itertools
from collections.abc import Callable
from typing import Protocol

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from fillwire.domain.errors import ConfigError

HOST = "api.coinbase.com"
"""The host in the tokens of REST requests, whatever address they are sent to."""

LIFETIME_S = 120
ORDER_LIFE_S = 5
"""A token that places or cancels is good for no longer than this: an order must not arrive when nobody expects it any more."""

# The venue refuses a token that begins in its future: this much the clocks may differ.
_LEEWAY_S = 5
_S = 1_000_000_000
_NONCE_BYTES = 16
_COORDINATE_BYTES = 32
_SEED_BYTES = 32
_EXPECTED = "an EC P-256 private key in PEM, or an Ed25519 private key in base64 or PEM"

NewNonce = Callable[[int], str]


class _Key(Protocol):
    """How a private key signs."""

    algorithm: str

    def sign(self, data: bytes) -> bytes:
        """Return the signature of `data`, 64 bytes."""


class _EcKey:
    algorithm = "ES256"

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    def sign(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")


class _Ed25519Key:
    algorithm = "EdDSA"

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key = key

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


def _nonces(key_name: str) -> NewNonce:
    """Return what makes texts that no two tokens share: of the key, the time and a count. They are signed, so that they may be guessed."""
    count = itertools.count()

    def new_nonce(now_ns: int) -> str:
        made_of = f"{key_name}\n{now_ns}\n{next(count)}".encode()
        return hashlib.blake2b(made_of, digest_size=_NONCE_BYTES).hexdigest()

    return new_nonce


class TokenSigner:
    """The name of an API key and the private key that belongs to it. Never prints the key.

    Args:
        key_name: as the portal shows it, `organizations/…/apiKeys/…` or a UUID.
        secret: EC private key in PEM, or Ed25519 private key in base64 or PEM.
        new_nonce: makes of the time a text that no two tokens share; None for one of our own.

    Raises:
        ConfigError: a half is empty or no key of the venue; the message names what was found, not the key.
    """

    def __init__(self, key_name: str, secret: str, new_nonce: NewNonce | None = None) -> None:
        if not key_name:
            raise ConfigError(
                "the API key of coinbase-advanced is empty: expected the key's name as the portal shows it"
            )
        if not key_name.isascii() or not key_name.isprintable() or " " in key_name:
            raise ConfigError(
                "the API key of coinbase-advanced holds white space or other characters that no name has: "
                "expected the key's name as the portal shows it"
            )
        self.key_name = key_name
        self._key = _read_key(secret)
        self._new_nonce = new_nonce or _nonces(key_name)

    @property
    def algorithm(self) -> str:
        """`ES256` or `EdDSA`."""
        return self._key.algorithm

    def token(self, now_ns: int, bound_to: str | None = None, life_s: int | None = None) -> str:
        """Return a token.

        Args:
            now_ns: the venue's clock, in nanoseconds since the epoch.
            bound_to: method, host and path that it is good for, `GET api.coinbase.com/api/v3/…`; None on the socket.
            life_s: how long it is good for, in seconds; None for as long as the venue allows.
        """
        header = {
            "alg": self.algorithm,
            "kid": self.key_name,
            "nonce": self._new_nonce(now_ns),
            "typ": "JWT",
        }
        begins_s = now_ns // _S - _LEEWAY_S
        ends_s = begins_s + (LIFETIME_S if life_s is None else _LEEWAY_S + life_s)
        claims = {"sub": self.key_name, "iss": "cdp", "nbf": begins_s, "exp": ends_s}
        if bound_to is not None:
            claims["uri"] = bound_to
        signed = b".".join((_base64url(orjson.dumps(header)), _base64url(orjson.dumps(claims))))
        return b".".join((signed, _base64url(self._key.sign(signed)))).decode("ascii")


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _read_key(secret: str) -> _Key:
    secret = secret.strip()
    if not secret:
        raise ConfigError(f"the secret of coinbase-advanced is empty: expected {_EXPECTED}")
    if "-----BEGIN" in secret:
        return _pem_key(secret.replace("\\n", "\n"))  # files of the portal hold the two characters
    return _Ed25519Key(ed25519.Ed25519PrivateKey.from_private_bytes(_seed(secret)))


def _seed(secret: str) -> bytes:
    """Return the seed of an Ed25519 key in base64: alone, or followed by the public key."""
    try:
        key = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError(
            f"the secret of coinbase-advanced is neither PEM nor base64: expected {_EXPECTED}"
        ) from None
    if len(key) not in {_SEED_BYTES, 2 * _SEED_BYTES}:
        raise ConfigError(
            f"the secret of coinbase-advanced has {len(key)} bytes: expected the 32 or 64 of an Ed25519 key"
        )
    seed, public = key[:_SEED_BYTES], key[_SEED_BYTES:]
    if public and public != _public_bytes(seed):
        raise ConfigError("the secret of coinbase-advanced is damaged: its halves are not of one Ed25519 key")
    return seed


def _public_bytes(seed: bytes) -> bytes:
    return ed25519.Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def _pem_key(pem: str) -> _Key:
    if "PRIVATE KEY-----" not in pem:
        label = pem.partition("-----BEGIN")[2].partition("-----")[0].strip().lower()
        raise ConfigError(
            f"the secret of coinbase-advanced is a {label or 'PEM block'}: expected {_EXPECTED}"
        )
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except TypeError as error:
        raise ConfigError(
            "the secret of coinbase-advanced is a private key under a passphrase: "
            f"expected {_EXPECTED}, without passphrase"
        ) from error
    except (ValueError, UnsupportedAlgorithm):
        # The library's text may quote the key's bytes, so neither it nor the chain is kept.
        raise ConfigError(
            f"the secret of coinbase-advanced is a damaged private key in PEM: expected {_EXPECTED}"
        ) from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return _Ed25519Key(key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return _EcKey(key)
    found = type(key).__name__.removesuffix("PrivateKey").lstrip("_")
    curve = f" on the curve {key.curve.name}" if isinstance(key, ec.EllipticCurvePrivateKey) else ""
    raise ConfigError(
        f"the secret of coinbase-advanced is a private key of kind {found}{curve}: expected {_EXPECTED}"
    )
