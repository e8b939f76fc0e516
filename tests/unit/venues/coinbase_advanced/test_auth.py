"""Keys of Coinbase Advanced Trade and the tokens they sign."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from fillwire.domain.errors import ConfigError
from fillwire.simulator.coinbase_advanced.tokens import TokenVerifier, read_token
from fillwire.venues.coinbase_advanced.auth import ORDER_LIFE_S, TokenSigner
from support.coinbase_keys import (
    ED25519_KEY_NAME,
    ED25519_PUBLIC_PEM,
    ED25519_SEED,
    ES256_KEY_NAME,
    ES256_PEM,
    ES256_PUBLIC_PEM,
)

NONCE = "000102030405060708090a0b0c0d0e0f"
# The tokens begin five seconds back, for clocks differ.
NOW_NS = 1_700_000_005 * 10**9
# As the portal issues it: the seed and the public key.
ISSUED = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8DoQe/884Qvh1w3RjnS8CZZ+TWMJulDV8d3IZkElUxuA=="
FILLS = "GET api.coinbase.com/api/v3/brokerage/orders/historical/fills"


def _pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _claims(token: str) -> dict[str, object]:
    part = token.split(".")[1]
    claims: dict[str, object] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


@pytest.mark.parametrize(
    ("bound_to", "signature"),
    [
        (None, "rGKyT0drjPaJ_jMK49C8S2lPbrYbydQ26fHyRHTtOyyT2jOdmu-T2Ofbt0oeSxOzq_kOY7tYSwOi0h_BGAGxBQ"),
        (FILLS, "imXx46yOwqKtQ0qK5t85ZWk0I16uWUBXpl5Bzub73lkXt3Zw0gO508kqQbVT29IDmJbYJiPK0tLCjp_JSwhVAg"),
    ],
)
def test_a_token_is_what_the_venue_wants_byte_for_byte(bound_to: str | None, signature: str) -> None:
    """Ed25519 signs the same always: one wrong byte, in whatever part, and the signature is another."""
    token = TokenSigner(ED25519_KEY_NAME, ISSUED, lambda _: NONCE).token(NOW_NS, bound_to)
    assert token.split(".")[2] == signature


@pytest.mark.parametrize(
    "secret",
    [
        ISSUED,
        base64.b64encode(ED25519_SEED).decode(),
        _pem(ed25519.Ed25519PrivateKey.from_private_bytes(ED25519_SEED)),
    ],
)
def test_each_form_of_an_ed25519_key_signs(secret: str) -> None:
    """The seed alone, the seed with its public key, or PEM."""
    token = TokenSigner(ED25519_KEY_NAME, f" {secret}\n").token(NOW_NS, FILLS)
    TokenVerifier(ED25519_PUBLIC_PEM).check(read_token(token), NOW_NS / 1e9, frozenset({FILLS}))


@pytest.mark.parametrize("secret", [ES256_PEM, ES256_PEM.replace("\n", "\\n")])
def test_an_ec_key_signs(secret: str) -> None:
    """Also one whose line ends are written as two characters, as in the portal's files."""
    signer = TokenSigner(ES256_KEY_NAME, secret)
    token = signer.token(NOW_NS, FILLS)
    assert signer.algorithm == "ES256"
    TokenVerifier(ES256_PUBLIC_PEM).check(read_token(token), NOW_NS / 1e9, frozenset({FILLS}))


def test_no_two_tokens_are_alike() -> None:
    """Each has a nonce of its own, also within one second."""
    signer = TokenSigner(ED25519_KEY_NAME, ISSUED)
    assert signer.token(NOW_NS) != signer.token(NOW_NS)


def test_a_token_is_good_for_two_minutes_and_that_of_an_order_for_seconds() -> None:
    """On the socket it is bound to nothing."""
    signer = TokenSigner(ED25519_KEY_NAME, ISSUED)
    claims = _claims(signer.token(NOW_NS))
    assert (claims["nbf"], claims["exp"]) == (1_700_000_000, 1_700_000_120)
    assert "uri" not in claims
    assert _claims(signer.token(NOW_NS, FILLS, ORDER_LIFE_S))["exp"] == 1_700_000_005 + ORDER_LIFE_S


@pytest.mark.parametrize(
    ("name", "secret", "said"),
    [
        ("", ISSUED, "the API key of coinbase-advanced is empty"),
        ("a b", ISSUED, "holds white space"),
        ("a", " ", "the secret of coinbase-advanced is empty"),
        ("a", "no base64!", "neither PEM nor base64"),
        ("a", "AAECAwQF", "has 6 bytes: expected the 32 or 64"),
        ("a", base64.b64encode(bytes(64)).decode(), "its halves are not of one Ed25519 key"),
        ("a", ED25519_PUBLIC_PEM, "is a public key"),
        ("a", ES256_PEM.replace("MHcC", "MHcD"), "damaged private key in PEM"),
        ("a", _pem(ec.generate_private_key(ec.SECP384R1())), "kind EC on the curve secp384r1"),
        ("a", _pem(rsa.generate_private_key(65537, 2048)), "kind RSA"),
        (
            "a",
            ec.generate_private_key(ec.SECP256R1())
            .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
            .decode(),
            "under a passphrase",
        ),
    ],
)
def test_what_is_no_key_is_named_and_not_shown(name: str, secret: str, said: str) -> None:
    """The message says what was found and what was expected, and nothing of the secret."""
    with pytest.raises(ConfigError) as caught:
        TokenSigner(name, secret)
    assert said in str(caught.value)
    assert not secret.strip() or secret[:6] not in str(caught.value).replace("-----", "")
