"""JSON Web Tokens as a client of Coinbase Advanced Trade makes them, for tests that want to bend one."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from support.coinbase_keys import ED25519_KEY_NAME, ED25519_SEED, ES256_KEY_NAME, ES256_PEM

NONCE = "000102030405060708090a0b0c0d0e0f"


def base64url(data: bytes) -> str:
    """Return data as the parts of a token are written."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _compact(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def make_token(
    now_s: int,
    uri: str | None = None,
    *,
    algorithm: str = "EdDSA",
    claims: Mapping[str, Any] | None = None,
    header: Mapping[str, Any] | None = None,
) -> str:
    """Return a signed token; `claims` and `header` replace what would stand there, None leaves it out."""
    name = ED25519_KEY_NAME if algorithm == "EdDSA" else ES256_KEY_NAME
    head = {"alg": algorithm, "kid": name, "nonce": NONCE, "typ": "JWT", **(header or {})}
    body = {"sub": name, "iss": "cdp", "nbf": now_s, "exp": now_s + 120}
    if uri is not None:
        body["uri"] = uri
    body |= claims or {}
    signed = f"{base64url(_compact(head))}.{base64url(_compact(body))}"
    return f"{signed}.{base64url(_signature(signed.encode(), algorithm))}"


def _signature(signed: bytes, algorithm: str) -> bytes:
    if algorithm == "EdDSA":
        return Ed25519PrivateKey.from_private_bytes(ED25519_SEED).sign(signed)
    key = load_pem_private_key(ES256_PEM.encode(), None)
    assert isinstance(key, EllipticCurvePrivateKey)
    return b"".join(
        number.to_bytes(32, "big") for number in decode_dss_signature(key.sign(signed, ECDSA(SHA256())))
    )
