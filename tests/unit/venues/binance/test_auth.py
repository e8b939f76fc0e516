"""Signatures against the vectors of the venue's documents, and keys that are none."""

import base64

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa

from fillwire.domain.errors import ConfigError
from fillwire.venues.binance.auth import KeyKind, signer, websocket_payload
from support.binance_keys import API_KEY, ED25519_PEM, ED25519_PUBLIC_PEM, HMAC_SECRET

ORDER = {
    "type": "LIMIT",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "timeInForce": "GTC",
    "timestamp": 1645423376532,
    "apiKey": API_KEY,
    "quantity": "0.01000000",
    "price": "52000.00",
    "recvWindow": 100,
}


@pytest.mark.parametrize(
    ("params", "signature"),
    [
        (
            {"timestamp": 1747385641636, "apiKey": API_KEY},
            "681110a6057ad58657af22f5640fab9dd17418834cdfccdc81be8b0f7b2cde3e",
        ),
        (
            {"timestamp": 1747385641636, "recvWindow": 5000, "apiKey": API_KEY},
            "49601ffc5b0122c3c7ee3ea85ef7d6cd76256f5191a57c976418faa32e917653",
        ),
        (ORDER, "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"),
        (
            ORDER
            | {
                "side": "BUY",
                "symbol": "１２３４５６",  # noqa: RUF001 - the venue's own example of a symbol outside ASCII
                "quantity": "1.00000000",
                "price": "0.10000000",
                "recvWindow": 5000,
            },
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
    ],
)
def test_hmac_signs_calls_as_the_documents_say(params: dict[str, object], signature: str) -> None:
    """The HMAC vectors of the WebSocket API, parameters in any order, symbols outside ASCII."""
    assert signer(API_KEY, HMAC_SECRET).sign(websocket_payload(params)) == signature


@pytest.mark.parametrize(
    ("payload", "signature"),
    [
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTCquantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
        ),
    ],
)
def test_hmac_signs_rest_payloads_as_the_documents_say(payload: str, signature: str) -> None:
    """The HMAC vectors of the REST interface."""
    assert signer(API_KEY, HMAC_SECRET).sign(payload.encode()) == signature


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [
        (
            1649729878532,
            "763GJeFgG09B/06V/dq24cLu6f0R57whgDMyOCubDex4CTTElmDgPSIQqLdOsvW5TBxyaaFotVCI8tUmQMChAA==",
        ),
        (
            1747385641636,
            "Mg7eipLI1sQ9Xn/lVbtF5RK7zugzztn9Sw3eMI+R+64cqYNTBY/BLdwIyV212EbnutigNFGvPasbCi6XCX7lCg==",
        ),
    ],
)
def test_ed25519_signs_as_the_documents_say(timestamp: int, signature: str) -> None:
    """The Ed25519 vectors, whose signatures are the same with any library."""
    key = signer(API_KEY, ED25519_PEM)
    assert key.kind is KeyKind.ED25519
    assert key.sign(websocket_payload({"apiKey": API_KEY, "timestamp": timestamp})) == signature


def _pem(
    key: rsa.RSAPrivateKey | dsa.DSAPrivateKey | ec.EllipticCurvePrivateKey, passphrase: bytes | None = None
) -> str:
    encryption: serialization.KeySerializationEncryption = (
        serialization.NoEncryption()
        if passphrase is None
        else serialization.BestAvailableEncryption(passphrase)
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    ).decode()


def test_rsa_signs_with_pkcs1_and_sha256() -> None:
    """An RSA signature is verified by the public key under PKCS#1 v1.5 with SHA-256, the one scheme the venue takes."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = signer(API_KEY, _pem(private))
    assert key.kind is KeyKind.RSA
    private.public_key().verify(
        base64.b64decode(key.sign(b"payload")), b"payload", padding.PKCS1v15(), hashes.SHA256()
    )


def test_booleans_are_signed_as_json_writes_them() -> None:
    """What is signed is what stands in the frame: `true`, not `True`; the signature itself is left out."""
    assert websocket_payload({"b": True, "a": 1, "signature": "x", "c": "d"}) == b"a=1&b=true&c=d"


@pytest.mark.parametrize(
    ("api_key", "secret", "found"),
    [
        ("", HMAC_SECRET, "API key of binance is empty"),
        (API_KEY, "", "secret of binance is empty"),
        (API_KEY + "\n", HMAC_SECRET, "API key of binance holds white space"),
        (API_KEY, "se cret", "secret of binance holds white space"),
        (API_KEY, "geheimnüs", "secret of binance holds white space or other characters"),
        (API_KEY, ED25519_PUBLIC_PEM, "is a public key: expected"),
        (API_KEY, ED25519_PEM.replace("MC4CAQAw", "MC4CAQBw"), "damaged private key"),
        (API_KEY, _pem(ec.generate_private_key(ec.SECP256R1())), "private key of kind E"),
        (API_KEY, _pem(rsa.generate_private_key(65537, 2048), b"pass"), "under a passphrase"),
        (API_KEY, _pem(rsa.generate_private_key(65537, 1024)), "RSA key of 1024 bits"),  # noqa: S505 - too weak is the case
    ],
)
def test_a_bad_key_is_named_by_what_it_is_and_never_shown(api_key: str, secret: str, found: str) -> None:
    """One sentence says what was found and what was expected; nothing of the key stands in it or behind it."""
    with pytest.raises(ConfigError, match=found) as caught:
        signer(api_key, secret)
    text = str(caught.value)
    assert "expected" in text
    for line in secret.split("\n"):
        assert len(line) < 8 or "-----" in line or line not in text
    assert "secret" not in repr(signer(API_KEY, HMAC_SECRET))
