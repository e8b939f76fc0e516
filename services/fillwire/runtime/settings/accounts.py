"""Whose accounts a gateway holds, and the keys that sign for them."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import SecretStr, model_validator

from fillwire.domain.identifiers import Account
from fillwire.runtime.settings.sections import LIVE, ExchangeName, Name, Section


class KeyType(StrEnum):
    """How requests to the venue are signed."""

    HMAC = "hmac"
    RSA = "rsa"
    ED25519 = "ed25519"
    ES256 = "es256"  # ECDSA over P-256


def key_type_of(pem: str) -> KeyType:
    """Return the type of a private key in PEM form.

    Raises:
        ValueError: it is none that signs requests to a venue; the message shows nothing of it.
    """
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise ValueError("expected a private key without passphrase, found an encrypted one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("expected a private key in PEM form, found something else") from None
    if isinstance(key, Ed25519PrivateKey):
        return KeyType.ED25519
    if isinstance(key, RSAPrivateKey):
        return KeyType.RSA
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        return KeyType.ES256
    raise ValueError("expected an Ed25519, RSA or EC P-256 private key, found one of another algorithm")


class AccountSettings(Section):
    """One user's keys at one exchange in one environment.

    Attributes:
        user: owner of the account, as it stands in subjects.
        exchange: venue and product, such as `binance`.
        environment: such as `live` or `testnet`.
        api_key: the public half, which the venue calls API key.
        secret: the shared secret of an HMAC key; this or `private_key`.
        private_key: the private half of an RSA, Ed25519 or EC P-256 key, in PEM form.
        passphrase: third part of a key, where the venue has one.
        key_type: inferred from the key; may be stated to have it checked.
    """

    user: Name
    exchange: ExchangeName
    environment: Name = LIVE
    api_key: SecretStr
    secret: SecretStr | None = None
    private_key: SecretStr | None = None
    passphrase: SecretStr | None = None
    key_type: KeyType = KeyType.HMAC

    @property
    def account(self) -> Account:
        """Whose account it is."""
        return Account(self.user, self.exchange, self.environment)

    @model_validator(mode="before")
    @classmethod
    def _infer_key_type(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        secret, private_key = values.get("secret"), values.get("private_key")
        if (secret is None) == (private_key is None):
            raise ValueError(
                f"expected secret or privateKey, found {'neither' if secret is None else 'both'}"
            )
        inferred = KeyType.HMAC
        if isinstance(private_key, SecretStr):
            # In a variable the line ends of a PEM text are often written \\n.
            pem = private_key.get_secret_value().replace("\\n", "\n")
            inferred = key_type_of(pem)
            values = {**values, "private_key": SecretStr(pem)}
        stated = values.get("key_type")
        if stated is not None and stated != inferred:
            raise ValueError(f"expected keyType {inferred}, as the key says, found {stated}")
        return {**values, "key_type": inferred}
