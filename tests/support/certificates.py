"""Authorities and certificates for loopback, made for a test and valid for a day."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_USES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
    *("key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
_SIGNS_CERTIFICATES = x509.KeyUsage(**{use: use in {"key_cert_sign", "crl_sign"} for use in _USES})


class Authority:
    """Signs certificates.

    Args:
        name: of it.
    """

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._id = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        self.certificate = (
            _builder(self._name, self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_SIGNS_CERTIFICATES, critical=True)
            .add_extension(self._id, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, directory: Path, name: str, hosts: Sequence[str] = ()) -> None:
        """Write `<name>.pem` and `<name>.key` for 127.0.0.1, and for more names and addresses, each replaced at once."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = (
            _builder(subject, self._name, key.public_key())
            .add_extension(_for_loopback(*hosts), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self._id), critical=False
            )
            .sign(self._key, hashes.SHA256())
        )
        replace(directory / f"{name}.key", _private_pem(key))
        replace(directory / f"{name}.pem", certificate.public_bytes(serialization.Encoding.PEM))


def self_signed(path: Path) -> Path:
    """Write a certificate for loopback that nobody else has signed, and behind it its key, into one file; return that."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    certificate = (
        _builder(name, name, key.public_key())
        .add_extension(_for_loopback(), critical=False)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + _private_pem(key))
    return path


def encrypt(path: Path) -> None:
    """Put the same key with a passphrase in the place of one without."""
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    secret = serialization.BestAvailableEncryption(b"passphrase")
    replace(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret))


def replace(path: Path, content: bytes) -> None:
    """Replace a file at once."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.replace(path)


def _for_loopback(*hosts: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_general(host) for host in ("127.0.0.1", "localhost", *hosts)])


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
    )
