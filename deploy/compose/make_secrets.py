"""Writes the secrets of deploy/compose.yaml, at random, where there are none: `python deploy/compose/make_secrets.py`.

They lie in `deploy/compose/secrets/`, which only its owner may enter and git ignores. The files themselves can be read by
everybody who is let in: a container's user has another number than their owner. What is there stays as it is. Who may log
in to the broker is written as `fillwire users` does, into `broker/`, which can be changed by that command afterwards. The
broker's certificate is made anew when it is about to end, and shown by the broker when that is started again.
"""

import base64
import dataclasses
import json
import secrets
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from fillwire.cli.users.accounts import FILE, accounts_conf
from fillwire.cli.users.registry import FILE as REGISTRY
from fillwire.cli.users.registry import (
    Kind,
    Login,
    locked,
    new_key,
    read_registry,
    replace_file,
    write_registry,
)

FOLDER: Final = Path(__file__).resolve().parent / "secrets"
TOKENS: Final = (
    "metrics_token",
    "postgres_password",
    "console_admin_token",
    "console_demo_token",
    "webhook_secret",
)
USER: Final = "demo"
ENVIRONMENT: Final = "simulated"
EXCHANGES: Final = ("alpaca", "binance", "coinbase")
BROKER: Final = "broker"
AUTHORITY: Final = "broker_ca"
CERTIFICATE: Final = "broker_tls"
_AUTHORITY_NAME: Final = "fillwire compose"
# Python asks for it from 3.13 on, and that a certificate names the key that signed it.
_SIGNS_CERTIFICATES: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_END_OF_CERTIFICATE: Final = "-----END CERTIFICATE-----\n"
_VALID_FOR: Final = timedelta(days=397)
_MADE_ANEW_BEFORE: Final = timedelta(days=30)
LOGINS: Final = (
    Login(name="control", kind=Kind.CONTROL),
    Login(name=USER, kind=Kind.TENANT),
    *(Login(name=f"gateway-{exchange}", kind=Kind.GATEWAY, exchange=exchange) for exchange in EXCHANGES),
    *(
        Login(name=kind.value, kind=kind)
        for kind in (Kind.CONSOLE, Kind.DOOR, Kind.HOST, Kind.MANAGER, Kind.NOTIFY, Kind.RECORDER)
    ),
)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="ascii")
    path.chmod(0o644)


def _key(exchange: str) -> dict[str, str]:
    key = {"api_key": secrets.token_hex(16), "secret": secrets.token_hex(32)}
    if exchange == "coinbase":  # its secrets are base64, and a key has a third part
        key |= {
            "secret": base64.b64encode(secrets.token_bytes(64)).decode(),
            "passphrase": secrets.token_hex(8),
        }
    return key


def _make_logins(folder: Path) -> list[Path]:
    """Write the broker's accounts, and a seed for each login that there is not yet."""
    directory = folder / BROKER
    written = []
    with locked(directory):
        registry = read_registry(directory)
        for login in LOGINS:
            seed_file = folder / f"nats_{login.name}"
            known = registry.logins.get(login.name)
            if known is not None and seed_file.exists():
                continue
            key, seed = new_key(datetime.now(UTC))
            registry = registry.with_login(dataclasses.replace(known or login, keys=(key,)))
            _write(seed_file, f"{seed}\n")
            written.append(seed_file)
        if written or not (directory / FILE).exists():
            # Both hold public keys, and are read in containers by users of other numbers.
            write_registry(directory, registry)
            (directory / REGISTRY).chmod(0o644)
            replace_file(directory / FILE, accounts_conf(registry), 0o644)
    return written


def _make_certificate(folder: Path) -> list[Path]:
    """Write a certificate for the broker, and who signed it, unless there is one that goes on to be valid.

    The authority's key is not kept: it has signed one certificate and will sign no other. The authority before stays believed
    beside the new one, for the broker shows its former certificate until it is started again.
    """
    place = folder / CERTIFICATE / "server.pem"
    authority_file, key_file = folder / AUTHORITY, place.with_suffix(".key")
    now = datetime.now(UTC)
    if place.exists() and authority_file.exists() and key_file.exists():
        known = x509.load_pem_x509_certificate(place.read_bytes())
        if known.not_valid_after_utc - now > _MADE_ANEW_BEFORE:
            return []
    before = authority_file.read_text("ascii") if authority_file.exists() else ""
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority_id = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    names = [x509.DNSName("nats"), x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]

    def signed(
        name: str, public: ec.EllipticCurvePublicKey, *extensions: tuple[x509.ExtensionType, bool]
    ) -> str:
        issuer, subject = (
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)]) for common in (_AUTHORITY_NAME, name)
        )
        builder = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + _VALID_FOR)
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, is_critical)
        certificate = builder.sign(authority_key, hashes.SHA256())
        return certificate.public_bytes(Encoding.PEM).decode("ascii")

    authority = signed(
        _AUTHORITY_NAME,
        authority_key.public_key(),
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_SIGNS_CERTIFICATES, True),
        (authority_id, False),
    )
    certificate = signed(
        "nats",
        key.public_key(),
        (x509.SubjectAlternativeName(names), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_id), False),
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    first_of_before = before[: before.find(_END_OF_CERTIFICATE) + len(_END_OF_CERTIFICATE)] if before else ""
    _write(authority_file, authority + first_of_before)
    _write(key_file, secret)
    _write(place, certificate)
    return [place]


def make(folder: Path = FOLDER) -> list[Path]:
    """Write what is missing and return the files that were written.

    Args:
        folder: where they lie.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    written = []
    for name in TOKENS:
        if not (folder / name).exists():
            _write(folder / name, secrets.token_urlsafe(24))
            written.append(folder / name)
    for exchange in EXCHANGES:
        venue = folder / f"simulated-{exchange}.json"
        if venue.exists():
            continue
        key = _key(exchange)
        place = folder / f"accounts-{exchange}" / USER / exchange / ENVIRONMENT
        for part, text in key.items():
            _write(place / part, text)
        _write(venue, json.dumps([{"user": USER, "keys": [key]}]))
        written.append(venue)
    return written + _make_certificate(folder) + _make_logins(folder)


if __name__ == "__main__":
    made = make()
    sys.stdout.write(
        f"{len(made)} secrets written to {FOLDER}\n" if made else f"the secrets in {FOLDER} stay\n"
    )
