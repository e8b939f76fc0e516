"""Signatures against the published vectors, each recomputed with OpenSSL."""

import base64

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fillwire.domain.errors import ConfigError
from fillwire.simulator.binance.signatures import make_verifier, rest_payload, websocket_payload
from fillwire.simulator.settings import KeySettings
from support.binance_keys import API_KEY, ED25519_PUBLIC_PEM, HMAC_SECRET

HMAC = make_verifier(KeySettings(api_key=API_KEY, secret=HMAC_SECRET))
ED25519 = make_verifier(KeySettings(api_key=API_KEY, public_key=ED25519_PUBLIC_PEM))
ORDER = {
    "apiKey": API_KEY,
    "side": "SELL",
    "symbol": "BTCUSDT",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01000000",
    "price": "52000.00",
    "recvWindow": "100",
    "timestamp": "1645423376532",
}


@pytest.mark.parametrize(
    ("params", "signature"),
    [
        (
            {"apiKey": API_KEY, "timestamp": "1747385641636"},
            "681110a6057ad58657af22f5640fab9dd17418834cdfccdc81be8b0f7b2cde3e",
        ),
        (
            {"apiKey": API_KEY, "timestamp": "1747385641636", "recvWindow": "5000"},
            "49601ffc5b0122c3c7ee3ea85ef7d6cd76256f5191a57c976418faa32e917653",
        ),
        (ORDER, "aa1b5712c094bc4e57c05a1a5c1fd8d88dcd628338ea863fec7b88e59fe2db24"),
        (
            ORDER
            | {
                "symbol": "\uff11\uff12\uff13\uff14\uff15\uff16",
                "side": "BUY",
                "price": "0.10000000",
                "quantity": "1.00000000",
                "recvWindow": "5000",
            },
            "b33892ae8e687c939f4468c6268ddd4c40ac1af18ad19a064864c47bae0752cd",
        ),
    ],
)
def test_websocket_payload_is_sorted_and_not_encoded(params: dict[str, str], signature: str) -> None:
    """The documented HMAC signatures of WebSocket requests hold, in either letter case, and for nothing else."""
    payload = websocket_payload(params | {"signature": "is not signed"})
    assert HMAC.verify(payload, signature)
    assert HMAC.verify(payload, signature.upper())
    assert not HMAC.verify(payload + b"0", signature)


REST_ORDER = (
    "side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559"
)


@pytest.mark.parametrize(
    ("query", "body", "signature"),
    [
        (
            "symbol=LTCBTC&" + REST_ORDER,
            "",
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            "",
            "symbol=LTCBTC&" + REST_ORDER,
            "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71",
        ),
        (
            "symbol=%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96&" + REST_ORDER,
            "",
            "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3",
        ),
        (
            "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC",
            "quantity=1&price=0.1&recvWindow=5000&timestamp=1499827319559",
            "0fd168b8ddb4876a0358a8d14d0c9f3da0e9b20c5d52b2a00fcf7d1c602f9a77",
        ),
        (
            "symbol=BTCUSDT&fromId=28457&limit=1000&recvWindow=5000&timestamp=1499827319559",
            "",
            "3a4332927a07421381c8a7ccd0207a0c342d6e853d5eeac7ee4896177f945997",
        ),
    ],
)
def test_rest_payload_is_what_was_sent(query: str, body: str, signature: str) -> None:
    """The documented HMAC signatures of REST requests hold for query and body as sent, joined by nothing."""
    if query:
        query += f"&signature={signature}"
    else:
        body += f"&signature={signature}"
    payload, found = rest_payload(query, body)
    assert found == signature
    assert HMAC.verify(payload, signature)


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [
        (
            "1649729878532",
            "763GJeFgG09B/06V/dq24cLu6f0R57whgDMyOCubDex4CTTElmDgPSIQqLdOsvW5TBxyaaFotVCI8tUmQMChAA==",
        ),
        (
            "1747385641636",
            "Mg7eipLI1sQ9Xn/lVbtF5RK7zugzztn9Sw3eMI+R+64cqYNTBY/BLdwIyV212EbnutigNFGvPasbCi6XCX7lCg==",
        ),
    ],
)
def test_ed25519_vectors_hold(timestamp: str, signature: str) -> None:
    """The Ed25519 vectors hold, and no other payload, letter case or alphabet does."""
    payload = websocket_payload({"apiKey": API_KEY, "timestamp": timestamp})
    assert ED25519.verify(payload, signature)
    assert not ED25519.verify(payload + b" ", signature)
    assert not ED25519.verify(payload, signature.lower())
    assert not ED25519.verify(payload, "not base64!")


def test_rsa_is_pkcs1_v1_5_with_sha256() -> None:
    """A PKCS#1 v1.5 signature holds; a PSS signature of the same key does not."""
    private = rsa.generate_private_key(65537, 2048)
    pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    verifier = make_verifier(KeySettings(api_key=API_KEY, public_key=pem))
    payload = b"apiKey=x&timestamp=1"
    good = private.sign(payload, padding.PKCS1v15(), hashes.SHA256())
    pss = private.sign(payload, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
    assert verifier.algorithm == "rsa"
    assert verifier.verify(payload, base64.b64encode(good).decode())
    assert not verifier.verify(payload, base64.b64encode(pss).decode())


def test_percent_encoded_signature_is_decoded() -> None:
    """A base64 signature arrives percent-encoded in a query; a bare plus sign is a space, as in any form."""
    assert rest_payload("a=1&signature=ab%2Bc%3D", "") == (b"a=1", "ab+c=")
    assert rest_payload("a=1&signature=ab+c", "") == (b"a=1", "ab c")


def test_unusable_keys_are_refused_in_a_sentence() -> None:
    """A key needs exactly one of secret and public key, and the public key must be one; the text names only its start."""
    with pytest.raises(ConfigError, match="needs either a secret or a public key"):
        KeySettings(api_key=API_KEY)
    with pytest.raises(ConfigError, match="key vmPU…: expected a public key in PEM form"):
        make_verifier(KeySettings(api_key=API_KEY, public_key="nonsense"))
    assert HMAC_SECRET not in repr(KeySettings(api_key=API_KEY, secret=HMAC_SECRET))
