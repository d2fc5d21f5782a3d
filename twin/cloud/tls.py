"""The twin's own certificate authority: made once per home, so that what trusts it goes on doing so."""

import datetime
import ipaddress
import os
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from twin.services.base import Tls

NAMES = ("localhost", "*.localhost")
ADDRESSES = ("127.0.0.1", "::1")
CA_DAYS, SERVER_DAYS, RENEW_DAYS = 3650, 397, 30


def provide(folder: Path) -> Tls:
    """The certificates in `folder`; made, or the server's renewed, when needed."""
    tls = Tls(folder / "bundle.pem", folder / "ca.pem", folder / "server.pem", folder / "server.key",
              folder / "server-and-key.pem")
    ca_key = folder / "ca.key"
    if not (ca_key.exists() and tls.own_ca.exists()):
        _make_ca(ca_key, tls.own_ca)
    if not _fresh(tls):
        _make_server(ca_key, tls)
    tls.ca.write_text(Path(certifi.where()).read_text() + tls.own_ca.read_text())
    return tls


def _fresh(tls: Tls) -> bool:
    if not (tls.cert.exists() and tls.key.exists() and tls.pem.exists()):
        return False
    until = x509.load_pem_x509_certificate(tls.cert.read_bytes()).not_valid_after_utc
    return until > _now() + datetime.timedelta(days=RENEW_DAYS)


def _make_ca(key_file: Path, file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Local twin of the shipment-tracking platform")])
    builder = _builder(name, name, key, key, CA_DAYS, ca=True)
    file.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    _write_key(key_file, key)


def _make_server(ca_key_file: Path, tls: Tls) -> None:
    ca = x509.load_pem_x509_certificate(tls.own_ca.read_bytes())
    ca_key = serialization.load_pem_private_key(ca_key_file.read_bytes(), None)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [*map(x509.DNSName, NAMES), *(x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES)]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAMES[0])])
    certificate = _builder(subject, ca.subject, key, ca_key, SERVER_DAYS, ca=False).add_extension(
        x509.SubjectAlternativeName(names), False).add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False).sign(ca_key, hashes.SHA256())
    text = certificate.public_bytes(serialization.Encoding.PEM)
    _write_key(tls.key, key)
    _write(tls.pem, text + tls.key.read_bytes())
    tls.cert.write_bytes(text)


def _builder(subject: x509.Name, issuer: x509.Name, key, issuer_key, days: int, ca: bool) -> x509.CertificateBuilder:
    # Key identifiers and usages are what strict verification (Python 3.13 and later) asks for.
    usage = x509.KeyUsage(digital_signature=not ca, key_cert_sign=ca, crl_sign=ca, content_commitment=False,
                          key_encipherment=False, data_encipherment=False, key_agreement=False,
                          encipher_only=False, decipher_only=False)
    return x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key()) \
        .serial_number(x509.random_serial_number()).not_valid_before(_now() - datetime.timedelta(days=1)) \
        .not_valid_after(_now() + datetime.timedelta(days=days)) \
        .add_extension(x509.BasicConstraints(ca, 0 if ca else None), True).add_extension(usage, True) \
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False) \
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False)


def _write_key(file: Path, key: ec.EllipticCurvePrivateKey) -> None:
    _write(file, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                   serialization.NoEncryption()))


def _write(file: Path, content: bytes) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(content)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
