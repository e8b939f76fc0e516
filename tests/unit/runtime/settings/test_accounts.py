"""The keys of accounts: what they become, and what is said when they cannot sign."""

from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from fillwire.domain.identifiers import Account
from fillwire.runtime.settings import KeyType, load_settings
from support.settings import accounts_variable, complaints


def _pem(
    key: Ed25519PrivateKey | RSAPrivateKey | EllipticCurvePrivateKey,
    encryption: KeySerializationEncryption | None = None,
) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption()).decode()


ED25519 = _pem(Ed25519PrivateKey.generate())
RSA = _pem(generate_rsa(65537, 2048))
EC = _pem(generate_ec(SECP256R1()))


@pytest.mark.parametrize(
    ("pem", "key_type"),
    [
        (ED25519, KeyType.ED25519),
        (RSA, KeyType.RSA),
        (EC, KeyType.ES256),
        (ED25519.replace("\n", "\\n"), KeyType.ED25519),
    ],
    ids=["ed25519", "rsa", "es256", "ed25519 on one line"],
)
def test_the_type_of_a_private_key_is_read_from_it(pem: str, key_type: KeyType) -> None:
    """Nobody has to say how a key signs; a PEM text whose line ends were escaped is put right."""
    account = load_settings(
        environ=accounts_variable(
            {
                "user": "alice",
                "exchange": "Binance",
                "environment": "testnet",
                "apiKey": "env:K",
                "privateKey": "env:P",
            },
            K="k",
            P=pem,
        )
    ).accounts[0]
    assert account.key_type is key_type
    assert account.private_key is not None
    assert "\\n" not in account.private_key.get_secret_value()
    assert account.account == Account("alice", "binance", "testnet")


def test_a_shared_secret_signs_by_hmac() -> None:
    """The plain kind of key needs no type either, and carries a passphrase where the venue has one."""
    account = load_settings(
        environ=accounts_variable(
            {
                "user": "a",
                "exchange": "coinbase",
                "apiKey": "env:K",
                "secret": "env:K",
                "passphrase": "env:P",
            },
            K="k",
            P="p",
        )
    ).accounts[0]
    assert account.key_type is KeyType.HMAC
    assert account.environment == "live"
    assert account.passphrase is not None


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ({}, "[0]: expected secret or privateKey, found neither"),
        ({"secret": "env:S"}, "[0].apiKey: expected a value, found none"),
        (
            {"apiKey": "env:K", "secret": "env:S", "privateKey": "env:P"},
            "[0]: expected secret or privateKey, found both",
        ),
        (
            {"apiKey": "env:K", "privateKey": "env:S"},
            "[0]: expected a private key in PEM form, found something else",
        ),
        (
            {"apiKey": "env:K", "privateKey": "env:EC"},
            "[0]: expected an Ed25519, RSA or EC P-256 private key, found one of another algorithm",
        ),
        (
            {"apiKey": "env:K", "privateKey": "env:LOCKED"},
            "[0]: expected a private key without passphrase, found an encrypted one",
        ),
        (
            {"apiKey": "env:K", "privateKey": "env:P", "keyType": "rsa"},
            "[0]: expected keyType ed25519, as the key says, found rsa",
        ),
        (
            {"apiKey": "env:K", "secret": "env:NOWHERE"},
            "[0].secret: expected a secret in the environment variable NOWHERE, found none",
        ),
        (
            {"apiKey": "env:K", "secret": "env:EMPTY"},
            "[0].secret: expected a secret in the environment variable EMPTY, found an empty one",
        ),
        (
            {"apiKey": "env:K", "secret": "file:/nowhere/secret"},
            "[0].secret: expected a readable file at /nowhere/secret, found No such file or directory",
        ),
        ({"apiKey": 5, "secret": "env:S"}, "[0].apiKey: expected env:NAME or file:/path, found a number"),
        (
            {"apiKey": "env:K", "secret": "env:S", "user": ""},
            "[0].user: expected text that is not empty, found text",
        ),
        ({"apiKeey": "env:K", "secret": "env:S"}, "[0].apiKeey: unknown key, did you mean apiKey"),
    ],
)
def test_an_account_that_cannot_sign_is_refused(keys: Mapping[str, object], complaint: str) -> None:
    """What is wrong with a key is said without showing anything of it."""
    environ = accounts_variable(
        {"user": "alice", "exchange": "binance", **keys},
        K="k" * 20,
        S="s" * 20,
        P=ED25519,
        EC=_pem(generate_ec(SECP384R1())),
        LOCKED=_pem(Ed25519PrivateKey.generate(), BestAvailableEncryption(b"x")),
        EMPTY="",
    )
    assert complaints(environ) == [f"FILLWIRE_ACCOUNTS{complaint}"]
